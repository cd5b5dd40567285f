#include "formats/mountinfo.h"

#include "base/limits.h"
#include "base/text.h"

/* The next word; words are separated by exactly one blank. */
static bool
word(struct span *rest, struct span *out)
{
	size_t n = span_find(*rest, ' ');

	if (rest->n == 0 || n == 0)
		return false;
	*out = span_head(*rest, n);
	*rest = span_from(*rest, n + 1);
	return true;
}

static bool
octal(const uint8_t *p, uint8_t *out)
{
	unsigned v = 0;

	for (unsigned i = 0; i < 3; i++) {
		if (p[i] < '0' || p[i] > '7')
			return false;
		v = v * 8 + (unsigned)(p[i] - '0');
	}
	*out = (uint8_t)v;
	return v <= 0xff;
}

/* fs/seq_file.c, mangle_path: a backslash always begins three octal digits. */
static bool
unescape(struct arena *a, struct span s, struct span *out)
{
	uint8_t *p = arena_alloc(a, s.n + 1);
	size_t n = 0;

	if (p == NULL)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\\')
			p[n++] = s.p[i];
		else if (s.n - i < 4 || !octal(s.p + i + 1, &p[n++]))
			return false;
		else
			i += 3;
	}
	*out = span_of(p, n);
	return true;
}

static bool
device(struct span s, struct mountinfo *m)
{
	size_t colon = span_find(s, ':');
	uint64_t major, minor;

	if (colon == s.n || !dec_u64(span_head(s, colon), &major) ||
	    !dec_u64(span_from(s, colon + 1), &minor) || major > UINT32_MAX || minor > UINT32_MAX)
		return false;
	m->major = (unsigned)major;
	m->minor = (unsigned)minor;
	return true;
}

static bool
parse(struct span line, struct arena *a, struct mountinfo *m)
{
	struct span id, parent, dev, root, point, options, type, source, super, optional;

	if (!(word(&line, &id) && word(&line, &parent) && word(&line, &dev) && word(&line, &root) &&
	    word(&line, &point) && word(&line, &options)))
		return false;
	do {
		if (!word(&line, &optional))
			return false;
	} while (!span_is(optional, "-"));
	if (!word(&line, &type))
		return false;
	/* An empty source is two blanks in a row (fs/proc_namespace.c). */
	source = span_head(line, span_find(line, ' '));
	super = span_from(line, source.n + 1);
	return dec_u64(id, &m->id) && dec_u64(parent, &m->parent) && device(dev, m) &&
	    span_find(super, ' ') == super.n &&
	    unescape(a, root, &m->root) && unescape(a, point, &m->point) &&
	    unescape(a, options, &m->options) && unescape(a, type, &m->type) &&
	    unescape(a, source, &m->source) && unescape(a, super, &m->super_options);
}

int
mountinfo_next(struct rd *r, uint64_t *line, struct arena *a, struct mountinfo *out, struct err *e)
{
	struct mountinfo m = { 0 };
	struct span text;

	if (!rd_line(r, LIMIT_TEXT_LINE, &text))
		return r->why == 0 ? 0 : err_line(e, r->why, *line + 1, 0, "a line is too long");
	++*line;
	if (!parse(text, a, &m)) {
		if (a->why != 0)
			return arena_err(a, e);
		return err_line(e, ERR_FORMAT, *line, 0, "is not a line of mountinfo");
	}
	*out = m;
	return 1;
}

void
mountinfo_dump(const struct mountinfo *m, struct buf *b)
{
	buf_printf(b, "%llu in %llu: %u:%u ", (unsigned long long)m->id,
	    (unsigned long long)m->parent, m->major, m->minor);
	buf_escape(b, m->root);
	buf_str(b, " on ");
	buf_escape(b, m->point);
	buf_str(b, " (");
	buf_escape(b, m->options);
	buf_str(b, ") ");
	buf_escape(b, m->type);
	buf_str(b, " ");
	buf_escape(b, m->source);
	buf_str(b, " (");
	buf_escape(b, m->super_options);
	buf_str(b, ")\n");
}
