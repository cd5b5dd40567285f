/* http_client.h: a synchronous HTTPS client for the agent and the command line.
 *
 * One client speaks to one server over one kept connection; evhttp (libevent) speaks
 * HTTP, crypto/tls.h decides whom to believe.  Nothing else is linked: no curl, no system
 * authorities, no proxies, no redirects, no cookies, no compression.
 *
 * Every call returns within its deadlines: one to be connected (TCP and handshake, over all
 * addresses of the name; looking the name up takes what the system's resolver takes), one
 * for the whole answer.  The answer's size has a ceiling.  A status of 400 or more is
 * a result; an error (ERR_NETWORK, ERR_LIMIT) means that there was no answer.
 *
 * A kept connection may have been closed by the server meanwhile.  A request that cannot
 * have been acted on, or that may be repeated (GET, HEAD, PUT, DELETE, or ${repeatable}),
 * is then sent once more over a new connection; another one is an error, because nobody
 * knows whether it counted.
 *
 * A client is used by one thread at a time.
 */
#ifndef PORT_NET_HTTP_CLIENT_H
#define PORT_NET_HTTP_CLIENT_H

#include "base/buf.h"
#include "crypto/tls.h"
#include "port/net/router.h"

struct http_client;

struct http_client_options {
	const char *url;		/* "https://host[:port]"; "http://" to a loopback address only */
	struct tls_client *tls;		/* borrowed; for https */
	const char *server_name;	/* checked instead of the URL's host; NULL: that one */
	const char *bearer;		/* token, or NULL */
	const char *user_agent;		/* NULL: none */
	unsigned connect_ms, answer_ms;	/* 0: the default of base/limits.h */
};

MUST_CHECK int http_client_new(const struct http_client_options *o, struct http_client **out,
    struct err *e);
void http_client_free(struct http_client *c);

/** http_client_tls(c, tls): Another identity from the next connection on; the kept one is
 * closed (a renewed certificate). */
void http_client_tls(struct http_client *c, struct tls_client *tls);

struct http_call {
	enum http_method method;
	const char *target;		/* "/v1/hosts?label=x", escaped already */
	struct span body;
	const char *type;		/* of the body; NULL: application/json if there is one */
	const char *accept;		/* NULL: anything */
	const char *if_match, *if_none_match;	/* without quotes; NULL: none */
	const char *last_event_id;	/* of event streams; NULL: none */
	bool repeatable;		/* may be sent twice although it is a POST */
	size_t answer_max;		/* 0: LIMIT_HTTP_ANSWER */
	unsigned answer_ms;		/* 0: the client's */
};

struct http_result {
	unsigned status;
	char type[128];			/* media type, lower case, without parameters */
	char etag[128];			/* without quotes, "" if there was none */
	char location[256];
	unsigned retry_after;		/* seconds, 0 if not said */
	struct buf body;		/* owned */
};
void http_result_free(struct http_result *r);

/** http_client_call(c, call, out, e): ${out} is set only when there was an answer. */
MUST_CHECK int http_client_call(struct http_client *c, const struct http_call *call,
    struct http_result *out, struct err *e);

/** http_result_check(r, e): 0 for 2xx and 304; else an error that says in the server's words
 * (problem+json) what is wrong: ERR_USAGE for 400, 404, 409, 412, 422; ERR_KEY for 401 and
 * 403; ERR_LIMIT for 413 and 429; ERR_NETWORK for the others. */
MUST_CHECK int http_result_check(const struct http_result *r, struct err *e);

/* One server-sent event; the fields are bytes and live during the call. */
struct http_event {
	struct span event;	/* "message" if it was not named */
	struct span id;
	struct span data;
};

/** Called for each event, and with NULL at each heartbeat and at least once a second, so
 * that the caller can end: false stops. */
typedef bool http_event_fn(void *arg, const struct http_event *ev);

/** http_client_stream(c, target, last_id, fn, arg, e): GET on a connection of its own until
 * the server or ${fn} ends it (0), or an error: the server refused (as http_result_check), or
 * nothing, not even a heartbeat, came for LIMIT_HTTP_STREAM_SILENCE_MS. */
MUST_CHECK int http_client_stream(struct http_client *c, const char *target,
    const char *last_id, http_event_fn *fn, void *arg, struct err *e);

/* Why the last call had no answer, as far as a person can do something about it. */
enum http_fault {
	HTTP_FAULT_NONE = 0,
	HTTP_FAULT_CONNECT,	/* nobody answers at that address and port */
	HTTP_FAULT_UNTRUSTED,	/* the server's certificate is not of the given authority, or of another name */
	HTTP_FAULT_TLS,		/* the handshake failed: no TLS there, or our certificate was refused */
	HTTP_FAULT_SILENT,	/* connected, and then nothing */
};
enum http_fault http_client_fault(const struct http_client *c);

/** What the connection in use agreed on; false if there is none. */
bool http_client_facts(const struct http_client *c, struct tls_facts *out);

/** http_client_close(c): Drop the kept connection; the next call makes another. */
void http_client_close(struct http_client *c);

static inline void
http_client_freep(struct http_client **c)
{
	http_client_free(*c);
}
#define HTTP_CLIENT_AUTO __attribute__((cleanup(http_client_freep)))
#define HTTP_RESULT_AUTO __attribute__((cleanup(http_result_free)))

#endif
