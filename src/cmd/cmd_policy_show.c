/* assay policy show: what a policy says, at a glance. */
#include <time.h>

#include "cmd/policy_facts.h"

static const struct option_spec options[] = {
	{ .name = "policy-key", .arg = "F", .repeat = true, .complete = COMPLETE_FILE,
	  .help = "key or certificate that must have signed the policy" },
	{ .name = "check", .help = "of a compiled table: read all of it and check its checksum" },
	{ .name = NULL },
};

static enum exit_status
show(const struct invocation *in, struct err *e)
{
	LOADED_POLICY_AUTO struct loaded_policy lp = { 0 };
	POLICY_KEYS_AUTO struct policy_keys keys = { 0 };
	POLICY_FACTS_AUTO struct policy_facts f = { 0 };
	JSON_AUTO json_t *j = NULL;

	if (policy_keys_load(in, "policy-key", &keys, e) != 0 ||
	    load_policy(in->operands[0], &keys, LOAD_POLICY_PEEK, &lp, e) != 0)
		return cmd_error(in, e);
	if ((opt_has(in, "check") && policy_table_check(&lp.policy.table, e) != 0) ||
	    policy_facts_gather(&lp, (int64_t)time(NULL), &f, e) != 0) {
		err_file(e, e->code, in->operands[0]);
		return cmd_error(in, e);
	}
	if (!in->json) {
		policy_facts_print(stdout, &f);
		return EXIT_GOOD;
	}
	if ((j = policy_facts_json(&f)) == NULL)
		err_set(e, ERR_NOMEM, "out of memory");
	return j == NULL || cmd_print_json(j, e) != 0 ? cmd_error(in, e) : EXIT_GOOD;
}

const struct command cmd_policy_show = {
	.noun = "policy", .verb = "show",
	.summary = "print what a policy says, with warnings",
	.operands = "POLICY", .min_operands = 1, .max_operands = 1, .complete = COMPLETE_FILE,
	.description =
	    "Reads any policy: Assay's JSON, a compiled table, a signed envelope, Keylime's formats,\n"
	    "lists of digests. Warns about what is easily not meant: excludes that cover neighbours,\n"
	    "weak digests, names that the kernel never reports, keys that sign nothing. An envelope is\n"
	    "opened without its signature being checked, and says so, unless --policy-key is given.",
	.example =
	    "  $ assay policy show policy.json\n"
	    "  name         web servers\n"
	    "  files        10278 paths, 10285 digests, sha256 10285\n"
	    "  excludes     /tmp/*\n"
	    "  warning: exclude 1, \"/tmp/*\", also covers /tmpevil: it matches from the start of the path and may end anywhere",
	.wants_json = true,
	.options = options,
	.run = show,
};
