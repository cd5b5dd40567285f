/* attester.h: a host in software: a key, a certificate, a connection and a measurement list.
 *
 * It speaks the agent's protocol with keys it made itself, so that a server can be loaded, or
 * put through faults, by many hosts without as many TPMs.  Hosts are written into the store,
 * because enrolment is not what is tried.  All have the same list, file after file of a policy that
 * lists ATTESTER_FILES of them; what a host has measured, and its PCR 10, outlive any answer that
 * did not come, as on a real one.
 */
#ifndef BENCH_ATTESTER_H
#define BENCH_ATTESTER_H

#include "crypto/tls.h"
#include "crypto/x509_issue.h"
#include "port/net/http_client.h"
#include "port/store/store.h"

#define ATTESTER_FILES 20000	/* that the policy lists */

struct attester {
	char id[33];
	struct buf key_pem, chain_pem;		/* owned */
	struct tls_client *tls;			/* owned */
	struct http_client *client;		/* owned */
	uint8_t nonce[32], pcr10[32];
	uint64_t measured;			/* entries of its list */
	uint64_t from;				/* where the next message begins, as the server said */
	uint64_t acknowledged;			/* the largest ${from} it ever said */
	uint64_t clock;
	unsigned status;			/* of the last answer; 0: there was none */
};

/* What all have: the server's CA, which makes their certificates, and one attestation key (what
 * counts is its verification). */
struct attesters;

/** attesters_new(data, patience_ms, out, e): ${data}: the server's directory; ${patience_ms}: how
 * long to wait for a server, 0: as clients do. */
MUST_CHECK int attesters_new(const char *data, unsigned patience_ms, struct attesters **out, struct err *e);
void attesters_free(struct attesters *a);

/** attesters_policy(s, e): A policy of all files, assigned to every host. */
MUST_CHECK int attesters_policy(struct store *s, struct err *e);

/** attester_put(a, s, number, h, e): Make a host, and write it into the store. */
MUST_CHECK int attester_put(struct attesters *a, struct store *s, unsigned number, struct attester *h,
    struct err *e);

/** attester_connect(a, h, url, e): Speak to this server from now on. */
MUST_CHECK int attester_connect(struct attesters *a, struct attester *h, const char *url, struct err *e);
void attester_close(struct attester *h);

/** attester_record(index, out, e): The record with this index, appended. */
MUST_CHECK int attester_record(uint64_t index, struct buf *out, struct err *e);

/** attester_measure(h, n, e): ${n} files run. */
MUST_CHECK int attester_measure(struct attester *h, uint64_t n, struct err *e);

/** attester_hello/attester_evidence(a, h, e): One message.  An error leaves open whether it
 * counted: say hello.  ERR_MISMATCH: the server lost what it had acknowledged. */
MUST_CHECK int attester_hello(struct attester *h, struct err *e);
MUST_CHECK int attester_evidence(struct attesters *a, struct attester *h, struct err *e);

#endif
