#include "cmd/host_change.h"

static int
change_one(struct api *a, const char *name, const struct host_change *c, json_t **out, struct err *e)
{
	char id[33];
	int rc = api_host(a, name, id, e);

	if (rc != 0)
		return rc;
	API_REQUEST_AUTO struct api_request q = api_request(c->operation, id);

	return api_ask(a, &q, c->body, out, e);
}

enum exit_status
host_change(const struct invocation *in, const struct host_change *c, struct err *e)
{
	API_AUTO struct api a = { 0 };
	JSON_AUTO json_t *all = json_pack("{s:[]}", "hosts");

	if (api_open(in, &a, e) != 0)
		return cmd_error(in, e);
	for (size_t i = 0; i < c->n; i++) {
		json_t *j;

		if (change_one(&a, in->operands[i], c, &j, e) != 0)
			return cmd_error(in, e);
		json_array_append_new(json_object_get(all, "hosts"), j);
		if (!in->json)
			(void)printf("%s (%s) %s\n", api_str(j, "name"), api_str(j, "id"), c->done);
	}
	return in->json && cmd_print_json(all, e) != 0 ? cmd_error(in, e) : EXIT_GOOD;
}
