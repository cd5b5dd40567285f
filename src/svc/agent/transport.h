/* transport.h: how messages get to the server; the loop knows no more about networks. */
#ifndef SVC_AGENT_TRANSPORT_H
#define SVC_AGENT_TRANSPORT_H

#include "base/buf.h"

struct agent_reply {
	unsigned status;		/* of HTTP */
	char code[64];			/* of a problem (RFC 9457), "" if it has none */
	char detail[512];		/* its sentence, escaped */
	unsigned retry_after;		/* seconds, 0: not said */
	struct buf body;		/* owned */
};
void agent_reply_free(struct agent_reply *r);

struct agent_transport {
	void *arg;
	/** One POST.  An error: there was no answer, and nobody knows whether it counted. */
	int (*post)(void *arg, const char *route, struct span body, struct agent_reply *out,
	    struct err *e);
	/** From now on with this certificate chain and key (PEM; both empty: without). */
	int (*identity)(void *arg, struct span chain, struct span key, struct err *e);
	/** Whom the next message goes to: a URL. */
	const char *(*where)(void *arg);
};

/* The one over HTTPS: port/net/http_client.h.
 *
 * Several servers that share one store are one server to an agent: it stays with the one that
 * answers, and turns to the next when that does not, or says that it cannot (502 to 504).
 * Which is the first is left to chance, so that a fleet spreads over them. */
struct transport_https;
struct transport_https_options {
	const char *const *urls;
	size_t n_urls;			/* 1 to LIMIT_AGENT_SERVERS */
	struct span server_ca;		/* PEM; copied */
	const char *server_name;	/* NULL: each URL's */
};
MUST_CHECK int transport_https_new(const struct transport_https_options *o,
    struct transport_https **t, struct err *e);
void transport_https_free(struct transport_https *t);
struct agent_transport transport_https(struct transport_https *t);

#define AGENT_REPLY_AUTO __attribute__((cleanup(agent_reply_free)))

#endif
