/* assay policy unassign: hosts are judged by an assignment no more. */
#include "base/text.h"
#include "cmd/api_client.h"

static const struct option_spec options[] = {
	{ .name = "overlap", .arg = "10m", .help = "so long it is still good beside what follows; not at all if not given" },
	API_OPTIONS,
	{ .name = NULL },
};

static int
ask(struct api *a, uint64_t number, uint64_t overlap, struct err *e)
{
	API_REQUEST_AUTO struct api_request q = api_request_number("assignmentEnd", number);
	char seconds[32];

	(void)snprintf(seconds, sizeof(seconds), "%llu", (unsigned long long)overlap);
	api_query(&q, "overlap_s", seconds);
	return api_ask(a, &q, NULL, NULL, e);
}

static enum exit_status
unassign(const struct invocation *in, struct err *e)
{
	API_AUTO struct api a = { 0 };
	const char *overlap = opt_get(in, "overlap");
	uint64_t number, seconds = 0;

	if (!dec_u64(span_str(in->operands[0]), &number))
		return cmd_usage(in, "an assignment has a number (assay policy list)");
	if (overlap != NULL && !duration_s(span_str(overlap), &seconds))
		return cmd_usage(in, "--overlap wants a time such as 90s, 10m, 2h or 1d");
	if (api_open(in, &a, e) != 0 || ask(&a, number, seconds, e) != 0)
		return cmd_error(in, e);
	return EXIT_GOOD;
}

const struct command cmd_policy_unassign = {
	.noun = "policy", .verb = "unassign",
	.summary = "end an assignment",
	.operands = "NUMBER", .min_operands = 1, .max_operands = 1,
	.description =
	    "The hosts it was for are then judged by the next assignment that selects them, and by none, which\n"
	    "reads undecided, where there is no other. It stays in the record of who assigned what.",
	.example = "  $ assay policy list\n  $ assay policy unassign 3",
	.options = options,
	.run = unassign,
};
