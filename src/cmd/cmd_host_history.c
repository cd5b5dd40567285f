/* assay host history: the verdicts a host had. */
#include "base/text.h"
#include "cmd/api_client.h"
#include "cmd/host_text.h"
#include "cmd/table.h"

static const struct option_spec options[] = {
	{ .name = "limit", .arg = "N", .help = "the newest N, 1 to 1000; 100 if not given" },
	API_OPTIONS,
	{ .name = NULL },
};

static const struct table_column columns[] = {
	{ "VERDICT", 0 }, { "FROM", 0 }, { "TO", TABLE_SPARE }, { "WHY", TABLE_BENDS | TABLE_WORDS }, { "EVIDENCE", TABLE_SPARE | TABLE_RIGHT },
};

static int
print(const json_t *list, struct err *e)
{
	TABLE_AUTO struct table t = table_init(columns, sizeof(columns) / sizeof(columns[0]));
	int rc;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *x = json_array_get(list, i);
		char bundle[32] = "";
		const char *cells[] = { api_str(x, "verdict"), api_str(x, "from"), api_str(x, "to"), api_str(x, "reason"), bundle };

		if (api_int(x, "bundle") != 0)
			(void)snprintf(bundle, sizeof(bundle), "%lld", api_int(x, "bundle"));
		if ((rc = table_row(&t, verdict_colour_of(cells[0]), cells, e)) != 0)
			return rc;
	}
	table_print(&t, stdout);
	return 0;
}

static int
ask(const struct invocation *in, struct api *a, const char *limit, json_t **out, struct err *e)
{
	char id[33];
	int rc = api_host(a, in->n_operands > 0 ? in->operands[0] : NULL, id, e);

	if (rc != 0)
		return rc;
	API_REQUEST_AUTO struct api_request q = api_request("hostHistory", id);

	api_query(&q, "limit", limit);
	return api_ask(a, &q, NULL, out, e);
}

static enum exit_status
history(const struct invocation *in, struct err *e)
{
	API_AUTO struct api a = { 0 };
	JSON_AUTO json_t *j = NULL;
	const char *limit = opt_get(in, "limit");
	uint64_t n;

	if (limit != NULL && (!dec_u64(span_str(limit), &n) || n == 0 || n > 1000))
		return cmd_usage(in, "--limit wants 1 to 1000");
	if (api_open(in, &a, e) != 0 || ask(in, &a, limit != NULL ? limit : "100", &j, e) != 0)
		return cmd_error(in, e);
	if ((in->json ? cmd_print_json(j, e) : print(json_object_get(j, "history"), e)) != 0)
		return cmd_error(in, e);
	return EXIT_GOOD;
}

const struct command cmd_host_history = {
	.noun = "host", .verb = "history",
	.summary = "list the verdicts a host had, newest first",
	.operands = "[HOST]", .min_operands = 0, .max_operands = 1,
	.description =
	    "One line for each time that a verdict, or what it rested on, held; TO is empty for the one that\n"
	    "holds. Where there is one host, it need not be named. EVIDENCE is the number of the bundle: assay\n"
	    "evidence fetch --bundle N gets it, to prove it again.",
	.example = "  $ assay host history web-17",
	.wants_json = true,
	.options = options,
	.run = history,
};
