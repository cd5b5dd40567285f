/* commands.c: the table of assay-agent. */
#include "cmd/command.h"

#define COMMAND(c) extern const struct command c;
#include "agent/commands.tbl"
#undef COMMAND

const struct command *const commands[] = {
#define COMMAND(c) &c,
#include "agent/commands.tbl"
#undef COMMAND
	NULL
};

bool
program_alias(int argc, char **argv, int *status)
{
	(void)argc;
	(void)argv;
	(void)status;
	return false;
}
