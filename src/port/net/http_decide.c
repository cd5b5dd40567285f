/* http_decide.c: what becomes of a request once its head is known, before its body. */
#include "port/net/http_internal.h"
#include "port/net/http_text.h"

static void ERR_PRINTF(4, 5)
decide(struct http_request *r, unsigned status, const char *code, const char *fmt, ...)
{
	va_list ap;

	r->verdict.status = status;
	r->verdict.code = code;
	va_start(ap, fmt);
	(void)vsnprintf(r->verdict.why, sizeof(r->verdict.why), fmt, ap);
	va_end(ap);
}

/* Who asks, and may they? */
static void
decide_caller(struct conn *c, struct http_request *r)
{
	const struct http_server_options *o = &c->w->s->o;
	struct span bearer = { 0 };

	if (r->route->principal == PRINCIPAL_PUBLIC)
		return;
	/* A connection can outlive its certificate. */
	if (c->peer.cert.present && (int64_t)time(NULL) > c->peer.cert.not_after) {
		c->peer.cert.present = r->peer.cert.present = false;
		c->peer.cert.expired = r->peer.cert.expired = true;
	}
	if (c->gate.h.authorization.p != NULL && !http_bearer(c->gate.h.authorization, &bearer)) {
		decide(r, 401, "unauthorized", "Authorization is not \"Bearer\" and a token");
		return;
	}
	if (o->who != NULL)
		o->who(o->arg, &r->peer, bearer, &r->caller);
	switch (router_permit(r->route, r->caller.principal)) {
	case PERMIT_YES:
		return;
	case PERMIT_WHO:
		decide(r, 401, "unauthorized", r->peer.cert.expired ?
		    "the client certificate has expired" : "this needs credentials of a known %s",
		    principal_name(r->route->principal));
		return;
	case PERMIT_NO:
		break;
	}
	decide(r, 403, "forbidden", "this needs the role %s", principal_name(r->route->principal));
}

static void
decide_body(struct conn *c, struct http_request *r)
{
	const struct http_head *h = &c->gate.h;
	char type[128];

	if (r->route->body_type == NULL || !http_head_has_body(h))
		return;
	if (h->content_type.p == NULL || !http_media_type(h->content_type, type, sizeof(type)) ||
	    strcmp(type, r->route->body_type) != 0)
		decide(r, 415, "media-type", "the body must be %s", r->route->body_type);
}

static void
decide_query(struct http_request *r, const struct http_target *t)
{
	const struct http_param *unknown = route_query_unknown(r->route, t);
	const struct route_param *missing = route_query_missing(r->route, t);
	BUF_AUTO struct buf name = buf_init(sizeof(r->verdict.why));

	if (unknown != NULL) {
		buf_escape(&name, span_head(unknown->name, 16));
		decide(r, 400, "unknown-parameter", "there is no query parameter \"%s\"", buf_cstr(&name));
	} else if (missing != NULL) {
		decide(r, 400, "missing-parameter", "the query parameter \"%s\" is missing", missing->name);
	}
}

static void
decide_route(struct conn *c, struct http_request *r, enum route_result found,
    const struct http_target *t)
{
	if (c->gate.h.method == HTTP_OPTIONS && (found != ROUTE_UNKNOWN || t->asterisk))
		return;
	if (found == ROUTE_UNKNOWN) {
		decide(r, 404, "no-route", "there is nothing at this path");
		return;
	}
	if (found == ROUTE_METHOD) {
		decide(r, 405, "method", "this path does not have that method");
		return;
	}
	decide_caller(c, r);
	if (r->verdict.status == 0)
		decide_query(r, t);
	if (r->verdict.status == 0)
		decide_body(c, r);
}

/* The body is admitted: is there room for it? */
static enum gate_event
admit_body(struct conn *c, struct http_request *r)
{
	struct http_server *s = c->w->s;
	size_t most = r->route == NULL ? 0 : r->route->body_max;
	enum gate_event ev = gate_body(&c->gate, most);
	const char *why;

	if (ev == GATE_REFUSED || !http_head_has_body(&c->gate.h))
		return ev;
	why = bodies_take(s, r, c->gate.h.chunked ? most : (size_t)c->gate.h.length);
	return why == NULL ? ev : gate_refuse(&c->gate, 503, "busy", why);
}

enum gate_event
conn_decide(struct conn *c)
{
	struct http_gate *g = &c->gate;
	struct http_target *t = &c->w->target;
	struct route_match m;
	enum route_result found;
	struct http_request *r;
	struct err e = { 0 };

	if (http_target_parse(g->h.target, t, &e) != 0)
		return gate_refuse(g, e.code == ERR_LIMIT ? 414 : 400, "bad-target",
		    "the target's path or query is malformed");
	if (t->asterisk && g->h.method != HTTP_OPTIONS)
		return gate_refuse(g, 400, "bad-target", "\"*\" is for OPTIONS");
	found = router_find(c->w->s->o.router, g->h.method, t, &m);
	if ((r = c->r = request_new(c, t, &m)) == NULL)
		return gate_refuse(g, 503, "out-of-memory", "the server is short of memory");
	decide_route(c, r, found, t);
	c->closing = c->closing || g->h.close || c->w->stop_at != 0;
	if (r->verdict.status == 0)
		return admit_body(c, r);
	/* A refused body is not read; without one the connection can go on.  evhttp cannot
	 * answer to a method it does not know. */
	if (http_head_has_body(&g->h) || g->h.expect || g->h.method == 0)
		return gate_refuse(g, r->verdict.status, r->verdict.code, r->verdict.why);
	return gate_body(g, 0);
}
