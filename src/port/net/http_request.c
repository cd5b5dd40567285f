/* http_request.c: what a handler may ask of a request. */
#include "base/json.h"
#include "base/text.h"
#include "port/net/http_internal.h"
#include "port/net/http_text.h"

static struct span
rebase(struct span s, const uint8_t *from, uint8_t *to)
{
	return s.n == 0 ? span_of(to, 0) : span_of(to + (s.p - from), s.n);
}

struct http_request *
request_new(struct conn *c, const struct http_target *t, const struct route_match *m)
{
	const struct http_gate *g = &c->gate;
	size_t n_params = m->n_params + t->n_query;
	size_t arrays = n_params * sizeof(struct http_param);
	size_t path = span_find(g->h.target, '?');
	struct http_request *r = calloc(1, sizeof(*r) + arrays + t->used + path);
	uint8_t *bytes;

	if (r == NULL)
		return NULL;
	r->params = (struct http_param *)(r + 1);
	r->query = r->params + m->n_params;
	bytes = (uint8_t *)(r->params + n_params);
	memcpy(bytes, t->bytes, t->used);
	memcpy(bytes + t->used, g->h.target.p, path);
	r->path = span_of(bytes + t->used, path);
	for (size_t i = 0; i < m->n_params; i++)
		r->params[r->n_params++] = (struct http_param){ m->params[i].name,
		    rebase(m->params[i].value, t->bytes, bytes) };
	for (size_t i = 0; i < t->n_query; i++)
		r->query[r->n_query++] = (struct http_param){ rebase(t->query[i].name, t->bytes, bytes),
		    rebase(t->query[i].value, t->bytes, bytes) };
	r->w = c->w;
	r->c = c;
	r->route = m->route;
	r->allow = m->allow;
	r->head_only = g->h.method == HTTP_HEAD;
	r->method = r->head_only ? HTTP_GET : g->h.method;
	r->peer = c->peer;
	r->arena = arena_init(LIMIT_HTTP_ARENA);
	TAILQ_INIT(&r->out_fields);
	return r;
}

void
request_free(struct http_request *r)
{
	bodies_give(r->w->s, r);
	evhttp_clear_headers(&r->out_fields);
	if (r->out != NULL)
		evbuffer_free(r->out);
	arena_free(&r->arena);
	free(r->body_bytes);
	free(r->fields);
	free(r);
}

static bool
take_fields(struct http_request *r, struct evhttp_request *ev)
{
	const struct evkeyvalq *q = evhttp_request_get_input_headers(ev);
	const struct evkeyval *f;
	size_t n = 0, bytes = 0;
	uint8_t *text;

	TAILQ_FOREACH(f, q, next) {
		n++;
		bytes += strlen(f->key) + strlen(f->value);
	}
	if ((r->fields = malloc(n * sizeof(*r->fields) + bytes + 1)) == NULL)
		return false;
	text = (uint8_t *)(r->fields + n);
	TAILQ_FOREACH(f, q, next) {
		size_t k = strlen(f->key), v = strlen(f->value);

		memcpy(text, f->key, k);
		memcpy(text + k, f->value, v);
		r->fields[r->n_fields++] = (struct http_param){ span_of(text, k), span_of(text + k, v) };
		text += k + v;
	}
	return true;
}

bool
request_take(struct http_request *r, struct evhttp_request *ev)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(ev);
	size_t n = evbuffer_get_length(in);

	if (!take_fields(r, ev))
		return false;
	if (n == 0)
		return true;
	if ((r->body_bytes = malloc(n)) == NULL || evbuffer_remove(in, r->body_bytes, n) != (int)n)
		return false;
	r->body = span_of(r->body_bytes, n);
	return true;
}

const struct route *
http_request_route(const struct http_request *r)
{
	return r->route;
}

enum http_method
http_request_method(const struct http_request *r)
{
	return r->method;
}

struct span
http_request_path(const struct http_request *r)
{
	return r->path;
}

struct span
http_request_body(const struct http_request *r)
{
	return r->body;
}

const struct http_peer *
http_request_peer(const struct http_request *r)
{
	return &r->peer;
}

const struct http_caller *
http_request_caller(const struct http_request *r)
{
	return &r->caller;
}

unsigned
http_request_worker(const struct http_request *r)
{
	return r->w->number;
}

struct arena *
http_request_arena(struct http_request *r)
{
	return &r->arena;
}

struct span
http_request_param(const struct http_request *r, const char *name)
{
	for (size_t i = 0; i < r->n_params; i++)
		if (span_is(r->params[i].name, name))
			return r->params[i].value;
	abort();	/* the handler does not belong to this pattern */
}

bool
http_request_query(const struct http_request *r, const char *name, struct span *value)
{
	for (size_t i = 0; i < r->n_query; i++)
		if (span_is(r->query[i].name, name)) {
			*value = r->query[i].value;
			return true;
		}
	return false;
}

bool
http_request_query_u64(struct http_request *r, const char *name, uint64_t otherwise,
    uint64_t most, uint64_t *out)
{
	struct span text;
	uint64_t v;

	if (!http_request_query(r, name, &text)) {
		*out = otherwise;
		return true;
	}
	if (!dec_u64(text, &v) || v > most) {
		http_request_problem(r, 400, "bad-parameter", "\"%s\" must be a number up to %llu", name,
		    (unsigned long long)most);
		return false;
	}
	*out = v;
	return true;
}

bool
http_request_header(const struct http_request *r, const char *name, struct span *value)
{
	for (size_t i = 0; i < r->n_fields; i++)
		if (http_is(r->fields[i].name, name)) {
			*value = r->fields[i].value;
			return true;
		}
	return false;
}

bool
http_request_json(struct http_request *r, json_t **out)
{
	struct err e = { 0 };
	int rc = json_parse(r->body, LIMIT_HTTP_BODY, out, &e);

	if (rc == 0)
		return true;
	http_request_error(r, &e);
	return false;
}

bool
http_request_not_modified(const struct http_request *r, const char *etag)
{
	struct span list;
	enum http_etags found;

	if (!http_request_header(r, "If-None-Match", &list))
		return false;
	found = http_etags(list, span_str(etag), true);
	return found == ETAGS_YES || found == ETAGS_ANY;
}

enum http_precondition
http_request_if_match(const struct http_request *r, const char *etag)
{
	struct span list;

	if (!http_request_header(r, "If-Match", &list))
		return HTTP_NOT_GIVEN;
	if (etag == NULL)
		return HTTP_DIFFERS;	/* not even "*" matches what is not there */
	switch (http_etags(list, span_str(etag), false)) {
	case ETAGS_YES:
	case ETAGS_ANY:
		return HTTP_MATCHES;
	case ETAGS_NO:
	case ETAGS_BAD:
		break;
	}
	return HTTP_DIFFERS;
}
