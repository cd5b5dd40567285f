/* ima_policy_validate.c: which conditions and options go together (ima_validate_rule).
 *
 * The check exists from 5.9 on; an older kernel takes any combination that has an
 * action, and simply never matches what makes no sense.
 */
#include "formats/ima_policy_internal.h"

enum group { GROUP_NONE = 0, GROUP_FILE, GROUP_READ, GROUP_CMDLINE, GROUP_KEYS, GROUP_CRITICAL,
	GROUP_SETXATTR };

static const enum group group_of[IMA_FUNC_COUNT] = {
#define FUNC(sym, name, major, minor, group, what) [IMA_FUNC_##sym] = GROUP_##group,
#define FUNC_ALIAS(name, sym, major, minor)
#include "formats/ima_policy_funcs.tbl"
#undef FUNC
#undef FUNC_ALIAS
};

/* Labels and templates are no flags in the kernel: they are looked at apart. */
#define APART (IMA_HAS_LABELS | IMA_HAS_TEMPLATE)
#define INODE (IMA_HAS_FSMAGIC | IMA_HAS_FSNAME | IMA_HAS_FS_SUBTYPE | IMA_HAS_FSUUID | \
	IMA_HAS_UID | IMA_HAS_EUID | IMA_HAS_GID | IMA_HAS_EGID | IMA_HAS_FOWNER | IMA_HAS_FGROUP)
#define FILE_RULE (IMA_HAS_FUNC | IMA_HAS_MASK | IMA_HAS_INMASK | INODE | IMA_HAS_PCR | \
	IMA_HAS_DIGSIG | IMA_HAS_SIGV3 | IMA_HAS_DIRECTIO | IMA_HAS_ALGOS)

static uint32_t
allowed(const struct ima_parse *c)
{
	switch (group_of[c->rule->func]) {
	case GROUP_NONE:
	case GROUP_FILE:
		return FILE_RULE | IMA_HAS_VERITY |
		    (c->k->version >= KVER(6, 6) ? IMA_HAS_BLACKLIST : 0);
	case GROUP_READ:
		return FILE_RULE | IMA_HAS_MODSIG | IMA_HAS_BLACKLIST;
	case GROUP_CMDLINE:
		return IMA_HAS_FUNC | INODE | IMA_HAS_PCR;
	case GROUP_KEYS:
		return IMA_HAS_FUNC | IMA_HAS_UID | IMA_HAS_GID | IMA_HAS_PCR | IMA_HAS_KEYRINGS;
	case GROUP_CRITICAL:
		return IMA_HAS_FUNC | IMA_HAS_UID | IMA_HAS_GID | IMA_HAS_PCR | IMA_HAS_LABEL;
	case GROUP_SETXATTR:
		return IMA_HAS_FUNC | IMA_HAS_ALGOS;
	}
	return 0;
}

static bool
is_buffer_group(enum group g)
{
	return g == GROUP_CMDLINE || g == GROUP_KEYS || g == GROUP_CRITICAL;
}

static const char *
advice(const struct ima_token *t, enum group g)
{
	if (t->key == IMA_KEY_KEYRINGS)
		return "keyrings= goes with func=KEY_CHECK";
	if (t->key == IMA_KEY_LABEL)
		return "label= goes with func=CRITICAL_DATA";
	if (t->key == IMA_KEY_APPRAISE_TYPE)
		return "an appended signature goes with func=MODULE_CHECK, KEXEC_KERNEL_CHECK or "
		    "KEXEC_INITRAMFS_CHECK; for others write appraise_type=imasig";
	if (t->key == IMA_KEY_DIGEST_TYPE)
		return "digest_type=verity goes with FILE_CHECK, MMAP_CHECK, BPRM_CHECK, CREDS_CHECK, "
		    "FIRMWARE_CHECK, POLICY_CHECK or no func=";
	if (g == GROUP_KEYS)
		return "only uid=, gid=, keyrings=, pcr= and template= go with func=KEY_CHECK";
	if (g == GROUP_CRITICAL)
		return "only uid=, gid=, label=, pcr= and template= go with func=CRITICAL_DATA";
	return "leave it out";
}

/* ${bits} of the rule that its hook does not go with: one fault for each word. */
static void
refuse_bits(struct ima_parse *c, uint32_t bits, enum ima_fault_code code)
{
	enum group g = group_of[c->rule->func];
	const struct ima_token *last = NULL;

	for (unsigned i = 0; i < IMA_HAS_COUNT; i++) {
		const struct ima_token *t = c->rule->by[i];

		if ((bits >> i & 1) == 0 || t == NULL || t == last)
			continue;
		last = t;
		if (c->rule->func == IMA_FUNC_NONE)
			ima_fault(c, code, t, advice(t, g), "%s is not allowed in a rule without a func= that "
			    "goes with it", ima_safe(c, t->text));
		else
			ima_fault(c, code, t, advice(t, g), "%s is not allowed with func=%s",
			    ima_safe(c, t->text), ima_func_name(c->rule->func));
	}
}

static void
check_action(struct ima_parse *c)
{
	const struct ima_rule *r = c->rule;
	uint32_t signature = r->has & (IMA_HAS_DIGSIG | IMA_HAS_MODSIG | IMA_HAS_BLACKLIST |
	    IMA_HAS_ALGOS);
	const struct ima_token *last = NULL;

	if (r->action != IMA_ACT_MEASURE && (r->has & IMA_HAS_PCR) != 0)
		ima_fault(c, IMA_FAULT_PCR_ACTION, r->by[__builtin_ctz(IMA_HAS_PCR)], "leave pcr= out",
		    "pcr= is for measure rules only, this one is %s", ima_action_name(r->action));
	for (unsigned i = 0; r->action != IMA_ACT_APPRAISE && i < IMA_HAS_COUNT; i++) {
		const struct ima_token *t = r->by[i];

		if ((signature >> i & 1) == 0 || t == last)
			continue;
		last = t;
		ima_fault(c, IMA_FAULT_WRONG_ACTION, t, "leave it out, or write an appraise rule",
		    "%s is for appraise rules only, this one is %s", ima_safe(c, t->text),
		    ima_action_name(r->action));
	}
}

static void
check_setxattr(struct ima_parse *c)
{
	const struct ima_rule *r = c->rule;
	const struct ima_token *t = r->by[__builtin_ctz(IMA_HAS_FUNC)];

	if (r->action != IMA_ACT_APPRAISE)
		ima_fault(c, IMA_FAULT_SETXATTR_SHAPE, t,
		    "write appraise func=SETXATTR_CHECK appraise_algos=sha256",
		    "func=SETXATTR_CHECK is for appraise rules only, this one is %s",
		    ima_action_name(r->action));
	else if ((r->has & IMA_HAS_ALGOS) == 0)
		ima_fault(c, IMA_FAULT_SETXATTR_SHAPE, t,
		    "write appraise func=SETXATTR_CHECK appraise_algos=sha256",
		    "func=SETXATTR_CHECK needs appraise_algos=");
}

/* Hooks that see a buffer or a command line can only be measured. */
static void
check_buffer(struct ima_parse *c, enum group g)
{
	const struct ima_rule *r = c->rule;
	const struct ima_token *t = r->by[__builtin_ctz(IMA_HAS_FUNC)];

	if ((r->action & ~(unsigned)(IMA_ACT_MEASURE | IMA_ACT_DONT_MEASURE)) != 0)
		ima_fault(c, IMA_FAULT_WRONG_ACTION, t, "write measure or dont_measure",
		    "func=%s can only be measured, not: %s", ima_func_name(r->func),
		    ima_action_name(r->action));
	if (g != GROUP_CMDLINE && (r->has & IMA_HAS_LABELS) != 0)
		refuse_bits(c, IMA_HAS_LABELS, IMA_FAULT_BUFFER_CONDITION);
}

static void
check_flags(struct ima_parse *c)
{
	const struct ima_rule *r = c->rule;
	uint32_t wants = c->k->version >= KVER(6, 6) ? IMA_HAS_DIGSIG : IMA_HAS_MODSIG;

	if ((r->has & IMA_HAS_BLACKLIST) != 0 && (r->has & wants) == 0)
		ima_fault(c, IMA_FAULT_WRONG_FUNC, r->by[__builtin_ctz(IMA_HAS_BLACKLIST)],
		    "write appraise_type=imasig|modsig too, or leave appraise_flag= out",
		    "appraise_flag=check_blacklist needs appraise_type=imasig|modsig before kernel 6.6");
	if (r->action == IMA_ACT_APPRAISE && (r->has & IMA_HAS_VERITY) != 0 &&
	    (r->has & IMA_HAS_DIGSIG) == 0)
		ima_fault(c, IMA_FAULT_WRONG_FUNC, r->by[__builtin_ctz(IMA_HAS_VERITY)],
		    "add appraise_type=sigv3 behind it",
		    "appraising an fs-verity digest needs appraise_type=sigv3");
}

void
ima_rule_validate(struct ima_parse *c)
{
	const struct ima_rule *r = c->rule;
	enum group g = group_of[r->func];
	uint32_t bad;

	if (r->action == IMA_ACT_NONE) {
		ima_fault(c, IMA_FAULT_NO_ACTION, NULL,
		    "begin the rule with measure, dont_measure, appraise, dont_appraise, audit, hash or dont_hash",
		    "the rule has no action");
		return;
	}
	if (c->k->version < KVER(5, 9))
		return;
	check_action(c);
	if (is_buffer_group(g))
		check_buffer(c, g);
	if (g == GROUP_SETXATTR)
		check_setxattr(c);
	bad = r->has & ~(allowed(c) | APART);
	if (bad != 0 && !r->refused)
		refuse_bits(c, bad, is_buffer_group(g) ? IMA_FAULT_BUFFER_CONDITION :
		    g == GROUP_SETXATTR ? IMA_FAULT_SETXATTR_SHAPE : IMA_FAULT_WRONG_FUNC);
	if (!r->refused)
		check_flags(c);
}
