/* ima_policy_dump.c: policies as text: one rule in its canonical spelling, and all that
 * was found, for tests. */
#include "formats/ima_policy_internal.h"

static void
put_word(struct buf *b, const char *key, struct span v)
{
	buf_u8(b, ' ');
	buf_str(b, key);
	buf_escape(b, v);
}

static void
put_id(struct buf *b, const char *key, struct ima_id id)
{
	static const char op[] = { [IMA_OP_EQ] = '=', [IMA_OP_GT] = '>', [IMA_OP_LT] = '<' };

	buf_printf(b, " %s%c%u", key, op[id.op], id.value);
}

static void
put_list(struct buf *b, const char *key, const struct span *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_str(b, i == 0 ? " " : "|");
		if (i == 0)
			buf_str(b, key);
		buf_escape(b, items[i]);
	}
}

static void
put_uuid(struct buf *b, const uint8_t u[16])
{
	buf_str(b, " fsuuid=");
	for (size_t i = 0; i < 16; i++)
		buf_printf(b, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
}

static void
put_file_system(const struct ima_rule *r, struct buf *b)
{
	if (r->has & IMA_HAS_FSMAGIC)
		buf_printf(b, " fsmagic=0x%llx", (unsigned long long)r->fsmagic);
	if (r->has & IMA_HAS_FSNAME)
		put_word(b, "fsname=", r->fsname);
	if (r->has & IMA_HAS_FS_SUBTYPE)
		put_word(b, "fs_subtype=", r->fs_subtype);
	if (r->has & IMA_HAS_FSUUID)
		put_uuid(b, r->fsuuid);
}

static void
put_ids(const struct ima_rule *r, struct buf *b)
{
	if (r->has & (IMA_HAS_UID | IMA_HAS_EUID))
		put_id(b, r->has & IMA_HAS_EUID ? "euid" : "uid", r->uid);
	if (r->has & (IMA_HAS_GID | IMA_HAS_EGID))
		put_id(b, r->has & IMA_HAS_EGID ? "egid" : "gid", r->gid);
	if (r->has & IMA_HAS_FOWNER)
		put_id(b, "fowner", r->fowner);
	if (r->has & IMA_HAS_FGROUP)
		put_id(b, "fgroup", r->fgroup);
}

static void
put_appraise(const struct ima_rule *r, struct buf *b)
{
	bool sigv3 = (r->has & IMA_HAS_SIGV3) != 0 ||
	    ((r->has & IMA_HAS_VERITY) != 0 && (r->has & IMA_HAS_DIGSIG) != 0);

	if (r->has & IMA_HAS_VERITY)
		buf_str(b, " digest_type=verity");
	if (r->has & IMA_HAS_DIGSIG)
		buf_printf(b, " appraise_type=%s", sigv3 ? "sigv3" :
		    r->has & IMA_HAS_MODSIG ? "imasig|modsig" : "imasig");
	if (r->has & IMA_HAS_ALGOS)
		for (unsigned i = 0, n = 0; ima_algo_name(i) != NULL; i++)
			if (r->algos >> i & 1)
				buf_printf(b, "%s%s", n++ == 0 ? " appraise_algos=" : ",", ima_algo_name(i));
	if (r->has & IMA_HAS_DIRECTIO)
		buf_str(b, " permit_directio");
}

void
ima_rule_write(const struct ima_rule *r, struct buf *b)
{
	static const enum ima_key slots[] = { IMA_KEY_OBJ_USER, IMA_KEY_OBJ_ROLE, IMA_KEY_OBJ_TYPE,
		IMA_KEY_SUBJ_USER, IMA_KEY_SUBJ_ROLE, IMA_KEY_SUBJ_TYPE };

	buf_str(b, ima_action_name(r->action));
	if (r->has & IMA_HAS_FUNC)
		buf_printf(b, " func=%s", ima_func_name(r->func));
	if (r->has & (IMA_HAS_MASK | IMA_HAS_INMASK))
		buf_printf(b, " mask=%s%s", r->has & IMA_HAS_INMASK ? "^" : "", ima_mask_name(r->mask));
	put_file_system(r, b);
	put_list(b, "keyrings=", r->keyrings, r->n_keyrings);
	put_list(b, "label=", r->data_labels, r->n_data_labels);
	if (r->has & IMA_HAS_PCR)
		buf_printf(b, " pcr=%u", r->pcr);
	put_ids(r, b);
	for (unsigned i = 0; i < IMA_LABEL_SLOTS; i++)
		if (r->labels[i].n > 0)
			put_word(b, ima_key_text(slots[i]), r->labels[i]);
	if (r->has & IMA_HAS_TEMPLATE)
		put_word(b, "template=", r->template_name);
	put_appraise(r, b);
}

static void
dump_fault(const struct ima_fault *f, struct buf *b)
{
	buf_printf(b, "%zu:%u: %s %s", f->line, f->column, ima_fault_refuses(f->code) ? "refused" : "taken",
	    ima_fault_name(f->code));
	if (f->token.n > 0) {
		buf_str(b, " \"");
		buf_escape(b, f->token);
		buf_u8(b, '"');
	}
	buf_printf(b, ": %s\n", f->what);
	if (f->fix != NULL)
		buf_printf(b, "\tfix: %s\n", f->fix);
}

void
ima_policy_dump(const struct ima_policy *p, struct buf *b)
{
	static const char *const taken[] = { [IMA_TAKEN_NO] = "no", [IMA_TAKEN_YES] = "yes",
		[IMA_TAKEN_DEPENDS] = "depends" };

	buf_printf(b, "taken: %s\n", taken[p->taken]);
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct ima_rule *r = &p->rules[i];

		buf_printf(b, "rule %zu line %zu%s: ", r->number, r->line, r->refused ? " refused" : "");
		ima_rule_write(r, b);
		buf_u8(b, '\n');
	}
	for (size_t i = 0; i < p->n_faults; i++)
		dump_fault(&p->faults[i], b);
}
