/* assay doctor: what this machine can do, and what that is worth. */
#include "base/limits.h"
#include "cmd/command.h"
#include "cmd/doctor_show.h"
#include "port/sys/machine_read.h"

static enum exit_status
run(const struct invocation *in, struct err *e)
{
	ARENA_AUTO struct arena a = arena_init(LIMIT_MACHINE_ARENA);
	const char *root = opt_get(in, "root");
	struct machine_source from = { .root = root == NULL ? "" : root, .tpm = opt_get(in, "tpm"),
		.try_mounts = !opt_has(in, "no-write") };
	JSON_AUTO json_t *j = NULL;
	struct machine m;
	struct diagnosis d;

	/* "/" is the running machine too, but as files only: the tree of another is meant. */
	if (root != NULL && root[0] == '\0')
		return cmd_usage(in, "--root needs the name of a folder");
	if (machine_read(&from, &a, &m, e) != 0 || doctor_judge(&m, &a, &d, e) != 0)
		return cmd_error(in, e);
	if (d.nothing) {
		err_set(e, ERR_IO, "nothing about the machine could be read");
		err_hint(e, ERR_IO, root == NULL ? "are /proc and /sys mounted?" :
		    "a recorded tree has proc, sys and boot below %s", root);
		return cmd_error(in, e);
	}
	if (!in->json) {
		doctor_text(stdout, &m, &d);
		return EXIT_GOOD;
	}
	if ((j = doctor_json(&m, &d)) == NULL) {
		err_set(e, ERR_NOMEM, "out of memory");
		return cmd_error(in, e);
	}
	return cmd_print_json(j, e) == 0 ? EXIT_GOOD : cmd_error(in, e);
}

static const struct option_spec options[] = {
	{ .name = "root", .arg = "DIR", .complete = COMPLETE_DIR,
	    .help = "judge the recorded proc, sys and boot below DIR, not this machine" },
	{ .name = "tpm", .arg = "PATH", .complete = COMPLETE_FILE,
	    .help = "ask the TPM behind this device or UNIX socket (default /dev/tpmrm0)" },
	{ .name = "no-write",
	    .help = "do not try file systems out with unnamed temporary files" },
	{ NULL }
};

const struct command cmd_doctor = {
	.noun = "doctor",
	.summary = "tell what this machine can do for integrity, and what to do about it",
	.operands = "", .min_operands = 0, .max_operands = 0,
	.description = "Reports, for the kernel, IMA, EVM, the keyrings, the TPM and each mounted "
	    "file system, what is there and what it is worth, and gives advice in order of weight.  "
	    "It is a report, not a verdict: the exit status is 0 whatever was found, and 3 only if "
	    "nothing could be read.\n\n"
	    "Nothing is changed.  The TPM is only asked about itself, no PCR is extended.  File "
	    "systems are tried out with files that never have a name; --no-write leaves that out, and "
	    "network and FUSE file systems are never touched.\n\n"
	    "Marks: + helps, ! limits what can be proved, x leaves a hole, ? could not be found out, "
	    "and a blank says neither good nor bad.",
	.example = "  assay doctor\n"
	    "  assay doctor --json | jq -r '.advice[].text'\n"
	    "  assay doctor --root recorded/host17",
	.wants_json = true, .options = options, .run = run,
};
