#include "crypto/hmac.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "crypto/ct.h"
#include "crypto/openssl_err.h"

static bool
run(EVP_MAC_CTX *ctx, enum digest_alg alg, struct span key, const struct span *parts, size_t n,
    uint8_t *out, size_t *size)
{
	char name[32];
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_end(),
	};
	/* An empty key is a key; NULL would mean the key of the last time. */
	static const uint8_t none[1];

	(void)snprintf(name, sizeof(name), "%s", digest_alg_openssl(alg));
	if (EVP_MAC_init(ctx, key.n == 0 ? none : key.p, key.n, params) != 1)
		return false;
	for (size_t i = 0; i < n; i++)
		if (parts[i].n > 0 && EVP_MAC_update(ctx, parts[i].p, parts[i].n) != 1)
			return false;
	return EVP_MAC_final(ctx, out, size, LIMIT_DIGEST) == 1;
}

int
hmac_of(enum digest_alg alg, struct span key, const struct span *parts, size_t n,
    struct digest *out, struct err *e)
{
	EVP_MAC *mac;
	EVP_MAC_CTX *ctx;
	uint8_t v[LIMIT_DIGEST];
	size_t size = 0;
	bool ok;

	if (digest_alg_openssl(alg) == NULL)
		return err_set(e, ERR_UNSUPPORTED, "HMAC with %s", digest_alg_name(alg));
	mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	ctx = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
	ok = ctx != NULL && run(ctx, alg, key, parts, n, v, &size) &&
	    digest_make(alg, span_of(v, size), out);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return ok ? 0 : openssl_err(e, ERR_CRYPTO, "computing an HMAC");
}

int
hmac_check(enum digest_alg alg, struct span key, const struct span *parts, size_t n,
    struct span tag, bool *good, struct err *e)
{
	struct digest d;
	int rc;

	if ((rc = hmac_of(alg, key, parts, n, &d, e)) != 0)
		return rc;
	*good = ct_eq(digest_view(&d), tag);
	return 0;
}
