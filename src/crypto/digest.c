#include "crypto/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "crypto/digest_direct.h"
#include "crypto/openssl_err.h"

struct hasher {
	EVP_MD *md;		/* owned */
	EVP_MD_CTX *ctx;	/* owned, initialised once with md */
	struct digest_direct direct;	/* used instead where it can be */
};

int
hasher_new(enum digest_alg alg, struct hasher **h, struct err *e)
{
	const char *name = digest_alg_openssl(alg);
	struct hasher *n;

	if (name == NULL)
		return err_set(e, ERR_UNSUPPORTED, "digest algorithm %s cannot be computed here",
		    digest_alg_name(alg));
	if ((n = calloc(1, sizeof(*n))) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	n->md = EVP_MD_fetch(NULL, name, NULL);
	n->ctx = EVP_MD_CTX_new();
	if (n->md == NULL || n->ctx == NULL || EVP_DigestInit_ex2(n->ctx, n->md, NULL) != 1) {
		hasher_free(n);
		return openssl_err(e, ERR_UNSUPPORTED, "digest algorithm %s", digest_alg_name(alg));
	}
	digest_direct_init(&n->direct, alg);
	*h = n;
	return 0;
}

void
hasher_free(struct hasher *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->ctx);
	EVP_MD_free(h->md);
	free(h);
}

bool
hasher_start(struct hasher *h)
{
	if (h->direct.alg != DIGEST_NONE)
		return digest_direct_start(&h->direct);
	/* A NULL algorithm means "the same again", which skips the provider look-up. */
	return EVP_DigestInit_ex2(h->ctx, NULL, NULL) == 1;
}

bool
hasher_add(struct hasher *h, struct span s)
{
	if (s.n == 0)
		return true;
	return h->direct.alg != DIGEST_NONE ? digest_direct_add(&h->direct, s) :
	    EVP_DigestUpdate(h->ctx, s.p, s.n) == 1;
}

bool
hasher_finish(struct hasher *h, uint8_t *out)
{
	return h->direct.alg != DIGEST_NONE ? digest_direct_finish(&h->direct, out) :
	    EVP_DigestFinal_ex(h->ctx, out, NULL) == 1;
}

bool
hasher_run(struct hasher *h, struct span a, struct span b, uint8_t *out)
{
	return hasher_start(h) && hasher_add(h, a) && hasher_add(h, b) && hasher_finish(h, out);
}

int
digest_of(enum digest_alg alg, struct span s, struct digest *d, struct err *e)
{
	HASHER_AUTO struct hasher *h = NULL;
	uint8_t out[EVP_MAX_MD_SIZE];
	int rc;

	if ((rc = hasher_new(alg, &h, e)) != 0)
		return rc;
	if (!hasher_run(h, s, span_of(NULL, 0), out) ||
	    !digest_make(alg, span_of(out, digest_alg_size(alg)), d))
		return openssl_err(e, ERR_CRYPTO, "computing a %s digest", digest_alg_name(alg));
	return 0;
}
