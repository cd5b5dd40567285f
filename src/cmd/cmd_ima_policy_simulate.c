/* assay ima-policy simulate: what the kernel would do at one access. */
#include "base/text.h"
#include "cmd/ima_policy_input.h"
#include "cmd/term.h"
#include "engine/ima_filesystems.h"
#include "engine/ima_policy_match.h"

static int
bad(struct err *e, const char *name, const char *value, const char *want)
{
	return err_set(e, ERR_USAGE, "--%s takes %s, not \"%s\"", name, want, value);
}

static int
read_id(const struct invocation *in, const char *name, uint32_t bit, struct ima_access *a,
    uint32_t *out, struct err *e)
{
	const char *v = opt_get(in, name);
	uint64_t n;

	if (v == NULL)
		return 0;
	if (!dec_u64(span_str(v), &n) || n >= UINT32_MAX)
		return bad(e, name, v, "a number from 0 to 4294967294");
	*out = (uint32_t)n;
	a->given |= bit;
	return 0;
}

/* What follows from what was said: an effective id is the real one, root has the
 * capabilities, and a saved id is the effective one, unless told otherwise. */
static int
read_ids(const struct invocation *in, struct ima_access *a, struct err *e)
{
	if (read_id(in, "uid", IMA_GIVEN_UID, a, &a->uid, e) != 0 ||
	    read_id(in, "gid", IMA_GIVEN_GID, a, &a->gid, e) != 0)
		return e->code;
	a->euid = a->uid;
	a->egid = a->gid;
	if (a->given & IMA_GIVEN_UID)
		a->given |= IMA_GIVEN_EUID;
	if (a->given & IMA_GIVEN_GID)
		a->given |= IMA_GIVEN_EGID;
	if (read_id(in, "euid", IMA_GIVEN_EUID, a, &a->euid, e) != 0 ||
	    read_id(in, "egid", IMA_GIVEN_EGID, a, &a->egid, e) != 0)
		return e->code;
	a->suid = a->euid;
	a->sgid = a->egid;
	a->cap_setuid = opt_has(in, "cap-setuid") || ((a->given & IMA_GIVEN_EUID) && a->euid == 0);
	a->cap_setgid = opt_has(in, "cap-setgid") || ((a->given & IMA_GIVEN_EUID) && a->euid == 0);
	if (read_id(in, "suid", 0, a, &a->suid, e) != 0 || read_id(in, "sgid", 0, a, &a->sgid, e) != 0 ||
	    read_id(in, "fowner", IMA_GIVEN_FOWNER, a, &a->fowner, e) != 0 ||
	    read_id(in, "fgroup", IMA_GIVEN_FGROUP, a, &a->fgroup, e) != 0)
		return e->code;
	return 0;
}

/* Name and magic of a type go together; a magic that types share names none of them. */
static int
read_file_system(const struct invocation *in, struct ima_access *a, struct err *e)
{
	const char *name = opt_get(in, "fsname"), *magic = opt_get(in, "fsmagic");
	const char *uuid = opt_get(in, "fsuuid"), *subtype = opt_get(in, "fs-subtype");
	const struct fs_type *fs = name == NULL ? NULL : fs_type_by_name(span_str(name));

	if (name != NULL) {
		a->fsname = span_str(name);
		a->given |= IMA_GIVEN_FSNAME;
	}
	if (fs != NULL) {
		a->fsmagic = fs->magic;
		a->given |= IMA_GIVEN_FSMAGIC;
		if (fs->kind != FS_FUSE)	/* only FUSE has subtypes */
			a->given |= IMA_GIVEN_FS_SUBTYPE;
	}
	if (magic != NULL) {
		if (!ima_number_parse(span_str(magic), 16, UINT64_MAX, &a->fsmagic))
			return bad(e, "fsmagic", magic, "a hexadecimal number");
		a->given |= IMA_GIVEN_FSMAGIC;
		fs = fs_type_by_magic(a->fsmagic);
		if (name == NULL && fs != NULL && fs->magic != 0xef53 && fs->magic != 0x01021994 &&
		    fs->kind != FS_FUSE && fs->magic != 0x6969) {
			a->fsname = span_str(fs->name);
			a->given |= IMA_GIVEN_FSNAME;
		}
	}
	if (subtype != NULL) {
		a->fs_subtype = span_str(subtype);
		a->given |= IMA_GIVEN_FS_SUBTYPE;
	}
	if (uuid == NULL)
		return 0;
	if (strlen(uuid) != 36 || !ima_uuid_parse(span_str(uuid), a->fsuuid))
		return bad(e, "fsuuid", uuid, "a UUID");
	a->given |= IMA_GIVEN_FSUUID;
	return 0;
}

static int
read_labels(const struct invocation *in, struct ima_access *a)
{
	static const char *const names[] = { "obj-user", "obj-role", "obj-type", "subj-user",
		"subj-role", "subj-type" };

	for (unsigned i = 0; i < IMA_LABEL_SLOTS; i++) {
		const char *v = opt_get(in, names[i]);

		if (v == NULL)
			continue;
		a->labels[i] = span_str(v);
		a->given |= (uint32_t)IMA_GIVEN_LABELS << i;
	}
	return 0;
}

/* The masks that the kernel passes at the hook, where there is no choice. */
static unsigned
mask_of(enum ima_func f)
{
	switch (f) {
	case IMA_FUNC_MMAP_CHECK:
	case IMA_FUNC_MMAP_CHECK_REQPROT:
	case IMA_FUNC_BPRM_CHECK:
	case IMA_FUNC_CREDS_CHECK:
		return IMA_MAY_EXEC;
	case IMA_FUNC_KEXEC_CMDLINE:
	case IMA_FUNC_KEY_CHECK:
	case IMA_FUNC_CRITICAL_DATA:
	case IMA_FUNC_SETXATTR_CHECK:
		return 0;
	case IMA_FUNC_NONE:
	case IMA_FUNC_FILE_CHECK:
	case IMA_FUNC_MODULE_CHECK:
	case IMA_FUNC_FIRMWARE_CHECK:
	case IMA_FUNC_POLICY_CHECK:
	case IMA_FUNC_KEXEC_KERNEL_CHECK:
	case IMA_FUNC_KEXEC_INITRAMFS_CHECK:
	case IMA_FUNC_COUNT:
		break;
	}
	return IMA_MAY_READ;
}

static int
read_mask(const struct invocation *in, struct ima_access *a, struct err *e)
{
	const char *arg = opt_get(in, "mask");
	struct span rest = span_str(arg == NULL ? "" : arg);

	a->mask = mask_of(a->func);
	if (arg == NULL)
		return 0;
	if (a->func != IMA_FUNC_FILE_CHECK)
		return err_hint(e, err_set(e, ERR_USAGE, "--mask goes with --func FILE_CHECK only"),
		    "at the other hooks the kernel passes one mask always");
	a->mask = 0;
	while (rest.n > 0) {
		size_t n = span_find(rest, '|');
		unsigned one;

		if (!ima_mask_by_name(span_head(rest, n), &one))
			return bad(e, "mask", arg, "MAY_READ, MAY_WRITE, MAY_APPEND, MAY_EXEC joined by |");
		a->mask |= one;
		rest = span_from(rest, n + 1);
	}
	return 0;
}

static int
read_access(const struct invocation *in, struct ima_access *a, struct err *e)
{
	const char *func = opt_get(in, "func"), *data = opt_get(in, "keyring");

	a->func = IMA_FUNC_FILE_CHECK;
	if (func != NULL && !ima_func_by_name(span_str(func), &a->func))
		return bad(e, "func", func, "the name of a hook such as BPRM_CHECK");
	if (a->func == IMA_FUNC_SETXATTR_CHECK)
		return err_set(e, ERR_USAGE, "SETXATTR_CHECK rules match no access: they are a list of hashes");
	if (data == NULL)
		data = opt_get(in, "label");
	if (data != NULL) {
		a->data = span_str(data);
		a->given |= IMA_GIVEN_DATA;
	}
	(void)read_labels(in, a);
	return read_mask(in, a, e) != 0 || read_ids(in, a, e) != 0 ||
	    read_file_system(in, a, e) != 0 ? e->code : 0;
}

static const char *
answer(const struct ima_class_decision *d)
{
	if (!d->active)
		return "no";
	if (d->maybe != NULL && ima_rule_does(d->maybe) != d->does)
		return "depends";
	return d->does ? "yes" : "no";
}

static void
print_rule(const char *lead, const struct ima_rule *r)
{
	printf("%sline %zu: ", lead, r->line);
	term_name(stdout, r->text, 0);
	putchar('\n');
}

static void
print_details(const struct ima_decision *d, enum ima_class c)
{
	if (c == IMA_CLASS_MEASURE) {
		printf("             PCR %u, template ", d->pcr);
		term_name(stdout, ima_template_call(d->template_fmt), 0);
		putchar('\n');
	} else if (c == IMA_CLASS_APPRAISE) {
		printf("             needs %s\n", d->flags & IMA_HAS_SIGV3 || (d->flags & IMA_HAS_VERITY) ?
		    "a signature of version 3" : d->flags & IMA_HAS_MODSIG ?
		    "a signature in security.ima or at the end of the file" :
		    d->flags & IMA_HAS_DIGSIG ? "a signature in security.ima" :
		    "a hash or signature in security.ima");
	} else if (c == IMA_CLASS_HASH && d->hash_dropped) {
		printf("             not stored: the file is appraised\n");
	}
}

static void
print_text(const struct ima_decision *d)
{
	for (enum ima_class c = 0; c < IMA_CLASS_COUNT; c++) {
		const struct ima_class_decision *x = &d->by[c];
		const char *word = answer(x);

		printf("%-10s %s%s%s\n", ima_class_name(c), term_colour(stdout, word[0] == 'y' ? COLOUR_GOOD :
		    word[0] == 'd' ? COLOUR_WARN : COLOUR_DIM), word, term_reset(stdout));
		if (!x->active) {
			printf("             no rule of the policy does it\n");
			continue;
		}
		if (x->maybe != NULL && word[0] == 'd') {
			printf("             on %s, which was not given:\n", x->maybe_why);
			print_rule("             if it matches, ", x->maybe);
		}
		if (x->rule != NULL)
			print_rule(word[0] == 'd' ? "             else " : "             ", x->rule);
		else
			printf("             %sno rule matches\n", word[0] == 'd' ? "else " : "");
		if (x->does)
			print_details(d, c);
	}
	if (d->flags & IMA_HAS_DIRECTIO)
		printf("A file opened with O_DIRECT is let through unseen (permit_directio).\n");
}

static json_t *
rule_json(const struct ima_rule *r)
{
	return r == NULL ? json_null() : json_pack("{s:I, s:o}", "line", (json_int_t)r->line,
	    "rule", json_escaped(r->text));
}

static int
print_json(const struct ima_decision *d, struct err *e)
{
	json_t *classes = json_object();
	JSON_AUTO json_t *j = json_pack("{s:i, s:o, s:i, s:o, s:b, s:b}", "version", 1,
	    "classes", classes, "pcr", (int)d->pcr, "template", json_escaped(ima_template_call(d->template_fmt)),
	    "permit_directio", (d->flags & IMA_HAS_DIRECTIO) != 0, "hash_dropped", (int)d->hash_dropped);

	for (enum ima_class c = 0; c < IMA_CLASS_COUNT; c++) {
		const struct ima_class_decision *x = &d->by[c];

		json_object_set_new(classes, ima_class_name(c), json_pack("{s:s, s:b, s:o, s:o, s:s?}",
		    "answer", answer(x), "active", (int)x->active, "rule", rule_json(x->rule),
		    "earlier_maybe", rule_json(x->maybe), "unknown", x->maybe_why));
	}
	return cmd_print_json(j, e);
}

static enum exit_status
simulate(const struct invocation *in, struct err *e)
{
	IMA_POLICY_INPUT_AUTO struct ima_policy_input x = { 0 };
	struct ima_access a = { 0 };
	struct ima_decision d;
	enum exit_status status;

	if (ima_policy_input_kernel(in, &x, e) != 0 || read_access(in, &a, e) != 0 ||
	    ima_policy_input_policy(in->operands[0], &x, e) != 0)
		return cmd_error(in, e);
	if (!ima_policy_input_must_load(in, &x, in->operands[0], &status))
		return status;
	ima_policy_decide(&x.policy, &x.kernel, &a, &d);
	if (!in->json)
		print_text(&d);
	else if (print_json(&d, e) != 0)
		return cmd_error(in, e);
	return EXIT_GOOD;
}

#define HOOKS "FILE_CHECK MMAP_CHECK MMAP_CHECK_REQPROT BPRM_CHECK CREDS_CHECK MODULE_CHECK " \
	"FIRMWARE_CHECK POLICY_CHECK KEXEC_KERNEL_CHECK KEXEC_INITRAMFS_CHECK KEXEC_CMDLINE " \
	"KEY_CHECK CRITICAL_DATA"

static const struct option_spec options[] = {
	{ .name = "func", .arg = "HOOK", .complete = COMPLETE_WORDS, .words = HOOKS,
	  .help = "the hook (default FILE_CHECK, a file is opened)" },
	{ .name = "mask", .arg = "MASK", .complete = COMPLETE_WORDS,
	  .words = "MAY_READ MAY_WRITE MAY_APPEND MAY_EXEC",
	  .help = "how a file is opened: MAY_READ (default), MAY_READ|MAY_WRITE, ..." },
	{ .name = "uid", .arg = "N", .help = "the process's user id" },
	{ .name = "euid", .arg = "N", .help = "its effective user id (default: the user id)" },
	{ .name = "suid", .arg = "N", .help = "its saved user id (default: the effective one)" },
	{ .name = "gid", .arg = "N", .help = "its group id" },
	{ .name = "egid", .arg = "N", .help = "its effective group id (default: the group id)" },
	{ .name = "sgid", .arg = "N", .help = "its saved group id (default: the effective one)" },
	{ .name = "cap-setuid", .help = "it has CAP_SETUID (as effective user id 0 has)" },
	{ .name = "cap-setgid", .help = "it has CAP_SETGID (as effective user id 0 has)" },
	{ .name = "fowner", .arg = "N", .help = "the file's owner" },
	{ .name = "fgroup", .arg = "N", .help = "the file's group" },
	{ .name = "fsmagic", .arg = "HEX", .help = "the magic of its file system" },
	{ .name = "fsname", .arg = "TYPE", .help = "the type of its file system: ext4, overlay, tmpfs" },
	{ .name = "fs-subtype", .arg = "NAME", .help = "the subtype of a FUSE file system" },
	{ .name = "fsuuid", .arg = "UUID", .help = "the UUID of its file system" },
	{ .name = "obj-user", .arg = "LABEL", .help = "the file's label: user" },
	{ .name = "obj-role", .arg = "LABEL", .help = "the file's label: role" },
	{ .name = "obj-type", .arg = "LABEL", .help = "the file's label: type" },
	{ .name = "subj-user", .arg = "LABEL", .help = "the process's label: user" },
	{ .name = "subj-role", .arg = "LABEL", .help = "the process's label: role" },
	{ .name = "subj-type", .arg = "LABEL", .help = "the process's label: type" },
	{ .name = "keyring", .arg = "NAME", .help = "with KEY_CHECK: the keyring" },
	{ .name = "label", .arg = "NAME", .help = "with CRITICAL_DATA: the label of the data" },
	IMA_POLICY_OPTION_KERNEL,
	IMA_POLICY_OPTION_CONFIG,
	IMA_POLICY_OPTION_CMDLINE,
	IMA_POLICY_OPTION_LABELS,
	IMA_POLICY_OPTION_LOAD,
	{ 0 }
};

const struct command cmd_ima_policy_simulate = {
	.noun = "ima-policy", .verb = "simulate",
	.summary = "say which rule of an IMA policy decides about an access",
	.operands = "FILE", .min_operands = 1, .max_operands = 1, .complete = COMPLETE_FILE,
	.description = "Describes one access with the options and says for each of the classes measure, appraise, audit "
	    "and hash what the kernel would do and by which rule. What is not given is not known: if a "
	    "rule asks for it, the answer is \"depends\" and says on what.\n\n"
	    "Rules that the kernel puts in front of a policy by itself (with Secure Boot, or built in "
	    "for appraisal) are not looked at.\n\n"
	    "Exit status: 1 if the kernel would refuse the policy.",
	.example = "  assay ima-policy simulate /etc/ima/ima-policy --func BPRM_CHECK --uid 1000 \\\n"
	    "      --fsname overlay --fowner 0",
	.wants_json = true,
	.options = options,
	.run = simulate,
};
