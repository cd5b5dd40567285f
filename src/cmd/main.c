/* main.c: finds the command, parses its options, runs it. */
#include <locale.h>
#include <signal.h>

#include "cmd/command.h"
#include "cmd/config.h"
#include "cmd/help.h"

static const struct option_spec *
find_option(const struct command *c, const char *name, size_t n, char letter)
{
	const struct option_spec *o;

	for (size_t i = 0; (o = command_option(c, i)) != NULL; i++)
		if ((letter != 0 && o->letter == letter) ||
		    (letter == 0 && strlen(o->name) == n && memcmp(o->name, name, n) == 0))
			return o;
	return NULL;
}

/* One option at argv[*i]; advances over a separate argument.  0, or the exit status
 * plus one (so that "good", which --help gives, can be told from "go on"). */
static int
parse_option(struct invocation *in, int argc, char **argv, int *i)
{
	const char *a = argv[*i], *value = NULL;
	bool is_long = a[1] == '-';
	const char *name = is_long ? a + 2 : a + 1;
	size_t n = is_long ? strcspn(name, "=") : 1;
	const struct option_spec *o;
	struct err e = { 0 };

	if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) {
		help_command(stdout, in->cmd);
		return EXIT_GOOD + 1;
	}
	if (strcmp(a, "--json") == 0 && in->cmd->wants_json) {
		in->json = true;
		return 0;
	}
	o = find_option(in->cmd, name, n, is_long ? 0 : name[0]);
	if (o == NULL)
		return (int)cmd_usage(in, "unknown option %s", a) + 1;
	if (is_long && name[n] == '=')
		value = name + n + 1;
	else if (!is_long && name[1] != '\0')
		value = name + 1;
	if (o->arg == NULL && value != NULL)
		return (int)cmd_usage(in, "option --%s takes no argument", o->name) + 1;
	if (o->arg != NULL && value == NULL) {
		if (*i + 1 >= argc)
			return (int)cmd_usage(in, "option --%s needs an argument: %s", o->name, o->arg) + 1;
		value = argv[++*i];
	}
	if (value != NULL && *value == '\0')
		return (int)cmd_usage(in, "option --%s has an empty argument, want %s", o->name, o->arg) + 1;
	if (!o->repeat && opt_has(in, o->name))
		return (int)cmd_usage(in, "option --%s is given twice", o->name) + 1;
	if (config_value(in->cmd, o, value, 0, 0, &e) != 0)
		return (int)cmd_usage(in, "--%s %s", o->name, e.message) + 1;
	in->given[in->n_given++] = (struct given_option){ .spec = o, .value = value };
	return 0;
}

static int
parse(struct invocation *in, int argc, char **argv, int first)
{
	bool options = true;

	/* --json decides how even the first error is told. */
	for (int i = first; i < argc && strcmp(argv[i], "--") != 0; i++)
		in->json |= in->cmd->wants_json && strcmp(argv[i], "--json") == 0;

	for (int i = first; i < argc; i++) {
		int stop = 0;

		if (options && strcmp(argv[i], "--") == 0)
			options = false;
		else if (options && argv[i][0] == '-' && argv[i][1] != '\0')
			stop = parse_option(in, argc, argv, &i);
		else
			in->operands[in->n_operands++] = argv[i];
		if (stop != 0)
			return stop;
	}
	if (in->n_operands < (size_t)in->cmd->min_operands)
		return (int)cmd_usage(in, "an operand is missing: %s", in->cmd->operands) + 1;
	if (in->cmd->max_operands >= 0 && in->n_operands > (size_t)in->cmd->max_operands)
		return (int)cmd_usage(in, "one operand too many: %s",
		    in->operands[in->cmd->max_operands]) + 1;
	return 0;
}

static int
check_config(const struct invocation *in, struct err *e)
{
	if (in->cmd->check != NULL && in->cmd->check(in, e) != 0)
		return (int)cmd_error(in, e);
	return config_print(in, e) == 0 ? EXIT_GOOD : (int)cmd_error(in, e);
}

static int
run(const struct command *c, int argc, char **argv, int first)
{
	struct invocation in = { .cmd = c };
	struct err e = { 0 };
	int status;

	in.operands = calloc((size_t)argc + 1, sizeof(*in.operands));
	in.given = calloc((size_t)argc + 1, sizeof(*in.given));
	if (in.operands == NULL || in.given == NULL) {
		err_set(&e, ERR_NOMEM, "out of memory");
		status = (int)cmd_error(&in, &e);
	} else if ((status = parse(&in, argc, argv, first)) != 0) {
		status--;
	} else if (c->config != NULL && config_load(&in, &e) != 0) {
		status = (int)cmd_error(&in, &e);
	} else if (opt_has(&in, "check-config")) {
		status = check_config(&in, &e);
	} else {
		status = (int)c->run(&in, &e);
	}
	free(in.operands);
	config_free(&in);
	return status;
}

/* A noun may be a command and have verbs too: the verb then decides. */
static const struct command *
find(const char *noun, const char *verb, bool *noun_known)
{
	const struct command *alone = NULL;

	for (size_t i = 0; commands[i] != NULL; i++) {
		const struct command *c = commands[i];

		if (strcmp(c->noun, noun) != 0)
			continue;
		*noun_known = true;
		if (c->verb == NULL)
			alone = c;
		else if (verb != NULL && strcmp(c->verb, verb) == 0)
			return c;
	}
	return alone;
}

/* --man [NOUN [VERB]]: for the build, which installs what this prints. */
static int
print_man(int argc, char **argv)
{
	bool known = false;
	const struct command *c = argc < 3 ? NULL : find(argv[2], argc < 4 ? NULL : argv[3], &known);

	if (argc >= 3 && c == NULL)
		return (int)cmd_usage(NULL, "no such command");
	help_man(stdout, c);
	return EXIT_GOOD;
}

/* --commands: "NOUN" or "NOUN VERB", one a line; the build asks, to name the pages. */
static int
print_commands(void)
{
	for (size_t i = 0; commands[i] != NULL; i++)
		puts(command_title(commands[i], ' '));
	return EXIT_GOOD;
}

/* assay help [NOUN [VERB]] */
static int
help(int argc, char **argv)
{
	const char *verb = argc < 4 ? NULL : argv[3];
	bool known = false;
	const struct command *c = argc < 3 ? NULL : find(argv[2], verb, &known);

	if (argc < 3)
		help_overview(stdout);
	else if (c != NULL)
		help_command(stdout, c);
	else if (known && verb == NULL)
		help_noun(stdout, argv[2]);
	else
		return (int)cmd_usage(NULL, "there is no command \"%s%s%s\" (" PROGRAM " --help lists them)",
		    argv[2], verb == NULL ? "" : " ", verb == NULL ? "" : verb);
	return EXIT_GOOD;
}

static int
dispatch(int argc, char **argv)
{
	bool known = false;
	const struct command *c;
	int status;

	if (argc > 0 && program_alias(argc, argv, &status))
		return status;
	if (argc < 2) {
		help_overview(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "help") == 0)
		return help(argc, argv);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		help_overview(stdout);
		return EXIT_GOOD;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts(PROGRAM " " ASSAY_VERSION);
		return EXIT_GOOD;
	}
	if (strcmp(argv[1], "--man") == 0)
		return print_man(argc, argv);
	if (strcmp(argv[1], "--commands") == 0)
		return print_commands();
	c = find(argv[1], argc < 3 ? NULL : argv[2], &known);
	if (c != NULL)
		return run(c, argc, argv, c->verb == NULL ? 2 : 3);
	if (known && argc >= 3 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0)) {
		help_noun(stdout, argv[1]);
		return EXIT_GOOD;
	}
	if (known && argc >= 3)
		return (int)cmd_usage(NULL, PROGRAM " %s has no verb \"%s\" (" PROGRAM " %s --help lists them)",
		    argv[1], argv[2], argv[1]);
	if (known) {
		help_noun(stderr, argv[1]);
		return EXIT_USAGE;
	}
	return (int)cmd_usage(NULL, "no command \"%s\" (" PROGRAM " --help lists them)", argv[1]);
}

int
main(int argc, char **argv)
{
	struct err e = { 0 };
	int status;

	(void)setlocale(LC_CTYPE, "");
	/* A reader that goes away (| head) is an error on write, not a death. */
	(void)signal(SIGPIPE, SIG_IGN);
	status = dispatch(argc, argv);
	/* A verdict that did not reach its reader was not given.  Who ends undecided has said
	 * why already, be it this. */
	if (cmd_flush(&e) == 0)
		return status;
	if (status != EXIT_UNDECIDED)
		(void)cmd_error(NULL, &e);
	return status == EXIT_GOOD ? EXIT_UNDECIDED : status;
}
