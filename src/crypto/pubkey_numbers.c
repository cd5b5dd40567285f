#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "crypto/openssl_err.h"
#include "crypto/pubkey_x509.h"

int
pubkey_modulus(const struct pubkey *key, struct buf *n, uint32_t *exponent, struct err *e)
{
	BIGNUM *mod = NULL, *exp = NULL;
	uint8_t bytes[LIMIT_TPM_RSA];
	BN_ULONG word;
	int rc = ERR_CRYPTO, size;

	if (pubkey_kind(key) != PUBKEY_RSA)
		return err_set(e, ERR_MISMATCH, "not an RSA key");
	if (EVP_PKEY_get_bn_param(pubkey_pkey(key), OSSL_PKEY_PARAM_RSA_N, &mod) != 1 ||
	    EVP_PKEY_get_bn_param(pubkey_pkey(key), OSSL_PKEY_PARAM_RSA_E, &exp) != 1 ||
	    BN_num_bytes(mod) > (int)sizeof(bytes)) {
		openssl_err(e, rc, "reading an RSA key");
	} else {
		size = BN_bn2bin(mod, bytes);
		word = BN_num_bits(exp) > 32 ? 0 : BN_get_word(exp);
		buf_put(n, bytes, (size_t)size);
		if ((rc = buf_done(n, e)) == 0)
			*exponent = (uint32_t)word;
	}
	BN_free(mod);
	BN_free(exp);
	return rc;
}

int
pubkey_point(const struct pubkey *key, struct buf *xy, struct err *e)
{
	size_t field = (pubkey_bits(key) + 7) / 8, n = 0;
	uint8_t point[1 + 2 * 66];

	if (pubkey_kind(key) != PUBKEY_EC)
		return err_set(e, ERR_MISMATCH, "not an EC key");
	/* SEC 1 2.3.3: 04 and both coordinates, or compressed, as the key came. */
	if (EVP_PKEY_get_octet_string_param(pubkey_pkey(key), OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point,
	    sizeof(point), &n) != 1)
		return openssl_err(e, ERR_CRYPTO, "reading an EC key");
	if (n == 1 + 2 * field && point[0] == 4) {
		buf_put(xy, point + 1, 2 * field);
		return buf_done(xy, e);
	}

	BIGNUM *x = NULL, *y = NULL;
	bool ok = EVP_PKEY_get_bn_param(pubkey_pkey(key), OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
	    EVP_PKEY_get_bn_param(pubkey_pkey(key), OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1 &&
	    BN_bn2binpad(x, point, (int)field) == (int)field &&
	    BN_bn2binpad(y, point + field, (int)field) == (int)field;

	BN_free(x);
	BN_free(y);
	if (!ok)
		return openssl_err(e, ERR_CRYPTO, "reading an EC key");
	buf_put(xy, point, 2 * field);
	return buf_done(xy, e);
}
