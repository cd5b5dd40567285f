/* Nothing is routed that the table does not name with a principal, and nobody passes whom it
 * does not admit. */
#include "base/json.h"
#include "port/net/router.h"
#include "tests/tap.h"

static void
handler(struct http_request *r, void *arg)
{
	(void)r, (void)arg;
}

static const struct route_param params[] = {
	{ "id", "string", "which host", true },
	{ "limit", "integer", "how many", false },
	{ "since", "integer", "from when", true },
	{ 0 },
};

static const struct route table[] = {
	ROUTE(GET, "/", PUBLIC, 0, handler, "root", "The page."),
	ROUTE(GET, "/v1/hosts", VIEWER, 0, handler, "hostList", "Lists hosts.", .answer_schema = "Hosts"),
	ROUTE(POST, "/v1/hosts", OPERATOR, 4096, handler, "hostAdd", "Adds one.", .status = 201,
	    .body_schema = "Host", .body_type = "application/json"),
	ROUTE(GET, "/v1/hosts/{id}", VIEWER, 0, handler, "hostShow", "Shows one.", .params = params),
	ROUTE(DELETE, "/v1/hosts/{id}", ADMIN, 0, handler, "hostRemove", "Removes one.", .status = 204),
	ROUTE(GET, "/v1/hosts/search", VIEWER, 0, handler, "hostSearch", "Searches."),
	ROUTE(GET, "/v1/hosts/{id}/entries/{entry}", VIEWER, 0, handler, "entryShow", "One entry."),
	ROUTE(GET, "/v1/hosts/{id}/entries/last", VIEWER, 0, handler, "entryLast", "The last."),
	ROUTE(POST, "/v1/agent/attest", HOST, MIB(64), handler, "agentAttest", "Takes evidence."),
	ROUTE(PUT, "/v1/x.y-z_1", ADMIN, 1, handler, "xPut", "Odd literals."),
};
#define N (sizeof(table) / sizeof(table[0]))

static struct router *r;
static struct http_target t;

static const struct route_match *
find(enum http_method m, const char *path, enum route_result want, const char *operation)
{
	static struct route_match got;
	enum route_result result;

	if (http_target_parse(span_str(path), &t, NULL) != 0) {
		ok(false, "%s parses", path);
		return &got;
	}
	result = router_find(r, m, &t, &got);
	if (!ok(result == want && (got.route == NULL ? operation == NULL : operation != NULL &&
	    strcmp(got.route->operation, operation) == 0), "%s %s: %s", http_method_name(m), path,
	    operation == NULL ? "nothing" : operation))
		diag("result %d, %s", (int)result, got.route == NULL ? "no route" : got.route->operation);
	return &got;
}

static void
finding(void)
{
	const struct route_match *m;
	BUF_AUTO struct buf b = buf_init(100);

	find(HTTP_GET, "/", ROUTE_FOUND, "root");
	find(HTTP_GET, "/v1/hosts", ROUTE_FOUND, "hostList");
	find(HTTP_HEAD, "/v1/hosts", ROUTE_FOUND, "hostList");
	find(HTTP_POST, "/v1/hosts?x=1", ROUTE_FOUND, "hostAdd");
	m = find(HTTP_GET, "/v1/hosts/%7bid%7d", ROUTE_FOUND, "hostShow");
	ok(m->n_params == 1 && span_is(m->params[0].name, "id") && span_is(m->params[0].value, "{id}"),
	    "its parameter, decoded");
	find(HTTP_GET, "/v1/hosts/search", ROUTE_FOUND, "hostSearch");
	find(HTTP_DELETE, "/v1/hosts/search", ROUTE_FOUND, "hostRemove");
	m = find(HTTP_GET, "/v1/hosts/a/entries/b", ROUTE_FOUND, "entryShow");
	ok(m->n_params == 2 && span_is(m->params[1].name, "entry") && span_is(m->params[1].value, "b"),
	    "two parameters");
	m = find(HTTP_GET, "/v1/hosts/a/entries/last", ROUTE_FOUND, "entryLast");
	is_int((int64_t)m->n_params, 1, "a literal is no parameter");
	find(HTTP_PUT, "/v1/x.y-z_1", ROUTE_FOUND, "xPut");
	m = find(HTTP_PUT, "/v1/hosts", ROUTE_METHOD, NULL);
	router_allow(m->allow, &b);
	is_str(buf_cstr(&b), "GET, HEAD, POST, OPTIONS", "what is allowed");
	find(HTTP_GET, "/v1/agent/attest", ROUTE_METHOD, NULL);
	find(HTTP_OPTIONS, "/v1/hosts", ROUTE_METHOD, NULL);
	find(0, "/v1/hosts", ROUTE_METHOD, NULL);
	find(HTTP_GET, "/v1", ROUTE_UNKNOWN, NULL);
	find(HTTP_GET, "/v1/hosts/a/entries", ROUTE_UNKNOWN, NULL);
	find(HTTP_GET, "/v1/hosts/a/b", ROUTE_UNKNOWN, NULL);
	find(HTTP_GET, "/V1/hosts", ROUTE_UNKNOWN, NULL);
	find(HTTP_OPTIONS, "*", ROUTE_UNKNOWN, NULL);
}

/* Every route against every caller; the table of what is right is written out here. */
static void
permission(void)
{
	static const enum permit want[][6] = {
		/* caller:              nobody       public       host        viewer      operator    admin */
		[PRINCIPAL_UNSET] =    { PERMIT_WHO, PERMIT_WHO, PERMIT_NO, PERMIT_NO, PERMIT_NO, PERMIT_NO },
		[PRINCIPAL_PUBLIC] =   { PERMIT_YES, PERMIT_YES, PERMIT_YES, PERMIT_YES, PERMIT_YES, PERMIT_YES },
		[PRINCIPAL_HOST] =     { PERMIT_WHO, PERMIT_WHO, PERMIT_YES, PERMIT_NO, PERMIT_NO, PERMIT_NO },
		[PRINCIPAL_VIEWER] =   { PERMIT_WHO, PERMIT_WHO, PERMIT_NO, PERMIT_YES, PERMIT_YES, PERMIT_YES },
		[PRINCIPAL_OPERATOR] = { PERMIT_WHO, PERMIT_WHO, PERMIT_NO, PERMIT_NO, PERMIT_YES, PERMIT_YES },
		[PRINCIPAL_ADMIN] =    { PERMIT_WHO, PERMIT_WHO, PERMIT_NO, PERMIT_NO, PERMIT_NO, PERMIT_YES },
	};

	for (enum principal p = PRINCIPAL_UNSET; p <= PRINCIPAL_ADMIN; p++)
		for (enum principal c = PRINCIPAL_UNSET; c <= PRINCIPAL_ADMIN; c++) {
			const struct route route = { .principal = p };

			ok(router_permit(&route, c) == want[p][c], "a route for %s, asked by %s",
			    principal_name(p), principal_name(c));
		}
	ok(router_permit(&table[4], (enum principal)99) == PERMIT_WHO, "a caller that cannot be");
}

static void
refused(struct route a, struct route b, int code, const char *what)
{
	const struct route two[] = { a, b };
	struct router *out = NULL;
	struct err e = { 0 };
	int rc = router_new(two, 2, &out, &e);

	if (!ok(rc == code && out == NULL, "refused at start: %s", what))
		diag("%d %s", rc, e.message);
	router_free(out);
}

#define X(path) (struct route)ROUTE(GET, path, ADMIN, 0, handler, "x", "y")
#define OTHER (struct route)ROUTE(GET, "/other", ADMIN, 0, handler, "other", "y")

static struct route
with(enum http_method method, size_t body_max, const char *operation)
{
	struct route x = X("/a");

	x.method = method;
	x.body_max = body_max;
	x.operation = operation;
	return x;
}

static void
refusals(void)
{
	struct route none = X("/a"), unset = X("/a");

	unset.principal = PRINCIPAL_UNSET;
	none.handler = NULL;
	refused(OTHER, (struct route){ 0 }, ERR_USAGE, "a zeroed row");
	refused(OTHER, unset, ERR_USAGE, "no principal");
	refused(OTHER, none, ERR_USAGE, "no handler");
	refused(OTHER, with(HTTP_GET, 0, NULL), ERR_USAGE, "no name");
	refused(OTHER, X("/other"), ERR_DUPLICATE, "the same path twice");
	refused((struct route)ROUTE(GET, "/a/{b}", ADMIN, 0, handler, "o", "y"), X("/a/{c}"), ERR_DUPLICATE,
	    "the same shape twice");
	refused(OTHER, with(HTTP_GET, 0, "other"), ERR_DUPLICATE, "the same name twice");
	refused(OTHER, X("/{a}/{a}"), ERR_DUPLICATE, "a parameter twice");
	refused(OTHER, X("a"), ERR_USAGE, "no slash");
	refused(OTHER, X("/a/"), ERR_USAGE, "an empty segment at the end");
	refused(OTHER, X("/a//b"), ERR_USAGE, "an empty segment");
	refused(OTHER, X("/a{b}"), ERR_USAGE, "half a parameter");
	refused(OTHER, X("/{}"), ERR_USAGE, "a parameter without a name");
	refused(OTHER, X("/{A}"), ERR_USAGE, "a name in capitals");
	refused(OTHER, X("/.."), ERR_USAGE, "dots");
	refused(OTHER, X("/a%20b"), ERR_USAGE, "an escape");
	refused(OTHER, with(HTTP_GET, 1, "x"), ERR_USAGE, "a GET with a body");
	refused(OTHER, with(HTTP_POST, LIMIT_HTTP_BODY + 1, "x"), ERR_LIMIT, "a huge body");
	refused(OTHER, with(HTTP_HEAD, 0, "x"), ERR_USAGE, "HEAD");
	refused(OTHER, with(HTTP_OPTIONS, 0, "x"), ERR_USAGE, "OPTIONS");
}

static void
query(void)
{
	const struct http_param *unknown;

	(void)!http_target_parse(span_lit("/v1/hosts/a?limit=1&since=2"), &t, NULL);
	ok(route_query_unknown(&table[3], &t) == NULL && route_query_missing(&table[3], &t) == NULL,
	    "listed query parameters");
	(void)!http_target_parse(span_lit("/v1/hosts/a?limit=1&id=2"), &t, NULL);
	unknown = route_query_unknown(&table[3], &t);
	ok(unknown != NULL && span_is(unknown->name, "id"), "one of the path is none of the query");
	is_str(route_query_missing(&table[3], &t)->name, "since", "a required one is missing");
	ok(route_query_unknown(&table[1], &t) != NULL, "a route without any");
}

static void
openapi(void)
{
	struct openapi_info info = { .title = "T", .version = "1", .schemas = span_lit(
	    "{\"Host\": {\"type\": \"object\"}, \"Hosts\": {\"type\": \"array\"}}") };
	BUF_AUTO struct buf b = buf_init(MIB(1)), c = buf_init(MIB(1));
	JSON_AUTO json_t *j = NULL;
	json_t *show, *add;
	struct err e = { 0 };

	is_int(router_openapi(r, &info, &b, &e), 0, "OpenAPI is written");
	is_int(json_parse(buf_view(&b), MIB(1), &j, &e), 0, "it is JSON");
	is_str(json_string_value(json_object_get(j, "openapi")), "3.1.0", "its version");
	is_int((int64_t)json_object_size(json_object_get(j, "paths")), 8, "each path once");
	show = json_object_get(json_object_get(json_object_get(j, "paths"), "/v1/hosts/{id}"), "get");
	is_str(json_string_value(json_object_get(show, "x-principal")), "viewer", "who may");
	is_int((int64_t)json_array_size(json_object_get(show, "parameters")), 3, "its parameters");
	add = json_object_get(json_object_get(json_object_get(j, "paths"), "/v1/hosts"), "post");
	is_int(json_integer_value(json_object_get(json_object_get(add, "requestBody"), "x-most-bytes")), 4096,
	    "the ceiling of its body");
	ok(json_object_get(json_object_get(add, "responses"), "201") != NULL, "its status");
	info.schemas = span_of(NULL, 0);
	is_int(router_openapi(r, &info, &c, &e), ERR_FORMAT, "a schema that is not there is an error");
}

int
main(void)
{
	struct err e = { 0 };

	if (!ok(router_new(table, N, &r, &e) == 0, "the table is good")) {
		diag("%s", e.message);
		return done();
	}
	finding();
	permission();
	refusals();
	query();
	openapi();
	for (enum http_method m = HTTP_GET; m <= HTTP_OPTIONS; m++)
		ok(http_method_parse(span_str(http_method_name(m))) == m, "%s", http_method_name(m));
	ok(http_method_parse(span_lit("get")) == 0 && http_method_parse(span_lit("")) == 0, "methods have capitals");
	router_free(r);
	return done();
}
