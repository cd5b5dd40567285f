/* ek_template.h: the standard endorsement keys (TCG EK Credential Profile for TPM Family
 * 2.0, appendix B): every field of the TPMT_PUBLIC but the key itself.
 *
 *   NAME  NV INDEX  KEY        NAME HASH  POLICY    AES      ATTRIBUTES
 *   L-1   01c00002  RSA 2048   SHA-256    PolicyA   128 CFB  000300b2
 *   L-2   01c0000a  ECC P-256  SHA-256    PolicyA   128 CFB  000300b2
 *   H-1   01c00012  RSA 2048   SHA-256    PolicyB   128 CFB  000300f2
 *   H-2   01c00014  ECC P-256  SHA-256    PolicyB   128 CFB  000300f2
 *   H-3   01c00016  ECC P-384  SHA-384    PolicyB   256 CFB  000300f2
 *   H-6   01c0001c  RSA 3072   SHA-384    PolicyB   256 CFB  000300f2
 *   H-7   01c0001e  RSA 4096   SHA-384    PolicyB   256 CFB  000300f2
 *
 * (H-4 and H-5 are P-521 and SM2, which are not accepted.)  PolicyA is
 * TPM2_PolicySecret of the endorsement hierarchy, PolicyB that or TPM2_PolicyAuthorizeNV.
 *
 * A server that knows an endorsement key from a certificate computes the whole public
 * area from these, and from nothing the client says (CVE-2021-3406).
 */
#ifndef FORMATS_EK_TEMPLATE_H
#define FORMATS_EK_TEMPLATE_H

#include "formats/tpm_public.h"

struct ek_template {
	const char *name;		/* "L-1" */
	uint32_t nv_index;		/* where the certificate lies; the chain: 01c00100 up */
	uint16_t type;			/* TPM_ALG_RSA, TPM_ALG_ECC */
	uint16_t key_bits, curve;	/* the one of its type */
	uint16_t name_alg;
	uint16_t aes_bits;
	uint32_t attributes;
	struct span policy;
};

extern const struct ek_template ek_templates[];
extern const size_t ek_template_count;

/** ek_template_at(nv_index): The one whose certificate lies there, or NULL. */
const struct ek_template *ek_template_at(uint32_t nv_index);

/** ek_template_write(t, key, b): The TPMT_PUBLIC with ${key} as its unique: for RSA the
 * modulus (key->modulus), for ECC both coordinates (key->x, key->y), as they stand. */
void ek_template_write(const struct ek_template *t, const struct tpm_public *key, struct buf *b);

/** ek_template_of(p): The template that ${p} is made from, field by field; NULL if it is
 * not a standard one. */
const struct ek_template *ek_template_of(const struct tpm_public *p);

#endif
