/* tls.h: TLS 1.3 for the server, the agent and the command line.
 *
 * This module owns the contexts: which protocol, groups and suites are spoken, whose
 * certificates are believed and what a session ticket may carry on.  Only TLS 1.3 is
 * spoken; there is no early data (a replayed request must not count twice) and no
 * client-started renegotiation (TLS 1.3 has none).
 *
 * The server asks every client for a certificate and takes connections without one:
 * which request needs one is the router's decision.  A certificate that is shown must
 * verify against the client authorities given here, now, for client authentication;
 * else the handshake fails.  A resumed session carries the certificate of the first
 * handshake; tls_peer checks its validity again, because OpenSSL does not.
 *
 * The client believes the given authorities only, never the system's, and always checks
 * the server's name.  Any certificate in its list is an anchor, so that the server's own
 * certificate can be given alone.
 *
 * A connection is a `struct ssl_st *` (OpenSSL's SSL), opaque outside crypto/: it goes
 * to bufferevent_openssl_socket_new, which owns it from then on.  One tls_server or
 * tls_client may be used by any number of threads; one connection by one at a time.
 */
#ifndef CRYPTO_TLS_H
#define CRYPTO_TLS_H

#include "base/buf.h"

struct ssl_st;
struct tls_server;
struct tls_client;

/* All are PEM.  ${chain}: the own certificate first, then intermediates. */
struct tls_server_options {
	struct span chain, key;
	struct span client_ca;		/* empty: no client is asked for a certificate */
	unsigned ticket_seconds;	/* how long a session can be resumed; 0: LIMIT_TLS_TICKET_SECONDS */
	bool no_tickets;
};

MUST_CHECK int tls_server_new(const struct tls_server_options *o, struct tls_server **out,
    struct err *e);
void tls_server_free(struct tls_server *s);

/** tls_server_reload(s, o, e): Another certificate, key and list of authorities for the
 * connections to come; those that stand keep theirs.  On failure nothing changes.
 * Sessions can still be resumed if the authorities are the same ones. */
MUST_CHECK int tls_server_reload(struct tls_server *s, const struct tls_server_options *o,
    struct err *e);

/** tls_server_ssl(s, ssl, e): A connection that will accept. */
MUST_CHECK int tls_server_ssl(struct tls_server *s, struct ssl_st **ssl, struct err *e);

/** tls_server_settle(s, ssl): The handshake is over and tls_peer was asked: what only it needed
 * (the client's certificate, the session, the keys of the agreement: 10 of 26 KiB) is given
 * back.  tls_peer and tls_peer_cert know nobody from then on; sessions that ${ssl} gave are
 * resumed with the certificate all the same, which is in the ticket. */
void tls_server_settle(struct tls_server *s, struct ssl_st *ssl);

struct tls_client_options {
	struct span server_ca;
	struct span chain, key;		/* the client's certificate; both empty: none */
	bool no_resumption;		/* benchmarks: a full handshake each time */
};

MUST_CHECK int tls_client_new(const struct tls_client_options *o, struct tls_client **out,
    struct err *e);
void tls_client_free(struct tls_client *c);

/** tls_client_ssl(c, host, ssl, e): A connection that will connect to ${host}, a DNS name
 * or an IP address, which the server's certificate must name.  A session kept from an
 * earlier connection to the same name is offered. */
MUST_CHECK int tls_client_ssl(struct tls_client *c, const char *host, struct ssl_st **ssl,
    struct err *e);

/** tls_client_unsent(c, ssl): To be called before ${ssl} is freed when it could not connect: a
 * session that was never offered goes back, for the host's next address. */
void tls_client_unsent(struct tls_client *c, struct ssl_st *ssl);

#define TLS_CN_MAX 64	/* ub-common-name, RFC 5280 A.1; in UTF-8 here */

struct tls_peer {
	bool present;			/* a certificate was shown, verified, and is valid now */
	bool expired;			/* one was verified once; it is not valid any more, so not present */
	uint8_t sha256[32];		/* of its DER */
	char cn[TLS_CN_MAX + 1];	/* "" unless it has exactly one, printable, of up to 64 bytes */
	int64_t not_after;		/* seconds since the epoch */
};

/** tls_peer(ssl, now, out): Who is at the other end, after the handshake. */
void tls_peer(struct ssl_st *ssl, int64_t now, struct tls_peer *out);

/** tls_peer_cert(ssl, der, e): The same certificate's DER, appended; ERR_FORMAT if none. */
MUST_CHECK int tls_peer_cert(struct ssl_st *ssl, struct buf *der, struct err *e);

/* What was agreed, for benchmarks, tests and `doctor`. */
struct tls_facts {
	const char *version, *suite, *group;	/* static text; "" where not known */
	bool established, resumed;
};
void tls_facts(struct ssl_st *ssl, struct tls_facts *out);

/** tls_established(ssl): Whether the handshake is complete. */
bool tls_established(const struct ssl_st *ssl);

/** tls_goodbye(ssl): Send close_notify if the connection still can; never blocks. */
void tls_goodbye(struct ssl_st *ssl);

/** tls_ssl_free(ssl): For a connection nobody else owns. */
void tls_ssl_free(struct ssl_st *ssl);

/** tls_error_text(code, b): An OpenSSL error code (of bufferevent_get_openssl_error) in words. */
void tls_error_text(unsigned long code, struct buf *b);

/** tls_verify_text(ssl): Why the peer's certificate was refused; NULL if it was not. */
const char *tls_verify_text(const struct ssl_st *ssl);

static inline void
tls_server_freep(struct tls_server **s)
{
	tls_server_free(*s);
}
static inline void
tls_client_freep(struct tls_client **c)
{
	tls_client_free(*c);
}
#define TLS_SERVER_AUTO __attribute__((cleanup(tls_server_freep)))
#define TLS_CLIENT_AUTO __attribute__((cleanup(tls_client_freep)))

#endif
