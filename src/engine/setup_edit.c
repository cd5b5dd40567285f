/* Boot parameters in the files of boot loaders: finding them, adding to them. */
#include "engine/setup_internal.h"

#include "base/limits.h"

static struct span
next_line(struct span *rest)
{
	struct span line = span_head(*rest, span_find(*rest, '\n'));

	*rest = span_from(*rest, line.n + 1);
	return line;
}

static struct span
skip_blanks(struct span s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = span_from(s, 1);
	return s;
}

static bool
contains(struct span s, const char *what)
{
	return s.n > 0 && memmem(s.p, s.n, what, strlen(what)) != NULL;
}

/* Words of a shell assignment as well as of a plain command line: quotes and '=' of the
 * variable are ends of words, those inside a parameter are part of it. */
static struct span
next_word(struct span *rest)
{
	static const char ends[] = " \t\"'\r";
	size_t n = 0;

	while (rest->n > 0 && memchr(ends, rest->p[0], sizeof(ends) - 1) != NULL)
		*rest = span_from(*rest, 1);
	while (n < rest->n && memchr(ends, rest->p[n], sizeof(ends) - 1) == NULL)
		n++;
	struct span word = span_head(*rest, n);

	*rest = span_from(*rest, n);
	/* GRUB_CMDLINE_LINUX=ima_tcb, without quotes */
	if (span_starts(word, span_lit("GRUB_CMDLINE_LINUX")))
		word = span_from(word, span_find(word, '=') + 1);
	return word;
}

/* ima_policy=tcb|critical_data: names joined by '|' (policy_setup, ima_policy.c). */
static bool
names_tcb(struct span v)
{
	while (v.n > 0) {
		struct span name = span_head(v, span_find(v, '|'));

		if (span_is(name, "tcb"))
			return true;
		v = span_from(v, name.n + 1);
	}
	return false;
}

static void
note_word(struct span w, struct setup_owner *o)
{
	struct span name = span_head(w, span_find(w, '=')), value = span_from(w, name.n + 1);

	if (span_is(name, "ima_policy"))
		o->tcb |= names_tcb(value);
	else if (span_is(w, "ima_tcb"))
		o->old_tcb = true;
	else if (span_is(w, "ima=off"))
		o->off = true;
	else if (span_is(name, "ima_hash"))
		o->hash = value;
	else if (span_is(name, "ima_template") || span_is(name, "ima_template_fmt"))
		o->template = value;
}

void
setup_owner_scan(struct span text, const char *only, struct setup_owner *o)
{
	while (text.n > 0) {
		struct span line = skip_blanks(next_line(&text));

		if (line.n == 0 || line.p[0] == '#' || (only != NULL && !contains(line, only)))
			continue;
		while (line.n > 0)
			note_word(next_word(&line), o);
	}
}

/* Whether the line's first word is ${key}; extlinux takes either case. */
static bool
begins_with(struct span line, const char *key, bool any_case)
{
	size_t n = strlen(key);

	line = skip_blanks(line);
	if (line.n <= n || (line.p[n] != ' ' && line.p[n] != '\t'))
		return false;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = line.p[i];

		if (any_case && c >= 'A' && c <= 'Z')
			c = (uint8_t)(c - 'A' + 'a');
		if (c != (uint8_t)key[i])
			return false;
	}
	return true;
}

/* A line, its end kept as it is (CR too), with the words behind its text. */
static void
put_with(struct buf *b, struct span line, struct span words)
{
	size_t n = line.n;

	while (n > 0 && (line.p[n - 1] == ' ' || line.p[n - 1] == '\t' || line.p[n - 1] == '\r'))
		n--;
	buf_span(b, span_head(line, n));
	if (n > 0)
		buf_u8(b, ' ');
	buf_span(b, words);
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		buf_u8(b, '\r');
}

static size_t
edit_lines(struct span text, enum setup_edit how, struct span words, struct buf *b)
{
	size_t edited = 0;

	while (text.n > 0) {
		bool ended = span_find(text, '\n') < text.n;
		struct span line = next_line(&text);
		bool hit = how == SETUP_EDIT_LINE ? edited == 0 && skip_blanks(line).n > 0 && skip_blanks(line).p[0] != '#' :
		    how == SETUP_EDIT_OPTIONS ? edited == 0 && begins_with(line, "options", false) :
		    begins_with(line, "append", true);

		if (hit)
			put_with(b, line, words);
		else
			buf_span(b, line);
		edited += hit;
		if (ended)
			buf_u8(b, '\n');
	}
	return edited;
}

int
setup_edit(const struct setup_file *f, enum setup_edit how, struct span words, struct buf *b, struct err *e)
{
	if (how == SETUP_EDIT_SHELL) {
		buf_span(b, f->content);
		if (f->content.n > 0 && f->content.p[f->content.n - 1] != '\n')
			buf_u8(b, '\n');
		buf_str(b, "# Added by assay setup measurement, which takes it out again with --undo.\n"
		    "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX ");
		buf_span(b, words);
		buf_str(b, "\"\n");
		return buf_done(b, e);
	}
	if (edit_lines(f->content, how, words, b) == 0)
		return err_set(e, ERR_UNSUPPORTED, "%s has no line %s", f->path,
		    how == SETUP_EDIT_LINE ? "with boot parameters" : how == SETUP_EDIT_OPTIONS ? "\"options\"" : "\"append\"");
	return buf_done(b, e);
}
