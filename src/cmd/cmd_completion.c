/* assay completion: the script that teaches a shell to complete assay's command line. */
#include "cmd/command.h"
#include "cmd/completion.h"

static enum exit_status
run(const struct invocation *in, struct err *e)
{
	const char *shell = in->operands[0];

	(void)e;
	if (strcmp(shell, "bash") == 0)
		completion_bash(stdout, commands);
	else if (strcmp(shell, "zsh") == 0)
		completion_zsh(stdout, commands);
	else if (strcmp(shell, "fish") == 0)
		completion_fish(stdout, commands);
	else
		return cmd_usage(in, "no completion for a shell \"%s\"; want bash, zsh or fish", shell);
	return EXIT_GOOD;
}

const struct command cmd_completion = {
	.noun = "completion",
	.summary = "print the completion script for a shell",
	.operands = "bash|zsh|fish", .min_operands = 1, .max_operands = 1,
	.complete = COMPLETE_WORDS, .words = "bash zsh fish",
	.description = "Prints a script that completes commands, options and their arguments.  "
	    "The installed package brings the scripts along; this command is for programs "
	    "that were not installed.\n\n"
	    "The script is complete in itself: it does not run assay while you type.",
	.example = "  source <(assay completion bash)\n"
	    "  assay completion zsh > ~/.zfunc/_assay\n"
	    "  assay completion fish | source",
	.run = run,
};
