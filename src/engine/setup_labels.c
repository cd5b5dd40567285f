/* Volumes by their labels: a policy for a fleet names them, a kernel knows only UUIDs. */
#include "engine/setup_plan.h"

#include "base/limits.h"

static struct span
word_at(struct span line, size_t i)
{
	size_t n = 0;

	while (i + n < line.n && line.p[i + n] != ' ' && line.p[i + n] != '\t' && line.p[i + n] != '\r')
		n++;
	return span_of(line.p + i, n);
}

/* udev's spelling of a label: a blank is \x20. */
static bool
label_eq(struct span written, struct span label)
{
	BUF_AUTO struct buf b = buf_init(LIMIT_SMALL_FILE);

	for (size_t i = 0; i < written.n; i++) {
		if (span_starts(span_from(written, i), span_lit("\\x20"))) {
			buf_u8(&b, ' ');
			i += 3;
		} else {
			buf_u8(&b, written.p[i]);
		}
	}
	return span_eq(buf_view(&b), label);
}

static void
put_uuid(struct buf *b, const uint8_t u[16])
{
	for (size_t i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			buf_u8(b, '-');
		buf_hex(b, span_of(u + i, 1));
	}
}

static int
find(struct span label, const struct setup_volume *v, size_t n, size_t line, uint32_t column, const uint8_t **uuid,
    struct err *e)
{
	BUF_AUTO struct buf name = buf_init(KIB(1));
	int rc;

	*uuid = NULL;
	buf_escape(&name, span_head(label, 64));
	for (size_t i = 0; i < n; i++) {
		if (!label_eq(label, v[i].label))
			continue;
		/* The same file system seen through two devices (multipath, a mirror) is one. */
		if (*uuid != NULL && memcmp(*uuid, v[i].uuid, 16) != 0) {
			rc = err_line(e, ERR_DUPLICATE, line, column, "more than one volume has the label \"%s\"", buf_cstr(&name));
			return err_hint(e, rc, "give them different labels, or say which with --label %s=UUID", buf_cstr(&name));
		}
		*uuid = v[i].uuid;
	}
	if (*uuid != NULL)
		return 0;
	rc = err_line(e, ERR_NOT_FOUND, line, column, "no volume here has the label \"%s\"", buf_cstr(&name));
	return err_hint(e, rc, "blkid lists labels; for an image, or a volume that is not here, say --label %s=UUID",
	    buf_cstr(&name));
}

/* "# fslabel=NAME is fsuuid=UUID": that UUID stands for the volume's. */
static bool
declaration(struct span line, struct span *label, struct span *uuid)
{
	size_t i = 0;

	while (i < line.n && (line.p[i] == '#' || line.p[i] == ' ' || line.p[i] == '\t'))
		i++;
	if (i == 0 || line.n == 0 || line.p[0] != '#' || !span_starts(span_from(line, i), span_lit("fslabel=")))
		return false;
	*label = word_at(line, i + 8);
	i += 8 + label->n;
	if (!span_starts(span_from(line, i), span_lit(" is fsuuid=")))
		return false;
	*uuid = word_at(line, i + 11);
	return label->n > 0 && uuid->n == 36;
}

/* The volume that a stand-in was declared for; none: ${*label} is empty. */
static void
stand_in(struct span text, struct span uuid, struct span *label)
{
	struct span l, u;

	*label = span_of(NULL, 0);
	while (text.n > 0) {
		struct span line = span_head(text, span_find(text, '\n'));

		if (declaration(line, &l, &u) && span_eq(u, uuid))
			*label = l;
		text = span_from(text, line.n + 1);
	}
}

bool
setup_labels_any(struct span text)
{
	struct span l, u;

	while (text.n > 0) {
		struct span line = span_head(text, span_find(text, '\n'));

		if (declaration(line, &l, &u) || (line.n > 0 && line.p[0] != '#' && memmem(line.p, line.n, "fslabel=", 8) != NULL))
			return true;
		text = span_from(text, line.n + 1);
	}
	return false;
}

static int
resolve_line(struct span text, struct span line, size_t number, const struct setup_volume *v, size_t n,
    struct buf *out, struct err *e)
{
	const uint8_t *uuid;
	int rc;

	for (size_t i = 0; i < line.n;) {
		struct span w = word_at(line, i), label = { 0 };

		if (span_starts(w, span_lit("fslabel=")))
			label = span_from(w, 8);
		else if (span_starts(w, span_lit("fsuuid=")))
			stand_in(text, span_from(w, 7), &label);
		if (span_starts(w, span_lit("fslabel=")) && label.n == 0)
			return err_line(e, ERR_FORMAT, number, i + 1, "fslabel= names no label");
		if (label.n == 0) {
			buf_span(out, w.n == 0 ? span_of(line.p + i, 1) : w);
			i += w.n == 0 ? 1 : w.n;
			continue;
		}
		if ((rc = find(label, v, n, number, (uint32_t)i + 1, &uuid, e)) != 0)
			return rc;
		buf_str(out, "fsuuid=");
		put_uuid(out, uuid);
		i += w.n;
	}
	return 0;
}

static bool
comment(struct span line)
{
	while (line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t'))
		line = span_from(line, 1);
	return line.n > 0 && line.p[0] == '#';
}

int
setup_labels_resolve(struct span text, const struct setup_volume *v, size_t n, struct buf *out, struct err *e)
{
	struct span rest = text;
	int rc;

	for (size_t number = 1; rest.n > 0; number++) {
		struct span line = span_head(rest, span_find(rest, '\n'));

		if (comment(line))
			buf_span(out, line);
		else if ((rc = resolve_line(text, line, number, v, n, out, e)) != 0)
			return rc;
		if (line.n < rest.n)
			buf_u8(out, '\n');
		rest = span_from(rest, line.n + 1);
	}
	return buf_done(out, e);
}
