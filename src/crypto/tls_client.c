/* tls_client.c: the client's context, and the session it keeps. */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>

#include "crypto/openssl_err.h"
#include "crypto/tls_internal.h"

#define HOST_MAX 255	/* RFC 1035 2.3.4 */

struct tls_client {
	SSL_CTX *ctx;
	bool resume;
	pthread_mutex_t lock;	/* of what follows */
	char host[HOST_MAX + 1];	/* whose ${session} is */
	SSL_SESSION *session;
};

/* A connection carries the name it was made for, freed with it. */
static int host_index = -1;

static void
host_free(void *parent, void *p, CRYPTO_EX_DATA *d, int at, long argl, void *argp)
{
	(void)parent, (void)d, (void)at, (void)argl, (void)argp;
	free(p);
}

static void
host_index_make(void)
{
	host_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, host_free);
}

static void
keep_session(struct tls_client *c, SSL_SESSION *session, const char *host)
{
	(void)pthread_mutex_lock(&c->lock);
	SSL_SESSION_free(c->session);
	c->session = session;
	(void)snprintf(c->host, sizeof(c->host), "%s", host);
	(void)pthread_mutex_unlock(&c->lock);
}

/* OpenSSL calls it when a ticket came.  A ticket is used once (RFC 8446 C.4), and the newest
 * one is kept: the server sends one with each connection. */
static int
ticket_came(SSL *ssl, SSL_SESSION *session)
{
	struct tls_client *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	const char *host = SSL_get_ex_data(ssl, host_index);

	if (c == NULL || host == NULL || !c->resume)
		return 0;
	keep_session(c, session, host);
	return 1;	/* it is ours now */
}

int
tls_client_new(const struct tls_client_options *o, struct tls_client **out, struct err *e)
{
	TLS_CTX_AUTO SSL_CTX *ctx = NULL;
	struct tls_client *c;
	int rc;

	if ((rc = tls_ctx_new(false, &ctx, e)) != 0 ||
	    (rc = tls_ctx_anchors(ctx, o->server_ca, "authorities of the server", false, e)) != 0 ||
	    (o->chain.n + o->key.n != 0 && (rc = tls_ctx_identity(ctx, o->chain, o->key, e)) != 0))
		return rc;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return err_set(e, ERR_NOMEM, "TLS for the client");
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, ticket_came);
	(void)SSL_CTX_set_app_data(ctx, c);
	(void)pthread_mutex_init(&c->lock, NULL);
	c->resume = !o->no_resumption;
	c->ctx = ctx;
	ctx = NULL;
	*out = c;
	return 0;
}

void
tls_client_free(struct tls_client *c)
{
	if (c == NULL)
		return;
	(void)SSL_CTX_set_app_data(c->ctx, NULL);	/* connections may outlive us */
	SSL_CTX_free(c->ctx);
	SSL_SESSION_free(c->session);
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
}

/* The name is checked as an address if it is one, else as a DNS name against the
 * subjectAltName only (RFC 6125 6.4.4); an address is not sent as server name (RFC 6066 3). */
static bool
set_name(SSL *ssl, char *host)
{
	X509_VERIFY_PARAM *p = SSL_get0_param(ssl);
	unsigned char address[16];

	if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(p, host) == 1;
	X509_VERIFY_PARAM_set_hostflags(p,
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return X509_VERIFY_PARAM_set1_host(p, host, 0) == 1 &&
	    SSL_set_tlsext_host_name(ssl, host) == 1;
}

/* The session kept for ${host}, taken out: a ticket is not used twice. */
static SSL_SESSION *
take_session(struct tls_client *c, const char *host)
{
	SSL_SESSION *s = NULL;

	(void)pthread_mutex_lock(&c->lock);
	if (c->session != NULL && strcmp(c->host, host) == 0) {
		s = c->session;
		c->session = NULL;
	}
	(void)pthread_mutex_unlock(&c->lock);
	return s;
}

int
tls_client_ssl(struct tls_client *c, const char *host, struct ssl_st **ssl, struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	SSL_SESSION *session;
	char *name;
	SSL *s;

	(void)pthread_once(&once, host_index_make);
	if (host[0] == '\0' || strlen(host) > HOST_MAX)
		return err_set(e, ERR_USAGE, "\"%.64s\" is not a server's name", host);
	if ((s = SSL_new(c->ctx)) == NULL || (name = strdup(host)) == NULL) {
		SSL_free(s);
		return openssl_err(e, ERR_NOMEM, "a TLS connection");
	}
	if (SSL_set_ex_data(s, host_index, name) != 1) {
		free(name);
		SSL_free(s);
		return openssl_err(e, ERR_NOMEM, "a TLS connection");
	}
	if (!set_name(s, name)) {
		SSL_free(s);
		return openssl_err(e, ERR_USAGE, "\"%.64s\" is not a server's name", host);
	}
	if ((session = take_session(c, host)) != NULL) {
		(void)SSL_set_session(s, session);
		SSL_SESSION_free(session);
	}
	*ssl = s;
	return 0;
}

void
tls_client_unsent(struct tls_client *c, struct ssl_st *ssl)
{
	const char *host = SSL_get_ex_data(ssl, host_index);

	if (SSL_in_before(ssl) && SSL_get_session(ssl) != NULL && host != NULL)
		keep_session(c, SSL_get1_session(ssl), host);
}
