#include "cmd/help.h"

#include <ctype.h>

#include "cmd/term.h"

static void
list(FILE *f, const char *noun)
{
	for (size_t i = 0; commands[i] != NULL; i++) {
		const struct command *c = commands[i];

		if (noun != NULL && strcmp(noun, c->noun) != 0)
			continue;
		int n = fprintf(f, "  %s", command_title(c, ' '));
		fprintf(f, "%*s%s\n", n < 24 ? 24 - n : 1, "", c->summary);
	}
}

void
help_overview(FILE *f)
{
	fputs("Usage: " PROGRAM " COMMAND [OPTION...]\n\n", f);
	fprintf(f, "%c%s.\n\nCommands:\n", toupper((unsigned char)PROGRAM_ABOUT[0]), &PROGRAM_ABOUT[1]);
	list(f, NULL);
	fputs("\n" PROGRAM " COMMAND --help tells about one, with an example.\n"
	    "Exit status: 0 good, 1 a finding, 2 wrong usage, 3 could not decide.\n", f);
}

void
help_noun(FILE *f, const char *noun)
{
	fprintf(f, "Usage: " PROGRAM " %s VERB [OPTION...]\n\nCommands:\n", noun);
	list(f, noun);
}

static void
option_line(FILE *f, const struct option_spec *o)
{
	char left[96], text[1024];

	(void)snprintf(left, sizeof(left), "%s%c%s--%s%s%s", o->letter ? "-" : "  ",
	    o->letter ? o->letter : ' ', o->letter ? ", " : " ", o->name,
	    o->arg == NULL ? "" : " ", o->arg == NULL ? "" : o->arg);
	(void)snprintf(text, sizeof(text), "%-26s  %s%s%s%s%s", left, o->help, o->built_in == NULL ? "" : " (", o->built_in == NULL ? "" : o->built_in,
	    o->built_in == NULL ? "" : ")", o->repeat ? " (may repeat)" : "");
	term_text(f, text, 2, 30);
}

void
help_command(FILE *f, const struct command *c)
{
	const struct option_spec *o;

	fprintf(f, "Usage: " PROGRAM " %s%s%s%s\n\n%s\n", command_title(c, ' '),
	    c->options == NULL ? "" : " [OPTION...]",
	    c->operands[0] == '\0' ? "" : " ", c->operands, c->description);
	fputs("\nOptions:\n", f);
	for (size_t i = 0; (o = command_option(c, i)) != NULL; i++)
		option_line(f, o);
	if (c->config != NULL)
		fprintf(f, "\nThe options may also stand in %s, as \"key = value\" with _ for -\n"
		    "(a flag: yes or no); what is given here wins.\n", c->config);
	if (c->example != NULL)
		fprintf(f, "\nExample:\n%s\n", c->example);
}

