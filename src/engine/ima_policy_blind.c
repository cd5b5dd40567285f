/* ima_policy_blind.c: what a policy does not see, from its rules. */
#include "engine/ima_filesystems.h"
#include "engine/ima_policy_explain.h"

static const struct { const char *slug, *text; } blind[] = {
#define BLIND(id, slug, text) [IMA_BLIND_##id] = { slug, text },
#include "engine/ima_policy_blind.tbl"
#undef BLIND
};

const char *
ima_blind_slug(enum ima_blind b)
{
	return blind[b].slug;
}

const char *
ima_blind_text(enum ima_blind b)
{
	return blind[b].text;
}

bool
ima_policy_has_class(const struct ima_policy *p, enum ima_class c)
{
	for (size_t i = 0; i < p->n_rules; i++)
		if (!p->rules[i].refused && ima_rule_does(&p->rules[i]) &&
		    ima_rule_class(&p->rules[i]) == c && p->rules[i].func != IMA_FUNC_SETXATTR_CHECK)
			return true;
	return false;
}

/* What the class decides for a plain file of a kind nobody has thought of: of user
 * ${uid}, on an ordinary file system. */
static bool
sees(const struct ima_policy *p, const struct ima_kernel *k, enum ima_class c, enum ima_func f,
    unsigned mask, const char *fsname, uint32_t uid)
{
	const struct fs_type *fs = fs_type_by_name(span_str(fsname));
	struct ima_access a = { .func = f, .mask = mask, .fsname = span_str(fsname),
	    .fsmagic = fs->magic, .uid = uid, .euid = uid, .suid = uid, .gid = uid, .egid = uid,
	    .sgid = uid, .cap_setuid = uid == 0, .cap_setgid = uid == 0, .fowner = uid, .fgroup = uid,
	    .given = IMA_GIVEN_FSMAGIC | IMA_GIVEN_FSNAME | IMA_GIVEN_FS_SUBTYPE | IMA_GIVEN_UID |
	    IMA_GIVEN_EUID | IMA_GIVEN_GID | IMA_GIVEN_EGID | IMA_GIVEN_FOWNER | IMA_GIVEN_FGROUP };
	struct ima_decision d;

	ima_policy_decide(p, k, &a, &d);
	/* A rule that hangs on a label or a UUID sees some of it. */
	return d.by[c].does || (d.by[c].rule == NULL && d.by[c].maybe != NULL &&
	    ima_rule_does(d.by[c].maybe));
}

/* Rules on keys and critical data, whatever names they are limited to. */
static bool
any_rule(const struct ima_policy *p, enum ima_class c, enum ima_func f)
{
	for (size_t i = 0; i < p->n_rules; i++)
		if (!p->rules[i].refused && ima_rule_does(&p->rules[i]) &&
		    ima_rule_class(&p->rules[i]) == c && ima_rule_at(&p->rules[i], f))
			return true;
	return false;
}

static bool
modules_as_memory(const struct ima_policy *p, const struct ima_kernel *k)
{
	struct ima_access a = { .func = IMA_FUNC_CRITICAL_DATA, .data = span_lit("modules"),
	    .given = IMA_GIVEN_DATA | IMA_GIVEN_UID | IMA_GIVEN_GID };
	struct ima_decision d;

	ima_policy_decide(p, k, &a, &d);
	return k->version >= KVER(6, 10) && d.by[IMA_CLASS_MEASURE].does;
}

static void
blind_files(const struct ima_policy *p, const struct ima_kernel *k, enum ima_class c, bool *out)
{
	const enum ima_func exec = IMA_FUNC_BPRM_CHECK, mmap = IMA_FUNC_MMAP_CHECK;
	bool programs = sees(p, k, c, exec, IMA_MAY_EXEC, "ext4", 0);
	bool anywhere = programs || any_rule(p, c, exec);
	bool root = sees(p, k, c, IMA_FUNC_FILE_CHECK, IMA_MAY_READ, "ext4", 0);
	bool users = sees(p, k, c, IMA_FUNC_FILE_CHECK, IMA_MAY_READ, "ext4", 1000);

	out[IMA_BLIND_PROGRAMS] = !anywhere;
	out[IMA_BLIND_LIBRARIES] = !any_rule(p, c, mmap) && !any_rule(p, c, IMA_FUNC_MMAP_CHECK_REQPROT);
	out[IMA_BLIND_SCRIPTS] = !any_rule(p, c, IMA_FUNC_FILE_CHECK) || (!root && !users);
	out[IMA_BLIND_READ] = out[IMA_BLIND_SCRIPTS];
	out[IMA_BLIND_USERS_READ] = root && !users;
	out[IMA_BLIND_TMPFS] = anywhere && !sees(p, k, c, exec, IMA_MAY_EXEC, "tmpfs", 1000);
	out[IMA_BLIND_CONTAINERS] = anywhere && !sees(p, k, c, exec, IMA_MAY_EXEC, "overlay", 0);
	out[IMA_BLIND_SOME_FS] = anywhere && !(sees(p, k, c, exec, IMA_MAY_EXEC, "ext4", 0) &&
	    sees(p, k, c, exec, IMA_MAY_EXEC, "xfs", 0) && sees(p, k, c, exec, IMA_MAY_EXEC, "btrfs", 0));
}

void
ima_policy_blind(const struct ima_policy *p, const struct ima_kernel *k, enum ima_class c,
    bool out[IMA_BLIND_COUNT])
{
	static const struct { enum ima_blind blind; enum ima_func func; bool data; } hooks[] = {
		{ IMA_BLIND_MODULES, IMA_FUNC_MODULE_CHECK, false },
		{ IMA_BLIND_FIRMWARE, IMA_FUNC_FIRMWARE_CHECK, false },
		{ IMA_BLIND_POLICY, IMA_FUNC_POLICY_CHECK, false },
		{ IMA_BLIND_KEXEC, IMA_FUNC_KEXEC_KERNEL_CHECK, false },
		{ IMA_BLIND_CMDLINE, IMA_FUNC_KEXEC_CMDLINE, true },
		{ IMA_BLIND_KEYS, IMA_FUNC_KEY_CHECK, true },
		{ IMA_BLIND_CRITICAL, IMA_FUNC_CRITICAL_DATA, true },
	};
	bool measure = c == IMA_CLASS_MEASURE;

	memset(out, 0, sizeof(*out) * IMA_BLIND_COUNT);
	/* Storing hashes is no way of seeing. */
	if (c == IMA_CLASS_HASH || !ima_policy_has_class(p, c))
		return;
	blind_files(p, k, c, out);
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		/* Buffers can be measured only, so that another class is not blamed. */
		out[hooks[i].blind] = (!hooks[i].data || measure) && !any_rule(p, c, hooks[i].func);
	out[IMA_BLIND_KEXEC] = out[IMA_BLIND_KEXEC] || !any_rule(p, c, IMA_FUNC_KEXEC_INITRAMFS_CHECK);
	if (!k->config[IMA_CONFIG_IMA_MEASURE_ASYMMETRIC_KEYS])
		out[IMA_BLIND_KEYS] = measure;
	out[IMA_BLIND_INIT_MODULE] = measure && !out[IMA_BLIND_MODULES] && !modules_as_memory(p, k);
	for (enum ima_blind b = IMA_BLIND_MEMORY; b < IMA_BLIND_COUNT; b++)
		out[b] = true;
}
