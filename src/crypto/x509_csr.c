#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "base/pem.h"
#include "crypto/openssl_err.h"
#include "crypto/pubkey_x509.h"
#include "crypto/x509_issue.h"
#include "crypto/x509_issue_internal.h"

struct csr {
	struct buf der;
	struct pubkey *key;		/* owned */
};

void
csr_free(struct csr *c)
{
	if (c == NULL)
		return;
	buf_free(&c->der);
	pubkey_free(c->key);
	free(c);
}

const struct pubkey *
csr_key(const struct csr *c)
{
	return c->key;
}

struct span
csr_der(const struct csr *c)
{
	return buf_view(&c->der);
}

int
issue_check_key(const struct pubkey *key, struct err *e)
{
	unsigned bits = pubkey_bits(key);

	/* RSA of 8192 bits verifies, but each handshake with it would cost a server dearly. */
	if (pubkey_kind(key) == PUBKEY_RSA ? bits > 4096 : bits != 256 && bits != 384)
		return err_set(e, ERR_KEY, "a key of %u bits for a certificate, want P-256, P-384 or RSA "
		    "of 2048 to 4096", bits);
	return pubkey_roca(key) ? err_set(e, ERR_KEY, "a key that can be factored (CVE-2017-15361)") : 0;
}

static int
take_key(X509_REQ *req, struct csr *c, struct err *e)
{
	EVP_PKEY *pkey = X509_REQ_get_pubkey(req);
	int rc;

	if (pkey == NULL)
		return openssl_err(e, ERR_KEY, "certificate request without a usable key");
	/* The key's measure first: only then is its signature worth the time. */
	if ((rc = pubkey_from_pkey(pkey, &c->key, e)) != 0 || (rc = issue_check_key(c->key, e)) != 0)
		return err_ctx(e, rc, "certificate request");
	if (X509_REQ_verify(req, pubkey_pkey(c->key)) != 1)
		return openssl_err(e, ERR_SIGNATURE, "certificate request that its own key did not sign");
	return 0;
}

static int
parse_der(struct span der, struct csr *c, struct err *e)
{
	const unsigned char *p = der.p;
	X509_REQ *req;
	int rc;

	if (der.n == 0 || der.n > LIMIT_CSR)
		return err_set(e, der.n == 0 ? ERR_TRUNCATED : ERR_LIMIT,
		    "a certificate request of %zu bytes", der.n);
	if ((req = d2i_X509_REQ(NULL, &p, (long)der.n)) == NULL)
		return openssl_err(e, ERR_FORMAT, "not a certificate request (PKCS#10)");
	rc = p != der.p + der.n ? err_at(e, ERR_TRAILING, (uint64_t)(p - der.p),
	    "data follows the certificate request") : take_key(req, c, e);
	X509_REQ_free(req);
	ERR_clear_error();
	buf_span(&c->der, der);
	return rc != 0 ? rc : buf_done(&c->der, e);
}

int
csr_parse(struct span in, struct csr **out, struct err *e)
{
	BUF_AUTO struct buf der = buf_init(LIMIT_CSR);
	CSR_AUTO struct csr *c = calloc(1, sizeof(*c));
	bool pem = in.n > 0 && in.p[0] != 0x30 && in.n <= 2 * LIMIT_CSR && pem_looks(in);
	int rc;

	if (c == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	c->der = buf_init(LIMIT_CSR);
	if (pem && (rc = pem_read(in, "CERTIFICATE REQUEST", &der, e)) != 0)
		return rc;
	if ((rc = parse_der(pem ? buf_view(&der) : in, c, e)) != 0)
		return rc;
	*out = c;
	c = NULL;			/* handed over */
	return 0;
}

int
csr_create(struct span key, const char *cn, struct buf *der, struct err *e)
{
	PRIVKEY_AUTO struct privkey *k = NULL;
	X509_REQ *req = NULL;
	unsigned char *bytes = NULL;
	int n = 0, rc;

	if ((rc = issue_check_cn(cn, e)) != 0 || (rc = privkey_parse(key, &k, e)) != 0 ||
	    (rc = issue_check_key(privkey_public(k), e)) != 0)
		return rc;
	req = X509_REQ_new();
	if (req == NULL || X509_REQ_set_version(req, X509_REQ_VERSION_1) != 1 ||
	    !issue_set_cn(X509_REQ_get_subject_name(req), cn) ||
	    X509_REQ_set_pubkey(req, privkey_pkey(k)) != 1 ||
	    X509_REQ_sign(req, privkey_pkey(k), EVP_sha256()) <= 0 ||
	    (n = i2d_X509_REQ(req, &bytes)) <= 0)
		rc = openssl_err(e, ERR_CRYPTO, "making a certificate request");
	else
		buf_put(der, bytes, (size_t)n);
	OPENSSL_free(bytes);
	X509_REQ_free(req);
	return rc != 0 ? rc : buf_done(der, e);
}
