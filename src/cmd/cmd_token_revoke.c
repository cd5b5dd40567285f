/* assay token revoke: a token or certificate is good no more. */
#include "base/text.h"
#include "cmd/api_client.h"

static const struct option_spec options[] = {
	API_OPTIONS,
	{ .name = NULL },
};

/* By number, or by the name of one that is not revoked. */
static int
find(struct api *a, const char *name, uint64_t *number, struct err *e)
{
	API_REQUEST_AUTO struct api_request q = api_request("principalList", NULL);
	JSON_AUTO json_t *j = NULL;
	const json_t *list;
	size_t found = 0;
	int rc;

	if (dec_u64(span_str(name), number))
		return 0;
	if ((rc = api_ask(a, &q, NULL, &j, e)) != 0)
		return rc;
	list = json_object_get(j, "principals");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *p = json_array_get(list, i);

		if (strcmp(api_str(p, "name"), name) != 0 || api_str(p, "revoked")[0] != '\0')
			continue;
		*number = (uint64_t)api_int(p, "number");
		found++;
	}
	if (found == 1)
		return 0;
	return err_hint(e, err_set(e, ERR_USAGE, found == 0 ? "nobody is called \"%s\"" : "several are called \"%s\"", name),
	    "assay token list shows numbers");
}

static int
revoke_one(struct api *a, const char *name, struct err *e)
{
	uint64_t number;
	int rc = find(a, name, &number, e);

	if (rc != 0)
		return rc;
	API_REQUEST_AUTO struct api_request q = api_request_number("principalRevoke", number);

	return api_ask(a, &q, NULL, NULL, e);
}

static enum exit_status
revoke(const struct invocation *in, struct err *e)
{
	API_AUTO struct api a = { 0 };

	if (api_open(in, &a, e) != 0)
		return cmd_error(in, e);
	for (size_t i = 0; i < in->n_operands; i++)
		if (revoke_one(&a, in->operands[i], e) != 0)
			return cmd_error(in, e);
	return EXIT_GOOD;
}

const struct command cmd_token_revoke = {
	.noun = "token", .verb = "revoke",
	.summary = "take somebody's token or certificate away",
	.operands = "NAME|NUMBER...", .min_operands = 1, .max_operands = -1,
	.description =
	    "From now on, on this server; on others that share its database within a second. The last\n"
	    "administrator cannot be revoked.",
	.example = "  $ assay token revoke grafana",
	.options = options,
	.run = revoke,
};
