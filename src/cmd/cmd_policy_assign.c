/* assay policy assign: which hosts are judged by which policies. */
#include "base/text.h"
#include "cmd/api_client.h"
#include "cmd/policy_choice.h"

static const struct option_spec options[] = {
	POLICY_CHOICE_OPTIONS,
	{ .name = "overlap", .arg = "10m", .help = "so long what held before is good beside it (s, m, h, d); not at all if not given" },
	API_OPTIONS,
	{ .name = NULL },
};

/* A label that is misspelt selects nobody, and nothing else would tell. */
static void
warn_nobody(struct api *a, const char *labels)
{
	API_REQUEST_AUTO struct api_request q = api_request("hostList", NULL);
	JSON_AUTO json_t *j = NULL;
	struct err e = { 0 };

	if (labels[0] == '\0' || strchr(labels, ',') != NULL)	/* the list of hosts is asked by one label */
		return;
	api_query(&q, "limit", "1");
	api_query(&q, "label", labels);
	if (api_ask(a, &q, NULL, &j, &e) == 0 && json_array_size(json_object_get(j, "hosts")) == 0)
		(void)fprintf(stderr, "no host has the label %s now (assay host label gives it)\n", labels);
}

static enum exit_status
assign(const struct invocation *in, struct err *e)
{
	API_AUTO struct api a = { 0 };
	API_REQUEST_AUTO struct api_request q = api_request("assignmentAdd", NULL);
	JSON_AUTO json_t *body = NULL, *j = NULL;
	const char *overlap = opt_get(in, "overlap"), *wrong;
	uint64_t seconds = 0;

	if (overlap != NULL && !duration_s(span_str(overlap), &seconds))
		return cmd_usage(in, "--overlap wants a time such as 90s, 10m, 2h or 1d");
	if (!policy_choice(in, &body, &wrong))
		return cmd_usage(in, "%s", wrong);
	if (overlap != NULL)
		json_object_set_new(body, "overlap_s", json_integer((json_int_t)seconds));
	if (api_open(in, &a, e) != 0 || api_ask(&a, &q, body, &j, e) != 0)
		return cmd_error(in, e);
	if (in->json)
		return cmd_print_json(j, e) == 0 ? EXIT_GOOD : cmd_error(in, e);
	(void)printf("%lld: %s for %s\n", api_int(j, "number"), api_str(j, "set"), api_str(j, "labels")[0] == '\0' ?
	    "all hosts" : api_str(j, "labels"));
	warn_nobody(&a, api_str(j, "labels"));
	return EXIT_GOOD;
}

const struct command cmd_policy_assign = {
	.noun = "policy", .verb = "assign",
	.summary = "judge hosts by policies that were pushed",
	.operands = "NAME[@VERSION]...", .min_operands = 1, .max_operands = -1,
	.description =
	    "Several policies are layers of one: what any of them approves is approved, what any of them\n"
	    "revokes holds. A name without a version is the newest one there is now: a later push changes\n"
	    "nothing until it is assigned too. An assignment for the same labels and rank ends with this one;\n"
	    "during the overlap what either approves is good, so that hosts can be updated in any order. An\n"
	    "earlier overlap ends with this one.",
	.example =
	    "  $ assay policy assign base web --label role=web --overlap 2h",
	.wants_json = true,
	.options = options,
	.run = assign,
};
