/* ima_policy_lint_blind.c: L27 to L31, L41, L56: what a policy that means to see programs
 * does not see. */
#include "engine/ima_filesystems.h"
#include "engine/ima_policy_lint_internal.h"

/* The first rule of the class that acts at the hook, to say where. */
static const struct ima_rule *
rule_at(const struct lint *l, enum ima_class c, enum ima_func f)
{
	EACH_RULE(l, r)
		if (ima_rule_does(r) && ima_rule_class(r) == c && ima_rule_at(r, f))
			return r;
	return NULL;
}

static bool
sees(const struct lint *l, enum ima_func f)
{
	return lint_class_at(l, IMA_CLASS_MEASURE, f) || lint_class_at(l, IMA_CLASS_APPRAISE, f);
}

static bool
class_reads(const struct lint *l, enum ima_class c)
{
	EACH_RULE(l, r)
		if (ima_rule_does(r) && ima_rule_class(r) == c && ima_rule_reads(r))
			return true;
	return false;
}

/* Programs without libraries, and without scripts that are read. */
static void
check_class(struct lint *l, enum ima_class c)
{
	const struct ima_rule *exec = rule_at(l, c, IMA_FUNC_BPRM_CHECK);

	if (exec == NULL)
		exec = rule_at(l, c, IMA_FUNC_CREDS_CHECK);
	if (exec == NULL)
		return;
	if (!lint_class_at(l, c, IMA_FUNC_MMAP_CHECK) &&
	    !lint_class_at(l, c, IMA_FUNC_MMAP_CHECK_REQPROT))
		lint_add(l, IMA_LINT_L27, exec, 0, "programs are in the policy (%s), shared libraries are not",
		    ima_class_name(c));
	if (!class_reads(l, c))
		lint_add(l, IMA_LINT_L31, exec, 0,
		    "scripts that are given to an interpreter are only read, which no %s rule sees",
		    ima_class_name(c));
}

static bool
critical_label(const struct lint *l, const char *label)
{
	EACH_RULE(l, r) {
		if (r->action != IMA_ACT_MEASURE || r->func != IMA_FUNC_CRITICAL_DATA)
			continue;
		if (r->n_data_labels == 0)
			return true;
		for (size_t i = 0; i < r->n_data_labels; i++)
			if (span_is(r->data_labels[i], label))
				return true;
	}
	return false;
}

static void
check_kernel_code(struct lint *l)
{
	const struct ima_kernel *k = l->k;

	if (k->config[IMA_CONFIG_MODULES] && !sees(l, IMA_FUNC_MODULE_CHECK))
		lint_add(l, IMA_LINT_L28, NULL, 0, "no rule measures or appraises kernel modules");
	else if (k->version >= KVER(6, 10) && k->config[IMA_CONFIG_MODULES] &&
	    lint_class_at(l, IMA_CLASS_MEASURE, IMA_FUNC_MODULE_CHECK) && !critical_label(l, "modules"))
		lint_add(l, IMA_LINT_L28, rule_at(l, IMA_CLASS_MEASURE, IMA_FUNC_MODULE_CHECK), 0,
		    "modules loaded by init_module() come from memory and are not seen by MODULE_CHECK");
	if (!sees(l, IMA_FUNC_POLICY_CHECK))
		lint_add(l, IMA_LINT_L29, NULL, 0, "no rule measures or appraises IMA policy files");
	if (!sees(l, IMA_FUNC_KEXEC_KERNEL_CHECK))
		lint_add(l, IMA_LINT_L30, NULL, 0, "no rule measures or appraises a kernel loaded for kexec");
}

static bool
is_overlay(const struct ima_rule *r)
{
	return ((r->has & IMA_HAS_FSMAGIC) != 0 && r->fsmagic == 0x794c7630) ||
	    ((r->has & IMA_HAS_FSNAME) != 0 && span_is(r->fsname, "overlay"));
}

/* A rule that leaves overlayfs out, or rules that only name other file systems. */
static void
check_overlay(struct lint *l, enum ima_class c)
{
	const struct ima_rule *named = NULL;

	EACH_RULE(l, r) {
		if (ima_rule_class(r) != c || !ima_rule_at(r, IMA_FUNC_BPRM_CHECK))
			continue;
		if (!ima_rule_does(r)) {
			if (is_overlay(r) && (r->has & (IMA_HAS_PROCESS | IMA_HAS_OWNER | IMA_HAS_LABELS)) == 0) {
				lint_add(l, IMA_LINT_L41, r, 0, "nothing in a container is %s",
				    c == IMA_CLASS_MEASURE ? "measured" : "appraised");
				return;
			}
			continue;
		}
		if ((r->has & IMA_HAS_FS) == 0 || is_overlay(r))
			return;
		if (named == NULL)
			named = r;
	}
	if (named != NULL)
		lint_add(l, IMA_LINT_L41, named, 0,
		    "programs are matched on named file systems only, so those in containers (overlayfs) are not");
}

static void
check_mmap(struct lint *l)
{
	EACH_RULE(l, r) {
		if (!ima_rule_does(r))
			continue;
		if (r->func == IMA_FUNC_MMAP_CHECK_REQPROT &&
		    !lint_class_at(l, ima_rule_class(r), IMA_FUNC_MMAP_CHECK))
			lint_add(l, IMA_LINT_L56, r, IMA_HAS_FUNC,
			    "MMAP_CHECK_REQPROT sees what a program asked for, MMAP_CHECK what it gets");
		if (r->func == IMA_FUNC_MMAP_CHECK && l->k->version < KVER(6, 1))
			lint_add(l, IMA_LINT_L56, r, IMA_HAS_FUNC,
			    "before kernel 6.3 (and the fixed 6.1 series), MMAP_CHECK sees what a program asked "
			    "for, not what it gets");
	}
}

void
lint_blind(struct lint *l)
{
	bool programs = sees(l, IMA_FUNC_BPRM_CHECK) || sees(l, IMA_FUNC_CREDS_CHECK);

	check_class(l, IMA_CLASS_MEASURE);
	check_class(l, IMA_CLASS_APPRAISE);
	/* A policy for modules or keys alone does not mean to see everything. */
	if (programs)
		check_kernel_code(l);
	check_overlay(l, IMA_CLASS_MEASURE);
	check_overlay(l, IMA_CLASS_APPRAISE);
	check_mmap(l);
}
