/* assay evidence verify: appraise recorded evidence, offline. */
#include <errno.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "cmd/command.h"
#include "cmd/evidence_files.h"
#include "cmd/result_text.h"
#include "engine/result_json.h"

static enum exit_status
status_of(enum verdict v)
{
	return v == VERDICT_TRUSTED ? EXIT_GOOD : v == VERDICT_UNTRUSTED ? EXIT_FINDING : EXIT_UNDECIDED;
}

/* Only what no check speaks against is kept: the next run goes on from there. */
static int
keep_state(const struct invocation *in, const struct evidence_report *report, struct err *e)
{
	BUF_AUTO struct buf b = buf_init(MIB(4));
	int rc;

	if (opt_get(in, "resume") == NULL || !report->has_state)
		return 0;
	if ((rc = resume_state_write(&report->state, &b, e)) != 0)
		return rc;
	return file_write(opt_get(in, "resume"), buf_view(&b), 0600, e);
}

static int
print(const struct invocation *in, const struct result *r, const struct evidence_report *report,
    struct err *e)
{
	JSON_AUTO json_t *j = NULL;

	if (!in->json) {
		result_print(stdout, r, report);
		return cmd_flush(e);
	}
	if ((j = result_json(r, report)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	return cmd_print_json(j, e);
}

static enum exit_status
verify(const struct invocation *in, struct err *e)
{
	EVIDENCE_FILES_AUTO struct evidence_files files = { 0 };
	EVIDENCE_REPORT_AUTO struct evidence_report report = { 0 };
	RESULT_AUTO struct result r = result_init();
	const char *wrong = evidence_files_usage(in);

	if (wrong != NULL)
		return cmd_usage(in, "%s", wrong);
	if (evidence_files_load(in, &files, e) != 0 || evidence_files_warn(in, &files, &r, e) != 0 ||
	    evidence_appraise(&files.input, &r, &report, e) != 0)
		return cmd_error(in, e);
	if (evidence_files_ear(in, &files, &r, e) != 0 || keep_state(in, &report, e) != 0 ||
	    print(in, &r, &report, e) != 0)
		return cmd_error(in, e);
	return status_of(r.verdict);
}

const struct command cmd_evidence_verify = {
	.noun = "evidence", .verb = "verify",
	.summary = "appraise a quote, a measurement list and an event log, offline",
	.operands = "", .min_operands = 0, .max_operands = 0,
	.description =
	    "Says TRUSTED, UNTRUSTED or UNDECIDED, why, and for which entries. The quote is checked\n"
	    "first; then the longest part of the measurement list that reproduces the quoted PCR is\n"
	    "authenticated, and each of its entries is judged under the policies. What follows in\n"
	    "the list waits for the next quote: it is shown, and does not decide.\n"
	    "\n"
	    "Without a quote the verdict is at best UNDECIDED, because nothing then ties the list to\n"
	    "a TPM. --integrity-only judges quote, logs and replay alone, and says so.\n"
	    "\n"
	    "--bundle takes the evidence from one file (assay evidence pack). Its verdict, its bank and\n"
	    "its policies are never believed. Its key and its nonce are its maker's choice: without\n"
	    "--expect-ak and --expect-nonce, which name yours, the verdict is at best UNDECIDED.\n"
	    "--expect-nonce recorded is for who looks back: it shows what the machine was, not when.",
	.example =
	    "  $ assay evidence verify --ima-log list3.bin --quote quote3.msg --signature quote3.sig \\\n"
	    "      --ak ak.pem --nonce 001122 --pcrs quote3.pcrs --event-log eventlog.bin \\\n"
	    "      --policy policy.json",
	.wants_json = true,
	.options = evidence_options,
	.run = verify,
};
