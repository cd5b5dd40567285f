/* ima_policy_rule.c: the words of one rule in their order, as ima_parse_rule takes them.
 *
 * The kernel stops at the first fault; we go on, so that a person sees all of them,
 * and only the first can be wrong about the rest.  What a word may follow, what may
 * be repeated and which repetition counts is as in the kernel, odd or not:
 * fsname=, pcr=, digest_type=, appraise_type= and permit_directio may be repeated,
 * the last one counting; fsmagic=0 and a nil fsuuid= do not count as given.
 */
#include "formats/ima_policy_internal.h"

void
ima_rule_duplicate(struct ima_parse *c, const struct ima_token *t, const char *what)
{
	ima_fault(c, IMA_FAULT_DUPLICATE, t, "leave one of them, or write two rules",
	    "%s is given twice in one rule", what);
}

/* A word that needs another kernel.  True: it is known there. */
static bool
known_key(struct ima_parse *c, const struct ima_token *t)
{
	unsigned since = ima_key_since(t->key);

	if (c->k->version >= since)
		return true;
	ima_fault(c, IMA_FAULT_TOO_NEW, t, NULL, "%s is known from kernel %s on, not to %s",
	    ima_key_text(t->key), ima_kver_text(c, since), ima_kver_text(c, c->k->version));
	return false;
}

static void
read_action(struct ima_parse *c, const struct ima_token *t)
{
	static const enum ima_action of[IMA_KEY_COUNT] = {
		[IMA_KEY_MEASURE] = IMA_ACT_MEASURE, [IMA_KEY_DONT_MEASURE] = IMA_ACT_DONT_MEASURE,
		[IMA_KEY_APPRAISE] = IMA_ACT_APPRAISE, [IMA_KEY_DONT_APPRAISE] = IMA_ACT_DONT_APPRAISE,
		[IMA_KEY_AUDIT] = IMA_ACT_AUDIT, [IMA_KEY_DONT_AUDIT] = IMA_ACT_DONT_AUDIT,
		[IMA_KEY_HASH] = IMA_ACT_HASH, [IMA_KEY_DONT_HASH] = IMA_ACT_DONT_HASH,
	};

	if (c->rule->action != IMA_ACT_NONE)
		ima_fault(c, IMA_FAULT_TWO_ACTIONS, t, "write one rule for each action",
		    "the rule has two actions, %s and %s", ima_action_name(c->rule->action),
		    ima_action_name(of[t->key]));
	c->rule->action = of[t->key];
}

static void
read_func(struct ima_parse *c, const struct ima_token *t)
{
	enum ima_func f;

	if (c->rule->func != IMA_FUNC_NONE) {
		ima_rule_duplicate(c, t, "func=");
		return;
	}
	if (!ima_func_by_name(t->value, &f)) {
		ima_rule_unknown_func(c, t);
		return;
	}
	if (c->k->version < ima_func_since(f)) {
		ima_fault(c, IMA_FAULT_TOO_NEW, t, NULL, "func=%s is known from kernel %s on, not to %s",
		    ima_func_name(f), ima_kver_text(c, ima_func_since(f)),
		    ima_kver_text(c, c->k->version));
		return;
	}
	if (f == IMA_FUNC_KEY_CHECK && !c->k->config[IMA_CONFIG_IMA_MEASURE_ASYMMETRIC_KEYS]) {
		ima_fault(c, IMA_FAULT_NOT_CONFIGURED, t, NULL,
		    "func=KEY_CHECK needs a kernel with CONFIG_IMA_MEASURE_ASYMMETRIC_KEYS");
		return;
	}
	c->rule->func = f;
	ima_rule_set(c->rule, IMA_HAS_FUNC, t);
}

static void
read_mask(struct ima_parse *c, const struct ima_token *t)
{
	bool within = t->value.p[0] == '^';
	struct span name = within ? span_from(t->value, 1) : t->value;
	unsigned mask;

	if (c->rule->mask != 0) {
		ima_rule_duplicate(c, t, "mask=");
		return;
	}
	if (within && c->k->version < KVER(4, 2)) {
		ima_fault(c, IMA_FAULT_TOO_NEW, t, NULL, "mask=^ is known from kernel 4.2 on");
		return;
	}
	if (!ima_mask_by_name(name, &mask)) {
		ima_fault(c, IMA_FAULT_BAD_MASK, t,
		    "write one of MAY_READ, MAY_WRITE, MAY_APPEND, MAY_EXEC, with ^ in front to match "
		    "where that bit is among others; for two of them write two rules",
		    "\"%s\" is not an access mask", ima_safe(c, t->value));
		return;
	}
	c->rule->mask = mask;
	ima_rule_set(c->rule, within ? IMA_HAS_INMASK : IMA_HAS_MASK, t);
}

static void
read_fsmagic(struct ima_parse *c, const struct ima_token *t)
{
	uint64_t max = c->k->config[IMA_CONFIG_64BIT] ? UINT64_MAX : UINT32_MAX;

	if (c->rule->fsmagic != 0)
		ima_rule_duplicate(c, t, "fsmagic=");
	else if (!ima_number_parse(t->value, 16, max, &c->rule->fsmagic))
		ima_fault(c, IMA_FAULT_BAD_FSMAGIC, t,
		    "write the hexadecimal magic (ext4 is 0xef53), or fsname= with the type's name",
		    "\"%s\" is not a hexadecimal number", ima_safe(c, t->value));
	else
		ima_rule_set(c->rule, IMA_HAS_FSMAGIC, t);
}

static void
read_fsuuid(struct ima_parse *c, const struct ima_token *t)
{
	static const uint8_t nil[16];

	if (memcmp(c->rule->fsuuid, nil, sizeof(nil)) != 0)
		ima_rule_duplicate(c, t, "fsuuid=");
	else if (!ima_uuid_parse(t->value, c->rule->fsuuid))
		ima_fault(c, IMA_FAULT_BAD_UUID, t,
		    "write the file system's UUID (blkid -s UUID): 8-4-4-4-12 hexadecimal digits; "
		    "a short serial number as FAT has it cannot be named",
		    "\"%s\" is not a UUID", ima_safe(c, t->value));
	else
		ima_rule_set(c->rule, IMA_HAS_FSUUID, t);
}

static const char *
id_advice(struct span v)
{
	if (v.n > 0 && v.p[0] == '=')
		return "there is no >= or <=: write > or < with the number beside it";
	if (v.n > 0 && v.p[0] == '-')
		return "write the number without a sign; -1 cannot be matched";
	if (v.n > 1 && v.p[0] == '0' && (v.p[1] | 0x20) == 'x')
		return "write the number in decimal";
	return "write the number: names of users and groups are not known to the kernel";
}

static void
read_id(struct ima_parse *c, const struct ima_token *t, enum ima_op op, uint32_t bit,
    uint32_t slot, struct ima_id *id)
{
	uint64_t v;

	if ((c->rule->has & slot) != 0) {
		ima_rule_duplicate(c, t, slot & IMA_HAS_UID ? "uid or euid" : slot & IMA_HAS_GID ?
		    "gid or egid" : slot & IMA_HAS_FOWNER ? "fowner" : "fgroup");
		return;
	}
	/* (uid_t)-1 is no id (uid_valid). */
	if (!ima_number_parse(t->value, 10, UINT64_MAX, &v) || v >= UINT32_MAX) {
		ima_fault(c, IMA_FAULT_BAD_ID, t, id_advice(t->value),
		    "\"%s\" is not a decimal number from 0 to 4294967294", ima_safe(c, t->value));
		return;
	}
	*id = (struct ima_id){ op, (uint32_t)v };
	ima_rule_set(c->rule, bit, t);
}

static void
read_pcr(struct ima_parse *c, const struct ima_token *t)
{
	uint64_t v, max = c->k->config[IMA_CONFIG_64BIT] ? 63 : 31;
	struct span s = t->value;

	/* kstrtoint takes a sign, and -0 is 0. */
	if (s.p[0] == '-' && s.n > 1 && s.p[1] != '+')
		s = span_from(s, 1);
	if (!ima_number_parse(s, 10, INT32_MAX, &v) || v > max || (s.n != t->value.n && v != 0)) {
		ima_fault(c, IMA_FAULT_BAD_PCR, t, "leave pcr= out to use the kernel's own PCR, 10",
		    "\"%s\" is not a PCR number from 0 to %d", ima_safe(c, t->value), (int)max);
		return;
	}
	c->rule->pcr = (unsigned)v;
	ima_rule_set(c->rule, IMA_HAS_PCR, t);
}

static void
read_template(struct ima_parse *c, const struct ima_token *t)
{
	struct span fmt = ima_kernel_template(c->k, t->value);

	if (c->rule->action == IMA_ACT_NONE) {
		ima_fault(c, IMA_FAULT_TEMPLATE_FIRST, t, "write measure at the beginning of the rule",
		    "template= must stand behind the word measure");
	} else if (c->rule->action != IMA_ACT_MEASURE) {
		ima_fault(c, IMA_FAULT_TEMPLATE_FIRST, t, "leave template= out",
		    "template= is for measure rules only, this one is %s",
		    ima_action_name(c->rule->action));
	} else if (fmt.n == 0) {
		ima_fault(c, IMA_FAULT_NO_TEMPLATE, t,
		    "name a built-in template (ima-ng, ima-sig, ima-ngv2, ima-sigv2, ima-buf, ima-modsig, "
		    "evm-sig), or define the format at boot with ima_template_fmt=",
		    "no template \"%s\" is defined in kernel %s", ima_safe(c, t->value),
		    ima_kver_text(c, c->k->version));
	} else if (c->rule->template_fmt.n > 0) {
		ima_rule_duplicate(c, t, "template=");
	} else {
		c->rule->template_fmt = fmt;
		c->rule->template_name = t->value;
		ima_rule_set(c->rule, IMA_HAS_TEMPLATE, t);
	}
}

/* "a|b|c", no empty item; the items go into the arena. */
static bool
read_list(struct ima_parse *c, const struct ima_token *t, struct span **items, size_t *n_items)
{
	struct span rest = t->value, *list = NULL;
	size_t n = 0, cap = 0;
	bool more = true;

	while (more) {
		size_t len = span_find(rest, '|');

		more = len < rest.n;
		if (len == 0) {
			ima_fault(c, IMA_FAULT_BAD_VALUE, t, "separate names with one | each",
			    "the list \"%s\" has an empty item", ima_safe(c, t->value));
			return false;
		}
		if ((list = arena_grow(c->a, list, n, &cap, sizeof(*list))) == NULL) {
			c->why = c->a->why;
			return false;
		}
		list[n++] = span_head(rest, len);
		rest = span_from(rest, len + 1);
	}
	*items = list;
	*n_items = n;
	return true;
}

static void
read_keyrings(struct ima_parse *c, const struct ima_token *t)
{
	if (!c->k->config[IMA_CONFIG_IMA_MEASURE_ASYMMETRIC_KEYS])
		ima_fault(c, IMA_FAULT_NOT_CONFIGURED, t, NULL,
		    "keyrings= needs a kernel with CONFIG_IMA_MEASURE_ASYMMETRIC_KEYS");
	else if (c->rule->n_keyrings > 0)
		ima_rule_duplicate(c, t, "keyrings=");
	else if (read_list(c, t, &c->rule->keyrings, &c->rule->n_keyrings))
		ima_rule_set(c->rule, IMA_HAS_KEYRINGS, t);
}

static void
read_data_labels(struct ima_parse *c, const struct ima_token *t)
{
	if (c->rule->n_data_labels > 0)
		ima_rule_duplicate(c, t, "label=");
	else if (read_list(c, t, &c->rule->data_labels, &c->rule->n_data_labels))
		ima_rule_set(c->rule, IMA_HAS_LABEL, t);
}

/* uid> and euid> (and so on) share a slot: bit says which of the two it was. */
static bool
read_any_id(struct ima_parse *c, const struct ima_token *t)
{
	struct ima_rule *r = c->rule;
	enum { UIDS = IMA_HAS_UID | IMA_HAS_EUID, GIDS = IMA_HAS_GID | IMA_HAS_EGID };

#define ID(name, bits, field)							\
	if (t->key == IMA_KEY_##name##_EQ)					\
		read_id(c, t, IMA_OP_EQ, IMA_HAS_##name, bits, &r->field);	\
	else if (t->key == IMA_KEY_##name##_GT)					\
		read_id(c, t, IMA_OP_GT, IMA_HAS_##name, bits, &r->field);	\
	else if (t->key == IMA_KEY_##name##_LT)					\
		read_id(c, t, IMA_OP_LT, IMA_HAS_##name, bits, &r->field);	\
	else
	ID(UID, UIDS, uid)
	ID(EUID, UIDS, uid)
	ID(GID, GIDS, gid)
	ID(EGID, GIDS, gid)
	ID(FOWNER, IMA_HAS_FOWNER, fowner)
	ID(FGROUP, IMA_HAS_FGROUP, fgroup)
		return false;
#undef ID
	return true;
}

static void
read_name(struct ima_parse *c, const struct ima_token *t)
{
	if (t->key == IMA_KEY_FSNAME) {
		c->rule->fsname = t->value;
		ima_rule_set(c->rule, IMA_HAS_FSNAME, t);
	} else if (c->rule->fs_subtype.n > 0) {
		ima_rule_duplicate(c, t, "fs_subtype=");
	} else {
		c->rule->fs_subtype = t->value;
		ima_rule_set(c->rule, IMA_HAS_FS_SUBTYPE, t);
	}
}

static void
read_word(struct ima_parse *c, const struct ima_token *t)
{
	if (t->key >= IMA_KEY_MEASURE && t->key <= IMA_KEY_DONT_HASH)
		read_action(c, t);
	else if (t->key >= IMA_KEY_OBJ_USER && t->key <= IMA_KEY_SUBJ_TYPE)
		ima_rule_label(c, t, (enum ima_label_slot)(t->key - IMA_KEY_OBJ_USER));
	else if (t->key == IMA_KEY_FUNC)
		read_func(c, t);
	else if (t->key == IMA_KEY_MASK)
		read_mask(c, t);
	else if (t->key == IMA_KEY_FSMAGIC)
		read_fsmagic(c, t);
	else if (t->key == IMA_KEY_FSNAME || t->key == IMA_KEY_FS_SUBTYPE)
		read_name(c, t);
	else if (t->key == IMA_KEY_FSUUID)
		read_fsuuid(c, t);
	else if (t->key == IMA_KEY_DIGEST_TYPE)
		ima_rule_read_digest_type(c, t);
	else if (t->key == IMA_KEY_APPRAISE_TYPE)
		ima_rule_read_appraise_type(c, t);
	else if (t->key == IMA_KEY_APPRAISE_FLAG)
		ima_rule_read_appraise_flag(c, t);
	else if (t->key == IMA_KEY_APPRAISE_ALGOS)
		ima_rule_read_algos(c, t);
	else if (t->key == IMA_KEY_PERMIT_DIRECTIO)
		ima_rule_set(c->rule, IMA_HAS_DIRECTIO, t);
	else if (t->key == IMA_KEY_PCR)
		read_pcr(c, t);
	else if (t->key == IMA_KEY_TEMPLATE)
		read_template(c, t);
	else if (t->key == IMA_KEY_KEYRINGS)
		read_keyrings(c, t);
	else if (t->key == IMA_KEY_LABEL)
		read_data_labels(c, t);
	else
		(void)read_any_id(c, t);
}

/* Before 5.9 these words were checked where they stood, against the action so far. */
static bool
old_order(struct ima_parse *c, const struct ima_token *t)
{
	if (c->k->version >= KVER(5, 9))
		return true;
	if (t->key == IMA_KEY_PCR && c->rule->action != IMA_ACT_MEASURE) {
		ima_fault(c, IMA_FAULT_PCR_ACTION, t, "write measure at the beginning of the rule",
		    "before kernel 5.9, pcr= must stand behind the word measure");
		return false;
	}
	if ((t->key == IMA_KEY_APPRAISE_TYPE || t->key == IMA_KEY_APPRAISE_FLAG) &&
	    c->rule->action != IMA_ACT_APPRAISE) {
		ima_fault(c, IMA_FAULT_WRONG_ACTION, t, "write appraise at the beginning of the rule",
		    "before kernel 5.9, %s must stand behind the word appraise", ima_key_text(t->key));
		return false;
	}
	return true;
}

/* A carriage return at the end of the line that did no harm to the word it sticks to. */
static void
check_kept_cr(struct ima_parse *c)
{
	const struct ima_rule *r = c->rule;
	const struct ima_token *t = &r->tokens[r->n_tokens - 1];

	if (!r->refused && t->text.n > 0 && t->text.p[t->text.n - 1] == '\r')
		ima_fault(c, IMA_FAULT_CR_KEPT, t, "store the file with Unix line ends (dos2unix)",
		    "the line ends in a carriage return, which the kernel takes for a part of \"%s\"",
		    ima_safe(c, t->text));
}

static void
trailing_comment(struct ima_parse *c, const struct ima_token *t)
{
	ima_fault(c, IMA_FAULT_TRAILING_COMMENT, t, "put the comment on a line of its own",
	    "a comment behind a rule is known from kernel 6.14 on");
}

void
ima_rule_read(struct ima_parse *c)
{
	const struct ima_rule *r = c->rule;

	for (size_t i = 0; i < r->n_tokens && c->why == 0; i++) {
		const struct ima_token *t = &r->tokens[i];

		if (t->text.p[0] == '#') {
			if (c->k->version < KVER(6, 14))
				trailing_comment(c, t);
			break;
		}
		if (t->key == IMA_KEY_UNKNOWN)
			ima_rule_unknown(c, t);
		else if (known_key(c, t) && old_order(c, t))
			read_word(c, t);
	}
	if (!r->refused)
		ima_rule_validate(c);
	check_kept_cr(c);
}
