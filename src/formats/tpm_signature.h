/* tpm_signature.h: TPMT_SIGNATURE, and the plain signatures tools make of it.
 *
 * Part 2, clause "TPMT_SIGNATURE"; integers big-endian:
 *
 *   OFFSET  SIZE  MEANING
 *   0       2     sigAlg: 0014 RSASSA, 0016 RSAPSS, 0018 ECDSA; also ECDAA, SM2,
 *                 ECSCHNORR, HMAC and NULL, which are read but sign no quote here
 *   2       2     hash: TPM_ALG_ID
 *   4       2+n   RSASSA, RSAPSS: sig, n <= 1024
 *   4       2+n   ECDSA and its kin: signatureR,
 *   6+n     2+m   signatureS; n, m <= 128
 *   4       d     HMAC: a digest of the hash's size, not counted
 *
 * Also accepted, because "tpm2_quote -f plain" writes them:
 *   - the bytes of an RSA signature alone: 256 to 1024 bytes, a multiple of 8;
 *   - an ECDSA signature as DER SEQUENCE { r, s }: begins with 30.
 * A plain signature names neither scheme nor hash (sig_alg and hash_alg are 0):
 * whoever verifies must find them out.  A file that can be read as TPMT_SIGNATURE
 * to its last byte is one, whatever its length.
 *
 * Bytes behind a TPMT_SIGNATURE are not an error here but handed out in trailing,
 * so that they are a check with a name of its own.  Spans point into the input.
 */
#ifndef FORMATS_TPM_SIGNATURE_H
#define FORMATS_TPM_SIGNATURE_H

#include "formats/tpm_types.h"

struct tpm_signature {
	bool plain;
	uint16_t sig_alg, hash_alg;
	enum digest_alg hash;		/* DIGEST_NONE: plain, or a hash we do not know */
	struct span sig;		/* RSA; HMAC's digest; all of a plain signature */
	struct span r, s;		/* EC: big-endian, leading zeros may be missing */
	struct span trailing;
};

/** tpm_signature_parse(in, s, e): See above.  ${s} is untouched on failure. */
MUST_CHECK int tpm_signature_parse(struct span in, struct tpm_signature *s, struct err *e);

/** tpm_signature_dump(s, b): Stable lines of text. */
void tpm_signature_dump(const struct tpm_signature *s, struct buf *b);

#endif
