/* tls_server.c: the server's context, which can be exchanged under running connections. */
#include <openssl/err.h>
#include <pthread.h>

#include "base/digest_alg.h"
#include "base/limits.h"
#include "crypto/digest.h"
#include "crypto/openssl_err.h"
#include "crypto/tls_internal.h"

struct tls_server {
	pthread_mutex_t lock;	/* of ${ctx}, the pointer: a connection has its own reference */
	SSL_CTX *ctx;
	struct digest ca;	/* of the authorities' PEM */
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
