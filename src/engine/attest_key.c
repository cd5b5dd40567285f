#include "engine/attest_key.h"

#include "crypto/digest.h"

static const char *
curve_name(uint16_t curve)
{
	switch (curve) {
	case TPM_ECC_P256: return "P-256";
	case TPM_ECC_P384: return "P-384";
	case TPM_ECC_P521: return "P-521";
	default: return NULL;
	}
}

int
tpm_public_key(const struct tpm_public *p, struct pubkey **out, struct err *e)
{
	const char *curve = curve_name(p->curve);
	PUBKEY_AUTO struct pubkey *key = NULL;
	int rc;

	if (p->type == TPM_ALG_ECC)
		return curve != NULL ? pubkey_from_ec(curve, p->x, p->y, out, e) :
		    err_set(e, ERR_KEY, "key is on TPM curve 0x%04x, want P-256, P-384 or P-521", p->curve);
	if ((rc = pubkey_from_rsa(p->modulus, p->exponent == 0 ? 65537 : p->exponent, &key, e)) != 0)
		return rc;
	if (pubkey_bits(key) != p->key_bits)
		return err_set(e, ERR_KEY, "public area says %u bits, its modulus has %u",
		    p->key_bits, pubkey_bits(key));
	*out = key;
	key = NULL;		/* transferred */
	return 0;
}

int
attest_key_parse(struct span in, struct attest_key *out, struct err *e)
{
	struct attest_key ak = { 0 };
	int rc;

	/* DER begins with 30, PEM with a letter or a dash; a public area's first number is
	 * a size below 2000 or a type below 24. */
	if (in.n > 0 && in.p[0] < 0x20 && tpm_public_looks(in)) {
		if ((rc = tpm_public_parse(in, &ak.area, e)) != 0 ||
		    (rc = tpm_public_key(&ak.area, &ak.key, e)) != 0)
			return rc;
		ak.has_area = true;
	} else if ((rc = pubkey_parse(in, &ak.key, e)) != 0) {
		return err_hint(e, rc, "give the attestation key as PEM, DER or TPM2B_PUBLIC "
		    "(tpm2_createak -u, tpm2_readpublic -o)");
	}
	*out = ak;
	return 0;
}

void
attest_key_free(struct attest_key *ak)
{
	pubkey_free(ak->key);
	*ak = (struct attest_key){ 0 };
}

static void
name_of_digest(const struct digest *d, struct tpm_name *out)
{
	uint16_t id = digest_alg_tpm(d->alg);

	*out = (struct tpm_name){ .n = 2 + (size_t)d->size, .v = { (uint8_t)(id >> 8), (uint8_t)id } };
	memcpy(out->v + 2, d->v, d->size);
}

int
tpm_public_name(const struct tpm_public *p, struct tpm_name *name, struct err *e)
{
	struct digest d;
	int rc;

	if (p->name_hash == DIGEST_NONE)
		return err_set(e, ERR_UNSUPPORTED, "name algorithm 0x%04x of a public area", p->name_alg);
	if ((rc = digest_of(p->name_hash, p->area, &d, e)) != 0)
		return rc;
	name_of_digest(&d, name);
	return 0;
}

int
tpm_qualified_name(struct span parent, const struct tpm_name *name, struct tpm_name *out,
    struct err *e)
{
	enum digest_alg alg = name->n < 2 ? DIGEST_NONE :
	    digest_alg_by_tpm((uint16_t)(name->v[0] << 8 | name->v[1]));
	HASHER_AUTO struct hasher *h = NULL;
	uint8_t md[LIMIT_DIGEST];
	struct digest d;
	int rc;

	if (alg == DIGEST_NONE)
		return err_set(e, ERR_UNSUPPORTED, "a TPM name without a known hash");
	if ((rc = hasher_new(alg, &h, e)) != 0)
		return rc;
	if (!hasher_run(h, parent, tpm_name_view(name), md) ||
	    !digest_make(alg, span_of(md, digest_alg_size(alg)), &d))
		return err_set(e, ERR_CRYPTO, "computing a qualified name");
	name_of_digest(&d, out);
	return 0;
}
