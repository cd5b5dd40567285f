/* The one table of what can be asked, by whom, and who answers. */
#include "formats/attest_message.h"
#include "svc/server/server_internal.h"

static const struct route_param page_params[] = {
	{ .name = "limit", .type = "integer", .text = "At most so many" },
	{ .name = "before", .type = "integer", .text = "Older than the one of this number" },
	{ .name = NULL },
};
static const struct route_param host_list_params[] = {
	{ .name = "verdict", .type = "string", .text = "trusted, untrusted, undecided or unknown" },
	{ .name = "name", .type = "string", .text = "Names that begin so" },
	{ .name = "label", .type = "string", .text = "key=value" },
	{ .name = "pending", .type = "boolean", .text = "Those that wait for an operator" },
	{ .name = "registration", .type = "string", .text = "pending, enrolled, removed or forgotten; the last two only if asked for" },
	{ .name = "limit", .type = "integer", .text = "At most so many" },
	{ .name = "after", .type = "string", .text = "What the page before gave as next" },
	{ .name = NULL },
};
static const struct route_param search_params[] = {
	{ .name = "digest", .type = "string", .text = "sha256:HEX" },
	{ .name = "path", .type = "string", .text = "The exact path: its bytes, percent-encoded as in any URL" },
	{ .name = "key", .type = "string", .text = "A signing key's id, 8 hex digits" },
	{ .name = "limit", .type = "integer", .text = "At most so many" },
	{ .name = "after", .type = "integer", .text = "What the page before gave as next" },
	{ .name = NULL },
};
static const struct route_param assignment_params[] = {
	{ .name = "all", .type = "boolean", .text = "Also those that ended" },
	{ .name = NULL },
};

static const struct route_param policy_params[] = {
	{ .name = "name", .type = "string", .text = "Versions of this one only" },
	{ .name = NULL },
};
static const struct route_param end_params[] = {
	{ .name = "overlap_s", .type = "integer", .text = "So many seconds it still holds beside what follows" },
	{ .name = NULL },
};
static const struct route_param list_params[] = {
	{ .name = "from", .type = "integer", .text = "Number of the first entry, from 1" },
	{ .name = "limit", .type = "integer", .text = "At most so many" },
	{ .name = "boot", .type = "integer", .text = "Number of an earlier boot" },
	{ .name = NULL },
};

#define ROUTE_ROW(m, path, who, body, job, op, text, ...) WORK(job)
#include "svc/server/routes.tbl"
#undef ROUTE_ROW

static const struct route table[] = {
#define ROUTE_ROW(m, path, who, body, job, op, text, ...) ROUTE(m, path, who, body, handle_##job, op, text, __VA_ARGS__),
#include "svc/server/routes.tbl"
#undef ROUTE_ROW
};

/* docs/schema/api.schema.json: what the answers are; a test holds the answers to it. */
static const uint8_t schemas[] = {
#include "svc/server/api_schema.tbl"
};

int
routes_open(struct server *s, struct err *e)
{
	return router_new(table, sizeof(table) / sizeof(table[0]), &s->router, e);
}

bool
server_route(const char *operation, enum http_method *method, const char **pattern)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].operation, operation) == 0) {
			*method = table[i].method;
			*pattern = table[i].pattern;
			return true;
		}
	return false;
}

static int
describe(const struct router *router, struct buf *out, struct err *e)
{
	const struct openapi_info info = { .title = "assay", .version = "1",
	    .description = "Remote attestation: what hosts run, and whether their owner approved it.",
	    .schemas = span_of(schemas, sizeof(schemas)) };

	return router_openapi(router, &info, out, e);
}

int
server_openapi(struct buf *out, struct err *e)
{
	ROUTER_AUTO struct router *router = NULL;
	int rc = router_new(table, sizeof(table) / sizeof(table[0]), &router, e);

	return rc != 0 ? rc : describe(router, out, e);
}

void
job_openapi(struct worker *w, struct http_request *r)
{
	BUF_AUTO struct buf b = buf_init(MIB(1));
	struct err e = { 0 };

	if (describe(w->server->router, &b, &e) != 0)
		http_request_error(r, &e);
	else
		http_request_reply(r, &(struct http_answer){ .body = buf_view(&b) });
}
