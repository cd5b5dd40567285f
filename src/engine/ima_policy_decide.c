/* ima_policy_decide.c: what the kernel does at one access (ima_match_rules,
 * ima_match_policy). */
#include "engine/ima_filesystems.h"
#include "engine/ima_policy_match.h"

static bool
id_op(struct ima_id rule, uint32_t have)
{
	return rule.op == IMA_OP_EQ ? have == rule.value :
	    rule.op == IMA_OP_GT ? have > rule.value : have < rule.value;
}

/* A condition on what is not known leaves the match open. */
static enum ima_matches
judge(bool known, bool holds)
{
	return !known ? IMA_MAYBE : holds ? IMA_MATCH : IMA_NO_MATCH;
}

static enum ima_matches
match_data(const struct ima_rule *r, const struct ima_access *a)
{
	const struct span *items = r->func == IMA_FUNC_KEY_CHECK ? r->keyrings : r->data_labels;
	size_t n = r->func == IMA_FUNC_KEY_CHECK ? r->n_keyrings : r->n_data_labels;
	bool found = n == 0;

	for (size_t i = 0; i < n; i++)
		found = found || span_eq(items[i], a->data);
	return n == 0 ? IMA_MATCH : judge((a->given & IMA_GIVEN_DATA) != 0, found);
}

/* euid= of a process with CAP_SETUID: the saved and the real id count as well. */
static bool
effective(struct ima_id rule, bool capable, uint32_t eff, uint32_t saved, uint32_t real)
{
	return id_op(rule, eff) || (capable && (id_op(rule, saved) || id_op(rule, real)));
}

/* A rule about proc and its like says nothing about a file known to be a real one. */
static bool
about_pseudo(const struct ima_rule *r, uint32_t bit)
{
	const struct fs_type *fs = bit == IMA_HAS_FSMAGIC ? fs_type_by_magic(r->fsmagic) :
	    bit == IMA_HAS_FSNAME ? fs_type_by_name(r->fsname) : NULL;

	return fs != NULL && (fs->kind == FS_TCB || fs->kind == FS_PSEUDO);
}

struct condition { uint32_t bit, given; const char *name; };

static enum ima_matches
match_condition(const struct ima_rule *r, const struct ima_access *a, uint32_t bit, bool known)
{
	if (!known && a->real_file && about_pseudo(r, bit))
		return IMA_NO_MATCH;
	switch (bit) {
	case IMA_HAS_FSMAGIC: return judge(known, r->fsmagic == a->fsmagic);
	case IMA_HAS_FSNAME: return judge(known, span_eq(r->fsname, a->fsname));
	case IMA_HAS_FS_SUBTYPE: return judge(known, span_eq(r->fs_subtype, a->fs_subtype));
	case IMA_HAS_FSUUID: return judge(known, memcmp(r->fsuuid, a->fsuuid, 16) == 0);
	case IMA_HAS_UID: return judge(known, id_op(r->uid, a->uid));
	case IMA_HAS_EUID:
		return judge(known, effective(r->uid, a->cap_setuid, a->euid, a->suid, a->uid));
	case IMA_HAS_GID: return judge(known, id_op(r->gid, a->gid));
	case IMA_HAS_EGID:
		return judge(known, effective(r->gid, a->cap_setgid, a->egid, a->sgid, a->gid));
	case IMA_HAS_FOWNER: return judge(known, id_op(r->fowner, a->fowner));
	default: return judge(known, id_op(r->fgroup, a->fgroup));
	}
}

/* The conditions on process and inode; the first that fails decides, else one that is open. */
static enum ima_matches
match_inode(const struct ima_rule *r, const struct ima_access *a, const char **why)
{
	static const struct condition conditions[] = {
		{ IMA_HAS_FSMAGIC, IMA_GIVEN_FSMAGIC, "fsmagic=" },
		{ IMA_HAS_FSNAME, IMA_GIVEN_FSNAME, "fsname=" },
		{ IMA_HAS_FS_SUBTYPE, IMA_GIVEN_FS_SUBTYPE, "fs_subtype=" },
		{ IMA_HAS_FSUUID, IMA_GIVEN_FSUUID, "fsuuid=" },
		{ IMA_HAS_UID, IMA_GIVEN_UID, "uid" }, { IMA_HAS_EUID, IMA_GIVEN_EUID, "euid" },
		{ IMA_HAS_GID, IMA_GIVEN_GID, "gid" }, { IMA_HAS_EGID, IMA_GIVEN_EGID, "egid" },
		{ IMA_HAS_FOWNER, IMA_GIVEN_FOWNER, "fowner" },
		{ IMA_HAS_FGROUP, IMA_GIVEN_FGROUP, "fgroup" },
	};
	static const char *const slots[] = { "obj_user=", "obj_role=", "obj_type=", "subj_user=",
		"subj_role=", "subj_type=" };
	enum ima_matches out = IMA_MATCH;

	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
		const struct condition *c = &conditions[i];
		enum ima_matches m;

		if ((r->has & c->bit) == 0 ||
		    (m = match_condition(r, a, c->bit, (a->given & c->given) != 0)) == IMA_MATCH)
			continue;
		*why = c->name;
		if ((out = m) == IMA_NO_MATCH)
			return out;
	}
	for (unsigned i = 0; i < IMA_LABEL_SLOTS; i++) {
		bool known = (a->given & (uint32_t)IMA_GIVEN_LABELS << i) != 0;

		if (r->labels[i].n == 0 || (known && span_eq(r->labels[i], a->labels[i])))
			continue;
		*why = slots[i];
		if (known)
			return IMA_NO_MATCH;
		out = IMA_MAYBE;
	}
	return out;
}

enum ima_matches
ima_rule_match(const struct ima_rule *r, const struct ima_access *a, const char **why)
{
	bool buffer = a->func == IMA_FUNC_KEY_CHECK || a->func == IMA_FUNC_CRITICAL_DATA;

	*why = "func=";
	if (r->func == IMA_FUNC_SETXATTR_CHECK || (r->func != IMA_FUNC_NONE && r->func != a->func) ||
	    (buffer && r->func != a->func))
		return IMA_NO_MATCH;
	if (buffer) {
		*why = "uid";
		enum ima_matches m = (r->has & IMA_HAS_UID) == 0 ? IMA_MATCH :
		    match_condition(r, a, IMA_HAS_UID, (a->given & IMA_GIVEN_UID) != 0);

		if (m != IMA_MATCH)
			return m;
		*why = r->func == IMA_FUNC_KEY_CHECK ? "keyrings=" : "label=";
		return match_data(r, a);
	}
	*why = "mask=";
	if (((r->has & IMA_HAS_MASK) != 0 && r->mask != a->mask) ||
	    ((r->has & IMA_HAS_INMASK) != 0 && (r->mask & a->mask) == 0))
		return IMA_NO_MATCH;
	return match_inode(r, a, why);
}

/* What a matching rule adds to the decision, beside closing its class. */
static void
take(struct ima_decision *d, const struct ima_rule *r, enum ima_class c)
{
	d->by[c].rule = r;
	d->by[c].does = ima_rule_does(r);
	d->flags |= r->has & (IMA_HAS_DIGSIG | IMA_HAS_MODSIG | IMA_HAS_SIGV3 | IMA_HAS_BLACKLIST |
	    IMA_HAS_DIRECTIO | IMA_HAS_VERITY);
	if (r->action == IMA_ACT_APPRAISE) {
		/* "action &= ~IMA_HASH": only a hash rule that came before is undone. */
		if (d->by[IMA_CLASS_HASH].does)
			d->hash_dropped = true;
		d->algos = r->algos;
	}
	if (r->has & IMA_HAS_PCR)
		d->pcr = r->pcr;
	if (r->has & IMA_HAS_TEMPLATE)
		d->template_fmt = r->template_fmt;
}

/* A class that nothing in the policy does is not looked at (ima_policy_flag), nor is
 * appraisal when it is off. */
static void
find_active(const struct ima_policy *p, const struct ima_kernel *k, struct ima_decision *d)
{
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct ima_rule *r = &p->rules[i];

		if (!r->refused && ima_rule_does(r) && r->func != IMA_FUNC_SETXATTR_CHECK)
			d->by[ima_rule_class(r)].active = true;
	}
	if (k->appraise == IMA_APPRAISE_MODE_OFF || !k->config[IMA_CONFIG_IMA_APPRAISE])
		d->by[IMA_CLASS_APPRAISE].active = false;
}

void
ima_policy_decide(const struct ima_policy *p, const struct ima_kernel *k,
    const struct ima_access *a, struct ima_decision *d)
{
	struct ima_decision out = { .pcr = 10, .template_fmt = ima_kernel_template_now(k) };

	find_active(p, k, &out);
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct ima_rule *r = &p->rules[i];
		enum ima_class c;
		const char *why;
		enum ima_matches m;

		if (r->refused)
			continue;
		c = ima_rule_class(r);
		if (!out.by[c].active || out.by[c].rule != NULL ||
		    (m = ima_rule_match(r, a, &why)) == IMA_NO_MATCH)
			continue;
		if (m == IMA_MATCH) {
			take(&out, r, c);
		} else if (out.by[c].maybe == NULL) {
			out.by[c].maybe = r;
			out.by[c].maybe_why = why;
		}
	}
	*d = out;
}
