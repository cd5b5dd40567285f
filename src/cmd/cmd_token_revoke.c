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
	BUF_AUTO struct buf target = buf_init(KIB(4));
	JSON_AUTO json_t *j = NULL;
	const json_t *list;
	size_t found = 0;
	int rc;

	if (dec_u64(span_str(name), number))
		return 0;
	buf_str(&target, "/v1/principals");
	if ((rc = api_get(a, &target, &j, e)) != 0)
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

static enum exit_status
revoke(const struct invocation *in, struct err *e)
{
	API_AUTO struct api a = { 0 };

	if (api_open(in, &a, e) != 0)
		return cmd_error(in, e);
	for (size_t i = 0; i < in->n_operands; i++) {
		BUF_AUTO struct buf target = buf_init(KIB(4));
		uint64_t number;

		if (find(&a, in->operands[i], &number, e) != 0)
			return cmd_error(in, e);
		buf_printf(&target, "/v1/principals/%llu", (unsigned long long)number);
		if (api_send(&a, HTTP_DELETE, &target, NULL, NULL, e) != 0)
			return cmd_error(in, e);
	}
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
