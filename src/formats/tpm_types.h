/* tpm_types.h: the TPM's numbers and the PCR selection, shared by formats/tpm_*.
 *
 * Names are those of "TPM 2.0 Library Part 2: Structures"; the clause is named
 * where a structure is read.  On the wire integers are big-endian and nothing is
 * padded.  A number that is not known is kept as it is and named "unknown"; it
 * is never mapped to something similar.
 *
 * TPML_PCR_SELECTION (clause "TPML_PCR_SELECTION"), big-endian:
 *
 *   OFFSET  SIZE  MEANING
 *   0       4     count of TPMS_PCR_SELECTION
 *   each    2     hash: TPM_ALG_ID of the bank
 *   +2      1     sizeofSelect: octets that follow, at most 4 here
 *   +3      n     pcrSelect: PCR i is bit i % 8 of octet i / 8
 */
#ifndef FORMATS_TPM_TYPES_H
#define FORMATS_TPM_TYPES_H

#include "base/buf.h"
#include "base/digest_alg.h"
#include "base/limits.h"
#include "base/rd.h"

/* TPM_GENERATED_VALUE: what a TPM puts before all it makes up itself, and refuses to
 * sign when it comes from outside.  It is what makes a signature mean something. */
#define TPM_GENERATED 0xff544347u

/* TPM_ALG_ID (TCG Algorithm Registry), as far as keys and signatures need them. */
enum {
	TPM_ALG_RSA = 0x0001, TPM_ALG_TDES = 0x0003, TPM_ALG_HMAC = 0x0005, TPM_ALG_AES = 0x0006,
	TPM_ALG_NULL = 0x0010, TPM_ALG_SM4 = 0x0013, TPM_ALG_RSASSA = 0x0014, TPM_ALG_RSAES = 0x0015,
	TPM_ALG_RSAPSS = 0x0016, TPM_ALG_OAEP = 0x0017, TPM_ALG_ECDSA = 0x0018, TPM_ALG_ECDH = 0x0019,
	TPM_ALG_ECDAA = 0x001a, TPM_ALG_SM2 = 0x001b, TPM_ALG_ECSCHNORR = 0x001c,
	TPM_ALG_ECMQV = 0x001d, TPM_ALG_ECC = 0x0023, TPM_ALG_CAMELLIA = 0x0026,
};

/* TPM_ST of attestation structures (clause "TPM_ST (Structure Tags)"). */
enum {
	TPM_ST_ATTEST_NV = 0x8014, TPM_ST_ATTEST_COMMAND_AUDIT = 0x8015,
	TPM_ST_ATTEST_SESSION_AUDIT = 0x8016, TPM_ST_ATTEST_CERTIFY = 0x8017,
	TPM_ST_ATTEST_QUOTE = 0x8018, TPM_ST_ATTEST_TIME = 0x8019,
	TPM_ST_ATTEST_CREATION = 0x801a, TPM_ST_ATTEST_NV_DIGEST = 0x801c,
};

/** tpm_alg_name(id): tpm2-tools' word ("rsassa", "sha256"); "unknown". */
const char *tpm_alg_name(uint16_t id);

/** tpm_bank_by_name(name): A PCR bank by tpm2-tools' word or the kernel's ("sm3_256",
 * "sm3"); DIGEST_NONE for what is not a TPM's hash. */
enum digest_alg tpm_bank_by_name(struct span name);

/* One bank of a selection. */
struct tpm_bank {
	uint16_t id;			/* TPM_ALG_ID as it stands */
	enum digest_alg alg;		/* DIGEST_NONE: a bank we do not know */
	uint32_t mask;			/* bit n: PCR n; bits from LIMIT_PCRS up are kept, not meant */
};

/* Banks in the order in which their PCRs enter the digest; a bank may be empty or,
 * from an attacker, repeated. */
struct tpm_selection {
	size_t n;
	struct tpm_bank banks[LIMIT_TPM_BANKS];
};

/** tpm_selection_read(r, s): A TPML_PCR_SELECTION; false with r->why set. */
MUST_CHECK bool tpm_selection_read(struct rd *r, struct tpm_selection *s);

/** tpm_selection_eq(a, b): The same banks with the same PCRs in the same order. */
bool tpm_selection_eq(const struct tpm_selection *a, const struct tpm_selection *b);

/** tpm_selection_has(s, alg, pcr): Whether PCR ${pcr} of that bank is selected. */
bool tpm_selection_has(const struct tpm_selection *s, enum digest_alg alg, unsigned pcr);

/** tpm_selection_repeats(s): Whether a bank stands twice. */
bool tpm_selection_repeats(const struct tpm_selection *s);

/** tpm_selection_empty(s): Whether no PCR is selected at all. */
bool tpm_selection_empty(const struct tpm_selection *s);

/** tpm_selection_dump(s, b): "sha256:0,1,10+sha1:10", as tpm2-tools take it. */
void tpm_selection_dump(const struct tpm_selection *s, struct buf *b);

/** tpm_dump_bytes(b, name, s): A line of a dump: the name and hex, "-" for no bytes. */
void tpm_dump_bytes(struct buf *b, const char *name, struct span s);

#endif
