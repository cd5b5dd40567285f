/* assay policy test: would this evidence pass under these policies? */
#include "cmd/command.h"
#include "cmd/evidence_files.h"
#include "cmd/result_text.h"
#include "engine/result_json.h"
#include "cmd/term.h"

/* What evidence verify takes, less what makes no sense for a trial. */
static const struct option_spec options[] = {
	{ .name = "ima-log", .arg = "F", .complete = COMPLETE_FILE,
	  .help = "the measurement list to judge, binary or ASCII" },
	{ .name = "policy-key", .arg = "F", .repeat = true, .complete = COMPLETE_FILE,
	  .help = "key or certificate that must have signed the policies" },
	{ .name = "partition", .arg = "LABEL=PATH", .repeat = true,
	  .help = "where the host has mounted a volume that the policy names" },
	{ .name = NULL },
};

static uint64_t
count_deciding(const struct result *r)
{
	uint64_t n = 0;

	for (size_t i = 0; i < r->n_findings; i++)
		n += r->findings[i].decides;
	return n;
}

static int
print(const struct invocation *in, const struct result *r, const struct evidence_report *report,
    uint64_t bad, struct err *e)
{
	JSON_AUTO json_t *all = NULL, *j = NULL;

	if (!in->json) {
		printf("%s%s%s  %llu entries, %llu finding%s (no quote was asked for: what is in the list is"
		    " taken as it is)\n", term_colour(stdout, bad == 0 ? COLOUR_GOOD : COLOUR_BAD),
		    bad == 0 ? "WOULD PASS" : "WOULD NOT PASS", term_reset(stdout),
		    (unsigned long long)report->total, (unsigned long long)bad, bad == 1 ? "" : "s");
		result_print_findings(stdout, r);
		return cmd_flush(e);
	}
	all = result_json(r, report);
	if (all == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	j = json_pack("{s:i, s:b, s:I, s:O, s:O}", "assay_policy_test", 1, "passes", bad == 0,
	    "entries", (json_int_t)report->total, "findings", json_object_get(all, "findings"),
	    "warnings", json_object_get(all, "warnings"));
	return cmd_print_json(j, e);
}

static enum exit_status
test(const struct invocation *in, struct err *e)
{
	EVIDENCE_FILES_AUTO struct evidence_files files = { 0 };
	EVIDENCE_REPORT_AUTO struct evidence_report report = { 0 };
	RESULT_AUTO struct result r = result_init();
	const char *wrong = evidence_files_usage(in);
	uint64_t bad;

	if (wrong != NULL)
		return cmd_usage(in, "%s", wrong);
	if (evidence_files_load(in, &files, e) != 0 || evidence_appraise(&files.input, &r, &report, e) != 0)
		return cmd_error(in, e);
	bad = count_deciding(&r);
	if (print(in, &r, &report, bad, e) != 0)
		return cmd_error(in, e);
	return bad == 0 ? EXIT_GOOD : EXIT_FINDING;
}

const struct command cmd_policy_test = {
	.noun = "policy", .verb = "test",
	.summary = "say whether a recorded measurement list would pass",
	.operands = "POLICY...", .min_operands = 1, .max_operands = -1, .complete = COMPLETE_FILE,
	.description =
	    "Judges every entry of a recorded list under the policies, as evidence verify would, but\n"
	    "without a quote: a trial of a policy, not a verdict about a machine. Exit status 0 if\n"
	    "nothing would be found, 1 if something would.",
	.example = "  $ assay policy test new-policy.json --ima-log recorded.bin",
	.wants_json = true,
	.options = options,
	.run = test,
};
