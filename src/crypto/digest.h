/* digest.h: computing digests, fast for many small inputs.
 *
 * A hasher holds one algorithm's fetched implementation and a context that is
 * used again for every input, so that a measurement list of 63,000 entries
 * allocates nothing per entry.  A hasher is not shared between threads.
 */
#ifndef CRYPTO_DIGEST_H
#define CRYPTO_DIGEST_H

#include "base/digest_alg.h"
#include "base/err.h"

struct hasher;

/** hasher_new(alg, h, e): ERR_UNSUPPORTED where OpenSSL lacks ${alg}. */
MUST_CHECK int hasher_new(enum digest_alg alg, struct hasher **h, struct err *e);
void hasher_free(struct hasher *h);

/** One digest in parts: start, add any number of times, finish into
 * digest_alg_size() bytes.  False only on a fault inside OpenSSL (ERR_CRYPTO). */
MUST_CHECK bool hasher_start(struct hasher *h);
MUST_CHECK bool hasher_add(struct hasher *h, struct span s);
MUST_CHECK bool hasher_finish(struct hasher *h, uint8_t *out);

/** hasher_run(h, a, b, out): H(a || b) in one go. */
MUST_CHECK bool hasher_run(struct hasher *h, struct span a, struct span b, uint8_t *out);

/** digest_of(alg, s, d, e): One digest, when speed does not matter. */
MUST_CHECK int digest_of(enum digest_alg alg, struct span s, struct digest *d, struct err *e);

static inline void
hasher_freep(struct hasher **h)
{
	hasher_free(*h);
}
#define HASHER_AUTO __attribute__((cleanup(hasher_freep)))

#endif
