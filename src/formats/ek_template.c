#include "formats/ek_template.h"

/* Part 2: AES in CFB mode is what credentials are protected with. */
enum { ALG_CFB = 0x0043, ALG_SHA256 = 0x000b, ALG_SHA384 = 0x000c };

/* fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy, restricted, decrypt. */
enum { ATTRIBUTES_LOW = 0x000300b2, ATTRIBUTES_HIGH = ATTRIBUTES_LOW | TPMA_USER_WITH_AUTH };

static const uint8_t policy_a_sha256[] = {
	0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
	0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
};
static const uint8_t policy_b_sha256[] = {
	0xca, 0x3d, 0x0a, 0x99, 0xa2, 0xb9, 0x39, 0x06, 0xf7, 0xa3, 0x34, 0x24, 0x14, 0xef, 0xcf, 0xb3,
	0xa3, 0x85, 0xd4, 0x4c, 0xd1, 0xfd, 0x45, 0x90, 0x89, 0xd1, 0x9b, 0x50, 0x71, 0xc0, 0xb7, 0xa0,
};
static const uint8_t policy_b_sha384[] = {
	0xb2, 0x6e, 0x7d, 0x28, 0xd1, 0x1a, 0x50, 0xbc, 0x53, 0xd8, 0x82, 0xbc, 0xf5, 0xfd, 0x3a, 0x1a,
	0x07, 0x41, 0x48, 0xbb, 0x35, 0xd3, 0xb4, 0xe4, 0xcb, 0x1c, 0x0a, 0xd9, 0xbd, 0xe4, 0x19, 0xca,
	0xcb, 0x47, 0xba, 0x09, 0x69, 0x96, 0x46, 0x15, 0x0f, 0x9f, 0xc0, 0x00, 0xf3, 0xf8, 0x0e, 0x12,
};

#define POLICY(p) { (p), sizeof(p) }

const struct ek_template ek_templates[] = {
	{ "L-1", 0x01c00002, TPM_ALG_RSA, 2048, 0, ALG_SHA256, 128, ATTRIBUTES_LOW, POLICY(policy_a_sha256) },
	{ "L-2", 0x01c0000a, TPM_ALG_ECC, 0, TPM_ECC_P256, ALG_SHA256, 128, ATTRIBUTES_LOW,
	  POLICY(policy_a_sha256) },
	{ "H-1", 0x01c00012, TPM_ALG_RSA, 2048, 0, ALG_SHA256, 128, ATTRIBUTES_HIGH, POLICY(policy_b_sha256) },
	{ "H-2", 0x01c00014, TPM_ALG_ECC, 0, TPM_ECC_P256, ALG_SHA256, 128, ATTRIBUTES_HIGH,
	  POLICY(policy_b_sha256) },
	{ "H-3", 0x01c00016, TPM_ALG_ECC, 0, TPM_ECC_P384, ALG_SHA384, 256, ATTRIBUTES_HIGH,
	  POLICY(policy_b_sha384) },
	{ "H-6", 0x01c0001c, TPM_ALG_RSA, 3072, 0, ALG_SHA384, 256, ATTRIBUTES_HIGH, POLICY(policy_b_sha384) },
	{ "H-7", 0x01c0001e, TPM_ALG_RSA, 4096, 0, ALG_SHA384, 256, ATTRIBUTES_HIGH, POLICY(policy_b_sha384) },
};
const size_t ek_template_count = sizeof(ek_templates) / sizeof(ek_templates[0]);

const struct ek_template *
ek_template_at(uint32_t nv_index)
{
	for (size_t i = 0; i < ek_template_count; i++)
		if (ek_templates[i].nv_index == nv_index)
			return &ek_templates[i];
	return NULL;
}

static void
write_sized(struct buf *b, struct span s)
{
	buf_be16(b, (uint16_t)s.n);
	buf_span(b, s);
}

void
ek_template_write(const struct ek_template *t, const struct tpm_public *key, struct buf *b)
{
	buf_be16(b, t->type);
	buf_be16(b, t->name_alg);
	buf_be32(b, t->attributes);
	write_sized(b, t->policy);
	buf_be16(b, TPM_ALG_AES);
	buf_be16(b, t->aes_bits);
	buf_be16(b, ALG_CFB);
	buf_be16(b, TPM_ALG_NULL);		/* scheme */
	if (t->type == TPM_ALG_RSA) {
		buf_be16(b, t->key_bits);
		buf_be32(b, 0);			/* exponent: 65537 */
		write_sized(b, key->modulus);
		return;
	}
	buf_be16(b, t->curve);
	buf_be16(b, TPM_ALG_NULL);		/* kdf */
	write_sized(b, key->x);
	write_sized(b, key->y);
}

static bool
is_made_from(const struct tpm_public *p, const struct ek_template *t)
{
	return p->type == t->type && p->name_alg == t->name_alg && p->attributes == t->attributes &&
	    span_eq(p->auth_policy, t->policy) && p->symmetric == TPM_ALG_AES &&
	    p->symmetric_bits == t->aes_bits && p->symmetric_mode == ALG_CFB &&
	    p->scheme == TPM_ALG_NULL && (t->type == TPM_ALG_RSA ?
	    p->key_bits == t->key_bits && p->exponent == 0 :
	    p->curve == t->curve && p->kdf == TPM_ALG_NULL);
}

const struct ek_template *
ek_template_of(const struct tpm_public *p)
{
	for (size_t i = 0; i < ek_template_count; i++)
		if (is_made_from(p, &ek_templates[i]))
			return &ek_templates[i];
	return NULL;
}
