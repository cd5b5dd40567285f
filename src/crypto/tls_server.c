/* tls_server.c: the server's context, which can be exchanged under running connections. */
#include <openssl/err.h>
#include <pthread.h>

#include "base/digest_alg.h"
#include "base/limits.h"
#include "crypto/digest.h"
#include "crypto/openssl_err.h"
#include "crypto/tls_internal.h"

#define SUITES 3	/* that tls_ctx_new allows */

struct tls_server {
	pthread_mutex_t lock;	/* of all below; a connection has references of its own */
	SSL_CTX *ctx;
	struct digest ca;	/* of the authorities' PEM */

	/* What settled connections share, made with the first of them. */
	SSL_CTX *settled;
	SSL_SESSION *sessions[SUITES];
};

/* A ticket is worth what the certificate in it was verified against: the context of its
 * session is the list of authorities, so that other authorities end all sessions. */
static int
set_sessions(SSL_CTX *ctx, const struct tls_server_options *o, const struct digest *ca,
    struct err *e)
{
	unsigned seconds = o->ticket_seconds != 0 ? o->ticket_seconds : LIMIT_TLS_TICKET_SECONDS;

	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_timeout(ctx, (long)seconds);
	if (SSL_CTX_set_session_id_context(ctx, ca->v, ca->size) != 1 ||
	    SSL_CTX_set_num_tickets(ctx, o->no_tickets ? 0 : 1) != 1)
		return openssl_err(e, ERR_CRYPTO, "session tickets could not be set up");
	return 0;
}

/* OpenSSL's own check; but the chain it found, which would be kept with the connection, is of no
 * use to anybody. */
static int
verify_client(X509_STORE_CTX *ctx, void *arg)
{
	bool good = X509_verify_cert(ctx) > 0;	/* below 0, it could not tell */

	(void)arg;
	X509_STORE_CTX_set0_verified_chain(ctx, NULL);
	return good ? 1 : 0;
}

static int
context_make(const struct tls_server_options *o, SSL_CTX **out, struct digest *ca,
    struct err *e)
{
	TLS_CTX_AUTO SSL_CTX *c = NULL;
	int rc;

	if ((rc = digest_of(DIGEST_SHA256, o->client_ca, ca, e)) != 0 ||
	    (rc = tls_ctx_new(true, &c, e)) != 0 ||
	    (rc = tls_ctx_identity(c, o->chain, o->key, e)) != 0)
		return rc;
	if (o->client_ca.n != 0) {
		rc = tls_ctx_anchors(c, o->client_ca, "authorities of client certificates", true, e);
		if (rc != 0)
			return rc;
		/* Without FAIL_IF_NO_PEER_CERT: none is good, a bad one is not. */
		SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
		SSL_CTX_set_cert_verify_callback(c, verify_client, NULL);
	}
	if ((rc = set_sessions(c, o, ca, e)) != 0)
		return rc;
	*out = c;
	c = NULL;
	return 0;
}

int
tls_server_new(const struct tls_server_options *o, struct tls_server **out, struct err *e)
{
	struct tls_server *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return err_set(e, ERR_NOMEM, "TLS for the server");
	if ((rc = context_make(o, &s->ctx, &s->ca, e)) != 0) {
		free(s);
		return rc;
	}
	(void)pthread_mutex_init(&s->lock, NULL);
	*out = s;
	return 0;
}

void
tls_server_free(struct tls_server *s)
{
	if (s == NULL)
		return;
	SSL_CTX_free(s->ctx);
	SSL_CTX_free(s->settled);
	for (size_t i = 0; i < SUITES; i++)
		SSL_SESSION_free(s->sessions[i]);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Tickets made before are good after, if they would be judged the same. */
static void
keep_ticket_keys(SSL_CTX *from, SSL_CTX *to)
{
	unsigned char keys[128];
	long n = SSL_CTX_get_tlsext_ticket_keys(from, NULL, 0);

	if (n > 0 && (size_t)n <= sizeof(keys) && SSL_CTX_get_tlsext_ticket_keys(from, keys, n) == 1)
		(void)SSL_CTX_set_tlsext_ticket_keys(to, keys, n);
	OPENSSL_cleanse(keys, sizeof(keys));
	ERR_clear_error();
}

int
tls_server_reload(struct tls_server *s, const struct tls_server_options *o, struct err *e)
{
	TLS_CTX_AUTO SSL_CTX *old = NULL;
	SSL_CTX *fresh;
	struct digest ca;
	int rc;

	if ((rc = context_make(o, &fresh, &ca, e)) != 0)
		return rc;
	(void)pthread_mutex_lock(&s->lock);
	old = s->ctx;
	if (digest_eq(&ca, &s->ca))
		keep_ticket_keys(old, fresh);
	s->ctx = fresh;
	s->ca = ca;
	(void)pthread_mutex_unlock(&s->lock);
	return 0;
}

int
tls_server_ssl(struct tls_server *s, struct ssl_st **ssl, struct err *e)
{
	SSL *c;

	(void)pthread_mutex_lock(&s->lock);
	c = SSL_new(s->ctx);
	(void)pthread_mutex_unlock(&s->lock);
	if (c == NULL)
		return openssl_err(e, ERR_NOMEM, "a TLS connection");
	*ssl = c;
	return 0;
}

/* ---- settling: what only the handshake needed is given back ---- */

/* A session that holds nothing but the suite, for all connections of this suite. */
static SSL_SESSION *
bare_session(struct tls_server *s, const SSL_CIPHER *suite)
{
	SSL_SESSION *one;
	size_t i;

	for (i = 0; i < SUITES && s->sessions[i] != NULL; i++)
		if (SSL_SESSION_get0_cipher(s->sessions[i]) == suite)
			return s->sessions[i];
	if (suite == NULL || i == SUITES || (one = SSL_SESSION_new()) == NULL)
		return NULL;
	if (SSL_SESSION_set_protocol_version(one, TLS1_3_VERSION) != 1 ||
	    SSL_SESSION_set_cipher(one, suite) != 1) {
		SSL_SESSION_free(one);
		return NULL;
	}
	return s->sessions[i] = one;
}

/* SSL_set_session begins a connection anew whose method is not that of its context, and a
 * context that was made for any version is left behind by the method that was agreed.  So the
 * connection gets a context that was made with this very method first.  From OpenSSL 3.2 on
 * the method compared is the one that a connection began with, which nothing changes: there
 * the session stays. */
static bool
use_settled(struct tls_server *s, SSL *ssl)
{
	const SSL_METHOD *method = SSL_get_ssl_method(ssl);

	if (OPENSSL_version_major() != 3 || OPENSSL_version_minor() > 1)
		return false;
	if (s->settled == NULL)
		s->settled = SSL_CTX_new(method);
	return s->settled != NULL && SSL_CTX_get_ssl_method(s->settled) == method &&
	    SSL_set_SSL_CTX(ssl, s->settled) == s->settled;
}

/* The keys of the agreement, also the secret one: a connection would hold them to its end. */
static void
wipe_key(EVP_PKEY *k)
{
	(void)EVP_PKEY_set_type(k, EVP_PKEY_get_id(k));
	EVP_PKEY_free(k);
}

void
tls_server_settle(struct tls_server *s, struct ssl_st *ssl)
{
	SSL_SESSION *bare;
	EVP_PKEY *k;

	if (SSL_version(ssl) != TLS1_3_VERSION || !SSL_is_init_finished(ssl))
		return;
	if (SSL_get_peer_tmp_key(ssl, &k) == 1)
		wipe_key(k);
	if (SSL_get_tmp_key(ssl, &k) == 1)
		wipe_key(k);
	(void)pthread_mutex_lock(&s->lock);
	bare = bare_session(s, SSL_get_current_cipher(ssl));
	if (bare != NULL && use_settled(s, ssl))
		(void)SSL_set_session(ssl, bare);
	(void)pthread_mutex_unlock(&s->lock);
	ERR_clear_error();
}
