#include "crypto/digest.h"
#include "crypto/ecdsa.h"
#include "engine/ek_trust_internal.h"
#include "formats/tpm_attest.h"
#include "formats/tpm_signature.h"

/* TPM2_Certify (Part 3): the IAK signs the name of the attestation key, in a structure that a TPM
 * alone makes, because the IAK is a restricted key (its certificate says so, 2.23.133.8.3).
 * The name is computed here from the key that is being enrolled, and the caller's data in the
 * structure bind it to this certificate request, so that it cannot be used for another. */

static const char *
content_fault(const struct tpm_attest *a, const struct tpm_name *ak, const struct digest *bound)
{
	if (a->magic != TPM_GENERATED)
		return "it was not made inside a TPM";
	if (a->type != TPM_ST_ATTEST_CERTIFY || !a->body_fits || a->n_fields != 2 || a->trailing.n != 0)
		return "it certifies no key";
	if (!span_eq(a->fields[0], tpm_name_view(ak)))
		return "it certifies another key";
	if (!span_eq(a->extra_data, digest_view(bound)))
		return "it was made for another certificate request";
	return NULL;
}

static const char *
scheme_fault(const struct pubkey *iak, const struct tpm_signature *sig)
{
	bool rsa = sig->sig_alg == TPM_ALG_RSASSA || sig->sig_alg == TPM_ALG_RSAPSS;

	if (sig->plain || sig->trailing.n != 0 || (!rsa && sig->sig_alg != TPM_ALG_ECDSA))
		return "its signature is not RSASSA, RSAPSS or ECDSA";
	if (sig->hash != DIGEST_SHA256 && sig->hash != DIGEST_SHA384 && sig->hash != DIGEST_SHA512)
		return "its hash is not SHA-256, SHA-384 or SHA-512";
	if (rsa != (pubkey_kind(iak) == PUBKEY_RSA))
		return "its signature does not fit the kind of the IAK";
	return NULL;
}

static int
verify(struct pubkey *iak, struct span attest, const struct tpm_signature *sig, bool *good, struct err *e)
{
	BUF_AUTO struct buf der = buf_init(4 * LIMIT_TPM_COORDINATE);
	bool ec = sig->sig_alg == TPM_ALG_ECDSA;
	struct digest d;
	int rc;

	if ((ec && (rc = ecdsa_der(sig->r, sig->s, &der, e)) != 0) || (rc = digest_of(sig->hash, attest, &d, e)) != 0)
		return rc;
	return pubkey_verify(iak, ec ? SIG_ECDSA : sig->sig_alg == TPM_ALG_RSAPSS ? SIG_RSAPSS : SIG_RSASSA, &d,
	    ec ? buf_view(&der) : sig->sig, good, e);
}

int
trust_check_certify(const struct trust_input *in, struct pubkey *iak, const struct attest_key *ak, struct ek_trust *t,
    bool *good, struct err *e)
{
	struct tpm_signature sig;
	struct tpm_attest a;
	struct tpm_name name;
	struct digest bound;
	struct err why = { 0 };
	const char *fault;
	int rc;

	*good = false;
	if (!ak->has_area || (rc = tpm_public_name(&ak->area, &name, &why)) != 0 ||
	    (rc = tpm_attest_parse(in->iak_attest, &a, &why)) != 0 ||
	    (rc = tpm_signature_parse(in->iak_signature, &sig, &why)) != 0) {
		ek_trust_add(t, TRUST_CODE_IAK_CERTIFY, "%s", why.message);
		return 0;
	}
	if ((rc = digest_of(DIGEST_SHA256, in->csr, &bound, e)) != 0)
		return rc;
	if ((fault = content_fault(&a, &name, &bound)) != NULL || (fault = scheme_fault(iak, &sig)) != NULL) {
		ek_trust_add(t, TRUST_CODE_IAK_CERTIFY, "%s", fault);
		return 0;
	}
	if ((rc = verify(iak, in->iak_attest, &sig, good, &why)) != 0 && trust_not_input(rc)) {
		*e = why;
		return rc;
	}
	if (rc != 0 || !*good)
		ek_trust_add(t, TRUST_CODE_IAK_CERTIFY, "%s", rc != 0 ? why.message : "its signature is not the IAK's");
	return 0;
}
