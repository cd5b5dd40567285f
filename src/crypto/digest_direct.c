#define OPENSSL_SUPPRESS_DEPRECATED	/* digest_direct.h says why */
#include "crypto/digest_direct.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#ifndef OPENSSL_NO_DEPRECATED_3_0

union context { SHA_CTX sha1; SHA256_CTX sha256; };
_Static_assert(sizeof(union context) <= sizeof(((struct digest_direct *)0)->room), "room");

static union context *
context(struct digest_direct *d)
{
	return (union context *)(void *)d->room;
}

void
digest_direct_init(struct digest_direct *d, enum digest_alg alg)
{
	bool usable = (alg == DIGEST_SHA1 || alg == DIGEST_SHA256) &&
	    EVP_default_properties_is_fips_enabled(NULL) != 1;

	d->alg = usable ? alg : DIGEST_NONE;
}

bool
digest_direct_start(struct digest_direct *d)
{
	return d->alg == DIGEST_SHA1 ? SHA1_Init(&context(d)->sha1) == 1 :
	    SHA256_Init(&context(d)->sha256) == 1;
}

bool
digest_direct_add(struct digest_direct *d, struct span s)
{
	return d->alg == DIGEST_SHA1 ? SHA1_Update(&context(d)->sha1, s.p, s.n) == 1 :
	    SHA256_Update(&context(d)->sha256, s.p, s.n) == 1;
}

bool
digest_direct_finish(struct digest_direct *d, uint8_t *out)
{
	return d->alg == DIGEST_SHA1 ? SHA1_Final(out, &context(d)->sha1) == 1 :
	    SHA256_Final(out, &context(d)->sha256) == 1;
}

#else

void
digest_direct_init(struct digest_direct *d, enum digest_alg alg)
{
	(void)alg;
	d->alg = DIGEST_NONE;
}

bool
digest_direct_start(struct digest_direct *d)
{
	return d->alg != DIGEST_NONE;
}

bool
digest_direct_add(struct digest_direct *d, struct span s)
{
	return s.n == 0 && d->alg != DIGEST_NONE;
}

bool
digest_direct_finish(struct digest_direct *d, uint8_t *out)
{
	(void)out;
	return d->alg != DIGEST_NONE;
}

#endif
