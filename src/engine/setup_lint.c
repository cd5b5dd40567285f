/* A policy that a kernel refuses is worse than none: that boot goes without. */
#include "engine/setup_plan.h"

#include "base/limits.h"
#include "engine/ima_policy_lint.h"

static int
lint_for(const struct setup_kernel *k, struct span text, enum ima_load load, struct arena *a, struct err *e)
{
	struct ima_lint_report report;
	struct ima_lint_input in = { 0 };
	struct ima_policy policy;
	struct ima_kernel kernel;
	int rc;

	ima_kernel_default(&kernel);
	if ((rc = ima_kernel_set_version(&kernel, span_str(k->release), e)) != 0 ||
	    (k->config.n > 0 && (rc = ima_kernel_set_config(&kernel, k->config, e)) != 0) ||
	    (rc = ima_policy_parse(text, &kernel, load, a, &policy, e)) != 0)
		return rc;
	in.policy = &policy;
	in.kernel = &kernel;
	if ((rc = ima_policy_lint(&in, a, &report, e)) != 0)
		return rc;
	for (size_t i = 0; i < report.n; i++) {
		const struct ima_finding *f = &report.findings[i];

		if (!f->error)
			continue;
		rc = err_line(e, ERR_FORMAT, f->line, f->column, "kernel %s would refuse the policy: %s", k->release, f->what);
		return err_hint(e, rc, "%s (assay ima-policy lint tells all of it)", f->fix);
	}
	return 0;
}

int
setup_lint(const struct setup_facts *f, struct span text, enum ima_load load, struct arena *a, struct err *e)
{
	static const struct setup_kernel any = { .release = "6.1" };
	int rc;

	for (size_t i = 0; i < f->n_kernels; i++)
		if ((rc = lint_for(&f->kernels[i], text, load, a, e)) != 0)
			return rc;
	return f->n_kernels > 0 ? 0 : lint_for(&any, text, load, a, e);
}
