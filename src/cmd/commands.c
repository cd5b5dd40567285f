/* commands.c: the table itself, apart from what works on any table. */
#include "base/limits.h"
#include "cmd/command.h"
#include "cmd/create_whitelist.h"
#include "svc/server/server.h"

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

/* --openapi: the server's interface, for documentation and tests (tools/gen-api-doc). */
static int
print_openapi(void)
{
	BUF_AUTO struct buf b = buf_init(MIB(4));
	struct err e = { 0 };

	if (server_openapi(&b, &e) != 0 || cmd_output(NULL, buf_view(&b), &e) != 0)
		return (int)cmd_error(NULL, &e);
	return EXIT_GOOD;
}

bool
program_alias(int argc, char **argv, int *status)
{
	if (argc == 2 && strcmp(argv[1], "--openapi") == 0) {
		*status = print_openapi();
		return true;
	}
	if (!is_called(argv[0], CREATE_WHITELIST_NAME))
		return false;
	*status = create_whitelist(argc, argv);
	return true;
}
