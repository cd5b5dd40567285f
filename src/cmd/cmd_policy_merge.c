/* assay policy merge: several policies as one. */
#include <stdlib.h>

#include "cmd/load_policy.h"
#include "cmd/save_policy.h"

static const struct option_spec options[] = {
	{ .name = "output", .letter = 'o', .arg = "F", .complete = COMPLETE_FILE,
	  .help = "where to write the policy; standard output if not given" },
	{ .name = "name", .arg = "NAME", .help = "name of the policy; that of the first if not given" },
	{ .name = "policy-key", .arg = "F", .repeat = true, .complete = COMPLETE_FILE,
	  .help = "key or certificate that must have signed each policy" },
	{ .name = NULL },
};

struct parts {
	struct loaded_policy *v;
	const struct runtime_policy **policies;
	size_t n;
};

static void
parts_free(struct parts *p)
{
	for (size_t i = 0; i < p->n; i++)
		loaded_policy_free(&p->v[i]);
	free(p->v);
	free(p->policies);
}

static int
load_all(const struct invocation *in, const struct policy_keys *keys, struct parts *p, struct err *e)
{
	int rc;

	p->v = calloc(in->n_operands, sizeof(*p->v));
	p->policies = calloc(in->n_operands, sizeof(*p->policies));
	if (p->v == NULL || p->policies == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (; p->n < in->n_operands; p->n++) {
		rc = load_policy(in->operands[p->n], keys, LOAD_POLICY_TRUST, &p->v[p->n], e);
		if (rc != 0)
			return rc;
		p->policies[p->n] = &p->v[p->n].policy;
	}
	return 0;
}

static enum exit_status
merge(const struct invocation *in, struct err *e)
{
	__attribute__((cleanup(parts_free))) struct parts parts = { 0 };
	POLICY_KEYS_AUTO struct policy_keys keys = { 0 };
	RUNTIME_POLICY_AUTO struct runtime_policy whole = { 0 };

	if (policy_keys_load(in, "policy-key", &keys, e) != 0 || load_all(in, &keys, &parts, e) != 0 ||
	    runtime_policy_merge(parts.policies, parts.n, &whole, e) != 0)
		return cmd_error(in, e);
	if (opt_has(in, "name"))
		whole.name = span_str(opt_get(in, "name"));
	if (save_policy(&whole, opt_get(in, "output"), e) != 0)
		return cmd_error(in, e);
	return EXIT_GOOD;
}

const struct command cmd_policy_merge = {
	.noun = "policy", .verb = "merge",
	.summary = "make one policy of several",
	.operands = "POLICY...", .min_operands = 1, .max_operands = -1, .complete = COMPLETE_FILE,
	.description =
	    "Layers of the same name become one, packages of the same name, version and architecture\n"
	    "within a layer too; excludes, keys, revocations and closed directories are united, and the\n"
	    "strongest min_digest holds. Where two policies say different things about the same scope,\n"
	    "alias, buffer, keyring or the boot, nothing is written: that is for you to decide.",
	.example = "  $ assay policy merge base.json site.json -o policy.json",
	.options = options,
	.run = merge,
};
