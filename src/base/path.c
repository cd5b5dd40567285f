#include "base/path.h"

#include "base/limits.h"

static int
bad_name(struct span name, int code, const char *why, struct err *e)
{
	BUF_AUTO struct buf shown = buf_init(SIZE_MAX / 2);

	buf_escape(&shown, span_head(name, 200));
	return err_set(e, code, "the name \"%s\"%s %s", buf_cstr(&shown), name.n > 200 ? " (cut)" : "",
	    why);
}

int
path_absolute(struct span name, struct buf *out, struct err *e)
{
	size_t start = out->n;
	struct span whole = name;

	if (name.n == 0)
		return err_set(e, ERR_FORMAT, "a file has an empty name");
	if (span_find(name, 0) != name.n)
		return bad_name(name, ERR_FORMAT, "holds a NUL byte", e);
	if (name.n > LIMIT_PATH)
		return bad_name(name, ERR_LIMIT, "is too long", e);
	while (name.n > 0) {
		struct span part = span_head(name, span_find(name, '/'));

		name = span_from(name, part.n + 1);
		if (span_is(part, "..")) {
			out->n = start;
			return bad_name(whole, ERR_FORMAT,
			    "leaves its directory with \"..\"", e);
		}
		if (part.n == 0 || span_is(part, "."))
			continue;
		buf_u8(out, '/');
		buf_span(out, part);
	}
	if (out->n == start)
		buf_u8(out, '/');
	return buf_done(out, e);
}

struct span
path_parent(struct span path)
{
	size_t n = path.n;

	while (n > 0 && path.p[n - 1] != '/')
		n--;
	return span_head(path, n > 1 ? n - 1 : n);
}

struct span
path_base(struct span path)
{
	size_t n = path.n;

	while (n > 0 && path.p[n - 1] != '/')
		n--;
	return span_from(path, n);
}

bool
path_below(struct span path, struct span dir)
{
	return span_starts(path, dir) &&
	    (path.n == dir.n || path.p[dir.n] == '/' || (dir.n > 0 && dir.p[dir.n - 1] == '/'));
}
