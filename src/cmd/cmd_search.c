/* assay search: which hosts ever ran a file. */
#include "cmd/api_client.h"
#include "cmd/host_text.h"
#include "cmd/table.h"

static const struct option_spec options[] = {
	API_OPTIONS,
	{ .name = NULL },
};

static const struct table_column columns[] = {
	{ "HOST", TABLE_BENDS }, { "SINCE", 0 }, { "NOW", 0 }, { "ID", TABLE_SPARE },
};

/* "path:" and "key:" name their kind; an algorithm names a digest. */
static bool
make_query(const char *what, struct api_request *q)
{
	const char *colon = strchr(what, ':');

	if (colon == NULL || colon == what || colon[1] == '\0')
		return false;
	if (strncmp(what, "path:", 5) == 0)
		api_query(q, "path", what + 5);
	else if (strncmp(what, "key:", 4) == 0)
		api_query(q, "key", what + 4);
	else
		api_query(q, "digest", what);
	return true;
}

/* All pages as one answer. */
static int
ask(struct api *a, struct api_request *q, json_t **out, struct err *e)
{
	JSON_AUTO json_t *all = NULL;
	size_t head = q->target.n;
	int rc;

	for (;;) {
		JSON_AUTO json_t *j = NULL;
		long long next;

		if ((rc = api_ask(a, q, NULL, &j, e)) != 0)
			return rc;
		if (all == NULL)
			all = json_incref(j);
		else if (json_array_extend(json_object_get(all, "hosts"), json_object_get(j, "hosts")) != 0)
			return err_set(e, ERR_NOMEM, "out of memory");
		if ((next = api_int(j, "next")) == 0)
			break;
		q->target.n = head;
		buf_printf(&q->target, "&after=%lld", next);
	}
	json_object_set_new(all, "next", json_null());
	*out = json_incref(all);
	return 0;
}

static int
print(const json_t *j, struct err *e)
{
	TABLE_AUTO struct table t = table_init(columns, sizeof(columns) / sizeof(columns[0]));
	const json_t *hosts = json_object_get(j, "hosts");
	int rc;

	for (size_t i = 0; i < json_array_size(hosts); i++) {
		const json_t *h = json_array_get(hosts, i);
		bool now = json_is_true(json_object_get(h, "now"));
		const char *since = api_str(h, "since")[0] != '\0' ? api_str(h, "since") : "earlier";
		const char *cells[] = { api_str(h, "name"), since, now ? "yes" : "no", api_str(h, "id") };

		if ((rc = table_row(&t, COLOUR_PLAIN, cells, e)) != 0)
			return rc;
	}
	table_print(&t, stdout);
	(void)fprintf(stderr, "%lld host%s, by %lld measurement%s%s\n", api_int(j, "total"),
	    api_int(j, "total") == 1 ? "" : "s", api_int(j, "entries"), api_int(j, "entries") == 1 ? "" : "s",
	    json_is_true(json_object_get(j, "partial")) ? "; too many match: hosts of the others are missing" : "");
	return 0;
}

static enum exit_status
search(const struct invocation *in, struct err *e)
{
	API_AUTO struct api a = { 0 };
	API_REQUEST_AUTO struct api_request q = api_request("search", NULL);
	JSON_AUTO json_t *j = NULL;

	api_query(&q, "limit", "1000");
	if (!make_query(in->operands[0], &q))
		return cmd_usage(in, "\"%s\" is not sha256:HEX, path:PATH or key:HEX", in->operands[0]);
	if (api_open(in, &a, e) != 0 || ask(&a, &q, &j, e) != 0)
		return cmd_error(in, e);
	if ((in->json ? cmd_print_json(j, e) : print(j, e)) != 0)
		return cmd_error(in, e);
	return EXIT_GOOD;
}

const struct command cmd_search = {
	.noun = "search",
	.summary = "ask which hosts ever ran a file",
	.operands = "sha256:HEX|path:PATH|key:HEX", .min_operands = 1, .max_operands = 1,
	.description =
	    "Of all measurements that hosts ever showed: by the file's digest (any algorithm the hosts\n"
	    "measure with), by its exact path, or by the id of the key that signed it, 8 hex digits. SINCE is\n"
	    "when it was first seen in a list that is still kept; NOW says whether the host's newest list\n"
	    "has it too. Hosts that were removed are found as well.",
	.example =
	    "  $ assay search path:/opt/backdoor\n"
	    "  HOST    SINCE                 NOW  ID\n"
	    "  web-17  2026-07-01T12:00:03Z  yes  5f0c9a...",
	.wants_json = true,
	.options = options,
	.run = search,
};
