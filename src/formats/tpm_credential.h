/* tpm_credential.h: TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET, the two halves of an
 * activation challenge.
 *
 * Part 2, clauses "TPMS_ID_OBJECT", "TPM2B_ID_OBJECT", "TPM2B_ENCRYPTED_SECRET" and
 * Part 1, clause "Credential Protection"; integers big-endian.
 *
 * TPM2B_ID_OBJECT:
 *
 *   OFFSET  SIZE  MEANING
 *   0       2     size of all that follows
 *   2       2+h   integrityHMAC: HMAC over encIdentity and the object's name
 *   4+h     n     encIdentity: an encrypted TPM2B_DIGEST, its size field too, so that
 *                 nothing in the clear says how long the secret is but n
 *
 * TPM2B_ENCRYPTED_SECRET:
 *
 *   0       2     size of all that follows
 *   2       n     RSA: the OAEP ciphertext, as long as the modulus
 *                 ECC: TPMS_ECC_POINT of the ephemeral key: 2+x, 2+y
 *
 * Which of the two the second holds is known from the key alone, so the reader is
 * told.  Bytes behind either structure are an error.  Spans point into the input.
 */
#ifndef FORMATS_TPM_CREDENTIAL_H
#define FORMATS_TPM_CREDENTIAL_H

#include "formats/tpm_types.h"

struct tpm_id_object {
	struct span integrity;		/* the HMAC */
	struct span identity;		/* encrypted */
};

struct tpm_encrypted_secret {
	bool ecc;
	struct span rsa;		/* the ciphertext */
	struct span x, y;		/* the ephemeral point */
};

/** tpm_id_object_parse(in, o, e), tpm_encrypted_secret_parse(in, ecc, s, e): ${o} and ${s}
 * are untouched on failure. */
MUST_CHECK int tpm_id_object_parse(struct span in, struct tpm_id_object *o, struct err *e);
MUST_CHECK int tpm_encrypted_secret_parse(struct span in, bool ecc,
    struct tpm_encrypted_secret *s, struct err *e);

/** tpm_id_object_write(o, b), tpm_encrypted_secret_write(s, b): Appended to ${b}. */
void tpm_id_object_write(const struct tpm_id_object *o, struct buf *b);
void tpm_encrypted_secret_write(const struct tpm_encrypted_secret *s, struct buf *b);

/** tpm_credential_dump(o, s, b): Stable lines of text. */
void tpm_credential_dump(const struct tpm_id_object *o, const struct tpm_encrypted_secret *s,
    struct buf *b);

#endif
