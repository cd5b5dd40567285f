#include "engine/quote_signature.h"

#include "crypto/digest.h"
#include "crypto/ecdsa.h"

static bool
hash_accepted(enum digest_alg alg)
{
	return alg == DIGEST_SHA256 || alg == DIGEST_SHA384 || alg == DIGEST_SHA512;
}

static enum digest_alg
hash_of_size(size_t n)
{
	return n == 32 ? DIGEST_SHA256 : n == 48 ? DIGEST_SHA384 : n == 64 ? DIGEST_SHA512 :
	    DIGEST_NONE;
}

/* What one way to verify needs. */
struct attempt {
	uint16_t scheme;
	enum digest_alg hash;
};

/* The ways to read a plain signature: what the public area binds the key to, else what
 * the kind of key leaves open. */
static size_t
plain_attempts(const struct attest_key *ak, size_t digest_size, struct attempt out[2])
{
	bool bound = ak->has_area && ak->area.scheme != TPM_ALG_NULL;
	enum digest_alg hash = bound ? digest_alg_by_tpm(ak->area.scheme_hash) :
	    hash_of_size(digest_size);
	bool rsa = pubkey_kind(ak->key) == PUBKEY_RSA;

	out[0] = (struct attempt){ rsa ? TPM_ALG_RSASSA : TPM_ALG_ECDSA, hash };
	out[1] = (struct attempt){ TPM_ALG_RSAPSS, hash };
	if (bound)
		out[0].scheme = ak->area.scheme;
	return rsa && !bound ? 2 : 1;
}

/* Why a signature of this kind is not accepted, whatever its bytes; NULL if it is. */
static const char *
refusal(const struct attest_key *ak, const struct attempt *a)
{
	bool rsa = a->scheme == TPM_ALG_RSASSA || a->scheme == TPM_ALG_RSAPSS;
	unsigned bits = pubkey_bits(ak->key);

	if (!rsa && a->scheme != TPM_ALG_ECDSA)
		return "its scheme is not RSASSA, RSAPSS or ECDSA";
	if (!hash_accepted(a->hash))
		return "its hash is not SHA-256, SHA-384 or SHA-512";
	if (rsa != (pubkey_kind(ak->key) == PUBKEY_RSA))
		return "its scheme does not fit the kind of the attestation key";
	if (rsa && bits < 2048)
		return "the attestation key is shorter than 2048 bits";
	if (!rsa && bits != 256 && bits != 384)
		return "the attestation key is not on P-256 or P-384";
	if (pubkey_roca(ak->key))
		return "the attestation key can be factored (CVE-2017-15361)";
	if (ak->has_area && ak->area.scheme != TPM_ALG_NULL &&
	    (ak->area.scheme != a->scheme || digest_alg_by_tpm(ak->area.scheme_hash) != a->hash))
		return "the attestation key is bound to another scheme or hash";
	return NULL;
}

static int
verify(const struct quote_input *in, const struct tpm_signature *sig, const struct attempt *a,
    bool *good, struct err *e)
{
	BUF_AUTO struct buf der = buf_init(4 * LIMIT_TPM_COORDINATE);
	struct span bytes = sig->sig;
	struct digest d;
	int rc;

	if (!sig->plain && a->scheme == TPM_ALG_ECDSA) {
		if ((rc = ecdsa_der(sig->r, sig->s, &der, e)) != 0)
			return rc;
		bytes = buf_view(&der);
	}
	if ((rc = digest_of(a->hash, in->attest, &d, e)) != 0)
		return rc;
	return pubkey_verify(in->ak->key, a->scheme == TPM_ALG_ECDSA ? SIG_ECDSA :
	    a->scheme == TPM_ALG_RSAPSS ? SIG_RSAPSS : SIG_RSASSA, &d, bytes, good, e);
}

int
quote_check_signature(const struct quote_input *in, const struct tpm_signature *sig,
    size_t digest_size, struct result *r, enum digest_alg *hash, struct err *e)
{
	struct attempt tries[2] = { { sig->sig_alg, sig->hash } };
	size_t n = sig->plain ? plain_attempts(in->ak, digest_size, tries) : 1;
	bool good = false;
	const char *why;
	int rc;

	*hash = hash_accepted(tries[0].hash) ? tries[0].hash : DIGEST_NONE;
	for (size_t i = 0; i < n && !good; i++) {
		if ((why = refusal(in->ak, &tries[i])) != NULL)
			return check_fail(r, CHECK_SIGNATURE, REASON_QUOTE_SIGNATURE_SCHEME, e,
			    "the quote's signature (%s, %s) is not accepted: %s",
			    tpm_alg_name(tries[i].scheme), digest_alg_name(tries[i].hash), why);
		if ((rc = verify(in, sig, &tries[i], &good, e)) != 0)
			return rc;
	}
	if (good)
		return check_pass(r, CHECK_SIGNATURE);
	return check_fail(r, CHECK_SIGNATURE, REASON_QUOTE_SIGNATURE_INVALID, e,
	    "the quote's signature does not verify with the attestation key");
}
