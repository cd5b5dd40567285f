/* assay setup measurement: a policy where this system loads one, and the boot parameters for it. */
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "cmd/setup_internal.h"
#include "crypto/digest.h"
#include "port/sys/setup_read.h"

static const struct sample { const char *name, *title, *text; } samples[] = {
#define SAMPLE(name, title, text) { name, title, text },
#include "cmd/ima_policy_samples.tbl"
#undef SAMPLE
};

static void
run_done(struct setup_run *x)
{
	setup_state_free(&x->state);
	root_dir_close(&x->root);
	arena_free(&x->arena);
}
#define RUN_AUTO __attribute__((cleanup(run_done)))

static int
open_run(const struct invocation *in, struct setup_run *x, struct err *e)
{
	struct setup_file f = { 0 };
	int rc;

	x->in = in;
	x->arena = arena_init(LIMIT_SETUP_ARENA);
	x->root_name = opt_get(in, "root");
	x->root.fd = -1;
	if (x->root_name != NULL && strcmp(x->root_name, "/") == 0)
		x->root_name = NULL;
	if ((rc = root_dir_open(x->root_name == NULL ? "/" : x->root_name, &x->root, e)) != 0 ||
	    (rc = root_dir_read(&x->root, SETUP_STATE_PATH, LIMIT_SETUP_STATE, &x->arena, &f, e)) != 0 || !f.present)
		return rc;
	if ((rc = setup_state_parse(f.content, &x->state, e)) != 0)
		return err_file(e, rc, SETUP_STATE_PATH);
	x->has_state = true;
	return 0;
}

/* The text to install, before labels are resolved. */
static int
read_policy(const struct invocation *in, struct setup_run *x, struct setup_state *s, struct span *text, struct err *e)
{
	const char *file = opt_get(in, "policy"), *name = opt_get(in, "sample");
	FILE_AUTO struct file f = { 0 };
	BUF_AUTO struct buf source = buf_init(LIMIT_SMALL_FILE);
	int rc;

	if (file != NULL) {
		if ((rc = file_read(strcmp(file, "-") == 0 ? "/dev/stdin" : file, LIMIT_IMA_POLICY, &f, e)) != 0)
			return rc;
		buf_str(&source, "policy ");
		buf_escape(&source, span_str(file));
		if (!arena_copy(&x->arena, file_view(&f), text) || (s->source = arena_str(&s->arena, buf_view(&source))) == NULL)
			return arena_err(&x->arena, e);
		return 0;
	}
	name = name == NULL ? "tcb" : name;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		if (strcmp(name, samples[i].name) != 0)
			continue;
		buf_printf(&source, "sample %s", name);
		*text = span_str(samples[i].text);
		s->source = arena_str(&s->arena, buf_view(&source));
		return s->source == NULL ? arena_err(&s->arena, e) : 0;
	}
	return err_hint(e, err_set(e, ERR_USAGE, "there is no sample \"%s\"", name), "assay ima-policy sample lists them");
}

/* --label NAME=UUID first: what is said of a label stands for what is found. */
static int
said_volumes(const struct invocation *in, struct arena *a, struct setup_volume **v, size_t *n, struct err *e)
{
	size_t count = opt_count(in, "label");

	if ((*v = arena_array(a, count + 1, sizeof(**v))) == NULL)
		return arena_err(a, e);
	for (size_t i = 0; i < count; i++) {
		struct span s = span_str(opt_nth(in, "label", i));
		struct setup_volume *x = &(*v)[i];

		x->label = span_head(s, span_find(s, '='));
		if (x->label.n == 0 || span_from(s, x->label.n + 1).n != 36 || !ima_uuid_parse(span_from(s, x->label.n + 1), x->uuid))
			return err_set(e, ERR_USAGE, "--label takes NAME=UUID, where the UUID is the file system's (blkid -s UUID)");
	}
	*n = count;
	return 0;
}

/* Volumes found here, but for labels of which something was said. */
static int
join_volumes(struct arena *a, const struct setup_volume *said, size_t n, const struct disk_volume *found, size_t k,
    struct setup_volume **out, size_t *n_out, struct err *e)
{
	struct setup_volume *all = arena_array(a, n + k + 1, sizeof(*all));
	size_t m = n;

	if (all == NULL)
		return arena_err(a, e);
	memcpy(all, said, n * sizeof(*all));
	for (size_t i = 0; i < k; i++) {
		bool known = false;

		for (size_t j = 0; j < n; j++)
			known |= span_eq(said[j].label, found[i].label);
		if (known)
			continue;
		all[m].label = found[i].label;
		memcpy(all[m++].uuid, found[i].uuid, 16);
	}
	*out = all;
	*n_out = m;
	return 0;
}

/* A label is this machine's, or the builder of an image says it. */
static int
resolve(const struct invocation *in, struct setup_run *x, struct span *text, struct err *e)
{
	BUF_AUTO struct buf out = buf_init(LIMIT_IMA_POLICY);
	struct setup_volume *said, *all;
	struct disk_volume *found = NULL;
	size_t n, k = 0, n_all;
	ROOT_DIR_AUTO struct root_dir machine = { -1 };
	int rc;

	if ((rc = said_volumes(in, &x->arena, &said, &n, e)) != 0 || !setup_labels_any(*text))
		return rc;
	if ((rc = root_dir_open("/", &machine, e)) != 0 || (rc = setup_volumes(&machine, &x->arena, &found, &k, e)) != 0 ||
	    (rc = join_volumes(&x->arena, said, n, found, k, &all, &n_all, e)) != 0)
		return rc;
	if ((rc = setup_labels_resolve(*text, all, n_all, &out, e)) != 0)
		return rc;
	return arena_copy(&x->arena, buf_view(&out), text) ? 0 : arena_err(&x->arena, e);
}

static int
fill_state(const struct setup_run *x, const struct setup_plan *p, struct span policy, struct setup_state *s, struct err *e)
{
	struct setup_file id = { 0 };
	int rc;

	s->policy_path = p->policy_path;
	s->measured_as = p->measured_as;
	s->init = setup_init_token(p->init);
	s->boot = setup_boot_token(p->boot);
	s->parameters = p->parameters;
	s->n_parameters = p->n_parameters;
	s->commands = p->commands;
	s->n_commands = p->n_commands;
	if (x->root_name == NULL) {
		if ((rc = root_dir_read(&x->root, "/proc/sys/kernel/random/boot_id", KIB(4), &s->arena, &id, e)) != 0)
			return rc;
		s->boot_id = id.content.n == 0 ? NULL : arena_str(&s->arena, span_head(id.content, span_find(id.content, '\n')));
	}
	return digest_of(DIGEST_SHA256, policy, &s->policy, e);
}

static int
choices(const struct invocation *in, struct setup_request *r, struct err *e)
{
	const char *init = opt_get(in, "init"), *boot = opt_get(in, "boot-loader");

	if (init != NULL && (r->init = setup_init_by_token(init)) == SETUP_INIT_NONE)
		return err_set(e, ERR_USAGE, "--init takes systemd, dracut or initramfs-tools, not \"%s\"", init);
	if (boot != NULL && (r->boot = setup_boot_by_token(boot)) == SETUP_BOOT_NONE)
		return err_set(e, ERR_USAGE, "--boot-loader takes grub, grub-bls, systemd-boot, uki or extlinux, not \"%s\"", boot);
	return 0;
}

static enum exit_status
install(struct setup_run *x, struct err *e)
{
	SETUP_STATE_AUTO struct setup_state s = { .arena = arena_init(LIMIT_SETUP_STATE) };
	const struct invocation *in = x->in;
	bool dry = opt_has(in, "dry-run");
	struct setup_request r = { 0 };
	struct setup_outcome o;
	struct setup_facts f;
	struct setup_plan p;

	if (choices(in, &r, e) != 0 || read_policy(in, x, &s, &r.policy, e) != 0 || resolve(in, x, &r.policy, e) != 0 ||
	    setup_read(&x->root, x->root_name != NULL, x->root_name == NULL ? "" : x->root_name, &x->arena, &f, e) != 0)
		return cmd_error(in, e);
	if (x->has_state)
		setup_facts_before(&f, &x->state);
	if (setup_init_choose(&f, r.init, &r.init, e) != 0)
		return cmd_error(in, e);
	if (setup_lint(&f, r.policy, setup_load(r.init, &f), &x->arena, e) != 0) {
		const char *file = opt_get(in, "policy");
		bool refused = e->code == ERR_FORMAT && e->place == ERR_AT_LINE;

		(void)err_file(e, e->code, file != NULL ? file : s.source);
		return cmd_error(in, e) == EXIT_USAGE || !refused ? EXIT_UNDECIDED : EXIT_FINDING;
	}
	if (setup_plan_make(&f, &r, &x->arena, &p, e) != 0 || fill_state(x, &p, r.policy, &s, e) != 0)
		return cmd_error(in, e);
	if (setup_install(x, &p, &s, dry, &o, e) != 0) {
		enum exit_status status = cmd_error(in, e);

		return e->code == ERR_CONFLICT ? EXIT_FINDING : status;
	}
	return setup_print(x, &o, dry, e) == 0 ? EXIT_GOOD : cmd_error(in, e);
}

static enum exit_status
undo(struct setup_run *x, struct err *e)
{
	bool dry = opt_has(x->in, "dry-run");
	struct setup_outcome o;

	if (!x->has_state) {
		(void)err_set(e, ERR_NOT_FOUND, "nothing was set up here: there is no " SETUP_STATE_PATH);
		return cmd_error(x->in, e);
	}
	if (setup_undo(x, dry, &o, e) != 0) {
		enum exit_status status = cmd_error(x->in, e);

		return e->code == ERR_CONFLICT ? EXIT_FINDING : status;
	}
	return setup_print(x, &o, dry, e) == 0 ? EXIT_GOOD : cmd_error(x->in, e);
}

static enum exit_status
status(struct setup_run *x, struct err *e)
{
	enum exit_status s = EXIT_UNDECIDED;

	if (!x->has_state) {
		(void)err_set(e, ERR_NOT_FOUND, "nothing was set up here: there is no " SETUP_STATE_PATH);
		return cmd_error(x->in, e);
	}
	return setup_status_print(x, &s, e) == 0 ? s : cmd_error(x->in, e);
}

static enum exit_status
run(const struct invocation *in, struct err *e)
{
	RUN_AUTO struct setup_run x = { 0 };

	if (opt_has(in, "policy") && opt_has(in, "sample"))
		return cmd_usage(in, "--policy and --sample both say what to install");
	if (opt_has(in, "undo") + opt_has(in, "status") + (opt_has(in, "policy") || opt_has(in, "sample")) > 1)
		return cmd_usage(in, "--undo, --status and a policy exclude each other");
	if (open_run(in, &x, e) != 0)
		return cmd_error(in, e);
	return opt_has(in, "undo") ? undo(&x, e) : opt_has(in, "status") ? status(&x, e) : install(&x, e);
}

static const struct option_spec options[] = {
	{ .name = "root", .arg = "DIR", .complete = COMPLETE_DIR,
	  .help = "another system's files, such as a mounted image; nothing of it is run" },
	{ .name = "policy", .arg = "FILE", .complete = COMPLETE_FILE, .help = "the IMA policy to install" },
	{ .name = "sample", .arg = "NAME", .complete = COMPLETE_WORDS,
	  .words = "appraise-enforce appraise-log audit containers everything executables image-based package-signatures tcb",
	  .help = "one of assay ima-policy sample (default tcb)" },
	{ .name = "label", .arg = "NAME=UUID", .repeat = true,
	  .help = "what fslabel=NAME stands for, where the volume is not here" },
	{ .name = "init", .arg = "NAME", .complete = COMPLETE_WORDS, .words = "systemd dracut initramfs-tools",
	  .help = "what loads the policy (default: found out)" },
	{ .name = "boot-loader", .arg = "NAME", .complete = COMPLETE_WORDS,
	  .words = "grub grub-bls systemd-boot uki extlinux", .help = "what starts the kernel (default: found out)" },
	{ .name = "dry-run", .help = "change nothing, show each change" },
	{ .name = "undo", .help = "put everything back as it was" },
	{ .name = "status", .help = "show whether it is in force in the running kernel" },
	{ 0 }
};

const struct command cmd_setup_measurement = {
	.noun = "setup", .verb = "measurement",
	.summary = "have the kernel measure from the next boot on",
	.operands = "", .min_operands = 0, .max_operands = 0,
	.description =
	    "Installs an IMA policy where the init or initramfs of this system loads it, and adds the boot\n"
	    "parameters that it needs through the boot loader in use. The policy is checked first as the\n"
	    "installed kernels would; one that a kernel refuses is not installed (exit status 1). What the\n"
	    "owner wrote stays; what of it stands against the aim is named.\n"
	    "\n"
	    "fslabel=NAME in the policy becomes the fsuuid= of the volume with that label on this machine.\n"
	    "\n"
	    "All files change together or not at all, and " SETUP_STATE_PATH "\n"
	    "remembers what stood there. --undo puts it back, and refuses (exit status 1) where somebody\n"
	    "changed a file since. Doing it twice is the same as doing it once.\n"
	    "\n"
	    "--status, after the reboot: 0 if all is in force, 1 if something is not.\n"
	    "\n"
	    "Where the boot loader or what loads the policy is not known, nothing is changed, and the\n"
	    "error (exit status 3) says what to add by hand.",
	.example = "  # assay setup measurement --dry-run\n"
	    "  # assay setup measurement && reboot\n"
	    "  # assay setup measurement --status\n"
	    "  # assay setup measurement --root /mnt/image --policy fleet.policy --label COS_OEM=UUID",
	.wants_json = true, .options = options, .run = run,
};
