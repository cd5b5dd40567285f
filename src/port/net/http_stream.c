/* http_stream.c: server-sent events, from any thread to a client that may be slow. */
#include "port/net/http_internal.h"
#include "port/net/http_text.h"

static struct http_request *
owner(struct http_stream *s)
{
	return (struct http_request *)((char *)s - offsetof(struct http_request, stream));
}

static void
set_gone(struct http_request *r)
{
	__atomic_store_n(&r->stream.gone, true, __ATOMIC_RELEASE);
}

bool
http_stream_gone(const struct http_stream *s)
{
	return __atomic_load_n(&s->gone, __ATOMIC_ACQUIRE);
}

void
stream_client_gone(struct http_request *r)
{
	r->c = NULL;
	set_gone(r);
	(void)__atomic_sub_fetch(&r->w->counters[COUNT_STREAMS], 1, __ATOMIC_RELAXED);
}

static void
drop(struct http_request *r, size_t behind)
{
	struct conn *c = r->c;

	worker_count(r->w, COUNT_DROPPED);
	http_say(r->w->s, HTTP_LOG_INFO, "%s: its event stream is ended, because it does not take what it"
	    " gets (%zu bytes wait)", c->peer.address, behind);
	conn_close(c);		/* and by it stream_client_gone */
}

static size_t
waiting(const struct conn *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

/* One chunk, in the loop. */
static void
put(struct http_request *r, struct evbuffer *text)
{
	struct conn *c = r->c;
	size_t before;

	if (c == NULL)
		return;
	before = waiting(c);
	if (before + evbuffer_get_length(text) > r->w->s->o.stream_queue) {
		drop(r, before);
		return;
	}
	evhttp_send_reply_chunk(c->ev, text);
	conn_guard(c);
	c->stream_added += waiting(c) - before;
	__atomic_store_n(&r->stream.unsent, waiting(c), __ATOMIC_RELEASE);
}

void
stream_beat(struct conn *c)
{
	size_t left = waiting(c);
	struct evbuffer *text;

	if (left != 0 && c->stream_left + c->stream_added == left) {
		drop(c->r, left);	/* not one byte since the last beat */
		return;
	}
	conn_phase(c, PHASE_STREAM);
	c->stream_left = left;
	c->stream_added = 0;
	if ((text = evbuffer_new()) == NULL)
		return;
	(void)evbuffer_add(text, ":\n\n", 3);
	put(c->r, text);
	evbuffer_free(text);
}

void
stream_finish(struct http_request *r)
{
	struct conn *c = r->c;
	struct evhttp_request *ev = c->ev;

	if (c->w->stop_at != 0) {
		c->closing = true;
		/* Too late to be sent, but evhttp closes by it. */
		(void)evhttp_add_header(evhttp_request_get_output_headers(ev), "Connection", "close");
	}
	c->r = NULL;
	stream_client_gone(r);
	if (c->gate.h.minor == 0) {	/* evhttp may close it at once */
		conn_phase(c, PHASE_WRITING);
		evhttp_send_reply_end(ev);
		return;
	}
	evhttp_send_reply_end(ev);
	conn_answered(c);
}

/* ---- begin ---- */

static void
begin_here(struct http_request *r)
{
	struct conn *c = r->c;
	struct evkeyvalq *fields;

	(void)__atomic_add_fetch(&r->w->counters[COUNT_STREAMS], 1, __ATOMIC_RELAXED);
	if (c == NULL) {
		stream_client_gone(r);
		return;
	}
	fields = evhttp_request_get_output_headers(c->ev);
	(void)evhttp_add_header(fields, "Content-Type", "text/event-stream");
	(void)evhttp_add_header(fields, "Cache-Control", "no-store");
	(void)evhttp_add_header(fields, "X-Content-Type-Options", "nosniff");
	if (r->head_only || c->w->stop_at != 0) {
		c->closing = true;
		(void)evhttp_add_header(fields, "Connection", "close");
		c->r = NULL;
		stream_client_gone(r);
		evhttp_send_reply(c->ev, 200, "OK", NULL);
		conn_answered(c);
		return;
	}
	if (c->gate.h.minor == 0) {	/* no chunks: the end of the connection ends the stream */
		c->closing = true;
		(void)evhttp_add_header(fields, "Connection", "close");
	}
	conn_phase(c, PHASE_STREAM);
	c->stream_left = c->stream_added = 0;
	evhttp_send_reply_start(c->ev, 200, "OK");
	conn_guard(c);
	c->stream_added = waiting(c);
}

static void
run_begin(struct job *j, bool open)
{
	struct http_request *r = (struct http_request *)j;

	if (open)
		begin_here(r);
	else
		set_gone(r);
}

struct http_stream *
http_stream_begin(struct http_request *r)
{
	if (worker_here(r->w)) {
		begin_here(r);
	} else {
		r->job.run = run_begin;
		worker_post(r->w, &r->job);
	}
	return &r->stream;
}

/* ---- send ---- */

struct send_job {
	struct job job;
	struct http_request *r;
	struct evbuffer *text;
	size_t n;
	bool too_much;
};

static void
run_send(struct job *j, bool open)
{
	struct send_job *s = (struct send_job *)j;

	if (open && s->too_much && s->r->c != NULL)
		drop(s->r, waiting(s->r->c));
	else if (open)
		put(s->r, s->text);
	/* Behind the other: in between they count twice, never not at all. */
	(void)__atomic_sub_fetch(&s->r->stream.posted, s->n, __ATOMIC_RELEASE);
	evbuffer_free(s->text);
	free(s);
}

static struct send_job *
send_job_new(struct http_request *r, struct span text)
{
	struct send_job *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return NULL;
	*j = (struct send_job){ .job.run = run_send, .r = r, .n = text.n, .text = evbuffer_new() };
	if (j->text == NULL || evbuffer_add(j->text, text.p, text.n) != 0) {
		if (j->text != NULL)
			evbuffer_free(j->text);
		free(j);
		return NULL;
	}
	return j;
}

bool
http_stream_send(struct http_stream *s, const char *event, const char *id, struct span data)
{
	struct http_request *r = owner(s);
	BUF_AUTO struct buf b = buf_init(2 * LIMIT_HTTP_SSE_LINE);
	struct send_job *j;
	size_t posted;

	if (http_stream_gone(s) || !sse_write(&b, event, id, data) || b.why != 0 ||
	    (j = send_job_new(r, buf_view(&b))) == NULL)
		return false;
	posted = __atomic_add_fetch(&s->posted, j->n, __ATOMIC_RELAXED);
	/* Those of other threads that are on their way come first. */
	if (posted == j->n && worker_here(r->w)) {
		run_send(&j->job, true);
		return !http_stream_gone(s);
	}
	if (posted > r->w->s->o.stream_queue) {
		j->too_much = true;
		set_gone(r);
	}
	worker_post(r->w, &j->job);
	return !http_stream_gone(s);
}

/* ---- how far behind ---- */

static void
run_count(struct job *j, bool open)
{
	struct http_request *r = owner((struct http_stream *)((char *)j - offsetof(struct http_stream, count)));

	if (open && r->c != NULL)
		__atomic_store_n(&r->stream.unsent, waiting(r->c), __ATOMIC_RELEASE);
	__atomic_store_n(&r->stream.counting, false, __ATOMIC_RELEASE);
}

size_t
http_stream_behind(struct http_stream *s)
{
	struct http_request *r = owner(s);
	size_t n = __atomic_load_n(&s->posted, __ATOMIC_ACQUIRE);

	n += __atomic_load_n(&s->unsent, __ATOMIC_ACQUIRE);
	if (n == 0 || __atomic_exchange_n(&s->counting, true, __ATOMIC_ACQ_REL))
		return n;
	s->count.run = run_count;
	worker_post(r->w, &s->count);
	return n;
}

/* ---- end ---- */

static void
run_end(struct job *j, bool open)
{
	struct http_request *r = owner((struct http_stream *)j);

	if (open && r->c != NULL)
		stream_finish(r);
	request_free(r);
}

void
http_stream_end(struct http_stream *s)
{
	struct http_request *r = owner(s);

	s->end.run = run_end;
	if (worker_here(r->w) && __atomic_load_n(&s->posted, __ATOMIC_RELAXED) == 0 &&
	    !__atomic_load_n(&s->counting, __ATOMIC_ACQUIRE))
		run_end(&s->end, true);
	else
		worker_post(r->w, &s->end);
}
