/* assay ima-policy lint: whether a kernel will take a policy, and what it will not do. */
#include "cmd/ima_policy_input.h"
#include "cmd/term.h"
#include "engine/ima_policy_lint.h"

static void
print_line_of(const struct ima_policy_input *x, const struct ima_finding *f)
{
	const struct ima_rule *r;

	if (f->rule == 0 || f->rule > x->policy.n_rules || f->token.n == 0)
		return;
	r = &x->policy.rules[f->rule - 1];
	if (r->text.n > 100 || f->column > 100)
		return;
	printf("    %s", term_colour(stdout, COLOUR_DIM));
	for (size_t i = 0; i < r->text.n; i++)	/* a tab takes one column, so that ^ stands right */
		putchar(r->text.p[i] >= 0x20 && r->text.p[i] < 0x7f ? r->text.p[i] : ' ');
	printf("%s\n    %*s%s", term_reset(stdout), (int)f->column - 1, "",
	    term_colour(stdout, f->error ? COLOUR_BAD : COLOUR_WARN));
	for (size_t i = 0; i < f->token.n && i < 100; i++)
		putchar('^');
	printf("%s\n", term_reset(stdout));
}

static void
print_finding(const struct ima_policy_input *x, const char *name, const struct ima_finding *f,
    bool again)
{
	const struct ima_lint_info *info = ima_lint_info(f->lint);

	fputs(term_colour(stdout, COLOUR_BOLD), stdout);
	if (f->boot)
		printf("boot parameters:");
	else
		term_name(stdout, span_str(name), 0);
	if (!f->boot && f->line != 0)
		printf(":%zu", f->line);
	if (f->column != 0)
		printf("%s%u", f->boot ? " column " : ":", f->column);
	printf(":%s %s%s%s %s (%s)\n", term_reset(stdout),
	    term_colour(stdout, f->error ? COLOUR_BAD : COLOUR_WARN), f->error ? "error" : "warning",
	    term_reset(stdout), info->id, info->slug);
	print_line_of(x, f);
	term_text(stdout, f->what, 4, 4);
	if (!again) {
		printf("    %swhy:%s", term_colour(stdout, COLOUR_DIM), term_reset(stdout));
		term_text(stdout, info->reason, 1, 9);
	}
	printf("    %sfix:%s", term_colour(stdout, COLOUR_DIM), term_reset(stdout));
	term_text(stdout, f->fix, 1, 9);
}

/* The reason of a lint is told with its first finding only. */
static void
print_findings(const struct ima_policy_input *x, const char *name, const struct ima_lint_report *r)
{
	bool told[IMA_LINT_COUNT] = { false };

	for (size_t i = 0; i < r->n; i++) {
		print_finding(x, name, &r->findings[i], told[r->findings[i].lint]);
		told[r->findings[i].lint] = true;
	}
}

static const char *
verdict_word(const struct ima_policy_input *x, bool policy, const struct ima_lint_report *report)
{
	if (!policy)
		return report->errors == 0 ? "accepted" : "refused";
	switch (x->policy.taken) {
	case IMA_TAKEN_NO: return "refused";
	case IMA_TAKEN_YES: return "accepted";
	case IMA_TAKEN_DEPENDS: break;
	}
	return "depends";
}

static void
print_summary(const struct ima_policy_input *x, bool policy, const struct ima_lint_report *r)
{
	const char *word = verdict_word(x, policy, r);
	bool bad = strcmp(word, "refused") == 0;

	printf("%s%s%s by kernel %u.%u%s: ", term_colour(stdout, bad ? COLOUR_BAD : COLOUR_GOOD),
	    strcmp(word, "depends") == 0 ? "depends on labels, else accepted" : word, term_reset(stdout),
	    x->kernel.version / 1000, x->kernel.version % 1000,
	    x->kernel.assumed ? " (Debian's configuration assumed)" : "");
	if (policy)
		printf("%zu rule%s, ", x->policy.n_rules, x->policy.n_rules == 1 ? "" : "s");
	printf("%zu error%s, %zu warning%s\n", r->errors, r->errors == 1 ? "" : "s", r->warnings,
	    r->warnings == 1 ? "" : "s");
}

static json_t *
finding_json(const struct ima_finding *f)
{
	const struct ima_lint_info *info = ima_lint_info(f->lint);
	json_t *j = json_pack("{s:s, s:s, s:s, s:s}", "id", info->id, "name", info->slug,
	    "severity", f->error ? "error" : "warning", "where", f->boot ? "cmdline" : "policy");

	json_object_set_new(j, "line", f->line != 0 ? json_integer((json_int_t)f->line) : json_null());
	json_object_set_new(j, "column", f->column != 0 ? json_integer((json_int_t)f->column) :
	    json_null());
	json_object_set_new(j, "rule", f->rule != 0 ? json_integer((json_int_t)f->rule) : json_null());
	json_object_set_new(j, "token", f->token.n > 0 ? json_escaped(f->token) : json_null());
	json_object_set_new(j, "title", json_string(info->title));
	json_object_set_new(j, "message", json_string(f->what));
	json_object_set_new(j, "reason", json_string(info->reason));
	json_object_set_new(j, "fix", json_string(f->fix));
	return j;
}

static int
print_json(const struct ima_policy_input *x, const char *name, const struct ima_lint_report *r,
    struct err *e)
{
	char version[32];
	JSON_AUTO json_t *j = NULL;
	json_t *findings = json_array();

	(void)snprintf(version, sizeof(version), "%u.%u", x->kernel.version / 1000,
	    x->kernel.version % 1000);
	for (size_t i = 0; i < r->n; i++)
		json_array_append_new(findings, finding_json(&r->findings[i]));
	j = json_pack("{s:i, s:s, s:o, s:{s:s, s:b, s:s}, s:I, s:I, s:I, s:o}", "version", 1,
	    "verdict", verdict_word(x, name != NULL, r),
	    "file", name == NULL ? json_null() : json_escaped(span_str(name)),
	    "kernel", "version", version, "config_assumed", (int)x->kernel.assumed,
	    "lsm", ima_lsm_name(x->kernel.lsm), "rules", (json_int_t)x->policy.n_rules,
	    "errors", (json_int_t)r->errors, "warnings", (json_int_t)r->warnings, "findings", findings);
	if (j == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	return cmd_print_json(j, e);
}

static enum exit_status
lint(const struct invocation *in, struct err *e)
{
	IMA_POLICY_INPUT_AUTO struct ima_policy_input x = { 0 };
	const char *name = in->n_operands > 0 ? in->operands[0] : NULL;
	struct ima_lint_report report;
	struct ima_lint_input li;

	if (name == NULL && !opt_has(in, "cmdline"))
		return cmd_usage(in, "name a policy FILE, or boot parameters with --cmdline");
	if (ima_policy_input_kernel(in, &x, e) != 0 ||
	    (name != NULL && ima_policy_input_policy(name, &x, e) != 0))
		return cmd_error(in, e);
	li = (struct ima_lint_input){ .policy = name == NULL ? NULL : &x.policy, .kernel = &x.kernel,
	    .cmdline = x.cmdline };
	if (ima_policy_lint(&li, &x.arena, &report, e) != 0)
		return cmd_error(in, e);
	if (in->json) {
		if (print_json(&x, name, &report, e) != 0)
			return cmd_error(in, e);
	} else {
		print_findings(&x, name, &report);
		print_summary(&x, name != NULL, &report);
	}
	return report.errors > 0 || (opt_has(in, "strict") && report.warnings > 0) ?
	    EXIT_FINDING : EXIT_GOOD;
}

static const struct option_spec options[] = {
	IMA_POLICY_OPTION_KERNEL,
	IMA_POLICY_OPTION_CONFIG,
	IMA_POLICY_OPTION_CMDLINE,
	IMA_POLICY_OPTION_LABELS,
	IMA_POLICY_OPTION_LOAD,
	{ .name = "strict", .help = "exit 1 for warnings too" },
	{ 0 }
};

const struct command cmd_ima_policy_lint = {
	.noun = "ima-policy", .verb = "lint",
	.summary = "say what a kernel would refuse in an IMA policy, and what would not work",
	.operands = "[FILE]", .min_operands = 0, .max_operands = 1, .complete = COMPLETE_FILE,
	.description = "Reads an IMA policy as the kernel does and reports errors, where the kernel would "
	    "refuse it (one bad line voids the whole load), and warnings, where it would take it "
	    "and not do what people think. Each finding has a stable id, a reason and a fix.\n\n"
	    "With --cmdline the boot parameters are looked at too, with or without a policy.\n\n"
	    "Exit status: 1 if the kernel would refuse, or with --strict if there are warnings.",
	.example = "  assay ima-policy lint --kernel \"$(uname -r)\" --config \"/boot/config-$(uname -r)\" \\\n"
	    "      --cmdline /proc/cmdline /etc/ima/ima-policy",
	.wants_json = true,
	.options = options,
	.run = lint,
};
