/* assay policy list: the server's policies, and what they are assigned to. */
#include "cmd/api_client.h"
#include "cmd/table.h"

static const struct option_spec options[] = {
	{ .name = "all", .help = "all versions, and assignments that ended" },
	API_OPTIONS,
	{ .name = NULL },
};

static const struct table_column policy_columns[] = {
	{ "POLICY", TABLE_BENDS }, { "VERSION", TABLE_BENDS }, { "SIZE", TABLE_RIGHT | TABLE_SPARE },
	{ "SIGNED BY", TABLE_BENDS | TABLE_SPARE }, { "AT", TABLE_SPARE }, { "WHO", TABLE_BENDS | TABLE_SPARE },
};
static const struct table_column assignment_columns[] = {
	{ "NUMBER", TABLE_RIGHT }, { "SET", TABLE_BENDS }, { "FOR", TABLE_BENDS }, { "RANK", TABLE_RIGHT }, { "SINCE", 0 },
	{ "UNTIL", TABLE_SPARE }, { "WHO", TABLE_BENDS | TABLE_SPARE },
};

/* Newest first within a name: the others are dropped. */
static void
keep_newest(json_t *list)
{
	for (size_t i = 1; i < json_array_size(list);)
		if (strcmp(api_str(json_array_get(list, i), "name"), api_str(json_array_get(list, i - 1), "name")) == 0)
			(void)json_array_remove(list, i);
		else
			i++;
}

static int
print_policies(const json_t *list, struct err *e)
{
	TABLE_AUTO struct table t = table_init(policy_columns, sizeof(policy_columns) / sizeof(policy_columns[0]));
	int rc;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *p = json_array_get(list, i);
		char size[32];
		const char *cells[] = { api_str(p, "name"), api_str(p, "version"), size, api_str(p, "signers"), api_str(p, "at"),
		    api_str(p, "who") };

		(void)snprintf(size, sizeof(size), "%lld", api_int(p, "size"));
		if ((rc = table_row(&t, COLOUR_PLAIN, cells, e)) != 0)
			return rc;
	}
	table_print(&t, stdout);
	return 0;
}

static int
print_assignments(const json_t *list, struct err *e)
{
	TABLE_AUTO struct table t = table_init(assignment_columns,
	    sizeof(assignment_columns) / sizeof(assignment_columns[0]));
	int rc;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *a = json_array_get(list, i);
		const char *labels = api_str(a, "labels"), *until = api_str(a, "holds_until");
		char number[32], rank[32];
		const char *cells[] = { number, api_str(a, "set"), labels[0] != '\0' ? labels : "all hosts", rank,
		    api_str(a, "began"), until[0] != '\0' ? until : api_str(a, "ended"), api_str(a, "who") };

		(void)snprintf(number, sizeof(number), "%lld", api_int(a, "number"));
		(void)snprintf(rank, sizeof(rank), "%lld", api_int(a, "rank"));
		if ((rc = table_row(&t, COLOUR_PLAIN, cells, e)) != 0)
			return rc;
	}
	if (json_array_size(list) > 0)
		(void)putchar('\n');
	table_print(&t, stdout);
	return 0;
}

static int
fetch(const struct invocation *in, struct api *a, json_t **out, struct err *e)
{
	API_REQUEST_AUTO struct api_request policies = api_request("policyList", NULL);
	API_REQUEST_AUTO struct api_request assignments = api_request("assignmentList", NULL);
	JSON_AUTO json_t *p = NULL, *s = NULL;
	int rc;

	api_query(&assignments, "all", opt_has(in, "all") ? "true" : NULL);
	if ((rc = api_ask(a, &policies, NULL, &p, e)) != 0 || (rc = api_ask(a, &assignments, NULL, &s, e)) != 0)
		return rc;
	if (!opt_has(in, "all"))
		keep_newest(json_object_get(p, "policies"));
	*out = json_pack("{s:O, s:O}", "policies", json_object_get(p, "policies"), "assignments",
	    json_object_get(s, "assignments"));
	return *out != NULL ? 0 : err_set(e, ERR_NETWORK, "the server's answer lacks its lists");
}

static enum exit_status
list(const struct invocation *in, struct err *e)
{
	API_AUTO struct api a = { 0 };
	JSON_AUTO json_t *j = NULL;
	int rc;

	if (api_open(in, &a, e) != 0 || fetch(in, &a, &j, e) != 0)
		return cmd_error(in, e);
	if (in->json)
		rc = cmd_print_json(j, e);
	else if (json_array_size(json_object_get(j, "policies")) == 0)
		rc = fputs("no policy\n", stderr) < 0 ? ERR_IO : 0;
	else if ((rc = print_policies(json_object_get(j, "policies"), e)) == 0)
		rc = print_assignments(json_object_get(j, "assignments"), e);
	return rc == 0 ? EXIT_GOOD : cmd_error(in, e);
}

const struct command cmd_policy_list = {
	.noun = "policy", .verb = "list",
	.summary = "list the server's policies and their assignments",
	.operands = "", .min_operands = 0, .max_operands = 0,
	.description =
	    "First the policies, each with its newest version, then which hosts are judged by what: of the\n"
	    "assignments that select a host the highest rank holds, of equal ranks the newest. An UNTIL is the\n"
	    "end of an overlap.",
	.example = "  $ assay policy list",
	.wants_json = true,
	.options = options,
	.run = list,
};
