/* ima_policy_lint_words.c: L38 to L40, L46, L48 to L50, L53, L55, L58, L62, L63: single
 * words that do something else than they seem to. */
#include "base/text.h"
#include "engine/ima_filesystems.h"
#include "engine/ima_policy_lint_internal.h"

static const struct ima_token *
token_of(const struct ima_rule *r, uint32_t bit)
{
	return r->by[__builtin_ctz(bit)];
}

static void
check_magic(struct lint *l, const struct ima_rule *r)
{
	const struct fs_type *fs = fs_type_by_magic(r->fsmagic), *meant;
	uint64_t decimal;

	if (r->fsmagic == 0xef53) {
		lint_add(l, IMA_LINT_L38, r, IMA_HAS_FSMAGIC, "ext2, ext3 and ext4 all have the magic 0xef53");
	} else if (fs == NULL) {
		meant = dec_u64(token_of(r, IMA_HAS_FSMAGIC)->value, &decimal) ?
		    fs_type_by_magic(decimal) : NULL;
		if (meant != NULL)
			lint_add(l, IMA_LINT_L38, r, IMA_HAS_FSMAGIC,
			    "the number is read as hexadecimal 0x%llx; %llu decimal, which is %s, would be 0x%llx",
			    (unsigned long long)r->fsmagic, (unsigned long long)decimal, meant->name,
			    (unsigned long long)decimal);
		else
			lint_add(l, IMA_LINT_L38, r, IMA_HAS_FSMAGIC, "no file system is known with the magic 0x%llx",
			    (unsigned long long)r->fsmagic);
	}
}

static void
check_name(struct lint *l, const struct ima_rule *r)
{
	size_t dot = span_find(r->fsname, '.');

	if (fs_type_by_name(r->fsname) != NULL)
		return;
	if (dot < r->fsname.n && fs_type_by_name(span_head(r->fsname, dot)) != NULL)
		lint_add(l, IMA_LINT_L38, r, IMA_HAS_FSNAME,
		    "the type is called %s in the kernel: what stands behind the point is never compared",
		    lint_safe(l, span_head(r->fsname, dot)));
	else if (r->fsname.p[r->fsname.n - 1] != '\r')
		lint_add(l, IMA_LINT_L38, r, IMA_HAS_FSNAME, "no file system type is known as \"%s\"",
		    lint_safe(l, r->fsname));
}

static const struct fs_type *
fs_of(const struct ima_rule *r)
{
	if (r->has & IMA_HAS_FSNAME)
		return fs_type_by_name(r->fsname);
	return r->has & IMA_HAS_FSMAGIC ? fs_type_by_magic(r->fsmagic) : NULL;
}

static void
check_uuid(struct lint *l, const struct ima_rule *r)
{
	const struct fs_type *fs = fs_of(r);

	if (span_zero(span_of(r->fsuuid, sizeof(r->fsuuid))))
		lint_add(l, IMA_LINT_L39, r, IMA_HAS_FSUUID,
		    "the nil UUID matches every file system that has none");
	else if (fs != NULL && !fs->uuid)
		lint_add(l, IMA_LINT_L39, r, IMA_HAS_FSUUID, "%s has no UUID that a rule could name", fs->name);
	if (token_of(r, IMA_HAS_FSUUID)->value.n > 36)
		lint_add(l, IMA_LINT_L63, r, IMA_HAS_FSUUID,
		    "the kernel ignores what stands behind the 36th character");
}

static void
check_cookie(struct lint *l, const struct ima_rule *r)
{
	const struct fs_type *fs = fs_of(r);

	if (!ima_rule_does(r) || fs == NULL || fs->cookie || fs->kind == FS_TCB ||
	    fs->kind == FS_STACK || ima_rule_class(r) > IMA_CLASS_APPRAISE)
		return;
	lint_add(l, IMA_LINT_L40, r, r->has & IMA_HAS_FSNAME ? IMA_HAS_FSNAME : IMA_HAS_FSMAGIC,
	    "%s keeps no change cookie: each access hashes the file again, or a change is missed", fs->name);
}

static void
check_audit(struct lint *l, const struct ima_rule *r)
{
	if (r->action != IMA_ACT_AUDIT)
		return;
	if (ima_rule_at(r, IMA_FUNC_BPRM_CHECK) || ima_rule_at(r, IMA_FUNC_CREDS_CHECK))
		lint_add(l, IMA_LINT_L48, r, 0,
		    "the record comes once for each version of a program, not each time it runs");
	if (l->k->version < KVER(6, 19) && ima_rule_reads(r) &&
	    (r->has & (IMA_HAS_FS | IMA_HAS_OWNER)) == 0 && !ima_rule_has_object_label(r))
		lint_add(l, IMA_LINT_L49, r, 0,
		    "this reports pseudo file systems too, and before kernel 6.19 nothing can be taken out again");
}

static bool
fmt_ends_in_buf(struct span fmt)
{
	return span_is(fmt, "buf") || span_ends(fmt, span_lit("|buf"));
}

static void
check_buffer(struct lint *l, const struct ima_rule *r)
{
	bool data = r->func == IMA_FUNC_KEY_CHECK || r->func == IMA_FUNC_CRITICAL_DATA;

	if (data && (r->has & IMA_HAS_GID) != 0)
		lint_add(l, IMA_LINT_L53, r, IMA_HAS_GID, "gid= is accepted with func=%s and never looked at",
		    ima_func_name(r->func));
	if ((data || r->func == IMA_FUNC_KEXEC_CMDLINE) && (r->has & IMA_HAS_TEMPLATE) != 0 &&
	    !fmt_ends_in_buf(r->template_fmt))
		lint_add(l, IMA_LINT_L55, r, IMA_HAS_TEMPLATE,
		    "the template \"%s\" has no field for the buffer", lint_safe(l, r->template_fmt));
}

/* Words that may be repeated, silently. */
static void
check_repeated(struct lint *l, const struct ima_rule *r)
{
	static const struct { enum ima_key key; uint32_t bit; } words[] = {
		{ IMA_KEY_FSNAME, IMA_HAS_FSNAME }, { IMA_KEY_PCR, IMA_HAS_PCR },
		{ IMA_KEY_FSMAGIC, IMA_HAS_FSMAGIC }, { IMA_KEY_FSUUID, IMA_HAS_FSUUID },
		{ IMA_KEY_DIGEST_TYPE, IMA_HAS_VERITY }, { IMA_KEY_APPRAISE_TYPE, IMA_HAS_DIGSIG },
		{ IMA_KEY_PERMIT_DIRECTIO, IMA_HAS_DIRECTIO },
	};

	for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++) {
		size_t n = 0;

		for (size_t i = 0; i < r->n_tokens; i++)
			n += r->tokens[i].key == words[w].key;
		if (n > 1)
			lint_add(l, IMA_LINT_L62, r, words[w].bit, "given %zu times in one rule; this one counts", n);
	}
}

static void
check_flag(struct lint *l, const struct ima_rule *r)
{
	struct ima_finding *f;

	for (size_t i = 0; i < r->n_tokens && l->k->version >= KVER(6, 6); i++) {
		if (r->tokens[i].key != IMA_KEY_APPRAISE_FLAG)
			continue;
		lint_add(l, IMA_LINT_L58, r, 0, "the word is read and forgotten");
		if (l->why != 0)
			return;
		f = &l->out->findings[l->out->n - 1];
		f->column = r->tokens[i].column;
		f->token = r->tokens[i].text;
	}
}

void
lint_words(struct lint *l)
{
	EACH_RULE(l, r) {
		if (r->has & IMA_HAS_FSMAGIC)
			check_magic(l, r);
		if (r->has & IMA_HAS_FSNAME)
			check_name(l, r);
		if (r->has & IMA_HAS_FSUUID)
			check_uuid(l, r);
		if (r->has & IMA_HAS_FS_SUBTYPE)
			lint_add(l, IMA_LINT_L50, r, IMA_HAS_FS_SUBTYPE,
			    "whoever mounts a FUSE file system chooses its subtype");
		check_cookie(l, r);
		check_audit(l, r);
		check_buffer(l, r);
		check_repeated(l, r);
		check_flag(l, r);
	}
	if (l->k->config[IMA_CONFIG_IMA_WRITE_POLICY] && l->p->n_rules > 0)
		lint_add(l, IMA_LINT_L46, NULL, 0,
		    "the target kernel keeps taking policies: loading this one twice doubles its rules");
}
