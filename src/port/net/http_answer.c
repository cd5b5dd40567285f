/* http_answer.c: answers, from any thread to the loop and to evhttp. */
#include "base/json.h"
#include "port/net/http_internal.h"
#include "port/net/http_text.h"

static bool
add_field(struct http_request *r, const char *name, const char *value)
{
	return http_field_value(span_str(value)) && http_token(span_str(name)) &&
	    evhttp_add_header(&r->out_fields, name, value) == 0;
}

/* What every answer says. */
static bool
add_common(struct http_request *r, const char *type, const char *etag)
{
	BUF_AUTO struct buf quoted = buf_init(256);
	const struct http_server_options *o = &r->w->s->o;

	if (r->status != 204 && r->status != 304 &&
	    (!add_field(r, "Content-Type", type) || !add_field(r, "X-Content-Type-Options", "nosniff")))
		return false;
	if (o->server_name != NULL && !add_field(r, "Server", o->server_name))
		return false;
	/* An answer about trust is worth nothing later: caches ask again, or keep nothing. */
	if (!add_field(r, "Cache-Control", etag != NULL ? "no-cache" : "no-store"))
		return false;
	if (etag == NULL)
		return true;
	if (!http_etag_text(span_str(etag)))
		return false;
	buf_printf(&quoted, "\"%s\"", etag);
	return quoted.why == 0 && add_field(r, "ETag", buf_cstr(&quoted));
}

static bool
add_retry(struct http_request *r)
{
	char seconds[16];

	if (r->status != 503 && r->status != 429)
		return true;
	(void)snprintf(seconds, sizeof(seconds), "%u", r->retry_after != 0 ? r->retry_after : HTTP_RETRY_AFTER);
	return add_field(r, "Retry-After", seconds);
}

static bool
add_refusal(struct http_request *r)
{
	BUF_AUTO struct buf allow = buf_init(128);

	if (r->status == 401 && !add_field(r, "WWW-Authenticate", "Bearer"))
		return false;
	if (r->allow == 0 || (r->status != 405 && r->method != HTTP_OPTIONS))
		return true;
	router_allow(r->allow, &allow);
	return add_field(r, "Allow", buf_cstr(&allow));
}

static void
no_answer(struct http_request *r)
{
	static const char body[] = "{\"type\":\"about:blank\",\"title\":\"Internal Server Error\","
	    "\"status\":500,\"detail\":\"the server failed; its log says why\",\"code\":\"internal\"}";

	evhttp_clear_headers(&r->out_fields);
	if (r->out != NULL)
		(void)evbuffer_drain(r->out, evbuffer_get_length(r->out));
	else
		r->out = evbuffer_new();
	if (r->out != NULL && evbuffer_add_reference(r->out, body, sizeof(body) - 1, NULL, NULL) == 0)
		(void)evhttp_add_header(&r->out_fields, "Content-Type", "application/problem+json");
	r->status = 500;
	r->close = true;
	http_say(r->w->s, HTTP_LOG_WARNING, "an answer could not be made: a field is malformed, or no memory");
}

static void
run_answer(struct job *j, bool open)
{
	struct http_request *r = (struct http_request *)j;

	if (open)
		request_send(r);
	else
		request_free(r);
}

static void
hand_over(struct http_request *r)
{
	if (worker_here(r->w)) {
		request_send(r);
		return;
	}
	r->job.run = run_answer;
	worker_post(r->w, &r->job);
}

void
request_send(struct http_request *r)
{
	struct conn *c = r->c;
	struct evkeyvalq *fields;
	struct evhttp_request *ev;
	size_t n = r->out == NULL ? 0 : evbuffer_get_length(r->out);
	char length[24];

	if (c == NULL) {	/* the client is gone */
		request_free(r);
		return;
	}
	ev = c->ev;
	c->r = NULL;
	c->closing = c->closing || r->close || c->w->stop_at != 0;
	fields = evhttp_request_get_output_headers(ev);
	TAILQ_CONCAT(fields, &r->out_fields, next);
	if (c->closing)
		(void)evhttp_add_header(fields, "Connection", "close");
	if (r->head_only) {
		(void)snprintf(length, sizeof(length), "%zu", n);
		(void)evhttp_add_header(fields, "Content-Length", length);
	}
	evhttp_send_reply(ev, (int)r->status, http_reason(r->status), r->head_only ? NULL : r->out);
	conn_answered(c);
	request_free(r);
}

/* The fields and the body are ready in ${r}. */
static void
finish(struct http_request *r, const char *type, const char *etag,
    const struct http_field *more, size_t n)
{
	bool good = add_common(r, type, etag) && add_refusal(r) && add_retry(r);

	for (size_t i = 0; i < n && good; i++)
		good = add_field(r, more[i].name, more[i].value);
	if (!good)
		no_answer(r);
	hand_over(r);
}

static unsigned
status_of(const struct http_request *r, unsigned status)
{
	if (status != 0)
		return status;
	return r->route == NULL || r->route->status == 0 ? 200 : r->route->status;
}

void
http_request_reply(struct http_request *r, const struct http_answer *a)
{
	const char *type = a->type;
	bool good = true;

	r->status = status_of(r, a->status);
	r->close = a->close;
	if (type == NULL && r->route != NULL)
		type = r->route->answer_type;
	if (a->body.n != 0 && r->status != 204 && r->status != 304)
		good = (r->out = evbuffer_new()) != NULL && evbuffer_add(r->out, a->body.p, a->body.n) == 0;
	if (!good) {
		no_answer(r);
		hand_over(r);
		return;
	}
	finish(r, type == NULL ? "application/json" : type, a->etag, a->fields, a->n_fields);
}

static void
free_text(const void *data, size_t n, void *text)
{
	(void)data, (void)n;
	free(text);
}

void
http_request_json_reply(struct http_request *r, unsigned status, const char *etag,
    const json_t *j)
{
	char *text = json_dumps(j, JSON_COMPACT);
	bool good;

	r->status = status_of(r, status);
	good = text != NULL && (r->out = evbuffer_new()) != NULL;
	if (good && evbuffer_add_reference(r->out, text, strlen(text), free_text, text) == 0)
		text = NULL;	/* the buffer's now */
	else
		good = false;
	free(text);
	if (!good) {
		no_answer(r);
		hand_over(r);
		return;
	}
	finish(r, "application/json", etag, NULL, 0);
}

void
problem_text(struct buf *b, unsigned status, const char *code, const char *why)
{
	BUF_AUTO struct buf plain = buf_init(KIB(8));
	JSON_AUTO json_t *detail = json_string(why);
	JSON_AUTO json_t *j = NULL;

	if (detail == NULL) {		/* not UTF-8 */
		buf_escape(&plain, span_str(why));
		detail = json_string(buf_cstr(&plain));
	}
	j = json_pack("{s:s, s:s, s:i, s:O, s:s}", "type", "about:blank", "title", http_reason(status),
	    "status", (int)status, "detail", detail, "code", code);
	if (j != NULL)
		json_write_compact(j, b);
}

void
http_request_problem(struct http_request *r, unsigned status, const char *code,
    const char *fmt, ...)
{
	BUF_AUTO struct buf b = buf_init(KIB(16));
	char why[2048];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	problem_text(&b, status, code, why);
	http_request_reply(r, &(struct http_answer){ .status = status,
	    .type = "application/problem+json", .body = buf_view(&b) });
}

void
http_request_later(struct http_request *r, unsigned status, unsigned seconds, const char *code, const char *why)
{
	r->retry_after = seconds;
	http_request_problem(r, status, code, "%s", why);
}

void
http_request_error(struct http_request *r, const struct err *e)
{
	const char *code = err_token(e->code);

	switch (e->code) {
	case ERR_TRUNCATED: case ERR_TRAILING: case ERR_FORMAT: case ERR_VERSION: case ERR_UNSUPPORTED:
	case ERR_RANGE: case ERR_DUPLICATE: case ERR_ENCODING: case ERR_USAGE: case ERR_MISMATCH:
	case ERR_SIGNATURE: case ERR_KEY: case ERR_REGEX:
		if (e->place == ERR_AT_LINE)
			http_request_problem(r, 400, code, "line %llu: %s", (unsigned long long)e->line, e->message);
		else if (e->place == ERR_AT_OFFSET)
			http_request_problem(r, 400, code, "byte %llu: %s", (unsigned long long)e->offset,
			    e->message);
		else
			http_request_problem(r, 400, code, "%s", e->message);
		return;
	case ERR_LIMIT:
		http_request_problem(r, 413, code, "%s", e->message);
		return;
	case ERR_NOT_FOUND:
		http_request_problem(r, 404, code, "%s", e->message);
		return;
	case ERR_CONFLICT:
		http_request_problem(r, 409, code, "%s", e->message);
		return;
	default:
		break;
	}
	http_say(r->w->s, HTTP_LOG_WARNING, "%s %.*s: %s", http_method_name(r->method), (int)r->path.n,
	    (const char *)r->path.p, e->message);
	if (e->code == ERR_IO || e->code == ERR_NOMEM || e->code == ERR_NETWORK ||
	    e->code == ERR_STORE_BUSY || e->code == ERR_STORE)
		http_request_problem(r, 503, "unavailable", "the server cannot answer now; try again later");
	else
		http_request_problem(r, 500, "internal", "the server failed; its log says why");
}
