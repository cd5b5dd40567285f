/* ima_policy_explain.c: one rule as a sentence: when, where, whose, and then what. */
#include "engine/ima_policy_explain.h"

#include "engine/ima_filesystems.h"

static void
put_when(const struct ima_rule *r, struct buf *b)
{
	static const struct { unsigned mask; const char *in, *exact; } masks[] = {
		{ IMA_MAY_READ, " for reading", " for reading and nothing else" },
		{ IMA_MAY_WRITE, " for writing", " for writing and nothing else" },
		{ IMA_MAY_APPEND, " for appending", " for appending and nothing else" },
		{ IMA_MAY_EXEC, " to be executed", " to be executed" },
	};
	bool within = (r->has & IMA_HAS_INMASK) != 0;

	if (r->func == IMA_FUNC_NONE)
		buf_str(b, "Whatever is done with a file");
	else
		buf_printf(b, "When %s", ima_func_when(r->func));
	if ((r->has & (IMA_HAS_MASK | IMA_HAS_INMASK)) == 0)
		return;
	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		if (r->mask != masks[i].mask)
			continue;
		/* Where the hook has one mask only, saying it would only confuse. */
		if (r->func == IMA_FUNC_NONE || r->func == IMA_FUNC_FILE_CHECK)
			buf_str(b, within ? masks[i].in : masks[i].exact);
		else if (ima_rule_never(r))
			buf_printf(b, " with %s (which never happens there)", ima_mask_name(r->mask));
	}
}

static void
put_id(struct buf *b, const char *what, struct ima_id id)
{
	static const char *const op[] = { [IMA_OP_EQ] = "", [IMA_OP_GT] = "above ", [IMA_OP_LT] = "below " };

	buf_printf(b, "%s %s%u%s", what, op[id.op], id.value,
	    id.op == IMA_OP_EQ && id.value == 0 ? " (root)" : "");
}

static void
put_process(const struct ima_rule *r, struct buf *b)
{
	const char *sep = " by a process with ";

	if (r->has & (IMA_HAS_UID | IMA_HAS_EUID)) {
		buf_str(b, sep);
		put_id(b, r->has & IMA_HAS_EUID ? "effective user id" : "user id", r->uid);
		sep = " and ";
	}
	if (r->has & (IMA_HAS_GID | IMA_HAS_EGID)) {
		buf_str(b, sep);
		put_id(b, r->has & IMA_HAS_EGID ? "effective group id" : "group id", r->gid);
		sep = " and ";
	}
	for (unsigned i = IMA_SUBJ_USER; i < IMA_LABEL_SLOTS; i++) {
		static const char *const names[] = { "user", "role", "type" };

		if (r->labels[i].n == 0)
			continue;
		buf_printf(b, "%slabel %s ", sep, names[i - IMA_SUBJ_USER]);
		buf_escape(b, r->labels[i]);
		sep = " and ";
	}
}

static void
put_uuid(struct buf *b, const uint8_t u[16])
{
	for (size_t i = 0; i < 16; i++)
		buf_printf(b, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
}

static void
put_file_system(const struct ima_rule *r, struct buf *b)
{
	const struct fs_type *fs;

	if (r->has & IMA_HAS_FSMAGIC) {
		fs = fs_type_by_magic(r->fsmagic);
		if (r->fsmagic == 0xef53)
			buf_str(b, ", on ext2, ext3 or ext4");
		else if (fs != NULL)
			buf_printf(b, ", on %s", fs->name);
		else
			buf_printf(b, ", on file systems with the magic 0x%llx", (unsigned long long)r->fsmagic);
	}
	if (r->has & IMA_HAS_FSNAME) {
		buf_str(b, ", on file systems of type ");
		buf_escape(b, r->fsname);
	}
	if (r->has & IMA_HAS_FS_SUBTYPE) {
		buf_str(b, ", on FUSE file systems that call themselves ");
		buf_escape(b, r->fs_subtype);
	}
	if (r->has & IMA_HAS_FSUUID) {
		buf_str(b, ", on the file system with the UUID ");
		put_uuid(b, r->fsuuid);
	}
}

static void
put_file(const struct ima_rule *r, struct buf *b)
{
	static const char *const names[] = { "user", "role", "type" };

	put_file_system(r, b);
	if (r->has & IMA_HAS_FOWNER)
		put_id(b, ", owned by user id", r->fowner);
	if (r->has & IMA_HAS_FGROUP)
		put_id(b, ", of group id", r->fgroup);
	for (unsigned i = IMA_OBJ_USER; i <= IMA_OBJ_TYPE; i++) {
		if (r->labels[i].n == 0)
			continue;
		buf_printf(b, ", labelled with %s ", names[i]);
		buf_escape(b, r->labels[i]);
	}
}

static void
put_names(struct buf *b, const char *what, const struct span *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_str(b, i == 0 ? what : i + 1 == n ? " or " : ", ");
		buf_escape(b, items[i]);
	}
}

static void
put_measure(const struct ima_rule *r, const struct ima_kernel *k, struct buf *b)
{
	struct span fmt = ima_kernel_template_now(k);
	bool buffer = r->func == IMA_FUNC_KEY_CHECK || r->func == IMA_FUNC_CRITICAL_DATA ||
	    r->func == IMA_FUNC_KEXEC_CMDLINE;

	buf_printf(b, "%s goes into the measurement list and PCR %u is extended",
	    buffer ? "it" : r->has & IMA_HAS_VERITY ? "the file's fs-verity digest" : "the file's hash",
	    r->has & IMA_HAS_PCR ? r->pcr : 10);
	if (r->has & IMA_HAS_TEMPLATE) {
		buf_str(b, ", with the template ");
		buf_escape(b, r->template_name);
	} else if (!buffer) {
		buf_str(b, ", with the template in use (");
		buf_escape(b, ima_template_call(fmt));
		buf_u8(b, ')');
	}
}

static void
put_appraise(const struct ima_rule *r, struct buf *b)
{
	if (r->func == IMA_FUNC_SETXATTR_CHECK) {
		buf_str(b, "only hashes of these kinds are let through:");
		for (unsigned i = 0; ima_algo_name(i) != NULL; i++)
			if (r->algos >> i & 1)
				buf_printf(b, " %s", ima_algo_name(i));
		return;
	}
	buf_str(b, "access is denied unless security.ima holds ");
	if (r->has & IMA_HAS_VERITY)
		buf_str(b, "a signature (version 3) of the file's fs-verity digest");
	else if (r->has & IMA_HAS_SIGV3)
		buf_str(b, "a signature of version 3 by a key the kernel trusts");
	else if (r->has & IMA_HAS_MODSIG)
		buf_str(b, "a signature by a key the kernel trusts, or the file carries one at its end");
	else if (r->has & IMA_HAS_DIGSIG)
		buf_str(b, "a signature by a key the kernel trusts");
	else
		buf_str(b, "the file's hash or a signature of it");
	if (r->has & IMA_HAS_ALGOS) {
		buf_str(b, ", made with");
		for (unsigned i = 0, n = 0; ima_algo_name(i) != NULL; i++)
			if (r->algos >> i & 1)
				buf_printf(b, "%s%s", n++ == 0 ? " " : " or ", ima_algo_name(i));
	}
}

static void
put_action(const struct ima_rule *r, const struct ima_kernel *k, struct buf *b)
{
	switch (r->action) {
	case IMA_ACT_MEASURE:
		put_measure(r, k, b);
		break;
	case IMA_ACT_DONT_MEASURE:
		buf_str(b, "it is not measured, whatever the rules below say");
		break;
	case IMA_ACT_APPRAISE:
		put_appraise(r, b);
		break;
	case IMA_ACT_DONT_APPRAISE:
		buf_str(b, "it is let through without appraisal, whatever the rules below say");
		break;
	case IMA_ACT_AUDIT:
		buf_str(b, "an audit record (1805) tells the file's path and hash, once for each version of it");
		break;
	case IMA_ACT_DONT_AUDIT:
		buf_str(b, "no audit record is made, whatever the rules below say");
		break;
	case IMA_ACT_HASH:
		buf_str(b, "the file's hash is stored in security.ima");
		break;
	case IMA_ACT_DONT_HASH:
		buf_str(b, "no hash is stored, whatever the rules below say");
		break;
	case IMA_ACT_NONE:
		break;
	}
	if (r->has & IMA_HAS_DIRECTIO)
		buf_str(b, "; files opened with O_DIRECT are let through unseen");
}

void
ima_rule_explain(const struct ima_rule *r, const struct ima_kernel *k, struct buf *b)
{
	bool data = r->func == IMA_FUNC_KEY_CHECK || r->func == IMA_FUNC_CRITICAL_DATA;

	put_when(r, b);
	if (data && (r->has & IMA_HAS_UID) != 0)
		put_id(b, " by a process with user id", r->uid);
	else if (!data)
		put_process(r, b);
	if (!data)
		put_file(r, b);
	put_names(b, ", on the keyring ", r->keyrings, r->n_keyrings);
	put_names(b, ", under the label ", r->data_labels, r->n_data_labels);
	buf_str(b, ": ");
	put_action(r, k, b);
	buf_u8(b, '.');
}
