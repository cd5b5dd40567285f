/* router.h: one table of routes decides what exists and who may have it.
 *
 * The table is data: method, pattern, principal, ceiling of the body, handler, and what
 * the documentation says.  Routing, the check of the principal, the answer to OPTIONS,
 * OpenAPI and the command line's requests all come from it.  The router is pure: no
 * clock, no I/O, no state but the table.
 *
 * Deny by default: a route states its principal through the macro ROUTE, where leaving it
 * out does not compile; a table with PRINCIPAL_UNSET in it (a zeroed row) is refused at
 * start.  So are two routes that could match the same path equally well, a pattern that
 * is not well-formed, a body ceiling above LIMIT_HTTP_BODY and a missing handler.
 *
 * Who a caller is comes from outside (a certificate's digest, a bearer token); the router
 * compares.  Administrators may do what operators may, and those what viewers may.  Hosts
 * are apart: no person may speak for a host, and no host may read the fleet.
 *
 * Patterns: "/v1/hosts/{id}/entries": literal segments, or one whole parameter.  A
 * literal wins over a parameter.
 */
#ifndef PORT_NET_ROUTER_H
#define PORT_NET_ROUTER_H

#include "base/buf.h"
#include "port/net/http_target.h"

struct http_request;
struct router;

enum http_method {
	HTTP_GET = 1, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS,
};

enum principal {
	PRINCIPAL_UNSET = 0,	/* of a route: a mistake; of a caller: nobody known */
	PRINCIPAL_PUBLIC,	/* of a route: anybody, also with bad credentials */
	PRINCIPAL_HOST,		/* client certificate of an enrolled host */
	PRINCIPAL_VIEWER,
	PRINCIPAL_OPERATOR,
	PRINCIPAL_ADMIN,
};

/** A handler runs in a loop of the server: it answers at once, or hands the request to a
 * thread of its own which answers later; it never blocks.  ${arg} is the server's. */
typedef void http_handler(struct http_request *r, void *arg);

struct route_param {		/* a list ends with a NULL name */
	const char *name;
	const char *type;	/* "string", "integer", "boolean": JSON schema's words */
	const char *text;	/* one sentence */
	bool required;		/* of query parameters; those of the path always are */
};

struct route {
	enum http_method method;	/* GET answers HEAD too; OPTIONS is the server's own */
	const char *pattern;
	enum principal principal;
	size_t body_max;		/* bytes; 0: a body is refused */
	http_handler *handler;
	const char *operation;		/* OpenAPI operationId: "hostShow" */
	const char *summary;		/* one sentence */
	const struct route_param *params;	/* query, and words on those of the path; or NULL.  A
					   query parameter that is not listed is refused. */
	const char *body_type;		/* media type a body must have; NULL: any */
	const char *body_schema;	/* name of a schema, or NULL */
	const char *answer_type;	/* NULL: application/json */
	const char *answer_schema;	/* name of a schema, or NULL */
	unsigned status;		/* of success; 0: 200 */
};

/** ROUTE(GET, "/v1/hosts", VIEWER, body_max, handler, "hostList", "summary", .params = ...) */
#define ROUTE(m, path, who, body, h, op, text, ...)					\
	{ .method = HTTP_##m, .pattern = (path), .principal = PRINCIPAL_##who,		\
	  .body_max = (body), .handler = (h), .operation = (op), .summary = (text), __VA_ARGS__ }

/** router_new(routes, n, out, e): The table is borrowed and must outlive the router. */
MUST_CHECK int router_new(const struct route *routes, size_t n, struct router **out,
    struct err *e);
void router_free(struct router *r);

const struct route *router_routes(const struct router *r, size_t *n);

struct route_match {
	const struct route *route;	/* NULL unless found */
	size_t n_params;		/* of the path, in the pattern's order */
	struct http_param params[LIMIT_HTTP_SEGMENTS];	/* names: the pattern's; values: the target's */
	unsigned allow;			/* bit (1 << method) of each method this path has */
};

enum route_result {
	ROUTE_FOUND = 0,
	ROUTE_UNKNOWN,		/* 404 */
	ROUTE_METHOD,		/* 405; ${allow} says which there are */
};

/** router_find(r, method, t, m): HEAD finds a GET route. */
enum route_result router_find(const struct router *r, enum http_method method,
    const struct http_target *t, struct route_match *m);

enum permit {
	PERMIT_YES = 0,
	PERMIT_WHO,		/* 401: nobody known, and the route needs somebody */
	PERMIT_NO,		/* 403: known, and not allowed */
};
enum permit router_permit(const struct route *route, enum principal caller);

/** route_query_unknown(route, t): The first query parameter the route does not list, or NULL. */
const struct http_param *route_query_unknown(const struct route *route,
    const struct http_target *t);

/** route_query_missing(route, t): The first required query parameter that is not given, or NULL. */
const struct route_param *route_query_missing(const struct route *route,
    const struct http_target *t);

/** route_param_in_path(route, p): Whether a listed parameter is one of the pattern's. */
bool route_param_in_path(const struct route *route, const struct route_param *p);

const char *http_method_name(enum http_method m);
const char *principal_name(enum principal p);

/** http_method_parse(s): 0 for one that is not ours. */
enum http_method http_method_parse(struct span s);

/** router_allow(allow, b): "GET, HEAD, OPTIONS". */
void router_allow(unsigned allow, struct buf *b);

struct openapi_info {
	const char *title, *version, *description;
	struct span schemas;	/* JSON object: name of a schema -> schema; empty: none */
};

/** router_openapi(r, info, b, e): OpenAPI 3.1 as JSON, appended.  ERR_FORMAT if a route
 * names a schema that ${info} lacks. */
MUST_CHECK int router_openapi(const struct router *r, const struct openapi_info *info,
    struct buf *b, struct err *e);

static inline void
router_freep(struct router **r)
{
	router_free(*r);
}
#define ROUTER_AUTO __attribute__((cleanup(router_freep)))

#endif
