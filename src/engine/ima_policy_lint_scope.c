/* ima_policy_lint_scope.c: L22 to L26, L43, L45, L47: rules that see too much, or too
 * little by a detail. */
#include "engine/ima_filesystems.h"
#include "engine/ima_policy_lint_internal.h"

#define LIMITS (IMA_HAS_FS | IMA_HAS_PROCESS | IMA_HAS_OWNER | IMA_HAS_LABELS)

/* Whether a dont_ rule of class ${c} in front of ${before} leaves file system ${fs} out
 * when files are opened to be read. */
static bool
left_out(const struct lint *l, enum ima_class c, const struct ima_rule *before,
    const struct fs_type *fs)
{
	const uint32_t other = LIMITS & ~(uint32_t)(IMA_HAS_FSMAGIC | IMA_HAS_FSNAME);

	EACH_RULE(l, r) {
		if (r >= before)
			return false;
		if (ima_rule_does(r) || ima_rule_class(r) != c || !ima_rule_reads(r) ||
		    (r->has & other) != 0)
			continue;
		if ((r->has & IMA_HAS_FSMAGIC) != 0 && r->fsmagic == fs->magic)
			return true;
		if ((r->has & IMA_HAS_FSNAME) != 0 && span_is(r->fsname, fs->name))
			return true;
	}
	return false;
}

/* Pseudo file systems of this kernel that are not left out, as a list of names. */
static size_t
missing_pseudo(const struct lint *l, enum ima_class c, const struct ima_rule *before,
    struct buf *names)
{
	const struct fs_type *fs;
	size_t n = 0;

	for (size_t i = 0; (fs = fs_type_at(i)) != NULL; i++) {
		if (fs->kind != FS_TCB || left_out(l, c, before, fs) ||
		    (span_is(span_str(fs->name), "selinuxfs") && l->k->lsm != IMA_LSM_SELINUX) ||
		    (span_is(span_str(fs->name), "smackfs") && l->k->lsm != IMA_LSM_SMACK))
			continue;
		buf_printf(names, "%s%s", n++ == 0 ? "" : ", ", fs->name);
	}
	return n;
}

static void
check_pseudo(struct lint *l, enum ima_class c)
{
	EACH_RULE(l, r) {
		BUF_AUTO struct buf names = buf_init(1024);

		if (!ima_rule_does(r) || ima_rule_class(r) != c || !ima_rule_reads(r) ||
		    (r->has & IMA_HAS_FS) != 0 || ima_rule_has_object_label(r))
			continue;
		if (missing_pseudo(l, c, r, &names) > 0)
			lint_add(l, IMA_LINT_L24, r, 0, "%s applies to pseudo file systems too: %s",
			    ima_action_name(r->action), buf_cstr(&names));
		return;		/* the first such rule tells it all */
	}
}

/* A dont_measure in front that leaves out files which change: by label, owner, or a file
 * system that is not a pseudo one. */
static bool
spares_changing_files(const struct lint *l, const struct ima_rule *before)
{
	EACH_RULE(l, r) {
		const struct fs_type *fs;

		if (r >= before)
			return false;
		if (r->action != IMA_ACT_DONT_MEASURE || !ima_rule_reads(r))
			continue;
		if (ima_rule_has_object_label(r) || (r->has & (IMA_HAS_OWNER | IMA_HAS_FSUUID)) != 0)
			return true;
		fs = (r->has & IMA_HAS_FSNAME) != 0 ? fs_type_by_name(r->fsname) :
		    (r->has & IMA_HAS_FSMAGIC) != 0 ? fs_type_by_magic(r->fsmagic) : NULL;
		if (fs != NULL && fs->kind != FS_TCB && fs->kind != FS_PSEUDO && fs->kind != FS_MEMORY)
			return true;
	}
	return false;
}

static void
check_read(struct lint *l, const struct ima_rule *r, bool *told)
{
	if ((r->has & LIMITS) == 0)
		lint_add(l, IMA_LINT_L22, r, 0,
		    "every file that any user reads is measured: anybody can fill the list and kernel memory");
	if (*told || (r->has & (IMA_HAS_FS | IMA_HAS_OWNER)) != 0 || ima_rule_has_object_label(r) ||
	    spares_changing_files(l, r))
		return;
	*told = true;
	lint_add(l, IMA_LINT_L23, r, 0,
	    "logs, databases and other files that change are measured when they are read");
}

static void
check_exact_mask(struct lint *l, const struct ima_rule *r)
{
	if (ima_rule_does(r) && (r->has & IMA_HAS_MASK) != 0 && r->mask == IMA_MAY_READ &&
	    (r->func == IMA_FUNC_FILE_CHECK || r->func == IMA_FUNC_NONE))
		lint_add(l, IMA_LINT_L26, r, IMA_HAS_MASK,
		    "mask=MAY_READ does not match a file opened for reading and writing");
}

static void
check_tmpfs(struct lint *l, const struct ima_rule *r)
{
	bool tmpfs = ((r->has & IMA_HAS_FSMAGIC) != 0 && r->fsmagic == 0x01021994) ||
	    ((r->has & IMA_HAS_FSNAME) != 0 && span_is(r->fsname, "tmpfs"));
	const uint32_t other = LIMITS & ~(uint32_t)(IMA_HAS_FSMAGIC | IMA_HAS_FSNAME);

	if ((r->action == IMA_ACT_DONT_MEASURE || r->action == IMA_ACT_DONT_APPRAISE) && tmpfs &&
	    (r->has & other) == 0 && ima_rule_at(r, IMA_FUNC_BPRM_CHECK))
		lint_add(l, IMA_LINT_L25, r,
		    r->has & IMA_HAS_FSMAGIC ? IMA_HAS_FSMAGIC : IMA_HAS_FSNAME,
		    "nothing on tmpfs is %s, programs in /dev/shm, /run and /tmp neither",
		    r->action == IMA_ACT_DONT_MEASURE ? "measured" : "appraised");
}

static void
check_pcr(struct lint *l, const struct ima_rule *r)
{
	const char *whose;

	if ((r->has & IMA_HAS_PCR) == 0 || r->pcr == 10)
		return;
	whose = r->pcr < 8 ? "belongs to the firmware" :
	    r->pcr < 10 ? "belongs to the boot loader" :
	    r->pcr == 16 || r->pcr == 23 ? "can be reset by any program" :
	    r->pcr > 23 ? "does not exist in a TPM for PCs" :
	    r->pcr > 16 ? "is for dynamic launch, and can be reset by it" : NULL;
	if (whose != NULL)
		lint_add(l, IMA_LINT_L45, r, IMA_HAS_PCR, "PCR %u %s", r->pcr, whose);
}

static void
check_directio(struct lint *l, const struct ima_rule *r)
{
	if ((r->has & IMA_HAS_DIRECTIO) != 0 && ima_rule_does(r) &&
	    (r->has & (IMA_HAS_FS | IMA_HAS_OWNER)) == 0 && !ima_rule_has_object_label(r))
		lint_add(l, IMA_LINT_L43, r, IMA_HAS_DIRECTIO,
		    "every file that is opened with O_DIRECT passes without %s",
		    ima_rule_class(r) == IMA_CLASS_APPRAISE ? "appraisal" : "measurement");
}

/* The kernel's own rules, as it would have read them from a file (ima_policy.c,
 * dont_measure_rules and default_measurement_rules). */
static const char tcb_rules[] =
    "dont_measure fsmagic=0x9fa0\ndont_measure fsmagic=0x62656572\n"
    "dont_measure fsmagic=0x64626720\ndont_measure fsmagic=0x1021994 func=FILE_CHECK\n"
    "dont_measure fsmagic=0x1cd1\ndont_measure fsmagic=0x42494e4d\n"
    "dont_measure fsmagic=0x73636673\ndont_measure fsmagic=0x27e0eb\n"
    "dont_measure fsmagic=0x63677270\ndont_measure fsmagic=0x6e736673\n"
    "dont_measure fsmagic=0xde5e81e4\n"
    "measure func=MMAP_CHECK mask=MAY_EXEC\nmeasure func=BPRM_CHECK mask=MAY_EXEC\n"
    "measure func=FILE_CHECK mask=^MAY_READ uid=0\nmeasure func=MODULE_CHECK\n"
    "measure func=FIRMWARE_CHECK\nmeasure func=POLICY_CHECK\n";

static bool
repeated(const struct lint *l, const struct ima_rule *builtin)
{
	EACH_RULE(l, r)
		if (r->action == builtin->action && ima_rule_covers(r, builtin))
			return true;
	return false;
}

static void
check_builtin(struct lint *l)
{
	BUF_AUTO struct buf names = buf_init(4096);
	struct ima_kernel plain;
	struct ima_policy tcb;
	size_t n = 0;

	if ((l->k->builtin & IMA_BUILTIN_TCB) == 0)
		return;
	ima_kernel_default(&plain);
	if (ima_policy_parse(span_str(tcb_rules), &plain, IMA_LOAD_WRITE, l->a, &tcb, NULL) != 0) {
		l->why = ERR_NOMEM;
		return;
	}
	for (size_t i = 0; i < tcb.n_rules; i++)
		if (!repeated(l, &tcb.rules[i])) {
			buf_str(&names, n++ == 0 ? "" : "; ");
			ima_rule_write(&tcb.rules[i], &names);
		}
	if (n > 0)
		lint_add(l, IMA_LINT_L47, NULL, 0,
		    "loading this policy ends ima_policy=tcb, and %zu of its rules are not repeated: %s",
		    n, buf_cstr(&names));
}

void
lint_scope(struct lint *l)
{
	bool told = false;

	EACH_RULE(l, r) {
		if (r->action == IMA_ACT_MEASURE && ima_rule_reads(r))
			check_read(l, r, &told);
		check_exact_mask(l, r);
		check_tmpfs(l, r);
		check_pcr(l, r);
		check_directio(l, r);
	}
	check_pseudo(l, IMA_CLASS_MEASURE);
	check_pseudo(l, IMA_CLASS_APPRAISE);
	check_builtin(l);
}
