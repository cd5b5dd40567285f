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
	{ .name = "limit", .type = "integer", .text = "At most so many" },
	{ .name = "after", .type = "string", .text = "What the page before gave as next" },
	{ .name = NULL },
};
static const struct route_param search_params[] = {
	{ .name = "digest", .type = "string", .text = "sha256:HEX" },
	{ .name = "path", .type = "string", .text = "The exact path, escaped as everywhere" },
	{ .name = "key", .type = "string", .text = "A signing key's id, 8 hex digits" },
	{ .name = "limit", .type = "integer", .text = "At most so many" },
	{ .name = "after", .type = "integer", .text = "Hosts above this number" },
	{ .name = NULL },
};
static const struct route_param assignment_params[] = {
	{ .name = "all", .type = "boolean", .text = "Also those that ended" },
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

int
routes_open(struct server *s, struct err *e)
{
	return router_new(table, sizeof(table) / sizeof(table[0]), &s->router, e);
}

void
job_openapi(struct worker *w, struct http_request *r)
{
	BUF_AUTO struct buf b = buf_init(MIB(1));
	struct openapi_info info = { .title = "assay", .version = "1",
	    .description = "Remote attestation: what hosts run, and whether their owner approved it." };
	struct err e = { 0 };

	if (router_openapi(w->server->router, &info, &b, &e) != 0)
		http_request_error(r, &e);
	else
		http_request_reply(r, &(struct http_answer){ .body = buf_view(&b) });
}
