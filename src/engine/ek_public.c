#include "engine/ek_public.h"

#include "base/text.h"
#include "crypto/credential.h"
#include "crypto/digest.h"
#include "formats/tpm_credential.h"

static struct span
without_zeros(struct span s)
{
	while (s.n > 1 && s.p[0] == 0)
		s = span_from(s, 1);
	return s;
}

/* The unique field of a TPMT_PUBLIC for ${key}; spans into ${numbers}. */
static int
unique_of(const struct pubkey *key, bool stripped, struct buf *numbers, struct tpm_public *out,
    struct err *e)
{
	uint32_t exponent = 0;
	int rc;

	if (pubkey_kind(key) == PUBKEY_RSA) {
		if ((rc = pubkey_modulus(key, numbers, &exponent, e)) != 0)
			return rc;
		/* Templates say 0, which means this one; no TPM makes endorsement keys of another. */
		if (exponent != 65537)
			return err_set(e, ERR_MISMATCH, "endorsement key with the exponent %u", exponent);
		out->modulus = buf_view(numbers);
		return 0;
	}
	if ((rc = pubkey_point(key, numbers, e)) != 0)
		return rc;
	out->x = span_head(buf_view(numbers), numbers->n / 2);
	out->y = span_from(buf_view(numbers), numbers->n / 2);
	if (stripped) {
		out->x = without_zeros(out->x);
		out->y = without_zeros(out->y);
	}
	return 0;
}

static bool
fits(const struct ek_template *t, const struct pubkey *key)
{
	unsigned bits = pubkey_bits(key);

	if (pubkey_kind(key) == PUBKEY_RSA)
		return t->type == TPM_ALG_RSA && t->key_bits == bits;
	return t->type == TPM_ALG_ECC &&
	    ((t->curve == TPM_ECC_P256 && bits == 256) || (t->curve == TPM_ECC_P384 && bits == 384));
}

int
ek_public_expected(const struct ek_template *t, const struct pubkey *key, bool stripped,
    struct buf *b, struct err *e)
{
	BUF_AUTO struct buf numbers = buf_init(LIMIT_TPM_RSA);
	struct tpm_public unique = { 0 };
	int rc;

	if (!fits(t, key))
		return err_set(e, ERR_MISMATCH, "a key of %u bits is none of template %s",
		    pubkey_bits(key), t->name);
	if ((rc = unique_of(key, stripped, &numbers, &unique, e)) != 0)
		return rc;
	ek_template_write(t, &unique, b);
	return buf_done(b, e);
}

int
ek_public_match(const struct tpm_public *p, const struct pubkey *key,
    const struct ek_template **out, struct err *e)
{
	const struct ek_template *found = NULL;
	int rc;

	for (size_t i = 0; i < 2 * ek_template_count && found == NULL; i++) {
		const struct ek_template *t = &ek_templates[i / 2];
		BUF_AUTO struct buf want = buf_init(KIB(2));

		if (!fits(t, key))
			continue;
		if ((rc = ek_public_expected(t, key, i % 2 == 1, &want, e)) == ERR_MISMATCH)
			break;
		if (rc != 0)
			return rc;
		if (span_eq(buf_view(&want), p->area))
			found = t;
	}
	*out = found;
	return 0;
}

int
ek_host_id(const struct tpm_public *p, char out[HOST_ID_SIZE], struct err *e)
{
	BUF_AUTO struct buf hex = buf_init(HOST_ID_SIZE);
	struct digest d;
	int rc;

	if ((rc = digest_of(DIGEST_SHA256, p->area, &d, e)) != 0)
		return rc;
	buf_hex(&hex, span_head(digest_view(&d), (HOST_ID_SIZE - 1) / 2));
	(void)snprintf(out, HOST_ID_SIZE, "%s", buf_cstr(&hex));
	return buf_done(&hex, e);
}

bool
ek_host_id_valid(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return s.n == HOST_ID_SIZE - 1;
}

int
ek_credential(const struct tpm_public *ek, const struct pubkey *key, const struct tpm_name *name,
    struct span secret, struct buf *id_object, struct buf *encrypted, struct err *e)
{
	const struct credential_key target = {
		.key = key, .name_alg = ek->name_hash, .aes_bits = ek->symmetric_bits, .x = ek->x,
	};
	struct credential c;
	int rc;

	if (ek->symmetric != TPM_ALG_AES)
		return err_set(e, ERR_UNSUPPORTED, "endorsement key that protects by algorithm 0x%04x",
		    ek->symmetric);
	if ((rc = credential_make(&target, tpm_name_view(name), secret, &c, e)) != 0)
		return rc;

	struct tpm_id_object o = {
		.integrity = digest_view(&c.integrity), .identity = span_of(c.identity, c.n_identity),
	};
	struct tpm_encrypted_secret s = {
		.ecc = c.ecc, .rsa = span_of(c.secret, c.n_secret),
		.x = span_of(c.secret, c.n_secret / 2), .y = span_of(c.secret + c.n_secret / 2, c.n_secret / 2),
	};

	tpm_id_object_write(&o, id_object);
	tpm_encrypted_secret_write(&s, encrypted);
	return (rc = buf_done(id_object, e)) != 0 ? rc : buf_done(encrypted, e);
}
