#include "cmd/host_change.h"

static int
change_one(struct api *a, const char *name, const struct host_change *c, json_t **out, struct err *e)
{
	BUF_AUTO struct buf target = buf_init(KIB(16));
	char id[33];
	int rc = api_host(a, name, id, e);

	if (rc != 0)
		return rc;
	api_host_target(&target, id, c->rest);
	return api_send(a, c->method, &target, c->body, out, e);
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
