/* tpm_public.h: TPM2B_PUBLIC and TPMT_PUBLIC of RSA and ECC keys.
 *
 * Part 2, clauses "TPM2B_PUBLIC", "TPMT_PUBLIC", "TPMS_RSA_PARMS" and
 * "TPMS_ECC_PARMS"; integers big-endian.  A TPM2B_PUBLIC is a 2-byte size and:
 *
 *   OFFSET  SIZE  MEANING
 *   0       2     type: 0001 RSA, 0023 ECC
 *   2       2     nameAlg: hash of the object's name
 *   4       4     objectAttributes (TPMA_OBJECT, below)
 *   8       2+p   authPolicy, p <= 64
 *   10+p    2     symmetric: TPM_ALG_ID; unless NULL:  2 keyBits, 2 mode
 *   then    2     scheme: TPM_ALG_ID; unless NULL or RSAES:  2 hash; ECDAA: 2 count
 *   RSA     2     keyBits
 *           4     exponent; 0 means 65537
 *           2+n   unique: modulus, n <= 1024
 *   ECC     2     curveID
 *           2     kdf: TPM_ALG_ID; unless NULL: 2 hash
 *           2+x   unique.x, x <= 128
 *           2+y   unique.y
 *
 * Both forms are accepted and told apart by where the type stands.  Other types
 * (keyed hash, symmetric) are refused: they sign no quote.  Bytes behind the
 * structure, inside the size or behind it, are handed out in trailing, to be a
 * check with a name of its own.  Spans point into the input.
 */
#ifndef FORMATS_TPM_PUBLIC_H
#define FORMATS_TPM_PUBLIC_H

#include "formats/tpm_types.h"

/* TPMA_OBJECT (Part 2, clause "TPMA_OBJECT"). */
enum {
	TPMA_FIXED_TPM = 1u << 1,		/* cannot leave its TPM */
	TPMA_ST_CLEAR = 1u << 2,
	TPMA_FIXED_PARENT = 1u << 4,
	TPMA_SENSITIVE_DATA_ORIGIN = 1u << 5,	/* the TPM made the private part */
	TPMA_USER_WITH_AUTH = 1u << 6,
	TPMA_ADMIN_WITH_POLICY = 1u << 7,
	TPMA_NO_DA = 1u << 10,
	TPMA_ENCRYPTED_DUPLICATION = 1u << 11,
	TPMA_RESTRICTED = 1u << 16,		/* signs only what the TPM made up itself */
	TPMA_DECRYPT = 1u << 17,
	TPMA_SIGN = 1u << 18,
	TPMA_X509_SIGN = 1u << 19,
};

/* TPM_ECC_CURVE, as far as TPMs have them. */
enum { TPM_ECC_P256 = 3, TPM_ECC_P384 = 4, TPM_ECC_P521 = 5 };

struct tpm_public {
	bool sized;			/* a TPM2B_PUBLIC */
	uint16_t type, name_alg;
	enum digest_alg name_hash;	/* DIGEST_NONE: a hash we do not know, or NULL */
	uint32_t attributes;
	struct span auth_policy;
	uint16_t symmetric, symmetric_bits, symmetric_mode;
	uint16_t scheme, scheme_hash, scheme_count;
	/* RSA */
	uint16_t key_bits;
	uint32_t exponent;		/* as it stands: 0 means 65537 */
	struct span modulus;
	/* ECC */
	uint16_t curve, kdf, kdf_hash;
	struct span x, y;

	struct span area;		/* the TPMT_PUBLIC, over which the name is computed */
	struct span trailing;
};

/** tpm_public_looks(in): Whether a type stands where one of the two forms has it. */
bool tpm_public_looks(struct span in);

/** tpm_public_parse(in, p, e): See above.  ${p} is untouched on failure. */
MUST_CHECK int tpm_public_parse(struct span in, struct tpm_public *p, struct err *e);

/** tpm_attributes_dump(attributes, b): tpm2-tools' words: "fixedtpm|restricted|sign";
 * bits without a word as "0x...". */
void tpm_attributes_dump(uint32_t attributes, struct buf *b);

/** tpm_public_dump(p, b): Stable lines of text. */
void tpm_public_dump(const struct tpm_public *p, struct buf *b);

#endif
