/* hmac.h: HMAC (RFC 2104) made, and compared in constant time.
 *
 * A tag that does not fit is a result.  It is never handed to who sent the wrong
 * one: hmac_check tells yes or no and nothing else (the class of CVE-2023-38201).
 */
#ifndef CRYPTO_HMAC_H
#define CRYPTO_HMAC_H

#include "base/digest_alg.h"
#include "base/err.h"

/** hmac_of(alg, key, parts, n, out, e): Over the concatenation of ${n} parts. */
MUST_CHECK int hmac_of(enum digest_alg alg, struct span key, const struct span *parts, size_t n,
    struct digest *out, struct err *e);

/** hmac_check(alg, key, parts, n, tag, good, e): Whether ${tag} is that HMAC, whole. */
MUST_CHECK int hmac_check(enum digest_alg alg, struct span key, const struct span *parts,
    size_t n, struct span tag, bool *good, struct err *e);

#endif
