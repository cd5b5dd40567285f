/* http_client_internal.h: the parts of the client: http_client_link.c makes connections,
 * http_client_message.c requests and results, http_client.c calls, http_client_stream.c reads
 * event streams. */
#ifndef PORT_NET_HTTP_CLIENT_INTERNAL_H
#define PORT_NET_HTTP_CLIENT_INTERNAL_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <signal.h>

#include "port/net/http_client.h"
#include "port/net/http_text.h"
#include "port/net/http_url.h"

/* One connection. */
struct link {
	struct evhttp_connection *evcon;	/* NULL: there is none */
	struct bufferevent *bev;		/* evhttp's */
	struct ssl_st *ssl;			/* the bufferevent's */
	struct evbuffer_cb_entry *watch;	/* for the first byte of a request */
	bool sent;		/* something of a request was written: it may have counted */
	bool closed;		/* the other side closed it */
};

/* One request and what became of it. */
struct exchange {
	struct http_client *c;
	struct link *link;
	struct evhttp_request *ev;	/* evhttp's, until it is done */
	bool done, timed_out;
	int failure;			/* enum evhttp_request_error, -1: none said */
	unsigned status;
	struct http_result *out;
	struct err *e;
	int rc;

	/* Of streams. */
	struct sse_reader *sse;
	int (*on_head)(struct evhttp_request *, void *);
	void (*on_chunk)(struct evhttp_request *, void *);
	http_event_fn *fn;
	void *fn_arg;
	bool stopped, accepted;
	uint64_t last_ms;
};

struct http_client {
	struct event_base *base;
	struct event *deadline;
	struct http_url url;
	struct tls_client *tls;		/* borrowed */
	char *server_name, *bearer, *user_agent;	/* owned or NULL */
	unsigned connect_ms, answer_ms;
	struct link kept;
	struct exchange *now;		/* that the deadline is for */
	enum http_fault fault;		/* of the last call */
};

/* A broken connection must not kill the program: SIGPIPE is held back while we write. */
struct pipe_guard { sigset_t old; bool was_pending; };
struct pipe_guard pipe_guard_begin(void);
void pipe_guard_end(struct pipe_guard *g);
#define PIPE_GUARD								\
	struct pipe_guard __attribute__((cleanup(pipe_guard_end), unused)) guard = pipe_guard_begin()

/** client_make(x, call, e): evhttp's request, x->ev, with its fields. */
MUST_CHECK int client_make(struct exchange *x, const struct http_call *call, struct err *e);

/** client_open(x, call, e): Connect (each address in turn) and send. */
MUST_CHECK int client_open(struct exchange *x, const struct http_call *call, struct err *e);

/* evhttp's callback for the connection, with ours in front. */
struct connect_hook { struct exchange *x; bufferevent_event_cb cb; void *arg; };

/** link_send(x, call, hook, e): Send on x->link; with ${hook}, it has to connect first. */
MUST_CHECK int link_send(struct exchange *x, const struct http_call *call,
    struct connect_hook *hook, struct err *e);

/** link_tls_failure(x): What OpenSSL says went wrong; false if it says nothing. */
bool link_tls_failure(struct exchange *x);

void client_deadline(struct http_client *c, unsigned ms);
void link_close(struct link *l);

/** client_take(x): Status, fields and body of the answer into x->out. */
void client_take(struct exchange *x);

/** client_failed(x): The error for an exchange without an answer. */
int client_failed(struct exchange *x);

uint64_t client_now_ms(void);

#endif
