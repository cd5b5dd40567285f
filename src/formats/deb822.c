#include "formats/deb822.h"

#include "base/limits.h"
#include "base/text.h"

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct span
trim(struct span s)
{
	while (s.n > 0 && is_blank(s.p[0]))
		s = span_from(s, 1);
	while (s.n > 0 && (is_blank(s.p[s.n - 1]) || s.p[s.n - 1] == '\r' || s.p[s.n - 1] == '\n'))
		s.n--;
	return s;
}

/* Whether ${line}, which is not empty, may stand where it does. */
static bool
line_fits(struct span line, bool inside)
{
	size_t colon = span_find(line, ':');

	return is_blank(line.p[0]) ? inside : colon > 0 && colon < line.n;
}

int
deb822_next(struct deb822 *d, struct deb822_paragraph *p, struct err *e)
{
	size_t start = 0, end = 0;
	uint64_t first = 0;
	struct span line;

	for (;;) {
		size_t at = d->r.off;

		if (!rd_line(&d->r, LIMIT_DEB_CONTROL, &line))
			break;
		d->line++;
		if (line.n > 0 && line.p[0] == '#')
			continue;
		if (trim(line).n == 0) {
			if (first != 0)
				break;
			continue;
		}
		if (!line_fits(line, first != 0))
			return err_line(e, ERR_FORMAT, d->line, 0, "is neither a field nor part of one");
		if (first == 0) {
			first = d->line;
			start = at;
		}
		end = d->r.off;
	}
	if (d->r.why != 0)
		return err_line(e, d->r.why, d->line + 1, 0, "a line of more than %zu bytes",
		    LIMIT_DEB_CONTROL);
	if (first == 0)
		return 0;
	*p = (struct deb822_paragraph){ .text = span_of(d->r.in.p + start, end - start), .line = first };
	return 1;
}

static bool
same_name(struct span a, const char *b)
{
	if (a.n != strlen(b))
		return false;
	for (size_t i = 0; i < a.n; i++) {
		uint8_t x = a.p[i], y = (uint8_t)b[i];

		x = x >= 'A' && x <= 'Z' ? x | 32 : x;
		y = y >= 'A' && y <= 'Z' ? y | 32 : y;
		if (x != y)
			return false;
	}
	return true;
}

int
deb822_get(const struct deb822_paragraph *p, const char *name, bool required, struct span *value,
    struct err *e)
{
	struct rd r = rd_init(p->text);
	struct span line, found = { NULL, 0 };
	bool inside = false, seen = false;
	uint64_t number = p->line - 1;

	while (rd_line(&r, SIZE_MAX, &line)) {
		size_t colon = span_find(line, ':');

		number++;
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (is_blank(line.p[0])) {
			if (inside)	/* up to the end of this line */
				found.n = (size_t)(line.p + line.n - found.p);
			continue;
		}
		inside = same_name(span_head(line, colon), name);
		if (inside && seen)
			return err_line(e, ERR_DUPLICATE, number, 0, "the field %s stands twice", name);
		if (inside) {
			seen = true;
			found = span_from(line, colon + 1);
			if (found.p == NULL)
				found = span_of(line.p + line.n, 0);
		}
	}
	if (!seen && required)
		return err_line(e, ERR_FORMAT, p->line, 0, "the paragraph has no field %s", name);
	*value = trim(found);
	return 0;
}

/* The next word of ${*s}. */
static struct span
word(struct span *s)
{
	size_t n = 0;
	struct span w;

	*s = trim(*s);
	while (n < s->n && !is_blank(s->p[n]))
		n++;
	w = span_head(*s, n);
	*s = span_from(*s, n);
	return w;
}

int
release_file_next(struct span *list, struct release_file *f, struct err *e)
{
	struct span line = { NULL, 0 };
	struct release_file got = { .digest = { .alg = DIGEST_SHA256, .size = 32 } };

	while (line.n == 0 && list->n > 0) {
		line = span_head(*list, span_find(*list, '\n'));
		*list = span_from(*list, line.n + 1);
		line = trim(line);
	}
	if (line.n == 0)
		return 0;

	struct span rest = line, hex = word(&rest), size = word(&rest);

	got.name = word(&rest);
	if (!hex_fixed(hex, got.digest.v, 32) || !dec_u64(size, &got.size) || got.name.n == 0 ||
	    trim(rest).n != 0)
		return err_set(e, ERR_FORMAT, "a line of the SHA256 list is not \"digest size name\": %.*s",
		    (int)(line.n < 120 ? line.n : 120), (const char *)line.p);
	*f = got;
	return 1;
}
