/* assay host remove: hosts may not attest any more. */
#include "cmd/host_change.h"

static const struct option_spec options[] = {
	API_OPTIONS,
	{ .name = NULL },
};

static enum exit_status
remove_hosts(const struct invocation *in, struct err *e)
{
	return host_change(in, &(struct host_change){ .operation = "hostRemove", .done = "is removed",
	    .n = in->n_operands }, e);
}

const struct command cmd_host_remove = {
	.noun = "host", .verb = "remove",
	.summary = "take hosts out: they may not attest any more",
	.operands = "HOST...", .min_operands = 1, .max_operands = -1,
	.description =
	    "Its certificate is refused from now on, and lists leave it out. What it showed is kept, and can\n"
	    "still be searched and shown by its id.",
	.example = "  $ assay host remove web-17",
	.wants_json = true,
	.options = options,
	.run = remove_hosts,
};
