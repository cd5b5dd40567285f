/* ek_trust_internal.h: shared by the files that decide on trust. */
#ifndef ENGINE_EK_TRUST_INTERNAL_H
#define ENGINE_EK_TRUST_INTERNAL_H

#include "base/arena.h"
#include "engine/ek_trust.h"

/* Certificates of one kind, opened. */
struct trust_certs {
	struct span der[LIMIT_CERT_CHAIN];
	size_t n;
	unsigned forms;			/* EK_FORM_* */
};

/** trust_open_certs(sent, n, a, out, e): Every form to DER, in order. */
MUST_CHECK int trust_open_certs(const struct span *sent, size_t n, struct arena *a,
    struct trust_certs *out, struct err *e);

/** trust_not_input(rc): Whether an error is a fault of ours, not of what was sent. */
bool trust_not_input(int rc);

/** trust_check_ek(p, key, t): Reasons about the EK's own properties. */
void trust_check_ek(const struct tpm_public *p, const struct pubkey *key, struct ek_trust *t);

/** trust_check_ak(in, t, ak, e): Reasons about the AK; ${ak} is left empty (key NULL) if it
 * cannot be read. */
MUST_CHECK int trust_check_ak(struct span in, struct ek_trust *t, struct attest_key *ak,
    struct err *e);

/** trust_check_certify(in, iak, ak, t, good, e): Whether the IAK certified the attestation key for
 * this request; a reason if not. */
MUST_CHECK int trust_check_certify(const struct trust_input *in, struct pubkey *iak, const struct attest_key *ak,
    struct ek_trust *t, bool *good, struct err *e);

/** trust_check_iak(in, config, ak, now, a, t, good, e): The third way. */
MUST_CHECK int trust_check_iak(const struct trust_input *in, const struct trust_config *config,
    const struct attest_key *ak, time_t now, struct arena *a, struct ek_trust *t, bool *good,
    struct err *e);

#endif
