/* assay token list: who may ask the server. */
#include "cmd/api_client.h"
#include "cmd/table.h"

static const struct option_spec options[] = {
	{ .name = "all", .help = "also those that were revoked" },
	API_OPTIONS,
	{ .name = NULL },
};

static const struct table_column columns[] = {
	{ "NUMBER", TABLE_RIGHT }, { "NAME", TABLE_BENDS }, { "ROLE", 0 }, { "KIND", 0 }, { "MADE", TABLE_SPARE },
	{ "BY", TABLE_BENDS | TABLE_SPARE }, { "EXPIRES", TABLE_SPARE }, { "REVOKED", TABLE_SPARE },
};

static void
drop_revoked(json_t *list)
{
	for (size_t i = json_array_size(list); i-- > 0;)
		if (api_str(json_array_get(list, i), "revoked")[0] != '\0')
			(void)json_array_remove(list, i);
}

static int
print(const json_t *list, struct err *e)
{
	TABLE_AUTO struct table t = table_init(columns, sizeof(columns) / sizeof(columns[0]));
	int rc;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *p = json_array_get(list, i);
		char number[32];
		const char *cells[] = { number, api_str(p, "name"), api_str(p, "role"), api_str(p, "kind"), api_str(p, "made"),
		    api_str(p, "who"), api_str(p, "expires"), api_str(p, "revoked") };

		(void)snprintf(number, sizeof(number), "%lld", api_int(p, "number"));
		if ((rc = table_row(&t, COLOUR_PLAIN, cells, e)) != 0)
			return rc;
	}
	table_print(&t, stdout);
	return 0;
}

static enum exit_status
list(const struct invocation *in, struct err *e)
{
	API_AUTO struct api a = { 0 };
	API_REQUEST_AUTO struct api_request q = api_request("principalList", NULL);
	JSON_AUTO json_t *j = NULL;

	if (api_open(in, &a, e) != 0 || api_ask(&a, &q, NULL, &j, e) != 0)
		return cmd_error(in, e);
	if (!opt_has(in, "all"))
		drop_revoked(json_object_get(j, "principals"));
	if ((in->json ? cmd_print_json(j, e) : print(json_object_get(j, "principals"), e)) != 0)
		return cmd_error(in, e);
	return EXIT_GOOD;
}

const struct command cmd_token_list = {
	.noun = "token", .verb = "list",
	.summary = "list who may ask the server",
	.operands = "", .min_operands = 0, .max_operands = 0,
	.description = "Names, roles and who gave them; the tokens themselves are not kept.",
	.example = "  $ assay token list",
	.wants_json = true,
	.options = options,
	.run = list,
};
