/* http_client_message.c: a call made into evhttp's request, and its answer into a result. */
#include <event2/keyvalq_struct.h>

#include "base/json.h"
#include "base/text.h"
#include "port/net/http_client_internal.h"
#include "port/net/http_text.h"

static void
on_failure(enum evhttp_request_error why, void *arg)
{
	struct exchange *x = arg;

	x->failure = (int)why;
}

static void
on_done(struct evhttp_request *ev, void *arg)
{
	struct exchange *x = arg;

	x->done = true;
	x->ev = ev;
	if (ev != NULL && evhttp_request_get_response_code(ev) != 0)
		client_take(x);
	x->ev = NULL;		/* evhttp frees it */
	(void)event_base_loopbreak(x->c->base);
}

static bool
add(struct evkeyvalq *fields, const char *name, const char *value)
{
	return value == NULL || (http_field_value(span_str(value)) &&
	    evhttp_add_header(fields, name, value) == 0);
}

static bool
add_tag(struct evkeyvalq *fields, const char *name, const char *tag)
{
	char quoted[160];

	if (tag == NULL)
		return true;
	if (strcmp(tag, "*") == 0)
		return add(fields, name, tag);
	(void)snprintf(quoted, sizeof(quoted), "\"%s\"", tag);
	return http_etag_text(span_str(tag)) && strlen(tag) + 3 < sizeof(quoted) &&
	    add(fields, name, quoted);
}

static bool
add_fields(const struct http_client *c, const struct http_call *call, struct evkeyvalq *fields)
{
	char bearer[4096] = "";
	bool good;

	if (c->bearer != NULL &&
	    snprintf(bearer, sizeof(bearer), "Bearer %s", c->bearer) >= (int)sizeof(bearer))
		return false;
	good = add(fields, "Host", c->url.field) && add(fields, "User-Agent", c->user_agent) &&
	    add(fields, "Authorization", c->bearer == NULL ? NULL : bearer) &&
	    add(fields, "Accept", call->accept) &&
	    add(fields, "Last-Event-ID", call->last_event_id) &&
	    add_tag(fields, "If-Match", call->if_match) &&
	    add_tag(fields, "If-None-Match", call->if_none_match);
	explicit_bzero(bearer, sizeof(bearer));
	if (good && call->body.n != 0)
		good = add(fields, "Content-Type", call->type != NULL ? call->type : "application/json");
	return good;
}

/* evhttp adds a length for some methods only. */
static bool
add_body(struct evhttp_request *ev, struct span body, struct evkeyvalq *fields)
{
	char n[24];

	if (body.n == 0)
		return true;
	(void)snprintf(n, sizeof(n), "%zu", body.n);
	return add(fields, "Content-Length", n) &&
	    evbuffer_add(evhttp_request_get_output_buffer(ev), body.p, body.n) == 0;
}

static bool
good_target(const char *target)
{
	for (const char *p = target; *p != '\0'; p++)
		if (*p <= 0x20 || *p >= 0x7f)
			return false;
	return target[0] == '/';
}

int
client_make(struct exchange *x, const struct http_call *call, struct err *e)
{
	struct evhttp_request *ev = evhttp_request_new(on_done, x);
	struct evkeyvalq *fields;

	if (ev == NULL)
		return err_set(e, ERR_NOMEM, "a request");
	fields = evhttp_request_get_output_headers(ev);
	if (!good_target(call->target) || !add_fields(x->c, call, fields) ||
	    !add_body(ev, call->body, fields)) {
		evhttp_request_free(ev);
		return err_set(e, ERR_USAGE, "the request \"%.128s\" or one of its fields is malformed",
		    call->target);
	}
	evhttp_request_set_error_cb(ev, on_failure);
	if (x->on_head != NULL)
		evhttp_request_set_header_cb(ev, x->on_head);
	if (x->on_chunk != NULL)
		evhttp_request_set_chunked_cb(ev, x->on_chunk);
	evhttp_connection_set_max_headers_size(x->link->evcon, LIMIT_HTTP_HEAD);
	if (x->sse == NULL)
		evhttp_connection_set_max_body_size(x->link->evcon, (ev_ssize_t)x->out->body.max);
	x->ev = ev;
	return 0;
}

/* ---- the answer ---- */

static const char *
field(const struct evkeyvalq *fields, const char *name)
{
	const char *v = evhttp_find_header(fields, name);

	return v == NULL ? "" : v;
}

static void
take_etag(const char *value, char *out, size_t n)
{
	struct span s = span_str(value);

	if (span_starts(s, span_lit("W/")))
		s = span_from(s, 2);
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"' && s.n - 2 < n) {
		memcpy(out, s.p + 1, s.n - 2);
		out[s.n - 2] = '\0';
	}
}

static void
take_body(struct exchange *x)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(x->ev);
	size_t n = evbuffer_get_length(in);
	struct evbuffer_iovec v[16];
	int k;

	while (n != 0 && (k = evbuffer_peek(in, -1, NULL, v, 16)) > 0) {
		size_t taken = 0;

		for (int i = 0; i < k && i < 16; i++) {
			buf_put(&x->out->body, v[i].iov_base, v[i].iov_len);
			taken += v[i].iov_len;
		}
		if (taken == 0)
			break;
		(void)evbuffer_drain(in, taken);
		n -= taken;
	}
}

void
client_take(struct exchange *x)
{
	const struct evkeyvalq *fields = evhttp_request_get_input_headers(x->ev);
	const char *location = field(fields, "Location");
	uint64_t seconds;

	x->status = x->out->status = (unsigned)evhttp_request_get_response_code(x->ev);
	if (!http_media_type(span_str(field(fields, "Content-Type")), x->out->type, sizeof(x->out->type)))
		x->out->type[0] = '\0';
	take_etag(field(fields, "ETag"), x->out->etag, sizeof(x->out->etag));
	if (strlen(location) < sizeof(x->out->location))
		memcpy(x->out->location, location, strlen(location) + 1);
	if (dec_u64(span_str(field(fields, "Retry-After")), &seconds) && seconds < UINT32_MAX)
		x->out->retry_after = (unsigned)seconds;
	take_body(x);
	x->rc = buf_done(&x->out->body, x->e);
}

void
http_result_free(struct http_result *r)
{
	buf_free(&r->body);
}

static int
code_of(unsigned status)
{
	switch (status) {
	case 400: case 404: case 405: case 409: case 412: case 415: case 422:
		return ERR_USAGE;
	case 401: case 403:
		return ERR_KEY;
	case 413: case 414: case 429: case 431:
		return ERR_LIMIT;
	default:
		return ERR_NETWORK;
	}
}

int
http_result_check(const struct http_result *r, struct err *e)
{
	BUF_AUTO struct buf b = buf_init(KIB(8));
	JSON_AUTO json_t *j = NULL;
	const char *detail;

	if ((r->status >= 200 && r->status < 300) || r->status == 304)
		return 0;
	if (strcmp(r->type, "application/problem+json") == 0 &&
	    json_parse(buf_view(&r->body), MIB(1), &j, NULL) == 0 &&
	    (detail = json_string_value(json_object_get(j, "detail"))) != NULL) {
		/* The words of another machine, made safe for a terminal. */
		buf_escape(&b, span_head(span_str(detail), 900));
		return err_set(e, code_of(r->status), "the server says: %s", buf_cstr(&b));
	}
	return err_set(e, code_of(r->status), "the server answered %u %s", r->status,
	    http_reason(r->status));
}
