/* assay host approve: an operator vouches for hosts that wait. */
#include "cmd/host_change.h"

static const struct option_spec options[] = {
	API_OPTIONS,
	{ .name = NULL },
};

static enum exit_status
approve(const struct invocation *in, struct err *e)
{
	return host_change(in, &(struct host_change){ .operation = "hostApprove", .done = "may attest now",
	    .n = in->n_operands }, e);
}

const struct command cmd_host_approve = {
	.noun = "host", .verb = "approve",
	.summary = "let hosts attest that wait for an operator",
	.operands = "HOST...", .min_operands = 1, .max_operands = -1,
	.description =
	    "A host whose TPM nothing vouches for (no known vendor, not on the list of endorsement keys)\n"
	    "waits, on a server that takes such hosts at all (--first-use). Compare the id with what the\n"
	    "machine itself says before you approve it: it stands for the TPM's endorsement key.",
	.example = "  $ assay host list --pending\n  $ assay host approve 5f0c9a...",
	.wants_json = true,
	.options = options,
	.run = approve,
};
