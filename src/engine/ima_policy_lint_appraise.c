/* ima_policy_lint_appraise.c: L32 to L37, L42, L51, L52, L60, L61: appraisal, which can
 * stop a machine or hold nothing up. */
#include "engine/ima_filesystems.h"
#include "engine/ima_policy_lint_internal.h"

/* Files that a boot needs: programs, libraries, what is read. */
static bool
at_boot(const struct ima_rule *r)
{
	return ima_rule_at(r, IMA_FUNC_BPRM_CHECK) || ima_rule_at(r, IMA_FUNC_MMAP_CHECK) ||
	    ima_rule_reads(r);
}

static bool
excluded_magic(const struct lint *l, const struct ima_rule *before, const char *name, uint64_t magic)
{
	EACH_RULE(l, r) {
		if (r >= before)
			return false;
		if (r->action == IMA_ACT_DONT_APPRAISE && ima_rule_at(r, IMA_FUNC_BPRM_CHECK) &&
		    (((r->has & IMA_HAS_FSMAGIC) != 0 && r->fsmagic == magic) ||
		    ((r->has & IMA_HAS_FSNAME) != 0 && span_is(r->fsname, name))))
			return true;
	}
	return false;
}

/* The first rule that asks for a signature at boot tells it for all. */
static bool
first_of_boot(const struct lint *l, const struct ima_rule *r)
{
	EACH_RULE(l, a)
		if (a->action == IMA_ACT_APPRAISE && (a->has & IMA_HAS_DIGSIG) != 0 && at_boot(a))
			return a == r;
	return false;
}

static void
check_signature(struct lint *l, const struct ima_rule *r)
{
	bool wants = (r->has & IMA_HAS_DIGSIG) != 0;

	if (!wants)
		lint_add(l, IMA_LINT_L33, r, 0,
		    "a plain hash in security.ima is enough: it proves nothing against somebody who writes the disk");
	if (!first_of_boot(l, r))
		return;
	if (l->k->appraise != IMA_APPRAISE_MODE_LOG &&
	    l->k->appraise != IMA_APPRAISE_MODE_FIX && l->k->appraise != IMA_APPRAISE_MODE_OFF)
		lint_add(l, IMA_LINT_L34, r, IMA_HAS_DIGSIG,
		    "a file of the boot without a valid signature will be denied%s",
		    l->k->config[IMA_CONFIG_INTEGRITY_TRUSTED_KEYRING] ?
		    "; the key must be in .ima, signed by one the kernel trusts" :
		    "; the key must be in the keyring _ima, which root may fill with any key");
	if ((r->has & IMA_HAS_FS) == 0 && !excluded_magic(l, r, "ramfs", 0x858458f6))
		lint_add(l, IMA_LINT_L36, r, 0,
		    "programs of the initramfs (ramfs) are not excluded, and cannot be signed");
}

static bool
unverifiable(const struct ima_rule *r)
{
	const struct fs_type *fs = (r->has & IMA_HAS_FSNAME) != 0 ? fs_type_by_name(r->fsname) :
	    (r->has & IMA_HAS_FSMAGIC) != 0 ? fs_type_by_magic(r->fsmagic) : NULL;

	return (r->has & IMA_HAS_FS_SUBTYPE) != 0 ||
	    (fs != NULL && (fs->kind == FS_FUSE || fs->kind == FS_NET));
}

static bool
fmt_has(struct span fmt, const char *field)
{
	while (fmt.n > 0) {
		size_t n = span_find(fmt, '|');

		if (span_is(span_head(fmt, n), field))
			return true;
		fmt = span_from(fmt, n + 1);
	}
	return false;
}

static void
check_template(struct lint *l, const struct ima_rule *r)
{
	struct span fmt = r->template_fmt.n > 0 ? r->template_fmt : ima_kernel_template_now(l->k);

	if (r->action == IMA_ACT_APPRAISE && (r->has & IMA_HAS_MODSIG) != 0 &&
	    !(fmt_has(fmt, "modsig") && fmt_has(fmt, "d-modsig")))
		lint_add(l, IMA_LINT_L37, r, IMA_HAS_MODSIG,
		    "the default template \"%s\" does not hold appended signatures (modsig and d-modsig)",
		    lint_safe(l, fmt));
	if (r->action == IMA_ACT_MEASURE && (r->has & IMA_HAS_VERITY) != 0 && !fmt_has(fmt, "d-ngv2"))
		lint_add(l, IMA_LINT_L37, r, IMA_HAS_VERITY,
		    "with the template \"%s\" an fs-verity digest cannot be told from a file's hash",
		    lint_safe(l, fmt));
}

static void
check_appraise(struct lint *l, const struct ima_rule *r)
{
	if (r->func == IMA_FUNC_SETXATTR_CHECK)
		return;
	check_signature(l, r);
	if ((r->has & IMA_HAS_PROCESS) != 0 && (r->has & IMA_HAS_OWNER) == 0)
		lint_add(l, IMA_LINT_L32, r, r->has & IMA_HAS_UID ? IMA_HAS_UID : r->has & IMA_HAS_EUID ?
		    IMA_HAS_EUID : r->has & IMA_HAS_GID ? IMA_HAS_GID : IMA_HAS_EGID,
		    "only processes of this id are held to signatures: the same file runs unsigned for others");
	if (r->func == IMA_FUNC_POLICY_CHECK)
		lint_add(l, IMA_LINT_L35, r, IMA_HAS_FUNC, "%s",
		    l->k->config[IMA_CONFIG_IMA_WRITE_POLICY] ?
		    "after this policy, writing rules fails: only a signed file can be loaded by its path" :
		    "without CONFIG_IMA_WRITE_POLICY no second policy can be loaded before the next boot, "
		    "so this rule does nothing");
	if (unverifiable(r) && (l->k->builtin & IMA_BUILTIN_FAIL_SECURELY) == 0)
		lint_add(l, IMA_LINT_L42, r, r->has & IMA_HAS_FS_SUBTYPE ? IMA_HAS_FS_SUBTYPE :
		    r->has & IMA_HAS_FSNAME ? IMA_HAS_FSNAME : IMA_HAS_FSMAGIC,
		    "files there may change between the check and the use");
	if (r->func == IMA_FUNC_KEXEC_INITRAMFS_CHECK)
		lint_add(l, IMA_LINT_L51, r, IMA_HAS_FUNC,
		    "an initramfs that was built on the machine has no signature");
}

static void
check_owner_of_programs(struct lint *l, const struct ima_rule *r)
{
	if (r->action == IMA_ACT_MEASURE && r->func != IMA_FUNC_NONE &&
	    (ima_rule_at(r, IMA_FUNC_BPRM_CHECK) || ima_rule_at(r, IMA_FUNC_MMAP_CHECK)) &&
	    (r->has & IMA_HAS_FOWNER) != 0 && r->fowner.op == IMA_OP_EQ && r->fowner.value == 0)
		lint_add(l, IMA_LINT_L32, r, IMA_HAS_FOWNER,
		    "a program that root runs but does not own is not measured");
}

void
lint_appraise(struct lint *l)
{
	const struct ima_rule *appraises = NULL, *hashes = NULL, *setxattr = NULL;

	EACH_RULE(l, r) {
		check_template(l, r);
		check_owner_of_programs(l, r);
		if (r->action == IMA_ACT_APPRAISE)
			check_appraise(l, r);
		if (r->action == IMA_ACT_HASH && hashes == NULL)
			hashes = r;
		if (r->action != IMA_ACT_APPRAISE)
			continue;
		if (r->func != IMA_FUNC_SETXATTR_CHECK && appraises == NULL)
			appraises = r;
		if (r->func == IMA_FUNC_SETXATTR_CHECK && setxattr != NULL)
			lint_add(l, IMA_LINT_L61, r, IMA_HAS_FUNC, "the list of line %zu stays in force",
			    setxattr->line);
		if (r->func == IMA_FUNC_SETXATTR_CHECK && setxattr == NULL)
			setxattr = r;
	}
	if (hashes != NULL && appraises == NULL)
		lint_add(l, IMA_LINT_L52, hashes, 0, "nothing in the policy reads the hashes that this rule stores");
	if (appraises != NULL && (!l->k->config[IMA_CONFIG_IMA_APPRAISE] ||
	    l->k->appraise == IMA_APPRAISE_MODE_OFF))
		lint_add(l, IMA_LINT_L60, appraises, 0, "%s, so appraise rules do nothing",
		    l->k->appraise == IMA_APPRAISE_MODE_OFF ? "the kernel is booted with ima_appraise=off" :
		    "the target kernel was built without CONFIG_IMA_APPRAISE");
}
