#include "port/net/router.h"

struct piece {
	struct span text;	/* a literal, or the name of a parameter */
	bool param;
};

struct compiled {
	const struct route *route;
	size_t n;
	struct piece pieces[LIMIT_HTTP_SEGMENTS];
};

struct router {
	const struct route *routes;	/* borrowed */
	size_t n;
	struct compiled *compiled;	/* owned; the same order */
};

static const char *const method_names[] = {
	[HTTP_GET] = "GET", [HTTP_HEAD] = "HEAD", [HTTP_POST] = "POST", [HTTP_PUT] = "PUT",
	[HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS",
};

const char *
http_method_name(enum http_method m)
{
	return m >= HTTP_GET && m <= HTTP_OPTIONS ? method_names[m] : "";
}

enum http_method
http_method_parse(struct span s)
{
	for (enum http_method m = HTTP_GET; m <= HTTP_OPTIONS; m++)
		if (span_is(s, method_names[m]))
			return m;
	return 0;
}

const char *
principal_name(enum principal p)
{
	switch (p) {
	case PRINCIPAL_UNSET:		return "nobody";
	case PRINCIPAL_PUBLIC:		return "public";
	case PRINCIPAL_HOST:		return "host";
	case PRINCIPAL_VIEWER:		return "viewer";
	case PRINCIPAL_OPERATOR:	return "operator";
	case PRINCIPAL_ADMIN:		return "admin";
	}
	return "nobody";
}

void
router_allow(unsigned allow, struct buf *b)
{
	const char *separator = "";

	for (enum http_method m = HTTP_GET; m <= HTTP_OPTIONS; m++)
		if (allow >> m & 1) {
			buf_printf(b, "%s%s", separator, method_names[m]);
			separator = ", ";
		}
}

static bool
name_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static bool
piece_parse(struct span s, struct piece *p)
{
	*p = (struct piece){ .text = s };
	if (s.n > 2 && s.p[0] == '{' && s.p[s.n - 1] == '}') {
		p->param = true;
		p->text = span_of(s.p + 1, s.n - 2);
	}
	for (size_t i = 0; i < p->text.n; i++) {
		uint8_t c = p->text.p[i];

		if (!name_byte(c) && (p->param || (c != '-' && c != '.')))
			return false;
	}
	return p->text.n != 0 && !span_is(s, ".") && !span_is(s, "..");
}

static int
compile(const struct route *route, struct compiled *c, struct err *e)
{
	struct span s = span_str(route->pattern);
	size_t off = 1;

	*c = (struct compiled){ .route = route };
	if (s.n == 0 || s.p[0] != '/')
		return err_set(e, ERR_USAGE, "route \"%s\" does not begin with \"/\"", route->pattern);
	while (off <= s.n && s.n > 1) {
		size_t n = span_find(span_from(s, off), '/');

		if (c->n == LIMIT_HTTP_SEGMENTS)
			return err_set(e, ERR_LIMIT, "route \"%s\" has too many segments", route->pattern);
		if (!piece_parse(span_of(s.p + off, n), &c->pieces[c->n]))
			return err_set(e, ERR_USAGE, "route \"%s\": a segment is neither a literal nor one {name}",
			    route->pattern);
		for (size_t i = 0; i < c->n; i++)
			if (c->pieces[i].param && c->pieces[c->n].param &&
			    span_eq(c->pieces[i].text, c->pieces[c->n].text))
				return err_set(e, ERR_DUPLICATE, "route \"%s\": a name twice", route->pattern);
		c->n++;
		off += n + 1;
	}
	return 0;
}

/* The rules that a row of the table must keep. */
static int
check(const struct route *r, struct err *e)
{
	const char *m = http_method_name(r->method);

	if (r->pattern == NULL)
		return err_set(e, ERR_USAGE, "a route without a pattern");
	if (r->principal <= PRINCIPAL_UNSET || r->principal > PRINCIPAL_ADMIN)
		return err_set(e, ERR_USAGE, "route %s \"%s\" does not say who may have it", m, r->pattern);
	if (r->handler == NULL || r->operation == NULL || r->summary == NULL)
		return err_set(e, ERR_USAGE, "route %s \"%s\" lacks a handler, an operation's name or a summary",
		    m, r->pattern);
	if (r->method < HTTP_GET || r->method > HTTP_DELETE || r->method == HTTP_HEAD)
		return err_set(e, ERR_USAGE, "route \"%s\": its method cannot be routed", r->pattern);
	if (r->body_max > LIMIT_HTTP_BODY)
		return err_set(e, ERR_LIMIT, "route %s \"%s\" allows a body of %zu bytes", m, r->pattern,
		    r->body_max);
	if (r->body_max != 0 && r->method == HTTP_GET)
		return err_set(e, ERR_USAGE, "route GET \"%s\" allows a body", r->pattern);
	return 0;
}

/* Whether two routes of one method match the same paths: literals must differ somewhere
 * that no parameter hides. */
static bool
same_shape(const struct compiled *a, const struct compiled *b)
{
	if (a->route->method != b->route->method || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->pieces[i].param != b->pieces[i].param ||
		    (!a->pieces[i].param && !span_eq(a->pieces[i].text, b->pieces[i].text)))
			return false;
	return true;
}

static int
compile_all(struct router *r, struct err *e)
{
	int rc;

	for (size_t i = 0; i < r->n; i++) {
		if ((rc = check(&r->routes[i], e)) != 0 ||
		    (rc = compile(&r->routes[i], &r->compiled[i], e)) != 0)
			return rc;
		for (size_t k = 0; k < i; k++) {
			if (same_shape(&r->compiled[i], &r->compiled[k]))
				return err_set(e, ERR_DUPLICATE, "routes \"%s\" and \"%s\" are the same",
				    r->routes[k].pattern, r->routes[i].pattern);
			if (strcmp(r->routes[i].operation, r->routes[k].operation) == 0)
				return err_set(e, ERR_DUPLICATE, "two routes are called \"%s\"",
				    r->routes[i].operation);
		}
	}
	return 0;
}

int
router_new(const struct route *routes, size_t n, struct router **out, struct err *e)
{
	ROUTER_AUTO struct router *r = calloc(1, sizeof(*r));
	int rc;

	if (r == NULL || (r->compiled = calloc(n + 1, sizeof(*r->compiled))) == NULL)
		return err_set(e, ERR_NOMEM, "the router");
	r->routes = routes;
	r->n = n;
	if ((rc = compile_all(r, e)) != 0)
		return rc;
	*out = r;
	r = NULL;
	return 0;
}

void
router_free(struct router *r)
{
	if (r == NULL)
		return;
	free(r->compiled);
	free(r);
}

const struct route *
router_routes(const struct router *r, size_t *n)
{
	*n = r->n;
	return r->routes;
}

static bool
matches(const struct compiled *c, const struct http_target *t)
{
	if (c->n != t->n_segments)
		return false;
	for (size_t i = 0; i < c->n; i++)
		if (!c->pieces[i].param && !span_eq(c->pieces[i].text, t->segments[i]))
			return false;
	return true;
}

/* Whether ${a} is more exact than ${b}: a literal at the first place where they differ in kind. */
static bool
more_exact(const struct compiled *a, const struct compiled *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->pieces[i].param != b->pieces[i].param)
			return !a->pieces[i].param;
	return false;
}

enum route_result
router_find(const struct router *r, enum http_method method, const struct http_target *t,
    struct route_match *m)
{
	enum http_method want = method == HTTP_HEAD ? HTTP_GET : method;
	const struct compiled *best = NULL;

	m->route = NULL;
	m->n_params = 0;
	m->allow = 0;
	for (size_t i = 0; i < r->n && !t->asterisk; i++) {
		const struct compiled *c = &r->compiled[i];

		if (!matches(c, t))
			continue;
		m->allow |= 1u << c->route->method;
		if (c->route->method == want && (best == NULL || more_exact(c, best)))
			best = c;
	}
	if (m->allow == 0)
		return ROUTE_UNKNOWN;
	m->allow |= 1u << HTTP_OPTIONS;
	if (m->allow >> HTTP_GET & 1)
		m->allow |= 1u << HTTP_HEAD;
	if (best == NULL)
		return ROUTE_METHOD;
	m->route = best->route;
	for (size_t i = 0; i < best->n; i++)
		if (best->pieces[i].param)
			m->params[m->n_params++] = (struct http_param){ best->pieces[i].text, t->segments[i] };
	return ROUTE_FOUND;
}

enum permit
router_permit(const struct route *route, enum principal caller)
{
	if (route->principal == PRINCIPAL_PUBLIC)
		return PERMIT_YES;
	if (caller <= PRINCIPAL_PUBLIC || caller > PRINCIPAL_ADMIN)
		return PERMIT_WHO;
	if (route->principal == PRINCIPAL_HOST || caller == PRINCIPAL_HOST)
		return route->principal == caller ? PERMIT_YES : PERMIT_NO;
	/* The rest are people, in ascending order; PRINCIPAL_UNSET of a route cannot be here. */
	return route->principal >= PRINCIPAL_VIEWER && caller >= route->principal ? PERMIT_YES : PERMIT_NO;
}

/* Whether "{name}" stands in the pattern. */
static bool
in_pattern(const char *pattern, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = strchr(pattern, '{'); p != NULL; p = strchr(p + 1, '{'))
		if (strncmp(p + 1, name, n) == 0 && p[1 + n] == '}')
			return true;
	return false;
}

bool
route_param_in_path(const struct route *route, const struct route_param *p)
{
	return in_pattern(route->pattern, p->name);
}

const struct http_param *
route_query_unknown(const struct route *route, const struct http_target *t)
{
	for (size_t i = 0; i < t->n_query; i++) {
		const struct route_param *p = route->params;

		while (p != NULL && p->name != NULL &&
		    (!span_is(t->query[i].name, p->name) || route_param_in_path(route, p)))
			p++;
		if (p == NULL || p->name == NULL)
			return &t->query[i];
	}
	return NULL;
}

const struct route_param *
route_query_missing(const struct route *route, const struct http_target *t)
{
	struct span value;

	for (const struct route_param *p = route->params; p != NULL && p->name != NULL; p++)
		if (p->required && !route_param_in_path(route, p) &&
		    !http_target_query(t, p->name, &value))
			return p;
	return NULL;
}
