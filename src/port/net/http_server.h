/* http_server.h: the HTTPS server: loops, connections, deadlines and answers.
 *
 * libevent's evhttp parses and writes HTTP/1.1 on TLS bufferevents, in some worker
 * threads that each have a loop and a listening socket of their own.  A gate in front of
 * it (http_gate.h) sees each request's bytes first and refuses what two parsers could
 * read in two ways, what is too large, and what the caller may not ask, before the body
 * is read; evhttp must then agree with the gate about method, target and body.
 *
 * Every phase of a connection has a deadline that dripping bytes does not move: the
 * handshake, a request's head, its body, the client's taking of the answer, idleness
 * between requests.  Connections are bounded in all and by address.
 *
 * A handler gets a struct http_request and must give it up exactly once, now or later and
 * from any thread: by http_request_reply, http_request_problem or http_stream_begin.
 * All it asks of a request before that may be read from any thread.  A client that went
 * away meanwhile changes nothing for the handler: the answer is dropped.
 *
 * Answers of the server itself (400, 401, 403, 404, 405, 408, 413, 415, 417, 431, 500,
 * 503) are problem+json (RFC 9457) like the handlers' own.
 */
#ifndef PORT_NET_HTTP_SERVER_H
#define PORT_NET_HTTP_SERVER_H

#include "base/buf.h"
#include "base/json.h"
#include "crypto/tls.h"
#include "port/net/router.h"

struct http_server;
struct http_request;
struct http_stream;

struct http_peer {
	char address[46];	/* INET6_ADDRSTRLEN; IPv4 never as ::ffff:a.b.c.d */
	uint16_t port;
	struct tls_peer cert;
};

#define HTTP_CALLER_MAX 128

/* Who asks, as the callback below found out. */
struct http_caller {
	enum principal principal;	/* PRINCIPAL_UNSET: nobody known */
	char id[HTTP_CALLER_MAX];	/* host id, user's name: for handlers and logs */
	uint64_t number;		/* for the callback's use: a row, an index */
};

/** Says who a peer is; runs in a loop, for routes that are not public, before the body is
 * read, so it answers from memory.  ${bearer}: the token of "Authorization: Bearer", empty
 * if there is none.  ${out} comes zeroed: nobody. */
typedef void http_who(void *arg, const struct http_peer *peer, struct span bearer,
    struct http_caller *out);

enum http_log_level { HTTP_LOG_DEBUG, HTTP_LOG_INFO, HTTP_LOG_WARNING };
typedef void http_log(void *arg, enum http_log_level level, const char *line);

struct http_server_options {
	const char *address;		/* "127.0.0.1", "::" (IPv4 too), ... */
	uint16_t port;			/* 0: any; see http_server_port */
	struct tls_server *tls;		/* borrowed */
	bool plain;			/* no TLS: only on a loopback address, for development and tests */
	unsigned workers;		/* 0: one for each CPU this process may use */

	const struct router *router;	/* borrowed, as all that follows */
	void *arg;			/* for handlers, who and log */
	http_who *who;			/* NULL: nobody is ever known */
	http_log *log;			/* NULL: silence */
	const char *server_name;	/* "Server:"; NULL: none is sent */

	/* 0: the default of base/limits.h. */
	unsigned max_connections, max_per_address;
	unsigned handshake_ms, head_ms, body_ms, write_ms, idle_ms, heartbeat_ms;
	size_t bodies_max;		/* bytes of bodies held at once; more is answered 503 */
	size_t stream_queue;		/* bytes a stream's client may lag behind */
};

/** http_server_new(o, out, e): Bind, listen and serve.  Handlers may run before it returns, so
 * what they need of ${arg} must be there before; and the server itself is not, for them. */
MUST_CHECK int http_server_new(const struct http_server_options *o, struct http_server **out,
    struct err *e);

uint16_t http_server_port(const struct http_server *s);

/** http_server_stop(s, grace_ms): Accept no more, end streams and idle connections, let
 * running requests finish for at most ${grace_ms}, then cut.  Returns when no loop runs
 * any more.  Handlers' threads may still reply: that is then without effect. */
void http_server_stop(struct http_server *s, unsigned grace_ms);

/** http_server_free(s): Stops (without grace) if it runs.  Every request must have been
 * given up and every stream ended before. */
void http_server_free(struct http_server *s);

struct http_server_facts {
	uint64_t connections, handshakes, resumed, requests, refused, cut, streams_dropped;
	unsigned open, streams;
};
void http_server_facts(const struct http_server *s, struct http_server_facts *out);

/* ---- A request.  Spans live until it is given up. ---- */

const struct route *http_request_route(const struct http_request *r);
enum http_method http_request_method(const struct http_request *r);	/* HEAD is GET here */
struct span http_request_path(const struct http_request *r);	/* as sent, without the query */
struct span http_request_body(const struct http_request *r);
const struct http_peer *http_request_peer(const struct http_request *r);
const struct http_caller *http_request_caller(const struct http_request *r);
unsigned http_request_worker(const struct http_request *r);	/* number of its loop, from 0 */

/** http_request_param(r, name): "{id}" of the pattern; asking for one it lacks is a fault. */
struct span http_request_param(const struct http_request *r, const char *name);

/** http_request_query(r, name, value): False if it was not given. */
bool http_request_query(const struct http_request *r, const char *name, struct span *value);

/** http_request_query_u64(r, name, otherwise, most, out): A decimal number up to ${most}, or
 * ${otherwise} if it was not given; else the request was answered (400) and false is returned. */
MUST_CHECK bool http_request_query_u64(struct http_request *r, const char *name,
    uint64_t otherwise, uint64_t most, uint64_t *out);

/** http_request_header(r, name, value): The first of that name, any case. */
bool http_request_header(const struct http_request *r, const char *name, struct span *value);

/** http_request_arena(r): Memory that lives as long as the request. */
struct arena *http_request_arena(struct http_request *r);

/** http_request_json(r, out): The body as JSON; else it was answered (400) and false. */
MUST_CHECK bool http_request_json(struct http_request *r, json_t **out);

/** http_request_not_modified(r, etag): Whether If-None-Match names ${etag} (strong text
 * without quotes): answer 304 then. */
bool http_request_not_modified(const struct http_request *r, const char *etag);

enum http_precondition { HTTP_MATCHES, HTTP_DIFFERS, HTTP_NOT_GIVEN };
/** http_request_if_match(r, etag): What If-Match says of ${etag}; NULL: nothing exists yet. */
enum http_precondition http_request_if_match(const struct http_request *r, const char *etag);

/* ---- An answer. ---- */

struct http_field {
	const char *name;
	const char *value;	/* no control bytes: else the answer becomes a 500 */
};

struct http_answer {
	unsigned status;		/* 0: the route's */
	const char *type;		/* NULL: the route's, or application/json */
	struct span body;		/* copied */
	const char *etag;		/* without quotes; NULL: none */
	const struct http_field *fields;	/* more of them */
	size_t n_fields;
	bool close;			/* and close the connection then */
};

/** http_request_reply(r, a): Answer; gives ${r} up.  From any thread. */
void http_request_reply(struct http_request *r, const struct http_answer *a);

/** http_request_json_reply(r, status, etag, j): The same with a tree (borrowed). */
void http_request_json_reply(struct http_request *r, unsigned status, const char *etag,
    const json_t *j);

/** http_request_problem(r, status, code, fmt, ...): problem+json {type: about:blank, title:
 * the status in words, status, detail: the sentence, code: a stable word}.  The sentence
 * reaches the client: it holds no secret and nothing it did not know. */
void http_request_problem(struct http_request *r, unsigned status, const char *code,
    const char *fmt, ...) ERR_PRINTF(4, 5);

/** http_request_later(r, status, seconds, code, why): The same, 503 or 429, with Retry-After. */
void http_request_later(struct http_request *r, unsigned status, unsigned seconds, const char *code,
    const char *why);

/** http_request_error(r, e): An error of ours: ERR_* of input are 400 with the sentence,
 * ERR_LIMIT 413, ERR_NOT_FOUND 404, ERR_CONFLICT 409, the others 500 or 503 without it (it
 * is logged). */
void http_request_error(struct http_request *r, const struct err *e);

/* ---- Server-sent events (text/event-stream).  All calls from any thread. ---- */

/** http_stream_begin(r): Answer 200 and keep on; gives ${r} up.  Never NULL (the stream of
 * a client that is gone swallows everything). */
struct http_stream *http_stream_begin(struct http_request *r);

/** http_stream_send(s, event, id, data): One event; ${event} and ${id} may be NULL; newlines
 * in ${data} become several data lines.  False: the client is gone, was too slow (its queue
 * was full, the connection is cut and the log says so) or the server stops. */
bool http_stream_send(struct http_stream *s, const char *event, const char *id,
    struct span data);

bool http_stream_gone(const struct http_stream *s);

/** http_stream_behind(s): Bytes that the client has not taken, or a little less time ago had not:
 * never fewer than it has not now, and each call has them counted anew for the next.  One
 * thread asks, the one that ends the stream. */
size_t http_stream_behind(struct http_stream *s);

/** http_stream_end(s): Ends the stream and gives ${s} up; must be called once. */
void http_stream_end(struct http_stream *s);

#endif
