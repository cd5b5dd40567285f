/* http_client.c: calls over one kept connection; see http_client.h. */
#include "port/net/http_client_internal.h"
#include "port/net/http_text.h"

uint64_t
client_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

struct pipe_guard
pipe_guard_begin(void)
{
	struct pipe_guard g = { 0 };
	sigset_t pipe, pending;

	(void)sigemptyset(&pipe);
	(void)sigaddset(&pipe, SIGPIPE);
	(void)sigpending(&pending);
	g.was_pending = sigismember(&pending, SIGPIPE) == 1;
	(void)pthread_sigmask(SIG_BLOCK, &pipe, &g.old);
	return g;
}

void
pipe_guard_end(struct pipe_guard *g)
{
	const struct timespec none = { 0 };
	sigset_t pipe;

	(void)sigemptyset(&pipe);
	(void)sigaddset(&pipe, SIGPIPE);
	while (!g->was_pending && sigtimedwait(&pipe, NULL, &none) == SIGPIPE)
		;
	(void)pthread_sigmask(SIG_SETMASK, &g->old, NULL);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct http_client *c = arg;

	(void)fd, (void)what;
	if (c->now != NULL)
		c->now->timed_out = true;
	(void)event_base_loopbreak(c->base);
}

void
client_deadline(struct http_client *c, unsigned ms)
{
	const struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	(void)event_add(c->deadline, &tv);
}

static bool
copy_text(const char *from, char **to)
{
	return from == NULL || (*to = strdup(from)) != NULL;
}

static void
silence(int severity, const char *message)
{
	(void)severity, (void)message;	/* libevent would print: only cmd/ does */
}

int
http_client_new(const struct http_client_options *o, struct http_client **out, struct err *e)
{
	HTTP_CLIENT_AUTO struct http_client *c = calloc(1, sizeof(*c));
	int rc;

	if (c == NULL)
		return err_set(e, ERR_NOMEM, "the HTTP client");
	event_set_log_callback(silence);
	if ((rc = http_url_parse(o->url, &c->url, e)) != 0)
		return rc;
	if (c->url.tls && o->tls == NULL)
		return err_set(e, ERR_USAGE, "%s needs the certificate of the server's authority", o->url);
	if (o->bearer != NULL && !http_field_value(span_str(o->bearer)))
		return err_set(e, ERR_USAGE, "the token has control bytes");
	c->tls = o->tls;
	c->connect_ms = o->connect_ms != 0 ? o->connect_ms : LIMIT_HTTP_CONNECT_MS;
	c->answer_ms = o->answer_ms != 0 ? o->answer_ms : LIMIT_HTTP_ANSWER_MS;
	if (!copy_text(o->server_name, &c->server_name) || !copy_text(o->bearer, &c->bearer) ||
	    !copy_text(o->user_agent, &c->user_agent) || (c->base = event_base_new()) == NULL ||
	    (c->deadline = event_new(c->base, -1, 0, on_deadline, c)) == NULL)
		return err_set(e, ERR_NOMEM, "the HTTP client");
	*out = c;
	c = NULL;
	return 0;
}

void
http_client_free(struct http_client *c)
{
	if (c == NULL)
		return;
	http_client_close(c);
	if (c->deadline != NULL)
		event_free(c->deadline);
	if (c->base != NULL) {
		(void)event_base_loop(c->base, EVLOOP_NONBLOCK);	/* closed ones are finalized */
		event_base_free(c->base);
	}
	free(c->server_name);
	if (c->bearer != NULL)
		explicit_bzero(c->bearer, strlen(c->bearer));
	free(c->bearer);
	free(c->user_agent);
	free(c);
}

void
http_client_close(struct http_client *c)
{
	link_close(&c->kept);
}

void
http_client_tls(struct http_client *c, struct tls_client *tls)
{
	http_client_close(c);
	c->tls = tls;
}

bool
http_client_facts(const struct http_client *c, struct tls_facts *out)
{
	if (c->kept.ssl == NULL || c->kept.closed)
		return false;
	tls_facts(c->kept.ssl, out);
	return out->established;
}

/* ---- a call ---- */

static void
run_answer(struct exchange *x, unsigned ms)
{
	x->timed_out = false;
	client_deadline(x->c, ms);
	while (!x->done && !x->timed_out)
		if (event_base_loop(x->c->base, EVLOOP_ONCE) != 0)
			break;
	(void)event_del(x->c->deadline);
}

static bool
repeatable(const struct http_call *call)
{
	switch (call->method) {
	case HTTP_GET: case HTTP_HEAD: case HTTP_PUT: case HTTP_DELETE: case HTTP_OPTIONS:
		return true;
	case HTTP_POST: case HTTP_PATCH:
		break;
	}
	return call->repeatable;
}

/* Over the kept connection, if there is one that the other side has not closed. */
static bool
try_kept(struct exchange *x, const struct http_call *call)
{
	struct http_client *c = x->c;

	if (c->kept.evcon == NULL)
		return false;
	(void)event_base_loop(c->base, EVLOOP_NONBLOCK);
	if (c->kept.closed || link_send(x, call, NULL, NULL) != 0) {
		link_close(&c->kept);
		return false;
	}
	return true;
}

static int
call_once(struct exchange *x, const struct http_call *call, bool *again, struct err *e)
{
	unsigned ms = call->answer_ms != 0 ? call->answer_ms : x->c->answer_ms;
	bool kept;
	int rc;

	x->done = x->timed_out = false;
	x->failure = -1;
	x->status = 0;
	kept = try_kept(x, call);
	if (!kept && (rc = client_open(x, call, e)) != 0)
		return rc;
	run_answer(x, ms);
	if (x->done && x->status != 0)
		return x->rc;
	rc = client_failed(x);
	/* The server may have closed the kept connection while we wrote. */
	*again = kept && !x->timed_out && rc == ERR_NETWORK && repeatable(call);
	link_close(x->link);
	return rc;
}

int
client_failed(struct exchange *x)
{
	if (x->timed_out) {
		x->c->fault = HTTP_FAULT_SILENT;
		return err_set(x->e, ERR_NETWORK, "%s: no answer in time", x->c->url.field);
	}
	if (x->failure == EVREQ_HTTP_DATA_TOO_LONG)
		return err_set(x->e, ERR_LIMIT, "%s: the answer is too large", x->c->url.field);
	if (x->failure == EVREQ_HTTP_INVALID_HEADER)
		return err_set(x->e, ERR_NETWORK, "%s: the answer is not HTTP", x->c->url.field);
	x->c->fault = HTTP_FAULT_SILENT;
	if (x->link->evcon != NULL && link_tls_failure(x))
		return err_ctx(x->e, ERR_NETWORK, "%s", x->c->url.field);
	return err_set(x->e, ERR_NETWORK, "%s: the connection was closed before the answer",
	    x->c->url.field);
}

int
http_client_call(struct http_client *c, const struct http_call *call, struct http_result *out,
    struct err *e)
{
	HTTP_RESULT_AUTO struct http_result result = { 0 };
	struct exchange x = { .c = c, .link = &c->kept, .out = &result };
	struct err mine = { 0 };
	bool again = false;
	int rc;
	PIPE_GUARD;

	result.body = buf_init(call->answer_max != 0 ? call->answer_max : LIMIT_HTTP_ANSWER);
	x.e = e != NULL ? e : &mine;
	c->now = &x;
	rc = call_once(&x, call, &again, x.e);
	if (rc != 0 && again)
		rc = call_once(&x, call, &again, x.e);
	c->now = NULL;
	if (rc != 0)
		return rc;
	*out = result;
	result = (struct http_result){ 0 };
	return 0;
}
