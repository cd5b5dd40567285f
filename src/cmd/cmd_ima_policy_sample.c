/* assay ima-policy sample: policies to start from (data/ima-policy/). */
#include "cmd/command.h"
#include "cmd/term.h"

static const struct sample { const char *name, *title, *text; } samples[] = {
#define SAMPLE(name, title, text) { name, title, text },
#include "cmd/ima_policy_samples.tbl"
#undef SAMPLE
};

#define N_SAMPLES (sizeof(samples) / sizeof(samples[0]))

static enum exit_status
list(const struct invocation *in, struct err *e)
{
	json_t *all = json_array();
	JSON_AUTO json_t *j = json_pack("{s:i, s:o}", "version", 1, "samples", all);

	for (size_t i = 0; i < N_SAMPLES; i++) {
		if (in->json)
			json_array_append_new(all, json_pack("{s:s, s:s, s:s}", "name", samples[i].name,
			    "title", samples[i].title, "policy", samples[i].text));
		else
			printf("%s%-20s%s %s\n", term_colour(stdout, COLOUR_BOLD), samples[i].name,
			    term_reset(stdout), samples[i].title);
	}
	if (in->json && cmd_print_json(j, e) != 0)
		return cmd_error(in, e);
	return EXIT_GOOD;
}

static enum exit_status
sample(const struct invocation *in, struct err *e)
{
	if (in->n_operands == 0)
		return list(in, e);
	for (size_t i = 0; i < N_SAMPLES; i++) {
		if (strcmp(in->operands[0], samples[i].name) != 0)
			continue;
		if (in->json) {
			JSON_AUTO json_t *j = json_pack("{s:i, s:s, s:s, s:s}", "version", 1,
			    "name", samples[i].name, "title", samples[i].title, "policy", samples[i].text);

			return cmd_print_json(j, e) == 0 ? EXIT_GOOD : cmd_error(in, e);
		}
		return cmd_output(NULL, span_str(samples[i].text), e) == 0 ? EXIT_GOOD : cmd_error(in, e);
	}
	return cmd_usage(in, "there is no sample \"%s\" (assay ima-policy sample lists them)",
	    in->operands[0]);
}

const struct command cmd_ima_policy_sample = {
	.noun = "ima-policy", .verb = "sample",
	.summary = "print an IMA policy to start from, or the list of them",
	.operands = "[NAME]", .min_operands = 0, .max_operands = 1, .complete = COMPLETE_WORDS,
	.words = "appraise-enforce appraise-log audit containers everything executables image-based "
	    "package-signatures tcb",
	.description = "Without a name, lists the sample policies. With one, prints it, with remarks on what it "
	    "sees, what it does not, and what to fill in. Each is accepted by kernel 6.1 and later with "
	    "Debian's configuration.",
	.example = "  assay ima-policy sample tcb >/etc/ima/ima-policy",
	.wants_json = true,
	.run = sample,
};
