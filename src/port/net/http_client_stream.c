/* http_client_stream.c: reading server-sent events as they come. */
#include "port/net/http_client_internal.h"
#include "port/net/http_text.h"

static bool
on_event(void *arg, const struct sse_event *ev)
{
	struct exchange *x = arg;
	const struct http_event out = { .event = ev->event, .id = ev->id, .data = ev->data };

	return x->fn(x->fn_arg, &out);
}

/* The head of the answer: is it a stream? */
static int
on_head(struct evhttp_request *ev, void *arg)
{
	struct exchange *x = arg;
	const char *type = evhttp_find_header(evhttp_request_get_input_headers(ev), "Content-Type");
	char media[64];

	x->last_ms = client_now_ms();
	x->accepted = evhttp_request_get_response_code(ev) == 200 && type != NULL &&
	    http_media_type(span_str(type), media, sizeof(media)) &&
	    strcmp(media, "text/event-stream") == 0;
	(void)event_base_loopbreak(x->c->base);
	return 0;
}

static void
on_chunk(struct evhttp_request *ev, void *arg)
{
	struct exchange *x = arg;
	struct evbuffer *in = evhttp_request_get_input_buffer(ev);
	size_t n = evbuffer_get_length(in);
	uint64_t beats = x->sse->comments;
	unsigned char *p = evbuffer_pullup(in, -1);

	x->last_ms = client_now_ms();
	if (x->stopped || x->rc != 0 || p == NULL)
		return;
	if (!x->accepted)
		buf_put(&x->out->body, p, n);	/* a problem: its words */
	else
		x->rc = sse_feed(x->sse, span_of(p, n), on_event, x, &x->stopped, x->e);
	if (!x->stopped && x->sse->comments != beats)
		x->stopped = !x->fn(x->fn_arg, NULL);
	if (x->stopped || x->rc != 0)
		(void)event_base_loopbreak(x->c->base);
}

/* A chunk is shown when it is complete: one that never ends must not fill the memory. */
static void
on_bytes(struct evbuffer *in, const struct evbuffer_cb_info *info, void *arg)
{
	struct exchange *x = arg;

	if (info->n_added == 0 || evbuffer_get_length(in) <= 2 * LIMIT_HTTP_SSE_LINE || x->rc != 0)
		return;
	x->rc = err_set(x->e, ERR_LIMIT, "%s: a chunk of the event stream is too large", x->c->url.field);
	(void)event_base_loopbreak(x->c->base);
}

static int
follow(struct exchange *x)
{
	while (!x->done && !x->stopped && x->rc == 0) {
		x->timed_out = false;
		client_deadline(x->c, 1000);
		if (event_base_loop(x->c->base, EVLOOP_ONCE) != 0)
			break;
		if (client_now_ms() - x->last_ms > LIMIT_HTTP_STREAM_SILENCE_MS)
			return err_set(x->e, ERR_NETWORK, "%s: the event stream is silent", x->c->url.field);
		if (x->timed_out && !x->done)
			x->stopped = !x->fn(x->fn_arg, NULL);
	}
	(void)event_del(x->c->deadline);
	if (x->rc != 0 || x->stopped)
		return x->rc;
	if (x->status == 0)
		return client_failed(x);
	return x->accepted ? 0 : http_result_check(x->out, x->e);
}

static int
stream(struct exchange *x, const struct http_call *call)
{
	int rc;

	if ((rc = client_open(x, call, x->e)) != 0)
		return rc;
	if (evbuffer_add_cb(bufferevent_get_input(x->link->bev), on_bytes, x) == NULL)
		return err_set(x->e, ERR_NOMEM, "an event stream");
	x->last_ms = client_now_ms();
	return follow(x);
}

int
http_client_stream(struct http_client *c, const char *target, const char *last_id,
    http_event_fn *fn, void *arg, struct err *e)
{
	HTTP_RESULT_AUTO struct http_result result = { .body = buf_init(MIB(1)) };
	const struct http_call call = { .method = HTTP_GET, .target = target,
	    .accept = "text/event-stream", .last_event_id = last_id };
	__attribute__((cleanup(sse_free))) struct sse_reader sse;
	struct link link = { 0 };
	struct err mine = { 0 };
	struct exchange x = { .c = c, .link = &link, .out = &result, .sse = &sse, .fn = fn,
	    .fn_arg = arg, .e = e != NULL ? e : &mine };
	int rc;
	PIPE_GUARD;

	sse_init(&sse);
	x.on_head = on_head;
	x.on_chunk = on_chunk;
	c->now = &x;
	rc = stream(&x, &call);
	c->now = NULL;
	link_close(&link);
	(void)event_base_loop(c->base, EVLOOP_NONBLOCK);
	return rc;
}
