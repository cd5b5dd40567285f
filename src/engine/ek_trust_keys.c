#include "engine/ek_trust_internal.h"

enum { ALG_CFB = 0x0043 };	/* TPM_ALG_CFB */

static bool
hash_accepted(enum digest_alg alg)
{
	return alg == DIGEST_SHA256 || alg == DIGEST_SHA384 || alg == DIGEST_SHA512;
}

static bool
size_accepted(const struct pubkey *key)
{
	unsigned bits = pubkey_bits(key);

	return pubkey_kind(key) == PUBKEY_RSA ? bits <= 4096 : bits == 256 || bits == 384;
}

/* Only a key that decrypts nothing but what TPM2_ActivateCredential may see can bind
 * (Part 1, "Credential Protection"). */
void
trust_check_ek(const struct tpm_public *p, const struct pubkey *key, struct ek_trust *t)
{
	const uint32_t must = TPMA_FIXED_TPM | TPMA_FIXED_PARENT | TPMA_SENSITIVE_DATA_ORIGIN |
	    TPMA_RESTRICTED | TPMA_DECRYPT;

	if (!size_accepted(key))
		ek_trust_add(t, TRUST_CODE_EK_WEAK, "%u bits; want RSA of 2048 to 4096, P-256 or P-384",
		    pubkey_bits(key));
	if (pubkey_roca(key))
		ek_trust_add(t, TRUST_CODE_EK_ROCA, "%s", "");
	if ((p->attributes & must) != must || (p->attributes & TPMA_SIGN) != 0)
		ek_trust_add(t, TRUST_CODE_EK_ATTRIBUTES, "attributes are %08x", p->attributes);
	if (!hash_accepted(p->name_hash) || p->symmetric != TPM_ALG_AES ||
	    (p->symmetric_bits != 128 && p->symmetric_bits != 256) || p->symmetric_mode != ALG_CFB)
		ek_trust_add(t, TRUST_CODE_EK_SYMMETRIC, "name algorithm %04x, cipher %04x of %u bits in mode %04x",
		    p->name_alg, p->symmetric, p->symmetric_bits, p->symmetric_mode);
	if (p->trailing.n > 0)
		ek_trust_add(t, TRUST_CODE_EK_FORMAT, "%zu bytes follow it", p->trailing.n);
}

static void
check_scheme(const struct tpm_public *p, const struct pubkey *key, struct ek_trust *t)
{
	bool rsa = pubkey_kind(key) == PUBKEY_RSA;
	bool fits = rsa ? p->scheme == TPM_ALG_RSASSA || p->scheme == TPM_ALG_RSAPSS :
	    p->scheme == TPM_ALG_ECDSA;

	if (!size_accepted(key))
		ek_trust_add(t, TRUST_CODE_AK_WEAK, "%u bits; want RSA of 2048 to 4096, P-256 or P-384",
		    pubkey_bits(key));
	else if (!fits || !hash_accepted(digest_alg_by_tpm(p->scheme_hash)))
		ek_trust_add(t, TRUST_CODE_AK_WEAK, "bound to scheme %04x with hash %04x", p->scheme,
		    p->scheme_hash);
	else if (!hash_accepted(p->name_hash))
		ek_trust_add(t, TRUST_CODE_AK_WEAK, "named by algorithm %04x", p->name_alg);
}

/* As engine/quote.c asks of it at every quote: said here, before it is let in. */
static void
check_ak(const struct attest_key *ak, struct ek_trust *t)
{
	const uint32_t must = TPMA_RESTRICTED | TPMA_SIGN | TPMA_FIXED_TPM | TPMA_FIXED_PARENT |
	    TPMA_SENSITIVE_DATA_ORIGIN;

	if ((ak->area.attributes & must) != must || (ak->area.attributes & TPMA_DECRYPT) != 0)
		ek_trust_add(t, TRUST_CODE_AK_ATTRIBUTES, "attributes are %08x", ak->area.attributes);
	if (pubkey_roca(ak->key))
		ek_trust_add(t, TRUST_CODE_AK_ROCA, "%s", "");
	if (ak->area.trailing.n > 0)
		ek_trust_add(t, TRUST_CODE_AK_FORMAT, "%zu bytes follow it", ak->area.trailing.n);
	check_scheme(&ak->area, ak->key, t);
}

int
trust_check_ak(struct span in, struct ek_trust *t, struct attest_key *ak, struct err *e)
{
	struct err why = { 0 };
	int rc;

	if ((rc = tpm_public_parse(in, &ak->area, &why)) != 0) {
		ek_trust_add(t, TRUST_CODE_AK_FORMAT, "%s", why.message);
		return 0;
	}
	rc = tpm_public_key(&ak->area, &ak->key, &why);
	if (rc != 0 && trust_not_input(rc)) {
		*e = why;
		return rc;
	}
	if (rc != 0) {
		ek_trust_add(t, TRUST_CODE_AK_WEAK, "%s", why.message);
		return 0;
	}
	ak->has_area = true;
	check_ak(ak, t);
	return 0;
}
