/* tpm_kdf.h: the TPM's key derivations (Part 1, clauses "KDFa()" and "KDFe()").
 *
 *   KDFa: SP 800-108 in counter mode with HMAC; block i is
 *         HMAC(key, be32 i || label || 00 || contextU || contextV || be32 bits)
 *   KDFe: SP 800-56A concatenation; block i is
 *         H(be32 i || Z || label || 00 || partyUInfo || partyVInfo)
 *
 * Labels are given without their NUL, which is added here: the TPM counts it in.
 * Only whole octets are asked for (bits % 8 == 0): no key of a TPM has other sizes.
 */
#ifndef CRYPTO_TPM_KDF_H
#define CRYPTO_TPM_KDF_H

#include "base/digest_alg.h"
#include "base/err.h"

/** tpm_kdfa(alg, key, label, u, v, bits, out, e): bits / 8 bytes into ${out}. */
MUST_CHECK int tpm_kdfa(enum digest_alg alg, struct span key, const char *label, struct span u,
    struct span v, unsigned bits, uint8_t *out, struct err *e);

/** tpm_kdfe(alg, z, label, u, v, bits, out, e): The same; ${z} is the shared x coordinate. */
MUST_CHECK int tpm_kdfe(enum digest_alg alg, struct span z, const char *label, struct span u,
    struct span v, unsigned bits, uint8_t *out, struct err *e);

#endif
