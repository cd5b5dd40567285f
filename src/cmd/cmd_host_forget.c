/* assay host forget: what hosts showed is deleted. */
#include "cmd/host_change.h"

static const struct option_spec options[] = {
	API_OPTIONS,
	{ .name = NULL },
};

static enum exit_status
forget_hosts(const struct invocation *in, struct err *e)
{
	return host_change(in, &(struct host_change){ .operation = "hostForget", .done = "is forgotten",
	    .n = in->n_operands }, e);
}

const struct command cmd_host_forget = {
	.noun = "host", .verb = "forget",
	.summary = "delete what hosts showed: lists, verdicts, evidence, facts",
	.operands = "HOST...", .min_operands = 1, .max_operands = -1,
	.description =
	    "The host is removed, and everything that it showed is deleted for good: its lists, verdicts,\n"
	    "findings, bundles, facts, labels and certificates. Its id and name, the public parts of its\n"
	    "keys and the events of what people did with it stay, for the audit. It may enrol anew, as\n"
	    "trust modes allow; to keep a machine out, remove it and do not forget it.\n"
	    "\n"
	    "The server does the same by itself with hosts that were not seen for --forget-days.",
	.example = "  $ assay host forget web-17",
	.wants_json = true,
	.options = options,
	.run = forget_hosts,
};
