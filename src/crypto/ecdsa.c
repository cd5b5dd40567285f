#include "crypto/ecdsa.h"

#include <openssl/bn.h>
#include <openssl/ec.h>

#include "base/limits.h"
#include "crypto/openssl_err.h"

int
ecdsa_der(struct span r, struct span s, struct buf *der, struct err *e)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	unsigned char *out = NULL;
	BIGNUM *br, *bs;
	int n;

	if (r.n > LIMIT_TPM_COORDINATE || s.n > LIMIT_TPM_COORDINATE) {
		ECDSA_SIG_free(sig);
		return err_set(e, ERR_RANGE, "ECDSA signature of %zu and %zu bytes", r.n, s.n);
	}
	br = BN_bin2bn(r.p, (int)r.n, NULL);
	bs = BN_bin2bn(s.p, (int)s.n, NULL);
	if (sig == NULL || br == NULL || bs == NULL || ECDSA_SIG_set0(sig, br, bs) != 1) {
		BN_free(br);
		BN_free(bs);
		ECDSA_SIG_free(sig);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	n = i2d_ECDSA_SIG(sig, &out);	/* br and bs belong to sig now */
	ECDSA_SIG_free(sig);
	if (n <= 0)
		return openssl_err(e, ERR_CRYPTO, "encoding an ECDSA signature");
	buf_put(der, out, (size_t)n);
	OPENSSL_free(out);
	return buf_done(der, e);
}

int
ecdsa_raw(struct span der, size_t size, struct buf *raw, struct err *e)
{
	const unsigned char *p = der.p;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der.n);
	uint8_t out[2 * LIMIT_TPM_COORDINATE];
	bool ok = sig != NULL && p == der.p + der.n && size <= LIMIT_TPM_COORDINATE &&
	    BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, (int)size) == (int)size &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + size, (int)size) == (int)size;

	ECDSA_SIG_free(sig);
	if (!ok)
		return openssl_err(e, ERR_CRYPTO, "an ECDSA signature does not fit two numbers of %zu bytes", size);
	buf_put(raw, out, 2 * size);
	return buf_done(raw, e);
}
