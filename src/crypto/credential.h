/* credential.h: TPM2_MakeCredential in software: a secret that only the TPM with a given
 * endorsement key opens, and only if it also holds the object with a given name.
 *
 * Part 1, clauses "Credential Protection", B.10.4 (RSA) and C.6.4 (ECC):
 *
 *   seed       RSA: random, sealed by OAEP (hash and MGF1: the key's name algorithm;
 *              label "IDENTITY" with its NUL);  ECC: KDFe(Z, "IDENTITY", x of an
 *              ephemeral key on the same curve, x of the endorsement key)
 *   symKey     KDFa(seed, "STORAGE", name)
 *   identity   AES-CFB with a zero IV over TPM2B(secret)
 *   integrity  HMAC under KDFa(seed, "INTEGRITY") over identity and name
 *
 * The name binds: it is computed by whoever asks, from the public area that will be
 * relied on, and never taken from the machine that is to prove itself.  Here it is
 * bytes.  Accepted keys: RSA of 2048 to 4096 bits and P-256, P-384; name algorithms
 * SHA-256, SHA-384, SHA-512; AES of 128 or 256 bits.  Random numbers are OpenSSL's.
 */
#ifndef CRYPTO_CREDENTIAL_H
#define CRYPTO_CREDENTIAL_H

#include "crypto/pubkey.h"

struct credential_key {
	const struct pubkey *key;
	enum digest_alg name_alg;	/* of the endorsement key's public area */
	unsigned aes_bits;		/* of its symmetric definition: 128 or 256 */
	struct span x;			/* ECC: the coordinate as the public area has it, for the
					 * TPM derives from those bytes (leading zeros or not) */
};

/* The parts of the two blobs; formats/tpm_credential.h frames them. */
struct credential {
	struct digest integrity;
	uint8_t identity[2 + LIMIT_DIGEST];
	size_t n_identity;
	bool ecc;
	uint8_t secret[LIMIT_TPM_RSA];	/* RSA: the ciphertext; ECC: x || y */
	size_t n_secret;
};

/** credential_make(ek, name, secret, out, e): ${secret}: 1 byte to the size of the name
 * algorithm's digest.  ERR_KEY or ERR_UNSUPPORTED for a key that is not as above. */
MUST_CHECK int credential_make(const struct credential_key *ek, struct span name,
    struct span secret, struct credential *out, struct err *e);

#endif
