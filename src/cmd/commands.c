/* commands.c: the table itself, apart from what works on any table. */
#include "cmd/command.h"

#define COMMAND(c) extern const struct command c;
#include "cmd/commands.tbl"
#undef COMMAND

const struct command *const commands[] = {
#define COMMAND(c) &c,
#include "cmd/commands.tbl"
#undef COMMAND
	NULL
};
