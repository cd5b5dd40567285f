/* sig_cache.h: remembers which (key, digest, signature) verified.
 *
 * A list repeats signatures (the same file again after each boot, under other
 * names, in each container); verifying costs a hundred times what looking up does.
 * All three parts are stored and compared in full, the key by the SHA-256 of its
 * SubjectPublicKeyInfo: the hash only finds the place, so an attacker who makes it
 * collide wins nothing but the work of verifying again.  The walk behind one place
 * is bounded for the same reason.
 *
 * When its memory (LIMIT_SIG_CACHE) is used up it starts again, empty.
 */
#ifndef ENGINE_SIG_CACHE_H
#define ENGINE_SIG_CACHE_H

#include "base/digest_alg.h"
#include "base/err.h"

struct sig_cache;

MUST_CHECK int sig_cache_new(struct sig_cache **c, struct err *e);
void sig_cache_free(struct sig_cache *c);

/** sig_cache_get(c, key, digest, sig, good): True if the triple is known; ${*good} then
 * says whether it verified.  ${key} is the key's fingerprint. */
MUST_CHECK bool sig_cache_get(const struct sig_cache *c, const struct digest *key,
    const struct digest *digest, struct span sig, bool *good);

/** sig_cache_put(c, key, digest, sig, good, e): Copies; a triple that is not known yet. */
MUST_CHECK int sig_cache_put(struct sig_cache *c, const struct digest *key,
    const struct digest *digest, struct span sig, bool good, struct err *e);

#endif
