/* http_internal.h: the parts of the HTTP server among themselves.
 *
 * A worker is a thread with a loop, an evhttp and a listening socket.  A connection
 * belongs to one worker and is touched by its thread only; it is born when evhttp asks
 * for a bufferevent and dies when evhttp closes it (conn_closed).  A request belongs to
 * whoever answers it until that one gives it up; its ${c} is the worker's alone and
 * becomes NULL when the client is gone.
 *
 * Other threads reach a worker only through its inbox (worker_post): libevent needs no
 * locks then, and none are switched on.
 */
#ifndef PORT_NET_HTTP_INTERNAL_H
#define PORT_NET_HTTP_INTERNAL_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <pthread.h>
#include <sys/queue.h>

#include "base/arena.h"
#include "port/net/http_gate.h"
#include "port/net/http_server.h"

/* Seconds: with 503 and 429, where the handler says nothing else. */
#define HTTP_RETRY_AFTER 5

struct conn;
struct worker;

/* ---- http_address.c: how many connections an address has. ---- */
struct address_table;
struct address_table *address_table_new(void);
void address_table_free(struct address_table *t);
/** address_add(t, key, most): False if ${key} has ${most} already. */
bool address_add(struct address_table *t, const uint8_t key[16], unsigned most);
void address_remove(struct address_table *t, const uint8_t key[16]);

/* ---- http_bodies.c ---- */
/** bodies_take(s, r, n): NULL, or why ${r} may have no body of ${n} bytes now. */
const char *bodies_take(struct http_server *s, struct http_request *r, size_t n);
void bodies_give(struct http_server *s, struct http_request *r);

/* ---- http_server.c ---- */
struct http_server {
	struct http_server_options o;	/* with defaults filled in */
	uint16_t port;
	unsigned n_workers;
	struct worker *workers;		/* owned array */
	struct address_table *addresses;
	unsigned open;			/* connections, atomic */
	pthread_mutex_t bodies_lock;
	size_t bodies, bodies_strange, bodies_large;	/* bytes promised to bodies */
	struct http_request *large[LIMIT_HTTP_LARGE];	/* whose body is large; NULL: free */
	bool stopping;			/* atomic */
	bool stopped;
};

void http_say(const struct http_server *s, enum http_log_level level, const char *fmt, ...)
    ERR_PRINTF(3, 4);

uint64_t http_now_ms(void);

/* ---- http_worker.c ---- */

/* What another thread asks of a loop. */
struct job {
	STAILQ_ENTRY(job) next;
	void (*run)(struct job *j, bool open);	/* not ${open}: the loop is gone, only free */
};
STAILQ_HEAD(job_list, job);
TAILQ_HEAD(conn_list, conn);

enum phase {
	PHASE_FRESH,		/* not known to the loop yet */
	PHASE_HANDSHAKE,
	PHASE_HEAD,
	PHASE_BODY,
	PHASE_READY,		/* the gate has the whole request, evhttp does not yet */
	PHASE_HANDLING,
	PHASE_WRITING,
	PHASE_IDLE,
	PHASE_STREAM,
	PHASE_LINGER,		/* refused: what still comes is thrown away */
	PHASE_COUNT,
};

enum counter {
	COUNT_CONNECTIONS, COUNT_HANDSHAKES, COUNT_RESUMED, COUNT_REQUESTS, COUNT_REFUSED, COUNT_CUT,
	COUNT_DROPPED, COUNT_STREAMS, COUNT_COUNT,
};

struct worker {
	struct http_server *s;
	unsigned number;
	pthread_t thread;
	bool started;
	int listen_fd;			/* until evhttp has it */
	struct event_base *base;
	struct evhttp *http;
	struct evhttp_bound_socket *bound;
	int wake_fd;			/* eventfd */
	struct event *wake, *tick, *later;
	struct conn_list phases[PHASE_COUNT];
	struct conn_list waiting;	/* for ${later} */
	unsigned n_conns;
	bool accept_paused;		/* out of descriptors */
	unsigned accepted;		/* in this turn of the loop */
	uint64_t stop_at;		/* 0: not stopping */
	uint64_t ticked_at;
	bool forgave;			/* the last tick was late, and nobody was cut by it */
	uint64_t said_at;		/* when a refused connection was logged last */
	uint64_t counters[COUNT_COUNT];	/* atomic */
	struct http_target target;	/* scratch of the request being decided */

	pthread_mutex_t lock;		/* of the inbox */
	struct job_list inbox;
	bool gone;			/* nobody reads the inbox any more */
};

MUST_CHECK int worker_init(struct worker *w, struct err *e);
MUST_CHECK int worker_start(struct worker *w, struct err *e);
void worker_done(struct worker *w);
bool worker_here(const struct worker *w);	/* are we its thread? */
void worker_post(struct worker *w, struct job *j);
void worker_stop(struct worker *w, unsigned grace_ms);
void worker_later(struct worker *w, struct conn *c);
void worker_accepted(struct worker *w);

static inline void
worker_count(struct worker *w, enum counter what)
{
	(void)__atomic_add_fetch(&w->counters[what], 1, __ATOMIC_RELAXED);
}

/* ---- http_accept.c, http_conn.c ---- */
struct conn {
	TAILQ_ENTRY(conn) in_phase;
	TAILQ_ENTRY(conn) in_waiting;
	struct worker *w;
	struct bufferevent *bev;	/* evhttp's */
	struct evbuffer_cb_entry *input_cb;
	struct evhttp_connection *evcon;	/* known from the first turn of the loop on */
	struct ssl_st *ssl;		/* the bufferevent's; NULL: plain */
	enum phase phase;
	uint64_t since;			/* when the phase began */
	bool waiting, counted, known;
	bool broken;		/* refused; or never good */
	bool closing;		/* after the answer */
	uint8_t key[16];		/* in the table of addresses */
	struct http_peer peer;

	struct http_gate gate;
	size_t unseen;			/* bytes at the end of the input that the gate has not seen */
	struct http_request *r;		/* decided or running; NULL between requests */
	struct evhttp_request *ev;	/* evhttp's half of ${r}, while there is one to answer */
	size_t out_total;		/* bytes of the answer being taken */
	size_t stream_left, stream_added;	/* what a stream's client had not taken, and since */
};

/** conn_new(base, w): evhttp wants a bufferevent. */
struct bufferevent *conn_new(struct event_base *base, void *w);

/** conn_admit(c): evhttp has given it its socket: may it stay?  May end it. */
void conn_admit(struct conn *c);

/** conn_adopt(c): Find evhttp's connection. */
void conn_adopt(struct conn *c);

/** conn_input: The callback of its input. */
void conn_input(struct evbuffer *in, const struct evbuffer_cb_info *info, void *c);

/** conn_deaf(c): Until evhttp begins with the next request, it is told nothing of bytes that
 * come.  It disables reading, but OpenSSL may read to be able to write (a key update), and
 * evhttp ends the whole program when bytes come in a state where it does not expect any. */
void conn_deaf(struct conn *c);

/** conn_later(c): What was put off until the loop's next turn. */
void conn_later(struct conn *c);

void conn_phase(struct conn *c, enum phase p);

/** conn_close(c): Now; ${c} is gone on return. */
void conn_close(struct conn *c);

/** conn_tick(w, now): What has run over its time. */
void conn_tick(struct worker *w, uint64_t now);

/** conn_stop(w, now): Close what idles, mark the rest. */
void conn_stop(struct worker *w);

/** conn_of(w, ev): The connection of a request that evhttp hands over; NULL if it has none. */
struct conn *conn_of(struct worker *w, struct evhttp_request *ev);

/** conn_guard(c): After each call by which evhttp writes; see http_conn.c. */
void conn_guard(struct conn *c);

/** conn_answered(c): The answer is with evhttp: watch that it is taken. */
void conn_answered(struct conn *c);

/* ---- http_decide.c ---- */

/** conn_decide(c): The head is complete.  What gate_body or gate_refuse says. */
enum gate_event conn_decide(struct conn *c);

/* ---- http_request.c ---- */

/* An answer of the server itself, chosen before there was a body. */
struct verdict {
	unsigned status;		/* 0: the handler answers */
	const char *code;
	char why[128];
};

struct http_stream {
	struct job end, count;
	bool gone;			/* atomic: nothing more is taken */
	bool counting;			/* atomic: ${count} is on its way */
	size_t posted;			/* bytes on their way to the loop, atomic */
	size_t unsent;			/* in the loop, when it was looked at last; atomic */
};

struct http_request {
	struct job job;			/* the answer, or the stream's beginning, on its way */
	struct worker *w;
	struct conn *c;			/* the loop's; NULL: the client is gone */
	const struct route *route;
	enum http_method method;
	bool head_only;
	unsigned allow;
	struct verdict verdict;
	struct http_peer peer;
	struct http_caller caller;
	struct span path, body;
	uint8_t *body_bytes;		/* owned */
	size_t reserved;		/* of the server's bodies */
	size_t n_params, n_query, n_fields;
	struct http_param *params, *query;	/* in the same block as the request */
	struct http_param *fields;	/* owned block, with its text */
	struct arena arena;

	/* The answer. */
	unsigned status, retry_after;	/* 0: HTTP_RETRY_AFTER, where it is due */
	bool close;
	struct evbuffer *out;		/* owned; NULL: no body */
	struct evkeyvalq out_fields;	/* owned */

	struct http_stream stream;
};

/** request_new(c, t, m): With copies of what the target says; NULL without memory. */
struct http_request *request_new(struct conn *c, const struct http_target *t,
    const struct route_match *m);
void request_free(struct http_request *r);

/** request_take(r, ev): Header fields and body out of evhttp's half. */
MUST_CHECK bool request_take(struct http_request *r, struct evhttp_request *ev);

/** request_send(r): In the loop: write the answer and free ${r}. */
void request_send(struct http_request *r);

/** problem_text(b, status, code, why): The body of a problem. */
void problem_text(struct buf *b, unsigned status, const char *code, const char *why);

/* ---- http_stream.c ---- */
/** stream_client_gone(r): In the loop: the connection of a stream is closed. */
void stream_client_gone(struct http_request *r);
/** stream_beat(c): In the loop: a comment, if the client still takes what it gets. */
void stream_beat(struct conn *c);
/** stream_finish(r): In the loop: the last chunk. */
void stream_finish(struct http_request *r);

#endif
