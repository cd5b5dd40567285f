/* assay ima-policy explain: an IMA policy in plain words. */
#include "cmd/ima_policy_input.h"
#include "cmd/term.h"
#include "engine/ima_policy_explain.h"

static void
print_rule(const struct ima_policy_input *x, const struct ima_rule *r)
{
	BUF_AUTO struct buf b = buf_init(SIZE_MAX / 2);

	printf("%sline %zu: ", term_colour(stdout, COLOUR_BOLD), r->line);
	term_name(stdout, r->text, 0);
	printf("%s\n", term_reset(stdout));
	if (r->refused) {
		buf_str(&b, "The kernel refuses this rule.");
		for (size_t i = 0; i < x->policy.n_faults; i++)
			if (x->policy.faults[i].rule == r->number)
				buf_printf(&b, " %s.", x->policy.faults[i].what);
	} else {
		ima_rule_explain(r, &x->kernel, &b);
	}
	term_text(stdout, buf_cstr(&b), 4, 4);
}

static void
print_blind(const struct ima_policy_input *x, enum ima_class c)
{
	static const char *const heads[] = { "What is not measured", "What is not appraised",
		"What is not audited", NULL };
	bool out[IMA_BLIND_COUNT];

	if (heads[c] == NULL || !ima_policy_has_class(&x->policy, c))
		return;
	ima_policy_blind(&x->policy, &x->kernel, c, out);
	printf("\n%s%s:%s\n", term_colour(stdout, COLOUR_BOLD), heads[c], term_reset(stdout));
	for (enum ima_blind b = 0; b < IMA_BLIND_COUNT; b++)
		if (out[b]) {
			printf("  -");
			term_text(stdout, ima_blind_text(b), 1, 4);
		}
}

static void
print_text(const struct ima_policy_input *x)
{
	for (size_t i = 0; i < x->policy.n_rules; i++)
		print_rule(x, &x->policy.rules[i]);
	printf("\n");
	term_text(stdout, "In each of the classes measure, appraise, audit and hash the first rule that matches "
	    "decides; the classes do not know of each other.", 0, 0);
	for (enum ima_class c = 0; c < IMA_CLASS_COUNT; c++)
		print_blind(x, c);
}

static json_t *
blind_json(const struct ima_policy_input *x, enum ima_class c)
{
	json_t *list = json_array();
	bool out[IMA_BLIND_COUNT];

	ima_policy_blind(&x->policy, &x->kernel, c, out);
	for (enum ima_blind b = 0; b < IMA_BLIND_COUNT; b++)
		if (out[b])
			json_array_append_new(list, json_pack("{s:s, s:s}", "name", ima_blind_slug(b),
			    "text", ima_blind_text(b)));
	return list;
}

static int
print_json(const struct ima_policy_input *x, struct err *e)
{
	json_t *rules = json_array(), *blind = json_object();
	JSON_AUTO json_t *j = json_pack("{s:i, s:o, s:o}", "version", 1, "rules", rules,
	    "does_not_see", blind);

	for (size_t i = 0; i < x->policy.n_rules; i++) {
		const struct ima_rule *r = &x->policy.rules[i];
		BUF_AUTO struct buf b = buf_init(SIZE_MAX / 2);

		if (!r->refused)
			ima_rule_explain(r, &x->kernel, &b);
		json_array_append_new(rules, json_pack("{s:I, s:b, s:o, s:s}", "line", (json_int_t)r->line,
		    "refused", (int)r->refused, "rule", json_escaped(r->text), "text", buf_cstr(&b)));
	}
	for (enum ima_class c = 0; c < IMA_CLASS_COUNT; c++)
		if (c != IMA_CLASS_HASH && ima_policy_has_class(&x->policy, c))
			json_object_set_new(blind, ima_class_name(c), blind_json(x, c));
	return cmd_print_json(j, e);
}

static enum exit_status
explain(const struct invocation *in, struct err *e)
{
	IMA_POLICY_INPUT_AUTO struct ima_policy_input x = { 0 };

	if (ima_policy_input_kernel(in, &x, e) != 0 ||
	    ima_policy_input_policy(in->operands[0], &x, e) != 0)
		return cmd_error(in, e);
	if (!in->json)
		print_text(&x);
	else if (print_json(&x, e) != 0)
		return cmd_error(in, e);
	return x.policy.taken == IMA_TAKEN_NO ? EXIT_FINDING : EXIT_GOOD;
}

static const struct option_spec options[] = {
	IMA_POLICY_OPTION_KERNEL,
	IMA_POLICY_OPTION_CONFIG,
	IMA_POLICY_OPTION_CMDLINE,
	IMA_POLICY_OPTION_LOAD,
	{ 0 }
};

const struct command cmd_ima_policy_explain = {
	.noun = "ima-policy", .verb = "explain",
	.summary = "say in plain words what an IMA policy does",
	.operands = "FILE", .min_operands = 1, .max_operands = 1, .complete = COMPLETE_FILE,
	.description = "Prints each rule of an IMA policy with a sentence that says when it applies and what "
	    "happens then, and what the policy as a whole does not see.\n\n"
	    "Exit status: 1 if the kernel would refuse the policy.",
	.example = "  assay ima-policy explain /etc/ima/ima-policy\n"
	    "  assay ima-policy sample tcb | assay ima-policy explain -",
	.wants_json = true,
	.options = options,
	.run = explain,
};
