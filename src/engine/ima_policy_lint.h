/* ima_policy_lint.h: what is wrong with an IMA policy, before a kernel says so.
 *
 * A finding has an id of ima_policy_lints.tbl, a place and a sentence about this very
 * rule; title, reason and fix of the id are in the table.  "error" is said exactly
 * where the target kernel refuses, so that a policy without an error is one it takes.
 *
 * Warnings are about policies that are taken and do not do what people think; each
 * is narrow enough that the samples of assay ima-policy sample show what is left.
 */
#ifndef ENGINE_IMA_POLICY_LINT_H
#define ENGINE_IMA_POLICY_LINT_H

#include "formats/ima_policy.h"

enum ima_lint {
#define LINT(id, slug, severity, title, reason, fix) IMA_LINT_##id,
#include "engine/ima_policy_lints.tbl"
#undef LINT
	IMA_LINT_COUNT
};

struct ima_lint_info {
	const char *id, *slug, *title, *reason, *fix;
	bool error;
};

const struct ima_lint_info *ima_lint_info(enum ima_lint l);

struct ima_finding {
	enum ima_lint lint;
	bool error;
	bool boot;		/* about the kernel command line, not the policy */
	size_t line;		/* 0: the whole policy */
	uint32_t column;	/* 0: the whole line */
	size_t rule;		/* number, 0: none */
	struct span token;	/* empty: none */
	const char *what;	/* a sentence, safe to print */
	const char *fix;	/* never NULL */
};

struct ima_lint_input {
	const struct ima_policy *policy;	/* NULL: only the command line */
	const struct ima_kernel *kernel;
	struct span cmdline;			/* looked at if kernel->have_cmdline */
};

struct ima_lint_report {
	struct ima_finding *findings;	/* by line; those about the whole policy and boot last */
	size_t n, errors, warnings;
};

/** ima_policy_lint(in, a, out, e): All findings; only memory can fail. */
MUST_CHECK int ima_policy_lint(const struct ima_lint_input *in, struct arena *a,
    struct ima_lint_report *out, struct err *e);

#endif
