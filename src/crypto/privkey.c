#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "crypto/openssl_err.h"
#include "crypto/pubkey_x509.h"

struct privkey {
	EVP_PKEY *pkey;			/* owned */
	struct pubkey *public;		/* owned */
};

int
privkey_parse(struct span pem, struct privkey **out, struct err *e)
{
	BIO *in = pem.n > LIMIT_SMALL_FILE ? NULL : BIO_new_mem_buf(pem.p, (int)pem.n);
	EVP_PKEY *pkey = in == NULL ? NULL : PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
	struct privkey *key;
	int rc;

	BIO_free(in);
	if (pkey == NULL)
		return openssl_err(e, ERR_KEY, "is not a private key in PEM");
	if ((key = calloc(1, sizeof(*key))) == NULL || EVP_PKEY_up_ref(pkey) != 1) {
		EVP_PKEY_free(pkey);
		free(key);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	key->pkey = pkey;
	if ((rc = pubkey_from_pkey(pkey, &key->public, e)) != 0) {
		privkey_free(key);
		return rc;
	}
	*out = key;
	return 0;
}

void
privkey_free(struct privkey *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey);
	pubkey_free(key->public);
	free(key);
}

const struct pubkey *privkey_public(const struct privkey *key) { return key->public; }
EVP_PKEY *privkey_pkey(const struct privkey *key) { return key->pkey; }

int
privkey_sign(struct privkey *key, enum sig_scheme scheme, struct span message,
    enum digest_alg alg, struct buf *sig, struct err *e)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;
	uint8_t out[2048];
	size_t n = sizeof(out);
	const char *name = digest_alg_openssl(alg);
	bool ok = ctx != NULL && name != NULL &&
	    EVP_DigestSignInit_ex(ctx, &pctx, name, NULL, NULL, key->pkey, NULL) == 1;

	if (ok && scheme == SIG_RSAPSS)
		ok = EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) == 1;
	ok = ok && EVP_DigestSign(ctx, out, &n, message.p, message.n) == 1;
	EVP_MD_CTX_free(ctx);
	if (!ok)
		return openssl_err(e, ERR_CRYPTO, "signing");
	buf_put(sig, out, n);
	return buf_done(sig, e);
}
