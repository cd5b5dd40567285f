/* router_openapi.c: OpenAPI 3.1 out of the table of routes. */
#include <jansson.h>

#include "base/json.h"
#include "port/net/router.h"

static json_t *
schema_ref(const char *name)
{
	char ref[160];

	(void)snprintf(ref, sizeof(ref), "#/components/schemas/%s", name);
	return json_pack("{s:s}", "$ref", ref);
}

/* {media type: {schema}} for what a route says about a body. */
static json_t *
content(const char *type, const char *schema)
{
	json_t *inner = schema == NULL ? json_object() : json_pack("{s:o}", "schema", schema_ref(schema));

	return json_pack("{s:o}", type == NULL ? "application/json" : type, inner);
}

static json_t *
parameter(const char *name, const char *where, bool required, const struct route_param *p)
{
	json_t *j = json_pack("{s:s, s:s, s:b, s:{s:s}}", "name", name, "in", where, "required", required,
	    "schema", "type", p == NULL || p->type == NULL ? "string" : p->type);

	if (p != NULL && p->text != NULL)
		json_object_set_new(j, "description", json_string(p->text));
	return j;
}

static const struct route_param *
param_named(const struct route *r, struct span name)
{
	for (const struct route_param *p = r->params; p != NULL && p->name != NULL; p++)
		if (span_is(name, p->name))
			return p;
	return NULL;
}

static json_t *
parameters(const struct route *r)
{
	json_t *list = json_array();

	for (const char *p = strchr(r->pattern, '{'); p != NULL; p = strchr(p + 1, '{')) {
		size_t n = strcspn(p + 1, "}");
		char name[LIMIT_HTTP_SEGMENT + 1];

		(void)snprintf(name, sizeof(name), "%.*s", (int)n, p + 1);
		json_array_append_new(list, parameter(name, "path", true,
		    param_named(r, span_of(p + 1, n))));
	}
	for (const struct route_param *p = r->params; p != NULL && p->name != NULL; p++)
		if (!route_param_in_path(r, p))
			json_array_append_new(list, parameter(p->name, "query", p->required, p));
	return list;
}

static json_t *
responses(const struct route *r)
{
	unsigned status = r->status == 0 ? 200 : r->status;
	json_t *good = json_pack("{s:s}", "description", "done");
	json_t *problem = json_pack("{s:s, s:o}", "description", "a problem, RFC 9457",
	    "content", content("application/problem+json", "Problem"));
	char code[16];

	(void)snprintf(code, sizeof(code), "%u", status);
	if (status != 204)
		json_object_set_new(good, "content", content(r->answer_type, r->answer_schema));
	return json_pack("{s:o, s:o}", code, good, "default", problem);
}

/* Who may: a host by its certificate; people by certificate or token. */
static json_t *
security(const struct route *r)
{
	if (r->principal == PRINCIPAL_PUBLIC)
		return json_array();
	if (r->principal == PRINCIPAL_HOST)
		return json_pack("[{s:[]}]", "mutualTLS");
	return json_pack("[{s:[]}, {s:[]}]", "mutualTLS", "bearer");
}

static json_t *
operation(const struct route *r)
{
	json_t *j = json_pack("{s:s, s:s, s:s, s:o}", "operationId", r->operation, "summary", r->summary,
	    "x-principal", principal_name(r->principal), "security", security(r));

	if (strchr(r->pattern, '{') != NULL || r->params != NULL)
		json_object_set_new(j, "parameters", parameters(r));
	if (r->body_max != 0)
		json_object_set_new(j, "requestBody", json_pack("{s:b, s:o, s:I}", "required", 1,
		    "content", content(r->body_type, r->body_schema),
		    "x-most-bytes", (json_int_t)r->body_max));
	json_object_set_new(j, "responses", responses(r));
	return j;
}

static json_t *
paths(const struct route *routes, size_t n)
{
	json_t *all = json_object();

	for (size_t i = 0; i < n; i++) {
		json_t *path = json_object_get(all, routes[i].pattern);
		char method[16];
		size_t k = 0;

		if (path == NULL) {
			path = json_object();
			json_object_set_new(all, routes[i].pattern, path);
		}
		for (const char *p = http_method_name(routes[i].method); *p != '\0'; p++)
			method[k++] = (char)(*p | 0x20);
		method[k] = '\0';
		json_object_set_new(path, method, operation(&routes[i]));
	}
	return all;
}

static int
schemas_know(const json_t *schemas, const struct route *r, struct err *e)
{
	const char *names[] = { r->body_schema, r->answer_schema };

	for (size_t i = 0; i < 2; i++)
		if (names[i] != NULL && json_object_get(schemas, names[i]) == NULL)
			return err_set(e, ERR_FORMAT, "route %s \"%s\" names schema \"%s\", which is not there",
			    http_method_name(r->method), r->pattern, names[i]);
	return 0;
}

static int
components(const struct router *r, const struct openapi_info *info, json_t **out, struct err *e)
{
	static const char problem[] = "{\"type\": \"object\", \"required\": [\"type\", \"title\", \"status\","
	    " \"code\"], \"properties\": {\"type\": {\"type\": \"string\"}, \"title\": {\"type\": \"string\"},"
	    " \"status\": {\"type\": \"integer\"}, \"detail\": {\"type\": \"string\"},"
	    " \"code\": {\"type\": \"string\", \"description\": \"a stable word for programs\"}}}";
	JSON_AUTO json_t *schemas = NULL;
	const struct route *routes;
	size_t n;
	int rc;

	if (info->schemas.n == 0)
		schemas = json_object();
	else if ((rc = json_parse(info->schemas, LIMIT_SMALL_FILE, &schemas, e)) != 0)
		return err_ctx(e, rc, "schemas of the API");
	json_object_set_new(schemas, "Problem", json_loads(problem, 0, NULL));
	routes = router_routes(r, &n);
	for (size_t i = 0; i < n; i++)
		if ((rc = schemas_know(schemas, &routes[i], e)) != 0)
			return rc;
	*out = json_pack("{s:O, s:{s:{s:s}, s:{s:s, s:s}}}", "schemas", schemas, "securitySchemes",
	    "mutualTLS", "type", "mutualTLS", "bearer", "type", "http", "scheme", "bearer");
	return *out == NULL ? err_set(e, ERR_NOMEM, "OpenAPI") : 0;
}

int
router_openapi(const struct router *r, const struct openapi_info *info, struct buf *b,
    struct err *e)
{
	JSON_AUTO json_t *all = NULL;
	const struct route *routes;
	json_t *parts = NULL;
	size_t n;
	int rc;

	if ((rc = components(r, info, &parts, e)) != 0)
		return rc;
	routes = router_routes(r, &n);
	all = json_pack("{s:s, s:{s:s, s:s, s:s}, s:o, s:o}", "openapi", "3.1.0",
	    "info", "title", info->title, "version", info->version,
	    "description", info->description == NULL ? "" : info->description,
	    "paths", paths(routes, n), "components", parts);
	if (all == NULL)
		return err_set(e, ERR_NOMEM, "OpenAPI");
	json_write(all, b);
	return buf_done(b, e);
}
