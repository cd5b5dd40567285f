/* ima_policy_labels.c: conditions on the labels of a security module.
 *
 * What a module takes is its audit_rule_init: AppArmor a profile as subj_role= and
 * nothing else, Smack labels as subj_user= and obj_user=, SELinux all six, and each
 * must exist when the policy is loaded.  (Once a custom policy is in force, a kernel
 * takes unknown labels too, and the rule matches nothing: ima_lsm_rule_init.)
 */
#include "formats/ima_policy_internal.h"

static bool
supported(struct ima_parse *c, const struct ima_token *t, enum ima_label_slot slot)
{
	const struct ima_kernel *k = c->k;

	if (!k->config[IMA_CONFIG_IMA_LSM_RULES])
		ima_fault(c, IMA_FAULT_NOT_CONFIGURED, t, NULL,
		    "%s needs a kernel with CONFIG_IMA_LSM_RULES", ima_key_text(t->key));
	else if (k->lsm == IMA_LSM_NONE)
		ima_fault(c, IMA_FAULT_LSM_CANNOT, t,
		    "use fsuuid=, fsname=, fowner= or fgroup=, or boot with SELinux",
		    "%s needs a security module with labels, and the target kernel runs none",
		    ima_key_text(t->key));
	else if (k->lsm == IMA_LSM_APPARMOR && slot != IMA_SUBJ_ROLE)
		ima_fault(c, IMA_FAULT_LSM_CANNOT, t,
		    "files have no labels under AppArmor: use fsuuid=, fsname=, fowner= or fgroup=; "
		    "a process can be named by its profile: subj_role=PROFILE",
		    "%s is refused under AppArmor, which knows subj_role= only", ima_key_text(t->key));
	else if (k->lsm == IMA_LSM_SMACK && slot != IMA_OBJ_USER && slot != IMA_SUBJ_USER)
		ima_fault(c, IMA_FAULT_LSM_CANNOT, t, "write subj_user= or obj_user= with a Smack label",
		    "%s is refused under Smack, which knows subj_user= and obj_user= only",
		    ima_key_text(t->key));
	else
		return true;
	return false;
}

/* smk_parse_smack: what stands before the first byte that no label has. */
static bool
smack_label(struct span v)
{
	size_t n = 0;

	while (n < v.n && v.p[n] > ' ' && v.p[n] <= '~' && strchr("/\"\\'", v.p[n]) == NULL)
		n++;
	return n > 0 && n < 256 && v.p[0] != '-';
}

void
ima_rule_label(struct ima_parse *c, const struct ima_token *t, enum ima_label_slot slot)
{
	const struct ima_kernel *k = c->k;

	if (c->rule->labels[slot].n > 0) {
		ima_rule_duplicate(c, t, ima_key_text(t->key));
		return;
	}
	if (!supported(c, t, slot))
		return;
	c->rule->labels[slot] = t->value;
	ima_rule_set(c->rule, IMA_HAS_LABELS, t);
	if (k->lsm == IMA_LSM_SMACK) {
		if (!smack_label(t->value))
			ima_fault(c, IMA_FAULT_BAD_VALUE, t, NULL, "\"%s\" is not a Smack label",
			    ima_safe(c, t->value));
		return;
	}
	if (k->lsm == IMA_LSM_APPARMOR && span_is(t->value, "unconfined"))
		return;		/* is always there */
	if (k->labels_known && !ima_kernel_has_label(k, t->value))
		ima_fault(c, IMA_FAULT_LABEL_ABSENT, t, NULL,
		    "%s has no \"%s\", and a label that is not there when the first policy is loaded is refused",
		    ima_lsm_name(k->lsm), ima_safe(c, t->value));
	else if (!k->labels_known)
		ima_fault(c, IMA_FAULT_LABEL_UNKNOWN, t, NULL,
		    "whether %s has \"%s\" when the policy is loaded is not known here; if not, the kernel refuses "
		    "the first policy, and in a later one the rule matches nothing",
		    ima_lsm_name(k->lsm), ima_safe(c, t->value));
}
