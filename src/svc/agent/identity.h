/* identity.h: what the network process keeps: its TLS key and certificate.
 *
 * One file, identity.pem (0600) in its directory (0700), so that key and certificate are
 * never of two makes: a private key in PKCS#8, then the certificate chain, leaf first,
 * as PEM; it is replaced as a whole.  Beside it state.json, for people and `status`:
 * what the server calls this host.  (docs/formats/agent-state.md)
 */
#ifndef SVC_AGENT_IDENTITY_H
#define SVC_AGENT_IDENTITY_H

#include "formats/attest_message.h"

struct identity {
	struct buf pem;			/* all of identity.pem; empty: not enrolled */
	struct span key, chain;		/* in pem */
	int64_t from, to;		/* validity of the leaf, seconds since the epoch */
	char host_id[33];
	char state[33];			/* "enrolled", "pending"; "" if not known */
};
void identity_free(struct identity *i);

/** identity_load(dir, i, e): An empty one if there is none.  One that cannot be read is an
 * error: nothing is enrolled anew because a file is damaged. */
MUST_CHECK int identity_load(const char *dir, struct identity *i, struct err *e);

/** identity_save(dir, server, key, chain, host_id, state, i, e): Keep it, and fill ${i}.
 * ${chain}: DER.  With ${host_id} NULL what ${i} has stays. */
MUST_CHECK int identity_save(const char *dir, const char *server, struct span key,
    const struct attest_chain *chain, const char *host_id, const char *state, struct identity *i,
    struct err *e);

/** identity_state(dir, server, i, state, e): Another state of the same identity. */
MUST_CHECK int identity_state(const char *dir, const char *server, struct identity *i,
    const char *state, struct err *e);

/** identity_writable(dir, e): Whether an identity could be kept there now. */
MUST_CHECK int identity_writable(const char *dir, struct err *e);

/** identity_forget(dir, i, e): Move it aside (identity.pem.old). */
MUST_CHECK int identity_forget(const char *dir, struct identity *i, struct err *e);

/** identity_ends(i, now): Two thirds of the certificate's time are over. */
bool identity_ends(const struct identity *i, int64_t now);

#define IDENTITY_AUTO __attribute__((cleanup(identity_free)))

#endif
