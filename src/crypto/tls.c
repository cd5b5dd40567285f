/* tls.c: what both sides of a TLS connection share; see tls.h. */
#include "crypto/tls_internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "base/limits.h"
#include "crypto/openssl_err.h"

/* X25519 is the fastest and what every client has; the NIST curves are for FIPS modules. */
static char tls_groups[] = "X25519:P-256:P-384";	/* OpenSSL's macros want no const */
static char tls_sigalgs[] = "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:"
    "RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:"
    "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512";
/* Handshakes with SHA-256 are cheaper, and AES-128 is not what an attacker would go for. */
#define TLS_SUITES	"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define TLS_DEPTH	5	/* intermediates below an anchor */

static void
bio_freep(BIO **b)
{
	BIO_free(*b);
}

static void
x509_freep(X509 **x)
{
	X509_free(*x);
}

static void
pkey_freep(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}
#define BIO_AUTO __attribute__((cleanup(bio_freep)))
#define X509_AUTO __attribute__((cleanup(x509_freep)))
#define PKEY_AUTO __attribute__((cleanup(pkey_freep)))

int
tls_ctx_new(bool server, SSL_CTX **out, struct err *e)
{
	TLS_CTX_AUTO SSL_CTX *c = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());

	if (c == NULL)
		return openssl_err(e, ERR_CRYPTO, "a TLS context could not be made");
	if (SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set1_groups_list(c, tls_groups) != 1 ||
	    SSL_CTX_set1_sigalgs_list(c, tls_sigalgs) != 1 ||
	    SSL_CTX_set_ciphersuites(c, TLS_SUITES) != 1 ||
	    SSL_CTX_set_max_early_data(c, 0) != 1)
		return openssl_err(e, ERR_CRYPTO, "TLS 1.3 could not be set up");
	(void)SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	if (server)
		(void)SSL_CTX_set_options(c, SSL_OP_CIPHER_SERVER_PREFERENCE);
	/* An idle connection gives its 32 KiB of record buffers back. */
	(void)SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify_depth(c, TLS_DEPTH);
	(void)X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(c), X509_V_FLAG_PARTIAL_CHAIN);
	*out = c;
	c = NULL;
	return 0;
}

/* Without it OpenSSL would ask on the terminal. */
static int
no_passphrase(char *buf, int size, int rwflag, void *u)
{
	(void)buf, (void)size, (void)rwflag, (void)u;
	return -1;
}

static int
pem_open(struct span pem, const char *what, BIO **out, struct err *e)
{
	BIO *b;

	if (pem.n == 0 || pem.n > LIMIT_SMALL_FILE)
		return err_set(e, pem.n == 0 ? ERR_FORMAT : ERR_LIMIT, "%s: %zu bytes of PEM", what,
		    pem.n);
	if ((b = BIO_new_mem_buf(pem.p, (int)pem.n)) == NULL)
		return err_set(e, ERR_NOMEM, "%s", what);
	ERR_clear_error();
	*out = b;
	return 0;
}

/* Whether reading PEM stopped because there was no more. */
static bool
pem_ended(void)
{
	unsigned long last = ERR_peek_last_error();
	bool ended = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;

	if (ended)
		ERR_clear_error();
	return ended;
}

static int
use_key(SSL_CTX *ctx, struct span key, struct err *e)
{
	BIO_AUTO BIO *b = NULL;
	PKEY_AUTO EVP_PKEY *k = NULL;
	int rc;

	if ((rc = pem_open(key, "private key for TLS", &b, e)) != 0)
		return rc;
	if ((k = PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL)) == NULL)
		return openssl_err(e, ERR_KEY, "private key for TLS: not a PEM key without passphrase");
	if (SSL_CTX_use_PrivateKey(ctx, k) != 1 || SSL_CTX_check_private_key(ctx) != 1)
		return openssl_err(e, ERR_MISMATCH, "private key for TLS: not the certificate's");
	return 0;
}

int
tls_ctx_identity(SSL_CTX *ctx, struct span chain, struct span key, struct err *e)
{
	BIO_AUTO BIO *b = NULL;
	size_t n;
	int rc;

	if ((rc = pem_open(chain, "certificate for TLS", &b, e)) != 0)
		return rc;
	for (n = 0; n <= TLS_DEPTH; n++) {
		X509_AUTO X509 *x = PEM_read_bio_X509(b, NULL, no_passphrase, NULL);

		if (x == NULL)
			break;
		if ((n == 0 ? SSL_CTX_use_certificate(ctx, x) :
		    (int)SSL_CTX_add1_chain_cert(ctx, x)) != 1)
			return openssl_err(e, ERR_KEY, "certificate %zu for TLS cannot be used", n + 1);
	}
	if (n > TLS_DEPTH)
		return err_set(e, ERR_LIMIT, "certificate for TLS: more than %d in its chain", TLS_DEPTH);
	if (!pem_ended() || n == 0)
		return openssl_err(e, ERR_FORMAT, "certificate %zu for TLS: not PEM", n + 1);
	return use_key(ctx, key, e);
}

int
tls_ctx_anchors(SSL_CTX *ctx, struct span pem, const char *what, bool names, struct err *e)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	BIO_AUTO BIO *b = NULL;
	size_t n;
	int rc;

	if ((rc = pem_open(pem, what, &b, e)) != 0)
		return rc;
	for (n = 0;; n++) {
		X509_AUTO X509 *x = PEM_read_bio_X509(b, NULL, no_passphrase, NULL);

		if (x == NULL)
			break;
		if (X509_STORE_add_cert(store, x) != 1 ||
		    (names && SSL_CTX_add_client_CA(ctx, x) != 1))
			return openssl_err(e, ERR_CRYPTO, "%s: certificate %zu", what, n + 1);
	}
	if (!pem_ended() || n == 0)
		return openssl_err(e, ERR_FORMAT, "%s: certificate %zu is not PEM", what, n + 1);
	return 0;
}

static int64_t
asn1_seconds(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : INT64_MIN;
}

/* The one common name, if it is short and printable; a host's is its id. */
static void
common_name(const X509 *x, char out[TLS_CN_MAX + 1])
{
	const X509_NAME *name = X509_get_subject_name(x);
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	unsigned char *text = NULL;
	int n;

	out[0] = '\0';
	if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
		return;
	n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	if (n > 0 && n <= TLS_CN_MAX) {
		bool plain = true;

		for (int i = 0; i < n; i++)
			plain = plain && text[i] >= 0x20 && text[i] < 0x7f;
		if (plain) {
			memcpy(out, text, (size_t)n);
			out[n] = '\0';
		}
	}
	OPENSSL_free(text);
	ERR_clear_error();
}

void
tls_peer(struct ssl_st *ssl, int64_t now, struct tls_peer *out)
{
	X509 *x = SSL_get0_peer_certificate(ssl);
	unsigned n = sizeof(out->sha256);

	*out = (struct tls_peer){ 0 };
	if (x == NULL || SSL_get_verify_result(ssl) != X509_V_OK || !SSL_is_init_finished(ssl) ||
	    SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE)
		return;
	if (X509_digest(x, EVP_sha256(), out->sha256, &n) != 1) {
		ERR_clear_error();
		return;
	}
	out->not_after = asn1_seconds(X509_get0_notAfter(x));
	/* A resumed session was verified at its first handshake only. */
	out->present = asn1_seconds(X509_get0_notBefore(x)) <= now && now <= out->not_after;
	out->expired = !out->present;
	common_name(x, out->cn);
}

int
tls_peer_cert(struct ssl_st *ssl, struct buf *der, struct err *e)
{
	X509 *x = SSL_get0_peer_certificate(ssl);
	unsigned char *p = NULL;
	int n;

	if (x == NULL)
		return err_set(e, ERR_FORMAT, "the peer showed no certificate");
	if ((n = i2d_X509(x, &p)) <= 0)
		return openssl_err(e, ERR_CRYPTO, "the peer's certificate cannot be encoded");
	buf_put(der, p, (size_t)n);
	OPENSSL_free(p);
	return buf_done(der, e);
}

void
tls_facts(struct ssl_st *ssl, struct tls_facts *out)
{
	const SSL_CIPHER *suite = SSL_get_current_cipher(ssl);
	const char *group = NULL;

	*out = (struct tls_facts){ .version = "", .suite = "", .group = "" };
	if (!SSL_is_init_finished(ssl))
		return;
	out->established = true;
	out->resumed = SSL_session_reused(ssl) == 1;
	out->version = SSL_get_version(ssl);
	out->suite = suite == NULL ? "" : SSL_CIPHER_get_name(suite);
	group = SSL_group_to_name(ssl, (int)SSL_get_negotiated_group(ssl));
	out->group = group == NULL ? "" : group;
}

bool
tls_established(const struct ssl_st *ssl)
{
	return SSL_is_init_finished(ssl) == 1;
}

void
tls_goodbye(struct ssl_st *ssl)
{
	if (SSL_is_init_finished(ssl) && (SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN) == 0)
		(void)SSL_shutdown(ssl);
	ERR_clear_error();
}

void
tls_ssl_free(struct ssl_st *ssl)
{
	SSL_free(ssl);
}

void
tls_error_text(unsigned long code, struct buf *b)
{
	const char *reason = ERR_reason_error_string(code);

	if (reason != NULL)
		buf_str(b, reason);
	else
		buf_printf(b, "TLS error %lx", code);
}

const char *
tls_verify_text(const struct ssl_st *ssl)
{
	long why = SSL_get_verify_result(ssl);

	return why == X509_V_OK ? NULL : X509_verify_cert_error_string(why);
}
