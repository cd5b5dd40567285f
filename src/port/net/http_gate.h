/* http_gate.h: what stands between the network and evhttp.
 *
 * evhttp (libevent 2.1) is lenient: it takes the first of two Content-Length fields, lets
 * Transfer-Encoding win over one, takes bare LF and folded lines, ends a line at a NUL,
 * reads "0x10" and "+5" as sizes of chunks, and leaves a HEAD request's body on the
 * connection as the next request.  Each of these lets two programs on the way disagree
 * where a request ends (request smuggling, RFC 9112 11.2).  It also says nothing between
 * head and body, where a body that is too large or not allowed should be refused.
 *
 * The gate sees each byte first.  It knows one spelling of each thing (RFC 9112 without
 * what it calls obsolete or leaves to tolerance), counts the body, and stops at the end of
 * a request.  What it refuses never reaches a handler; what it lets through, evhttp
 * parses, and both must agree.
 *
 * The gate is pure: bytes in, events out; no clock, no I/O.
 */
#ifndef PORT_NET_HTTP_GATE_H
#define PORT_NET_HTTP_GATE_H

#include "base/buf.h"
#include "port/net/router.h"

/* Spans point into the gate's copy of the head; their ${p} is NULL for a field not given. */
struct http_head {
	enum http_method method;	/* 0: not one of ours */
	struct span method_text, target, host, authorization, content_type;
	unsigned minor;			/* HTTP/1.x */
	bool has_length, chunked, expect, close;
	uint64_t length;		/* of the body, if not chunked; 0 if not said */
};

enum gate_event {
	GATE_MORE,		/* all bytes were used; nothing is complete */
	GATE_HEAD,		/* the head is complete: decide, then gate_body or gate_refuse */
	GATE_DONE,		/* the request is complete; what is left is the next one's */
	GATE_REFUSED,		/* see ${status}; nothing more is taken */
};

enum gate_state {
	GATE_IN_HEAD, GATE_DECIDE, GATE_IN_BODY, GATE_IN_SIZE, GATE_IN_DATA, GATE_DATA_END,
	GATE_IN_END, GATE_COMPLETE, GATE_BROKEN,
};

/* The parts of a head, by where they stand: the copy may move while it grows. */
enum head_part { HEAD_METHOD, HEAD_TARGET, HEAD_HOST, HEAD_AUTHORIZATION, HEAD_TYPE, HEAD_PARTS };
struct head_place { size_t off, n; bool given; };

struct http_gate {
	enum gate_state state;
	struct buf head;	/* owned; the bytes of the head */
	size_t line, lines;	/* where this line of it begins; how many came before */
	struct head_place at[HEAD_PARTS];
	struct http_head h;	/* spans from GATE_HEAD on */
	uint64_t left;		/* of the body or the chunk */
	uint64_t body;		/* bytes of content seen */
	size_t body_max;
	unsigned digits, ends;
	unsigned status;	/* why it refused */
	const char *code, *why;
};

void gate_init(struct http_gate *g);
void gate_free(struct http_gate *g);

/** gate_reset(g): For the next request of the connection, after GATE_DONE. */
void gate_reset(struct http_gate *g);

/** gate_feed(g, bytes): Take from the front of ${bytes} up to the next event. */
enum gate_event gate_feed(struct http_gate *g, struct span *bytes);

/** gate_body(g, most): After GATE_HEAD: let the body in, up to ${most} bytes.  GATE_MORE,
 * GATE_DONE if there is none, or GATE_REFUSED (413). */
enum gate_event gate_body(struct http_gate *g, size_t most);

/** gate_refuse(g, status, code, why): The owner refuses. */
enum gate_event gate_refuse(struct http_gate *g, unsigned status, const char *code,
    const char *why);

/** gate_started(g): Whether a byte of a request was seen. */
static inline bool
gate_started(const struct http_gate *g)
{
	return g->state != GATE_IN_HEAD || g->head.n != 0;
}

static inline bool
http_head_has_body(const struct http_head *h)
{
	return h->chunked || h->length != 0;
}

#endif
