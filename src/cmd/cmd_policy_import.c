/* assay policy import: what other tools wrote, as a policy of ours. */
#include "base/file.h"
#include "cmd/exclude_list.h"
#include "cmd/load_policy.h"
#include "cmd/save_policy.h"

static const struct option_spec options[] = {
	{ .name = "output", .letter = 'o', .arg = "F", .complete = COMPLETE_FILE,
	  .help = "where to write the policy; standard output if not given" },
	{ .name = "exclude", .arg = "RE", .repeat = true,
	  .help = "regular expression for paths to leave alone, matched from their start" },
	{ .name = "excludes", .arg = "F", .repeat = true, .complete = COMPLETE_FILE,
	  .help = "the same from a file, one a line" },
	{ .name = "name", .arg = "NAME", .help = "name of the policy" },
	{ .name = "layer", .arg = "NAME", .help = "name of the layer that the files go to" },
	{ .name = "no-merged-usr", .help = "do not add the aliases of a merged-/usr system" },
	{ .name = "policy-key", .arg = "F", .repeat = true, .complete = COMPLETE_FILE,
	  .help = "key or certificate that must have signed the input" },
	{ .name = NULL },
};

static int
add_excludes(const struct invocation *in, struct runtime_policy *p, struct err *e)
{
	EXCLUDE_LIST_AUTO struct exclude_list x = { 0 };
	struct policy_pattern *v;
	int rc;

	if ((rc = exclude_list_load(in, "exclude", "excludes", &x, e)) != 0)
		return rc;
	for (size_t i = 0; i < x.n_warnings; i++)
		fprintf(stderr, "assay: warning: %s\n", x.warnings[i]);
	if ((v = arena_array(&p->arena, p->n_excludes + x.n, sizeof(*v))) == NULL)
		return arena_err(&p->arena, e);
	if (p->n_excludes > 0)
		memcpy(v, p->excludes, p->n_excludes * sizeof(*v));
	p->excludes = v;
	for (size_t i = 0; i < x.n; i++) {
		v[p->n_excludes] = x.patterns[i];
		if (!arena_copy(&p->arena, x.patterns[i].regex, &v[p->n_excludes++].regex))
			return arena_err(&p->arena, e);
	}
	return 0;
}

/* A compiled or signed policy of ours may be read back too; only a foreign list gets
 * a layer name and aliases. */
static int
adapt(const struct invocation *in, struct runtime_policy *p, struct err *e)
{
	bool ours = p->source == POLICY_FROM_ASSAY || p->source == POLICY_FROM_TABLE;
	int rc;

	if ((rc = add_excludes(in, p, e)) != 0)
		return rc;
	if (opt_has(in, "name"))
		p->name = span_str(opt_get(in, "name"));
	if (ours)
		return 0;
	if (p->n_layers > 0) {
		const char *slash = strrchr(in->operands[0], '/');

		if (opt_has(in, "layer"))
			p->layers[0].name = span_str(opt_get(in, "layer"));
		p->layers[0].source = span_str(slash == NULL ? in->operands[0] : slash + 1);
	}
	return opt_has(in, "no-merged-usr") ? 0 : runtime_policy_merged_usr(p, e);
}

static enum exit_status
import(const struct invocation *in, struct err *e)
{
	LOADED_POLICY_AUTO struct loaded_policy lp = { 0 };
	POLICY_KEYS_AUTO struct policy_keys keys = { 0 };

	if (policy_keys_load(in, "policy-key", &keys, e) != 0 ||
	    load_policy(in->operands[0], &keys, LOAD_POLICY_TRUST, &lp, e) != 0 ||
	    adapt(in, &lp.policy, e) != 0)
		return cmd_error(in, e);
	if (lp.policy.weak_digests)
		fprintf(stderr, "assay: warning: the list holds SHA-1 or MD5 digests, for which "
		    "another file can be made to have the same digest\n");
	if (save_policy(&lp.policy, opt_get(in, "output"), e) != 0) {
		err_file(e, e->code, in->operands[0]);
		return cmd_error(in, e);
	}
	return EXIT_GOOD;
}

const struct command cmd_policy_import = {
	.noun = "policy", .verb = "import",
	.summary = "turn a list or a Keylime policy into a policy",
	.operands = "FILE", .min_operands = 1, .max_operands = 1, .complete = COMPLETE_FILE,
	.description =
	    "Reads Keylime's runtime policy, its older allowlist (JSON or text) or the output of\n"
	    "sha1sum to sha512sum, told apart by content, and writes Assay's JSON. A compiled policy\n"
	    "is turned back into JSON.\n"
	    "\n"
	    "The length of a digest tells its algorithm. Excludes match from the start of the path, as\n"
	    "they do in Keylime. Aliases are added so that a list that says /bin/ls covers what the\n"
	    "kernel calls /usr/bin/ls; where the file system is not merged, use --no-merged-usr.\n"
	    "Spaces in names become '_', which is how the kernel writes them.",
	.example =
	    "  $ assay policy import --excludes excludes.txt whitelist.txt -o policy.json",
	.options = options,
	.run = import,
};
