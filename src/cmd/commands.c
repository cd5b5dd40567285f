/* commands.c: the table itself, apart from what works on any table. */
#include "cmd/command.h"
#include "cmd/create_whitelist.h"

#define COMMAND(c) extern const struct command c;
#include "cmd/commands.tbl"
#undef COMMAND

const struct command *const commands[] = {
#define COMMAND(c) &c,
#include "cmd/commands.tbl"
#undef COMMAND
	NULL
};

/* Whether the program was started under ${name}. */
static bool
is_called(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	return strcmp(slash == NULL ? path : slash + 1, name) == 0;
}

bool
program_alias(int argc, char **argv, int *status)
{
	if (!is_called(argv[0], CREATE_WHITELIST_NAME))
		return false;
	*status = create_whitelist(argc, argv);
	return true;
}
