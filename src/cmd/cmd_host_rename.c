/* assay host rename: a name that an operator gives. */
#include "cmd/host_change.h"

static const struct option_spec options[] = {
	API_OPTIONS,
	{ .name = NULL },
};

static enum exit_status
rename_host(const struct invocation *in, struct err *e)
{
	JSON_AUTO json_t *name = json_new_string(span_str(in->operands[1])), *body = NULL;

	if (name == NULL)
		return cmd_usage(in, "the name is not UTF-8");
	body = json_pack("{s:O}", "name", name);
	return host_change(in, &(struct host_change){ .operation = "hostChange", .body = body,
	    .done = "is its name now", .n = 1 }, e);
}

const struct command cmd_host_rename = {
	.noun = "host", .verb = "rename",
	.summary = "give a host another name",
	.operands = "HOST NAME", .min_operands = 2, .max_operands = 2,
	.description =
	    "A host's first name is what it called itself when it enrolled. Names are for people: several\n"
	    "hosts may have the same; its id is the host's for ever.",
	.example = "  $ assay host rename 5f0c9a... web-17",
	.wants_json = true,
	.options = options,
	.run = rename_host,
};
