#include "cmd/command.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

const struct option_spec *
command_option(const struct command *c, size_t i)
{
	static const struct option_spec json = { .name = "json", .help = "print the result as JSON" };
	static const struct option_spec help = { .name = "help", .letter = 'h',
	    .help = "print a summary and an example" };
	static const struct option_spec config[] = {
		{ .name = "config", .arg = "FILE", .complete = COMPLETE_FILE,
		  .help = "the configuration file, instead of the usual one; /dev/null for none" },
		{ .name = "check-config", .help = "print what would hold, and from where, and end" },
	};
	size_t n = 0;

	while (c->options != NULL && c->options[n].name != NULL)
		n++;
	if (i < n)
		return &c->options[i];
	i -= n;
	if (c->config != NULL && i < 2)
		return &config[i];
	i -= c->config != NULL ? 2 : 0;
	if (c->wants_json && i == 0)
		return &json;
	return i == (c->wants_json ? 1 : 0) ? &help : NULL;
}

const char *
command_title(const struct command *c, char sep)
{
	static char title[64];

	(void)snprintf(title, sizeof(title), "%s%.*s%s", c->noun, c->verb != NULL, &sep,
	    c->verb == NULL ? "" : c->verb);
	return title;
}

size_t
opt_count(const struct invocation *in, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < in->n_given; i++)
		n += !in->given[i].off && strcmp(in->given[i].spec->name, name) == 0;
	return n;
}

const char *
opt_nth(const struct invocation *in, const char *name, size_t nth)
{
	for (size_t i = 0; i < in->n_given; i++)
		if (!in->given[i].off && strcmp(in->given[i].spec->name, name) == 0 && nth-- == 0)
			return in->given[i].value;
	return NULL;
}

bool
opt_has(const struct invocation *in, const char *name)
{
	return opt_count(in, name) > 0;
}

const char *
opt_get(const struct invocation *in, const char *name)
{
	size_t n = opt_count(in, name);
	const struct option_spec *o;

	if (n > 0)
		return opt_nth(in, name, n - 1);
	for (size_t i = 0; (o = command_option(in->cmd, i)) != NULL; i++)
		if (strcmp(o->name, name) == 0)
			return o->built_in;
	return NULL;
}

uint64_t
opt_number(const struct invocation *in, const char *name)
{
	const char *text = opt_get(in, name);
	uint64_t n = 0;

	/* That it is one was seen when it was given (config.c). */
	return text != NULL && dec_u64(span_str(text), &n) ? n : 0;
}

/* A sentence may quote a name, which need not be UTF-8, or be cut within a character. */
static json_t *
text_json(const char *text)
{
	json_t *j = json_new_string(span_str(text));

	return j != NULL ? j : json_escaped(span_str(text));
}

static json_t *
error_json(const struct err *e)
{
	json_t *inner = json_pack("{s:s, s:o}", "code", err_token(e->code), "message",
	    text_json(e->message));

	if (e->file[0] != '\0')
		json_object_set_new(inner, "file", json_escaped(span_str(e->file)));
	else
		json_object_set_new(inner, "file", json_null());
	json_object_set_new(inner, "offset", e->place == ERR_AT_OFFSET ?
	    json_integer((json_int_t)e->offset) : json_null());
	if (e->place == ERR_AT_LINE) {
		json_object_set_new(inner, "line", json_integer((json_int_t)e->line));
		if (e->column != 0)
			json_object_set_new(inner, "column", json_integer((json_int_t)e->column));
	}
	if (e->hint[0] != '\0')
		json_object_set_new(inner, "hint", text_json(e->hint));
	return json_pack("{s:o}", "error", inner);
}

static void
error_text(const struct err *e)
{
	BUF_AUTO struct buf b = buf_init(SIZE_MAX / 2);

	if (e->message[0] == '\0')
		return;		/* unwritten */
	buf_str(&b, PROGRAM ": ");
	if (e->file[0] != '\0') {
		buf_escape(&b, span_str(e->file));
		buf_str(&b, ": ");
	}
	if (e->place == ERR_AT_OFFSET)
		buf_printf(&b, "byte %llu: ", (unsigned long long)e->offset);
	else if (e->place == ERR_AT_LINE && e->column != 0)
		buf_printf(&b, "line %llu, column %llu: ", (unsigned long long)e->line,
		    (unsigned long long)e->column);
	else if (e->place == ERR_AT_LINE)
		buf_printf(&b, "line %llu: ", (unsigned long long)e->line);
	buf_escape(&b, span_str(e->message));
	if (e->hint[0] != '\0') {
		buf_str(&b, "\n       ");
		buf_escape(&b, span_str(e->hint));
	}
	buf_u8(&b, '\n');
	fwrite(b.p, 1, b.n, stderr);
}

enum exit_status
cmd_error(const struct invocation *in, const struct err *e)
{
	JSON_AUTO json_t *j = NULL;

	if (in != NULL && in->json && (j = error_json(e)) != NULL) {
		struct err ignored;

		/* Standard output may be what failed: then the text still tells. */
		if (cmd_print_json(j, &ignored) != 0)
			error_text(e);
	} else {
		error_text(e);
	}
	return e->code == ERR_USAGE ? EXIT_USAGE : EXIT_UNDECIDED;
}

enum exit_status
cmd_usage(const struct invocation *in, const char *fmt, ...)
{
	char text[1024];
	struct err e = { 0 };
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(&e, ERR_USAGE, "%s", text);
	if (in != NULL && in->cmd != NULL)
		err_hint(&e, ERR_USAGE, "see " PROGRAM " %s%s%s --help", in->cmd->noun,
		    in->cmd->verb == NULL ? "" : " ", in->cmd->verb == NULL ? "" : in->cmd->verb);
	return cmd_error(in, &e);
}

/* What was not written is lost: the caller's verdict does not reach its reader. */
static int
unwritten(struct err *e)
{
	/* Whoever went away (| head) needs no message, and the others get one. */
	return errno == EPIPE ? err_set(e, ERR_IO, "%s", "") : err_errno(e, "cannot write to standard output");
}

int
cmd_output(const char *path, struct span data, struct err *e)
{
	if (path != NULL && strcmp(path, "-") != 0)
		return file_write(path, data, 0644, e);
	if (fwrite(data.p, 1, data.n, stdout) != data.n)
		return unwritten(e);
	return cmd_flush(e);
}

int
cmd_flush(struct err *e)
{
	if (fflush(stdout) != 0)
		return unwritten(e);
	if (!ferror(stdout))
		return 0;
	return err_set(e, ERR_IO, "a part of the output could not be written");
}

int
cmd_print_json(const json_t *j, struct err *e)
{
	BUF_AUTO struct buf b = buf_init(SIZE_MAX / 2);
	int rc;

	json_write(j, &b);
	if ((rc = buf_done(&b, e)) != 0)
		return rc;
	return cmd_output(NULL, buf_view(&b), e);
}
