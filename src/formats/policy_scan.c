#include "formats/policy_scan.h"

#include "base/text.h"
#include "formats/policy_read.h"

struct scan {
	struct span in;
	size_t i;			/* next byte */
	size_t copied;			/* what lies before is in rest, or was taken */
	struct buf *rest;
	struct policy_builder *b;
	struct buf name, before, path;	/* decoded; the name before; a path from base64 */
	uint32_t layer, package;	/* numbers of those at hand */
};

static bool
at_end(const struct scan *s)
{
	return s->i >= s->in.n;
}

static void
skip_blanks(struct scan *s)
{
	while (!at_end(s) && memchr(" \t\r\n", s->in.p[s->i], 4) != NULL)
		s->i++;
}

/* The character ${c}, blanks before it skipped. */
static bool
take(struct scan *s, char c)
{
	skip_blanks(s);
	if (at_end(s) || s->in.p[s->i] != (uint8_t)c)
		return false;
	s->i++;
	return true;
}

/* What stands between two quotes, escapes and all. */
static bool
take_string(struct scan *s, struct span *raw)
{
	size_t start;

	if (!take(s, '"'))
		return false;
	for (start = s->i; !at_end(s) && s->in.p[s->i] != '"'; s->i++)
		if (s->in.p[s->i] == '\\')
			s->i++;
	if (at_end(s))
		return false;
	*raw = span_of(s->in.p + start, s->i - start);
	s->i++;
	return true;
}

/* Any value; only its brackets and strings are looked at, the parser sees the rest. */
static bool
skip_value(struct scan *s)
{
	size_t depth = 0;
	struct span ignored;

	skip_blanks(s);
	do {
		if (at_end(s))
			return false;
		switch (s->in.p[s->i]) {
		case '"':
			if (!take_string(s, &ignored))
				return false;
			continue;
		case '{': case '[':
			depth++;
			break;
		case '}': case ']':
			if (depth-- == 0)
				return false;
			break;
		default:
			/* A scalar at the top ends before a comma or bracket. */
			if (depth == 0) {
				while (!at_end(s) && memchr(",]}\"{[", s->in.p[s->i], 6) == NULL)
					s->i++;
				return true;
			}
		}
		s->i++;
	} while (depth > 0);
	return true;
}

static bool
hex4(struct span s, uint32_t *v)
{
	uint8_t b[2];

	if (!hex_fixed(span_head(s, 4), b, 2))
		return false;
	*v = (uint32_t)b[0] << 8 | b[1];
	return true;
}

static void
put_utf8(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		buf_u8(b, (uint8_t)c);
	} else if (c < 0x800) {
		buf_u8(b, (uint8_t)(0xc0 | c >> 6));
		buf_u8(b, (uint8_t)(0x80 | (c & 0x3f)));
	} else {
		buf_u8(b, (uint8_t)(0xe0 | c >> 12));
		buf_u8(b, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
		buf_u8(b, (uint8_t)(0x80 | (c & 0x3f)));
	}
}

/* An escape (RFC 8259 section 7) at the start of ${s}; its length, 0 for none of those
 * that are taken here: no NUL, and no pairs of surrogates, which nobody needs. */
static size_t
unescape(struct span s, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at = s.n < 2 || s.p[1] == '\0' ? NULL : strchr(from, s.p[1]);
	uint32_t c;

	if (at != NULL) {
		buf_u8(out, (uint8_t)to[at - from]);
		return 2;
	}
	if (s.n < 6 || s.p[1] != 'u' || !hex4(span_from(s, 2), &c) || c == 0 ||
	    (c >= 0xd800 && c < 0xe000))
		return 0;
	put_utf8(out, c);
	return 6;
}

/* A string's value. */
static bool
decode(struct span raw, struct buf *out)
{
	out->n = 0;
	for (size_t i = 0; i < raw.n; ) {
		size_t plain = i, n;

		while (i < raw.n && raw.p[i] != '\\' && raw.p[i] >= 0x20)
			i++;
		buf_put(out, raw.p + plain, i - plain);
		if (i == raw.n)
			break;
		if (raw.p[i] != '\\' || (n = unescape(span_from(raw, i), out)) == 0)
			return false;
		i += n;
	}
	return out->why == 0 && utf8_valid(buf_view(out));
}

/* Names in ascending order cannot hold one twice. */
static bool
take_name(struct scan *s, bool coded, bool first, struct span *path)
{
	struct buf swap;
	struct span raw;

	if (!take_string(s, &raw) || !decode(raw, &s->name))
		return false;
	if (coded) {
		s->path.n = 0;
		if (!base64_decode(buf_view(&s->name), &s->path))
			return false;
		swap = s->name;
		s->name = s->path;
		s->path = swap;
	}
	if (!first && span_cmp(buf_view(&s->before), buf_view(&s->name)) >= 0)
		return false;
	swap = s->before;
	s->before = s->name;
	s->name = swap;
	*path = buf_view(&s->before);
	return true;
}

/* [ "sha256:...", ... ], at least one. */
static bool
take_digests(struct scan *s, struct span path, uint32_t package)
{
	struct digest d;
	struct span raw;

	if (!take(s, '['))
		return false;
	do {
		/* A digest holds no escape: one that does fails here. */
		if (!take_string(s, &raw) || policy_digest(raw, "", &d, NULL) != 0 ||
		    policy_builder_add(s->b, path, &d, s->layer, package, NULL) != 0)
			return false;
	} while (take(s, ','));
	return take(s, ']');
}

/* The object behind "files" or "files_b64", left out of the rest. */
static bool
take_files(struct scan *s, bool coded, uint32_t package)
{
	struct span path;
	bool first = true;

	skip_blanks(s);
	buf_put(s->rest, s->in.p + s->copied, s->i - s->copied);
	buf_str(s->rest, "{}");
	if (!take(s, '{'))
		return false;
	if (!take(s, '}')) {
		do {
			if (!take_name(s, coded, first, &path) || !take(s, ':') ||
			    !take_digests(s, path, package))
				return false;
			first = false;
		} while (take(s, ','));
		if (!take(s, '}'))
			return false;
	}
	s->copied = s->i;
	return s->rest->why == 0;
}

typedef bool element_fn(struct scan *s);
typedef bool member_fn(struct scan *s, struct span key);

static bool
each_member(struct scan *s, member_fn *member)
{
	struct span key;

	if (!take(s, '{'))
		return false;
	if (take(s, '}'))
		return true;
	do {
		if (!take_string(s, &key) || !take(s, ':') || !member(s, key))
			return false;
	} while (take(s, ','));
	return take(s, '}');
}

static bool
each_element(struct scan *s, element_fn *element)
{
	if (!take(s, '['))
		return false;
	if (take(s, ']'))
		return true;
	do {
		if (!element(s))
			return false;
	} while (take(s, ','));
	return take(s, ']');
}

static bool
package_member(struct scan *s, struct span key)
{
	bool coded = span_is(key, "files_b64");

	return coded || span_is(key, "files") ? take_files(s, coded, s->package) : skip_value(s);
}

static bool
package_element(struct scan *s)
{
	if (!each_member(s, package_member))
		return false;
	s->package++;
	return true;
}

static bool
layer_member(struct scan *s, struct span key)
{
	bool coded = span_is(key, "files_b64");

	if (span_is(key, "packages"))
		return each_element(s, package_element);
	return coded || span_is(key, "files") ? take_files(s, coded, POLICY_NO_PACKAGE) : skip_value(s);
}

static bool
layer_element(struct scan *s)
{
	if (!each_member(s, layer_member))
		return false;
	s->layer++;
	return true;
}

static bool
root_member(struct scan *s, struct span key)
{
	return span_is(key, "layers") ? each_element(s, layer_element) : skip_value(s);
}

bool
policy_scan(struct span text, struct policy_builder *b, struct buf *rest)
{
	struct scan s = {
		.in = text, .rest = rest, .b = b, .name = buf_init(LIMIT_SMALL_FILE),
		.before = buf_init(LIMIT_SMALL_FILE), .path = buf_init(LIMIT_SMALL_FILE),
	};
	bool good = each_member(&s, root_member);

	if (good) {
		buf_span(rest, span_from(text, s.copied));
		good = rest->why == 0;
	}
	buf_free(&s.name);
	buf_free(&s.before);
	buf_free(&s.path);
	return good;
}
