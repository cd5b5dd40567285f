#include "base/text.h"

int
hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool
all_hex(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (hex_value(s.p[i]) < 0)
			return false;
	return s.n % 2 == 0;
}

bool
hex_fixed(struct span s, uint8_t *out, size_t n)
{
	if (s.n / 2 != n || !all_hex(s))
		return false;
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(hex_value(s.p[2 * i]) << 4 | hex_value(s.p[2 * i + 1]));
	return true;
}

bool
hex_decode(struct span s, struct buf *b)
{
	if (!all_hex(s))
		return false;
	for (size_t i = 0; i < s.n; i += 2)
		buf_u8(b, (uint8_t)(hex_value(s.p[i]) << 4 | hex_value(s.p[i + 1])));
	return b->why == 0;
}

static int
sextet(uint8_t c, char c62, char c63)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == (uint8_t)c62)
		return 62;
	return c == (uint8_t)c63 ? 63 : -1;
}

/* ${s} without padding.  Checks everything before it writes anything. */
static bool
decode64(struct span s, char c62, char c63, struct buf *b)
{
	size_t tail = s.n % 4;

	if (tail == 1)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (sextet(s.p[i], c62, c63) < 0)
			return false;
	/* The bits that no byte takes must be 0, or one value has many spellings. */
	if (tail != 0 && (sextet(s.p[s.n - 1], c62, c63) & (tail == 2 ? 15 : 3)) != 0)
		return false;

	for (size_t i = 0; i < s.n; i += 4) {
		size_t have = s.n - i < 4 ? s.n - i : 4;
		uint32_t v = 0;

		for (size_t k = 0; k < 4; k++)
			v = v << 6 | (k < have ? (uint32_t)sextet(s.p[i + k], c62, c63) : 0);
		for (size_t k = 0; k + 1 < have; k++)
			buf_u8(b, (uint8_t)(v >> (16 - 8 * k)));
	}
	return b->why == 0;
}

bool
base64_decode(struct span s, struct buf *b)
{
	if (s.n % 4 != 0)
		return false;
	for (unsigned i = 0; i < 2 && s.n > 0 && s.p[s.n - 1] == '='; i++)
		s.n--;
	return decode64(s, '+', '/', b);
}

bool
base64url_decode(struct span s, struct buf *b)
{
	return decode64(s, '-', '_', b);
}

/* Length of the valid sequence at the start of ${s}, or 0. */
static size_t
utf8_sequence(struct span s)
{
	uint8_t c = s.p[0], low = 0x80, high = 0xbf;
	size_t n;

	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf) {
		n = 2;
	} else if (c >= 0xe0 && c <= 0xef) {
		n = 3;
		low = c == 0xe0 ? 0xa0 : 0x80;		/* overlong */
		high = c == 0xed ? 0x9f : 0xbf;		/* surrogates */
	} else if (c >= 0xf0 && c <= 0xf4) {
		n = 4;
		low = c == 0xf0 ? 0x90 : 0x80;
		high = c == 0xf4 ? 0x8f : 0xbf;		/* above U+10FFFF */
	} else {
		return 0;
	}
	if (s.n < n || s.p[1] < low || s.p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (s.p[i] < 0x80 || s.p[i] > 0xbf)
			return 0;
	return n;
}

bool
utf8_valid(struct span s)
{
	while (s.n > 0) {
		size_t n = utf8_sequence(s);

		if (n == 0)
			return false;
		s = span_from(s, n);
	}
	return true;
}

bool
dec_u64(struct span s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0 || (s.n > 1 && s.p[0] == '0'))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' ||
		    __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return false;
	}
	*out = v;
	return true;
}

static uint32_t
utf16_unit(struct span s, size_t i)
{
	return (uint32_t)(s.p[i] | s.p[i + 1] << 8);
}

/* The character at ${*i}, which is moved behind it; UINT32_MAX for half a pair. */
static uint32_t
utf16_char(struct span s, size_t *i)
{
	uint32_t c = utf16_unit(s, *i), low;

	*i += 2;
	if (c < 0xd800 || c > 0xdfff)
		return c;
	if (c > 0xdbff || *i + 2 > s.n)
		return UINT32_MAX;
	low = utf16_unit(s, *i);
	*i += 2;
	if (low < 0xdc00 || low > 0xdfff)
		return UINT32_MAX;
	return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
}

static void
put_utf8(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		buf_u8(b, (uint8_t)c);
		return;
	}
	if (c < 0x800) {
		buf_u8(b, (uint8_t)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			buf_u8(b, (uint8_t)(0xe0 | c >> 12));
		} else {
			buf_u8(b, (uint8_t)(0xf0 | c >> 18));
			buf_u8(b, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
		}
		buf_u8(b, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_u8(b, (uint8_t)(0x80 | (c & 0x3f)));
}

size_t
utf8_steers(struct span s, size_t i, unsigned *point)
{
	const uint8_t *p = s.p + i;
	size_t left = s.n - i;

	if (left >= 1 && p[0] == 0x7f) {
		*point = 0x7f;
		return 1;
	}
	if (left >= 2 && p[0] == 0xc2 && p[1] < 0xa0) {
		*point = p[1];
		return 2;
	}
	if (left < 3 || p[0] != 0xe2 || (p[1] != 0x80 && p[1] != 0x81))
		return 0;
	*point = 0x2000u | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
	return *point == 0x200e || *point == 0x200f || (*point >= 0x2028 && *point <= 0x202e) ||
	    (*point >= 0x2066 && *point <= 0x2069) ? 3 : 0;
}

bool
utf16le_decode(struct span s, struct buf *b)
{
	if (s.n % 2 != 0)
		return false;
	for (size_t i = 0; i < s.n;)
		if (utf16_char(s, &i) == UINT32_MAX)
			return false;
	for (size_t i = 0; i < s.n;)
		put_utf8(b, utf16_char(s, &i));
	return true;
}

/* Of valid UTF-8 only. */
static uint32_t
utf8_char(struct span s, size_t *i)
{
	uint8_t c = s.p[(*i)++];
	unsigned more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
	uint32_t v = more == 0 ? c : c & (0x3fu >> more);

	while (more-- > 0)
		v = v << 6 | (s.p[(*i)++] & 0x3f);
	return v;
}

bool
utf16le_encode(struct span s, struct buf *b)
{
	if (!utf8_valid(s))
		return false;
	for (size_t i = 0; i < s.n;) {
		uint32_t c = utf8_char(s, &i);

		if (c < 0x10000) {
			buf_le16(b, (uint16_t)c);
		} else {
			buf_le16(b, (uint16_t)(0xd800 + ((c - 0x10000) >> 10)));
			buf_le16(b, (uint16_t)(0xdc00 + ((c - 0x10000) & 0x3ff)));
		}
	}
	return true;
}

bool
duration_s(struct span s, uint64_t *out)
{
	static const struct { char letter; uint32_t seconds; } units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
	};
	uint64_t n, unit = 1;
	struct span digits = s;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (s.n > 0 && s.p[s.n - 1] == units[i].letter) {
			unit = units[i].seconds;
			digits = span_head(s, s.n - 1);
		}
	if (!dec_u64(digits, &n) || n > UINT32_MAX / unit)
		return false;
	*out = n * unit;
	return true;
}
