/* help_man.c: man pages in man(7) macros, for groff and mandoc. */
#include "cmd/help.h"

#include <ctype.h>

enum text { PROSE, LITERAL };	/* LITERAL: typed or printed exactly so */

/* One character.  roff sets '-' as a hyphen and '^', '~', '`' and '\'' as typographic
 * marks; what a person may copy into a shell must come out as it was meant. */
static void
roff_char(FILE *f, char before, char c, char after, enum text text)
{
	bool dash = text == LITERAL || strchr(" -([=\"'", before) != NULL || after == '-';

	if (c == '-' && dash)
		fputs("\\-", f);
	else if (c == '\\')
		fputs("\\e", f);
	else if (c == '^')
		fputs("\\(ha", f);
	else if (c == '~')
		fputs("\\(ti", f);
	else if (c == '`')
		fputs("\\(ga", f);
	else if (c == '\'' && text == LITERAL)
		fputs("\\(aq", f);
	else
		fputc(c, f);
}

/* Part of a line. */
static void
roff_part(FILE *f, const char *s, size_t n, enum text text)
{
	for (size_t i = 0; i < n; i++)
		roff_char(f, i == 0 ? ' ' : s[i - 1], s[i], i + 1 < n ? s[i + 1] : ' ', text);
}

/* Whole lines.  In prose an empty line starts a paragraph and indented lines stand as
 * they are, as --help shows them. */
static void
roff(FILE *f, const char *s, enum text text)
{
	bool paragraph = false, as_is = false;

	for (size_t n; *s != '\0'; s += n + (s[n] == '\n')) {
		n = strcspn(s, "\n");
		if (text == PROSE && n == 0) {
			paragraph = true;
			continue;
		}
		if (as_is && *s != ' ')
			fputs(".fi\n", f);
		if (paragraph)
			fputs(".PP\n", f);
		if (text == PROSE && !as_is && *s == ' ')
			fputs(".nf\n", f);
		as_is = text == PROSE && *s == ' ';
		paragraph = false;
		/* A leading '.' or '\'' would be a request. */
		if (*s == '.' || *s == '\'')
			fputs("\\&", f);
		roff_part(f, s, n, as_is ? LITERAL : text);
		fputc('\n', f);
	}
	if (as_is)
		fputs(".fi\n", f);
}

static void
bold(FILE *f, const char *s)
{
	fputs("\\fB", f);
	roff_part(f, s, strlen(s), LITERAL);
	fputs("\\fR", f);
}

static void
italic(FILE *f, const char *s)
{
	fputs("\\fI", f);
	roff_part(f, s, strlen(s), LITERAL);
	fputs("\\fR", f);
}

static void
man_header(FILE *f, const char *name, const char *summary)
{
	fputs(".\\\" Generated from the command table of " PROGRAM "; do not edit.\n.TH ", f);
	for (const char *s = name; *s != '\0'; s++)
		fputc(toupper((unsigned char)*s), f);
	fputs(" 1 " ASSAY_DATE " \"assay " ASSAY_VERSION "\" \"Assay\"\n.SH NAME\n", f);
	roff_part(f, name, strlen(name), LITERAL);
	fputs(" \\- ", f);
	roff(f, summary, PROSE);
}

static void
man_option_more(FILE *f, const struct option_spec *o)
{
	if (o->built_in != NULL) {
		fputs("(built in: ", f);
		roff_part(f, o->built_in, strlen(o->built_in), LITERAL);
		fputs(")\n", f);
	}
	if (o->most != 0)
		fprintf(f, "(%llu to %llu)\n", (unsigned long long)o->least, (unsigned long long)o->most);
	if (o->repeat)
		fputs("(may be given more than once)\n", f);
	if (o->live)
		fputs("(changes on reload)\n", f);
}

/* Its keys are the options: one table, and no list here that could say something else. */
static void
man_config(FILE *f, const struct command *c)
{
	if (c->config == NULL)
		return;
	fputs(".SH FILES\n.TP\n", f);
	italic(f, c->config);
	fputs("\nthe options of this command, one a line: the long name with _ for \\-, =, and the value up to the end of the\n"
	    "line; a flag is yes or no; an option that may be given more than once has a line for each value.\n"
	    "Lines that begin with # are comments. What is given on the command line wins over the file, and an option\n"
	    "is taken from one of the two whole. Unknown or double keys and values that do not do are refused; so is a\n"
	    "file that others than root may write.\n", f);
}

static void
man_options(FILE *f, const struct command *c)
{
	const struct option_spec *o;
	char name[80];

	fputs(".SH OPTIONS\n", f);
	for (size_t i = 0; (o = command_option(c, i)) != NULL; i++) {
		fputs(".TP\n", f);
		if (o->letter != 0) {
			(void)snprintf(name, sizeof(name), "-%c", o->letter);
			bold(f, name);
			fputs(", ", f);
		}
		(void)snprintf(name, sizeof(name), "--%s", o->name);
		bold(f, name);
		if (o->arg != NULL) {
			fputc(' ', f);
			italic(f, o->arg);
		}
		fputc('\n', f);
		roff(f, o->help, PROSE);
		man_option_more(f, o);
	}
}

/* Of the commands that have API_OPTIONS (api_client.h). */
static bool
asks_server(const struct command *c)
{
	const struct option_spec *o;

	for (size_t i = 0; c != NULL && (o = command_option(c, i)) != NULL; i++)
		if (strcmp(o->name, "token-file") == 0)
			return true;
	return false;
}

static void
man_exit_status(FILE *f, const struct command *c)
{
	bool server = asks_server(c);

	fputs(".SH EXIT STATUS\n"
	    ".TP\n0\ntrusted, clean, done\n.TP\n1\na finding: untrusted, changed, invalid\n"
	    ".TP\n2\nwrong usage or configuration", f);
	if (server)
		fputs("; what the server says is asked wrongly, is not there or is not as it was said to be\n"
		    "(400, 404, 405, 409, 412, 415, 422)", f);
	fputs("\n.TP\n3\ncould not decide: unreadable input, missing evidence; never to be read as 0", f);
	if (server)
		fputs("; the server\ncannot be reached or believed, does not know who asks (401, 403), is asked for too much\n"
		    "(413, 414, 429, 431) or fails (5xx)", f);
	fputc('\n', f);
}

static void
page_reference(FILE *f, const struct command *c)
{
	char name[80];

	(void)snprintf(name, sizeof(name), PROGRAM "-%s", command_title(c, '-'));
	bold(f, name);
	fputs("(1)", f);
}

static void
man_overview(FILE *f)
{
	man_header(f, PROGRAM, PROGRAM_ABOUT);
	fputs(".SH SYNOPSIS\n", f);
	bold(f, PROGRAM);
	fputs(" \\fICOMMAND\\fR [\\fIOPTION\\fR...]\n.br\n", f);
	bold(f, PROGRAM);
	fputs(" \\fICOMMAND\\fR \\fB\\-\\-help\\fR\n.br\n", f);
	bold(f, PROGRAM);
	fputs(" \\fB\\-\\-version\\fR\n.SH COMMANDS\n", f);
	for (size_t i = 0; commands[i] != NULL; i++) {
		fputs(".TP\n", f);
		page_reference(f, commands[i]);
		fputc('\n', f);
		roff(f, commands[i]->summary, PROSE);
	}
	man_exit_status(f, NULL);
	fputs(".SH ENVIRONMENT\n.TP\n\\fBNO_COLOR\\fR\n"
	    "if set and not empty, output has no colour\n", f);
}

static void
man_see_also(FILE *f, const struct command *c)
{
	fputs(".SH SEE ALSO\n", f);
	bold(f, PROGRAM);
	fputs("(1)", f);
	for (size_t i = 0; commands[i] != NULL; i++) {
		if (commands[i] == c || strcmp(commands[i]->noun, c->noun) != 0)
			continue;
		fputs(",\n", f);
		page_reference(f, commands[i]);
	}
	fputc('\n', f);
}

void
help_man(FILE *f, const struct command *c)
{
	char name[80];

	if (c == NULL) {
		man_overview(f);
		return;
	}
	(void)snprintf(name, sizeof(name), PROGRAM "-%s", command_title(c, '-'));
	man_header(f, name, c->summary);
	fputs(".SH SYNOPSIS\n", f);
	(void)snprintf(name, sizeof(name), PROGRAM " %s", command_title(c, ' '));
	bold(f, name);
	if (c->options != NULL)
		fputs(" [\\fIOPTION\\fR...]", f);
	if (c->operands[0] != '\0') {
		fputc(' ', f);
		italic(f, c->operands);
	}
	fputs("\n.SH DESCRIPTION\n", f);
	roff(f, c->description, PROSE);
	man_options(f, c);
	man_config(f, c);
	man_exit_status(f, c);
	if (c->example != NULL) {
		fputs(".SH EXAMPLE\n.nf\n", f);
		roff(f, c->example, LITERAL);
		fputs(".fi\n", f);
	}
	man_see_also(f, c);
}
