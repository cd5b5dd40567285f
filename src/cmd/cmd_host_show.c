/* assay host show: all that is known of one host. */
#include "cmd/api_client.h"
#include "cmd/host_text.h"

static const struct option_spec options[] = {
	API_OPTIONS,
	{ .name = NULL },
};

static enum exit_status
show(const struct invocation *in, struct err *e)
{
	API_AUTO struct api a = { 0 };
	JSON_AUTO json_t *j = NULL;

	if (api_open(in, &a, e) != 0 || api_host_get(&a, in->n_operands > 0 ? in->operands[0] : NULL, &j, e) != 0)
		return cmd_error(in, e);
	if (in->json && cmd_print_json(j, e) != 0)
		return cmd_error(in, e);
	if (!in->json)
		host_print(stdout, j);
	return host_status(j);
}

const struct command cmd_host_show = {
	.noun = "host", .verb = "show",
	.summary = "print how a host stands, why, and what it is",
	.operands = "[HOST]", .min_operands = 0, .max_operands = 1,
	.description =
	    "HOST is a name or an id; where there is only one host it need not be named. The verdict is\n"
	    "about evidence and holds until its time; the reachability is about when evidence came. What the\n"
	    "host says of itself is shown, and nothing rests on it.\n"
	    "\n"
	    "Exit status: 0 trusted, 1 untrusted, 3 undecided, expired, or not to be learned.",
	.example =
	    "  $ assay host show web-17\n"
	    "  UNTRUSTED  web-17\n"
	    "    why           /opt/backdoor: the path is not in the policy and no trusted signature covers it",
	.wants_json = true,
	.options = options,
	.run = show,
};
