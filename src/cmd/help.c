#include "cmd/help.h"

static void
name_of(FILE *f, const struct command *c)
{
	fprintf(f, "assay %s%s%s", c->noun, c->verb == NULL ? "" : " ", c->verb == NULL ? "" : c->verb);
}

static void
list(FILE *f, const char *noun)
{
	for (size_t i = 0; commands[i] != NULL; i++) {
		const struct command *c = commands[i];

		if (noun != NULL && strcmp(noun, c->noun) != 0)
			continue;
		int n = fprintf(f, "  %s%s%s", c->noun, c->verb == NULL ? "" : " ",
		    c->verb == NULL ? "" : c->verb);
		fprintf(f, "%*s%s\n", n < 24 ? 24 - n : 1, "", c->summary);
	}
}

void
help_overview(FILE *f)
{
	fputs("Usage: assay COMMAND [OPTION...]\n\n"
	    "Proves that every file your machines run is one you approved.\n\nCommands:\n", f);
	list(f, NULL);
	fputs("\nassay COMMAND --help tells about one, with an example.\n"
	    "Exit status: 0 good, 1 a finding, 2 wrong usage, 3 could not decide.\n", f);
}

void
help_noun(FILE *f, const char *noun)
{
	fprintf(f, "Usage: assay %s VERB [OPTION...]\n\nCommands:\n", noun);
	list(f, noun);
}

static void
option_line(FILE *f, char letter, const char *name, const char *arg, const char *help, bool repeat)
{
	char left[96];

	(void)snprintf(left, sizeof(left), "%s%c%s--%s%s%s", letter ? "-" : "  ",
	    letter ? letter : ' ', letter ? ", " : " ", name, arg == NULL ? "" : " ",
	    arg == NULL ? "" : arg);
	fprintf(f, "  %-26s  %s%s\n", left, help, repeat ? " (may repeat)" : "");
}

void
help_command(FILE *f, const struct command *c)
{
	fputs("Usage: ", f);
	name_of(f, c);
	fprintf(f, "%s%s%s\n\n%s\n", c->options == NULL ? "" : " [OPTION...]",
	    c->operands[0] == '\0' ? "" : " ", c->operands, c->description);
	fputs("\nOptions:\n", f);
	for (const struct option_spec *o = c->options; o != NULL && o->name != NULL; o++)
		option_line(f, o->letter, o->name, o->arg, o->help, o->repeat);
	if (c->wants_json)
		option_line(f, 0, "json", NULL, "print the result as JSON", false);
	option_line(f, 'h', "help", NULL, "print this text", false);
	if (c->example != NULL)
		fprintf(f, "\nExample:\n%s\n", c->example);
}

/* Text for roff: a leading '.' or '\'' would be a request, a backslash an escape. */
static void
roff(FILE *f, const char *s, bool verbatim)
{
	bool start = true;

	for (; *s != '\0'; s++) {
		if (start && (*s == '.' || *s == '\''))
			fputs("\\&", f);
		start = *s == '\n';
		if (*s == '\\')
			fputs("\\e", f);
		else if (*s == '-')
			fputs("\\-", f);
		else if (start && !verbatim && s[1] == '\n')
			fputs("\n.PP", f);
		else
			fputc(*s, f);
	}
	fputc('\n', f);
}

static void
man_header(FILE *f, const char *name, const char *summary)
{
	fprintf(f, ".\\\" Generated from the command table of assay; do not edit.\n"
	    ".TH %s 1 \"\" \"assay " ASSAY_VERSION "\" \"Assay\"\n.SH NAME\n%s \\- ", name, name);
	roff(f, summary, false);
}

static void
man_options(FILE *f, const struct command *c)
{
	fputs(".SH OPTIONS\n", f);
	for (const struct option_spec *o = c->options; o != NULL && o->name != NULL; o++) {
		fputs(".TP\n", f);
		if (o->letter != 0)
			fprintf(f, "\\fB\\-%c\\fR, ", o->letter);
		fputs("\\fB\\-\\-", f);
		for (const char *s = o->name; *s != '\0'; s++)
			fprintf(f, "%s%c", *s == '-' ? "\\" : "", *s);
		fprintf(f, "\\fR%s\\fI%s\\fR\n", o->arg == NULL ? "" : " ", o->arg == NULL ? "" : o->arg);
		roff(f, o->help, false);
		if (o->repeat)
			fputs("May be given more than once.\n", f);
	}
	if (c->wants_json)
		fputs(".TP\n\\fB\\-\\-json\\fR\nprint the result as JSON\n", f);
	fputs(".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nprint a summary and an example\n", f);
}

static void
man_exit_status(FILE *f)
{
	fputs(".SH EXIT STATUS\n"
	    ".TP\n0\ntrusted, clean, done\n.TP\n1\na finding: untrusted, changed, invalid\n"
	    ".TP\n2\nwrong usage or configuration\n"
	    ".TP\n3\ncould not decide: unreadable input, missing evidence; never to be read as 0\n", f);
}

static void
man_overview(FILE *f)
{
	man_header(f, "assay", "proves that every file your machines run is one you approved");
	fputs(".SH SYNOPSIS\n\\fBassay\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...]\n.SH COMMANDS\n", f);
	for (size_t i = 0; commands[i] != NULL; i++) {
		const struct command *c = commands[i];

		fprintf(f, ".TP\n\\fBassay\\-%s%s%s\\fR(1)\n", c->noun, c->verb == NULL ? "" : "\\-",
		    c->verb == NULL ? "" : c->verb);
		roff(f, c->summary, false);
	}
	man_exit_status(f);
}

void
help_man(FILE *f, const struct command *c)
{
	char name[64];

	if (c == NULL) {
		man_overview(f);
		return;
	}
	(void)snprintf(name, sizeof(name), "assay-%s%s%s", c->noun, c->verb == NULL ? "" : "-",
	    c->verb == NULL ? "" : c->verb);
	man_header(f, name, c->summary);
	fputs(".SH SYNOPSIS\n\\fB", f);
	name_of(f, c);
	fputs("\\fR", f);
	if (c->options != NULL)
		fputs(" [\\fIOPTION\\fR...]", f);
	fprintf(f, "%s\\fI%s\\fR\n.SH DESCRIPTION\n", c->operands[0] == '\0' ? "" : " ", c->operands);
	roff(f, c->description, false);
	man_options(f, c);
	man_exit_status(f);
	if (c->example != NULL) {
		fputs(".SH EXAMPLE\n.nf\n", f);
		roff(f, c->example, true);
		fputs(".fi\n", f);
	}
	fputs(".SH SEE ALSO\n\\fBassay\\fR(1)\n", f);
}
