/* digest_direct.h: SHA-1 and SHA-256 without EVP around each digest.
 *
 * A measurement list is some hundred thousand digests of about a hundred bytes.  In
 * OpenSSL 3.0, EVP allocates, clears and frees a context for each (a fifth of the
 * time); the functions below it, which do the same work on a context of ours, do not.
 * They are deprecated in favour of EVP, so this is left out where OpenSSL was built
 * without them, and not used where the FIPS provider is demanded, because they
 * would go around it.  Private to digest.c.
 */
#ifndef CRYPTO_DIGEST_DIRECT_H
#define CRYPTO_DIGEST_DIRECT_H

#include "base/digest_alg.h"

/* Room for either context, in whatever form OpenSSL has it. */
struct digest_direct {
	enum digest_alg alg;		/* DIGEST_NONE: not available, take EVP */
	_Alignas(8) uint8_t room[112];
};

/** digest_direct_init(d, alg): Sets d->alg to ${alg} or DIGEST_NONE. */
void digest_direct_init(struct digest_direct *d, enum digest_alg alg);

MUST_CHECK bool digest_direct_start(struct digest_direct *d);
MUST_CHECK bool digest_direct_add(struct digest_direct *d, struct span s);
MUST_CHECK bool digest_direct_finish(struct digest_direct *d, uint8_t *out);

#endif
