/* ima_policy_input.h: what every assay ima-policy command reads: a policy, and the kernel
 * it is for.  Private to cmd_ima_policy_*.c. */
#ifndef CMD_IMA_POLICY_INPUT_H
#define CMD_IMA_POLICY_INPUT_H

#include "base/arena.h"
#include "base/file.h"
#include "cmd/command.h"
#include "formats/ima_policy.h"

struct ima_policy_input {
	struct arena arena;
	struct file policy_file, config_file, cmdline_file, labels_file;
	struct ima_kernel kernel;
	struct span cmdline;		/* kernel.have_cmdline tells whether it was given */
	const char *version;		/* as asked for, or "6.1" */
	enum ima_load load;
	struct ima_policy policy;
};

/* Entries of an option table. */
#define IMA_POLICY_OPTION_KERNEL						\
	{ .name = "kernel", .arg = "VERSION",					\
	  .help = "the kernel the policy is for, as uname -r prints it (default 6.1)" }
#define IMA_POLICY_OPTION_CONFIG						\
	{ .name = "config", .arg = "FILE", .complete = COMPLETE_FILE,		\
	  .help = "its configuration, /boot/config-* (default: that of Debian's kernels)" }
#define IMA_POLICY_OPTION_CMDLINE						\
	{ .name = "cmdline", .arg = "STRING|FILE", .complete = COMPLETE_FILE,	\
	  .help = "its boot parameters, or a file that holds them such as /proc/cmdline" }
#define IMA_POLICY_OPTION_LABELS						\
	{ .name = "labels", .arg = "FILE", .complete = COMPLETE_FILE,		\
	  .help = "the labels its security module knows, one a line, and no others" }
#define IMA_POLICY_OPTION_LOAD							\
	{ .name = "load", .arg = "write|path", .complete = COMPLETE_WORDS,	\
	  .words = "write path",						\
	  .help = "how it is loaded: written line by line (default), or by its path as systemd does" }

/** ima_policy_input_kernel(in, x, e): Read the options above, as far as they are given. */
MUST_CHECK int ima_policy_input_kernel(const struct invocation *in, struct ima_policy_input *x,
    struct err *e);

/** ima_policy_input_policy(path, x, e): Read and parse a policy; "-" is standard input. */
MUST_CHECK int ima_policy_input_policy(const char *path, struct ima_policy_input *x, struct err *e);

/** ima_policy_input_first_refusal(x): The first fault that makes the kernel refuse, or NULL. */
const struct ima_fault *ima_policy_input_first_refusal(const struct ima_policy_input *x);

/** ima_policy_input_must_load(in, x, name, e): For commands about a policy in force: true if
 * the kernel would take it; else the reason is told and ${*status} is what to exit with. */
bool ima_policy_input_must_load(const struct invocation *in, const struct ima_policy_input *x,
    const char *name, enum exit_status *status);

void ima_policy_input_free(struct ima_policy_input *x);

#define IMA_POLICY_INPUT_AUTO __attribute__((cleanup(ima_policy_input_free)))

#endif
