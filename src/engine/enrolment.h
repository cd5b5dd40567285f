/* enrolment.h: how a machine becomes a host: the rules, without a network or a store.
 *
 *   begin    (what the machine sent, what is known of its EK, now, random bytes)
 *            -> refused with a reason, or a record to keep and a challenge to send
 *   finish   (the record, the proof, what is known now, now)
 *            -> refused, or what to write: enrolled or pending, a new identity or the old
 *
 * The proof is an HMAC under the secret that only the TPM with this EK and this AK could
 * open, over the record's token and the digest of the certificate request: so EK, AK and
 * TLS key belong to one machine.  Every way in which a proof can fail has one answer
 * (CVE-2023-38201); a record is used up by the first try, good or bad, and by ten minutes.
 *
 * Nothing that exists is changed (CVE-2025-13609): the host's id is the digest of its EK,
 * so no machine can claim another's; the same EK and AK again get a new certificate for
 * the identity they have, in the state it has; the same EK with another AK becomes a
 * new identity beside the old one, which waits for an operator where operators decide.
 * An EK, and a device by whose IAK a machine is trusted, are one host's.
 */
#ifndef ENGINE_ENROLMENT_H
#define ENGINE_ENROLMENT_H

#include "crypto/x509_issue.h"
#include "engine/ek_trust.h"

enum {
	ENROL_TOKEN_SIZE = 16, ENROL_SECRET_SIZE = 32, ENROL_PROOF_SIZE = 32,
	ENROL_RANDOM_SIZE = ENROL_TOKEN_SIZE + ENROL_SECRET_SIZE,
};

/* The contents of ENROL (docs/formats/agent-protocol.md). */
struct enrol_request {
	struct trust_input keys;
	struct span csr;		/* PKCS#10, DER */
};

/* What the store knows about this EK (by its host id). */
enum identity_state {
	IDENTITY_NONE = 0,		/* never seen */
	IDENTITY_PENDING,		/* waits for an operator */
	IDENTITY_ENROLLED,
	IDENTITY_BLOCKED,		/* an operator refused it */
};
struct enrol_known {
	enum identity_state state;	/* of the identity that counts now */
	struct span ak;			/* its AK's TPMT_PUBLIC; empty if the state is NONE */
	/* Another host id has the same endorsement key (ek_trust.ek_key): one key under two
	 * templates, by which one TPM would pass for two hosts. */
	bool ek_elsewhere;
	/* The same of the device that vouched (ek_trust.iak_key, device). */
	bool device_elsewhere;
	char other[HOST_ID_SIZE];	/* of either: that host */
};

/* A begun enrolment: to be kept by the caller, to its end or its expiry. */
struct enrolment {
	uint8_t token[ENROL_TOKEN_SIZE];
	uint8_t secret[ENROL_SECRET_SIZE];	/* wiped by enrolment_free */
	time_t expires;
	bool used;
	char host_id[HOST_ID_SIZE];
	enum trust_mode mode;
	bool pending;			/* what trust alone says */
	struct buf ek_area, ak_area;	/* owned: TPMT_PUBLICs */
	struct buf csr;			/* owned */
	struct digest csr_digest;	/* SHA-256 */
	struct digest ek_key;		/* SHA-256 of the EK's SubjectPublicKeyInfo */
	struct digest iak_key, device;	/* as in struct ek_trust */
	struct buf extra;		/* owned; the caller's own: facts, certificates, reasons */
};

struct enrol_challenge {
	struct buf id_object, encrypted_secret;		/* owned: TPM2Bs */
};

enum enrol_result { ENROL_REFUSED = 0, ENROL_PENDING, ENROL_ENROLLED };

struct enrol_begun {
	bool accepted;
	struct ek_trust trust;		/* the reasons, whichever */
	struct enrolment record;	/* if accepted */
	struct enrol_challenge challenge;
};

/** enrolment_host(in, id, ek_key, e): The host id of a request and the digest of its EK's
 * SubjectPublicKeyInfo, so that the caller can look up what is known before it begins.
 * An EK that is not even readable is an error. */
MUST_CHECK int enrolment_host(const struct enrol_request *in, char id[HOST_ID_SIZE],
    struct digest *ek_key, struct err *e);

/** enrolment_begin(in, config, known, now, random, out, e): End with enrol_begun_free. */
MUST_CHECK int enrolment_begin(const struct enrol_request *in, const struct trust_config *config,
    const struct enrol_known *known, time_t now, const uint8_t random[ENROL_RANDOM_SIZE],
    struct enrol_begun *out, struct err *e);

/** enrolment_meet_device(known, b): Which device vouches is known only now; one that is another
 * host's refuses the machine: ${b} is no longer accepted. */
void enrolment_meet_device(const struct enrol_known *known, struct enrol_begun *b);

/* What the caller does: write, issue, answer. */
struct enrol_outcome {
	enum enrol_result result;
	bool new_identity;		/* a record to add; else the known one stays as it is */
	bool issue;			/* a client certificate for the request's key */
	char why[128];			/* for the log; the client gets result and nothing else */
};

/** enrolment_finish(rec, proof, config, known, now, out, e): ${rec} NULL: no such record; the
 * answer and the work are those of a wrong proof.  ${known} is what the store knows at
 * this moment.  A record is used afterwards, whatever came out. */
MUST_CHECK int enrolment_finish(struct enrolment *rec, struct span proof,
    const struct trust_config *config, const struct enrol_known *known, time_t now,
    struct enrol_outcome *out, struct err *e);

/** enrolment_proof(secret, token, csr, out, e): The agent's side:
 * HMAC-SHA256(secret, "assay enrolment 1\0" || token || SHA-256(csr)). */
MUST_CHECK int enrolment_proof(struct span secret, struct span token, struct span csr,
    uint8_t out[ENROL_PROOF_SIZE], struct err *e);

/** enrolment_write(rec, b), enrolment_parse(in, rec, e): The record as bytes, so that the
 * server that finishes need not be the one that began (docs/formats/enrolment-record.md). */
void enrolment_write(const struct enrolment *rec, struct buf *b);
MUST_CHECK int enrolment_parse(struct span in, struct enrolment *rec, struct err *e);

void enrolment_free(struct enrolment *rec);
void enrol_begun_free(struct enrol_begun *b);

#define ENROLMENT_AUTO __attribute__((cleanup(enrolment_free)))
#define ENROL_BEGUN_AUTO __attribute__((cleanup(enrol_begun_free)))

#endif
