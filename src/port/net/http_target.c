#include "port/net/http_target.h"

#include "base/text.h"

/* RFC 3986 3.3: what a segment may hold as it is; a query also "/" and "?" (3.4). */
static bool
is_pchar(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    (c != 0 && strchr("-._~!$&'()*+,;=:@", c) != NULL);
}

static bool
plain(uint8_t c, bool query)
{
	return is_pchar(c) || (query && (c == '/' || c == '?'));
}

/* One piece, decoded into t->bytes; ${base} is where ${s} begins in the target. */
static int
decode(struct http_target *t, struct span s, size_t base, bool query, struct span *out,
    struct err *e)
{
	size_t start = t->used;

	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (c == '%') {
			int high = s.n - i > 2 ? hex_value(s.p[i + 1]) : -1;
			int low = s.n - i > 2 ? hex_value(s.p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return err_at(e, ERR_ENCODING, base + i, "%% is not followed by two hex digits");
			c = (uint8_t)(high << 4 | low);
			i += 2;
		} else if (!plain(c, query)) {
			return err_at(e, ERR_FORMAT, base + i, "byte 0x%02x must be escaped", c);
		} else if (query && c == '+') {
			c = ' ';
		}
		if (c == '\0' || (!query && (c < 0x20 || c == 0x7f || c == '/')))
			return err_at(e, ERR_FORMAT, base + i, "byte 0x%02x, even escaped", c);
		t->bytes[t->used++] = c;
	}
	*out = span_of(t->bytes + start, t->used - start);
	return 0;
}

static int
add_segment(struct http_target *t, struct span raw, size_t base, struct err *e)
{
	struct span s = { 0 };
	int rc;

	if (t->n_segments == LIMIT_HTTP_SEGMENTS)
		return err_at(e, ERR_LIMIT, base, "a path of more than %d segments", LIMIT_HTTP_SEGMENTS);
	if ((rc = decode(t, raw, base, false, &s, e)) != 0)
		return rc;
	if (s.n == 0)
		return err_at(e, ERR_FORMAT, base, "an empty segment in the path");
	if (span_is(s, ".") || span_is(s, ".."))
		return err_at(e, ERR_FORMAT, base, "a segment that is dots");
	if (s.n > LIMIT_HTTP_SEGMENT)
		return err_at(e, ERR_LIMIT, base, "a segment of more than %d bytes", LIMIT_HTTP_SEGMENT);
	if (!utf8_valid(s))
		return err_at(e, ERR_ENCODING, base, "a segment that is not UTF-8");
	t->segments[t->n_segments++] = s;
	return 0;
}

static int
parse_path(struct http_target *t, struct span path, struct err *e)
{
	size_t off = 1;
	int rc;

	while (off < path.n) {
		size_t n = span_find(span_from(path, off), '/');

		if ((rc = add_segment(t, span_of(path.p + off, n), off, e)) != 0)
			return rc;
		off += n + 1;
		if (off == path.n)	/* it ended in "/" */
			return err_at(e, ERR_FORMAT, off - 1, "an empty segment in the path");
	}
	return 0;
}

static int
add_query(struct http_target *t, struct span piece, size_t base, struct err *e)
{
	struct http_param q = { { 0 }, { 0 } };
	size_t eq = span_find(piece, '=');
	int rc;

	if (t->n_query == LIMIT_HTTP_QUERY)
		return err_at(e, ERR_LIMIT, base, "more than %d query parameters", LIMIT_HTTP_QUERY);
	if ((rc = decode(t, span_head(piece, eq), base, true, &q.name, e)) != 0 ||
	    (rc = decode(t, span_from(piece, eq + 1), base + eq + 1, true, &q.value, e)) != 0)
		return rc;
	if (q.name.n == 0)
		return err_at(e, ERR_FORMAT, base, "a query parameter without a name");
	for (size_t i = 0; i < t->n_query; i++)
		if (span_eq(t->query[i].name, q.name))
			return err_at(e, ERR_DUPLICATE, base, "a query parameter given twice");
	t->query[t->n_query++] = q;
	return 0;
}

static int
parse_query(struct http_target *t, struct span query, size_t base, struct err *e)
{
	size_t off = 0;
	int rc;

	while (off < query.n) {
		size_t n = span_find(span_from(query, off), '&');

		if ((rc = add_query(t, span_of(query.p + off, n), base + off, e)) != 0)
			return rc;
		off += n + 1;
	}
	return 0;
}

int
http_target_parse(struct span text, struct http_target *t, struct err *e)
{
	size_t mark;
	int rc;

	t->asterisk = false;
	t->n_segments = t->n_query = t->used = 0;
	if (text.n > LIMIT_HTTP_TARGET)
		return err_set(e, ERR_LIMIT, "a target of more than %zu bytes", LIMIT_HTTP_TARGET);
	if (span_is(text, "*")) {
		t->asterisk = true;
		return 0;
	}
	if (text.n == 0 || text.p[0] != '/')
		return err_at(e, ERR_FORMAT, 0, "the target does not begin with \"/\"");
	mark = span_find(text, '?');
	if ((rc = parse_path(t, span_head(text, mark), e)) != 0)
		return rc;
	return parse_query(t, span_from(text, mark + 1), mark + 1, e);
}

bool
http_target_query(const struct http_target *t, const char *name, struct span *value)
{
	for (size_t i = 0; i < t->n_query; i++)
		if (span_is(t->query[i].name, name)) {
			*value = t->query[i].value;
			return true;
		}
	return false;
}

void
http_target_escape(struct buf *b, struct span s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		/* The unreserved ones of RFC 3986 2.3; all else is safe escaped. */
		if (is_pchar(c) && (c >= '0' || c == '-' || c == '.') && c != ':' && c != ';' &&
		    c != '=' && c != '@')
			buf_u8(b, c);
		else
			buf_put(b, (char[3]){ '%', hex[c >> 4], hex[c & 15] }, 3);
	}
}
