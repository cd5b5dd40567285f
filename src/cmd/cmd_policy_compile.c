/* assay policy compile: a policy as a table that loads in constant time. */
#include "base/file.h"
#include "cmd/load_policy.h"
#include "cmd/save_policy.h"

static const struct option_spec options[] = {
	{ .name = "output", .letter = 'o', .arg = "F", .complete = COMPLETE_FILE,
	  .help = "where to write the table" },
	{ .name = "policy-key", .arg = "F", .repeat = true, .complete = COMPLETE_FILE,
	  .help = "key or certificate that must have signed the policy" },
	{ .name = NULL },
};

static enum exit_status
compile(const struct invocation *in, struct err *e)
{
	LOADED_POLICY_AUTO struct loaded_policy lp = { 0 };
	POLICY_KEYS_AUTO struct policy_keys keys = { 0 };
	BUF_AUTO struct buf out = buf_init(LIMIT_POLICY_TABLE);

	if (!opt_has(in, "output"))
		return cmd_usage(in, "want -o F: a table is not text");
	if (policy_keys_load(in, "policy-key", &keys, e) != 0 ||
	    load_policy(in->operands[0], &keys, LOAD_POLICY_TRUST, &lp, e) != 0)
		return cmd_error(in, e);
	if (policy_check(&lp.policy, e) != 0 ||
	    runtime_policy_compile(&lp.policy, &out, e) != 0) {
		err_file(e, e->code, in->operands[0]);
		return cmd_error(in, e);
	}
	if (cmd_output(opt_get(in, "output"), buf_view(&out), e) != 0)
		return cmd_error(in, e);
	return EXIT_GOOD;
}

const struct command cmd_policy_compile = {
	.noun = "policy", .verb = "compile",
	.summary = "write a policy as a table that loads at once",
	.operands = "POLICY", .min_operands = 1, .max_operands = 1, .complete = COMPLETE_FILE,
	.description =
	    "The table is mapped, not read: loading it takes the same time for a thousand files and\n"
	    "for ten million, and all processes that use it share its memory. It holds the whole\n"
	    "policy; assay policy import turns it back into JSON. A table is not signed: check the\n"
	    "signature of the policy when compiling it (--policy-key) and keep the table where only\n"
	    "its owner can write.",
	.example = "  $ assay policy compile --policy-key signer.pem policy.dsse -o policy.tbl",
	.options = options,
	.run = compile,
};
