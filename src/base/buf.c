#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

void
buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ .max = b->max };
}

/* Make room for ${n} more bytes; false (and b->why set) if that cannot be. */
static bool
reserve(struct buf *b, size_t n)
{
	if (b->why != 0)
		return false;
	if (n > b->max - b->n) {	/* n <= max always */
		b->why = ERR_LIMIT;
		return false;
	}
	if (n <= b->cap - b->n)
		return true;

	size_t cap = b->cap < 64 ? 64 : b->cap;
	while (cap - b->n < n)
		cap = cap > b->max / 2 ? b->max : cap * 2;

	uint8_t *p = realloc(b->p, cap);
	if (p == NULL) {
		b->why = ERR_NOMEM;
		return false;
	}
	b->p = p;
	b->cap = cap;
	return true;
}

void
buf_put(struct buf *b, const void *p, size_t n)
{
	if (n == 0 || !reserve(b, n))
		return;
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

void
buf_span(struct buf *b, struct span s)
{
	buf_put(b, s.p, s.n);
}

void
buf_str(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void
buf_zero(struct buf *b, size_t n)
{
	if (n == 0 || !reserve(b, n))
		return;
	memset(b->p + b->n, 0, n);
	b->n += n;
}

void
buf_u8(struct buf *b, uint8_t v)
{
	buf_put(b, &v, 1);
}

static void
put_le(struct buf *b, uint64_t v, unsigned bytes)
{
	uint8_t raw[8];

	for (unsigned i = 0; i < bytes; i++)
		raw[i] = (uint8_t)(v >> (8 * i));
	buf_put(b, raw, bytes);
}

static void
put_be(struct buf *b, uint64_t v, unsigned bytes)
{
	uint8_t raw[8];

	for (unsigned i = 0; i < bytes; i++)
		raw[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
	buf_put(b, raw, bytes);
}

void buf_le16(struct buf *b, uint16_t v) { put_le(b, v, 2); }
void buf_le32(struct buf *b, uint32_t v) { put_le(b, v, 4); }
void buf_le64(struct buf *b, uint64_t v) { put_le(b, v, 8); }
void buf_be16(struct buf *b, uint16_t v) { put_be(b, v, 2); }
void buf_be32(struct buf *b, uint32_t v) { put_be(b, v, 4); }
void buf_be64(struct buf *b, uint64_t v) { put_be(b, v, 8); }

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	char small[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0) {
		if (b->why == 0)
			b->why = ERR_INTERNAL;
		return;
	}
	if ((size_t)n < sizeof(small)) {
		buf_put(b, small, (size_t)n);
		return;
	}
	if (!reserve(b, (size_t)n + 1))
		return;
	va_start(ap, fmt);
	(void)vsnprintf((char *)b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

void
buf_hex(struct buf *b, struct span s)
{
	static const char digits[] = "0123456789abcdef";

	if (s.n > b->max / 2) {
		b->why = b->why != 0 ? b->why : ERR_LIMIT;
		return;
	}
	if (s.n == 0 || !reserve(b, 2 * s.n))
		return;
	for (size_t i = 0; i < s.n; i++) {
		b->p[b->n++] = (uint8_t)digits[s.p[i] >> 4];
		b->p[b->n++] = (uint8_t)digits[s.p[i] & 15];
	}
}

static void
put_base64(struct buf *b, struct span s, const char *abc, bool pad)
{
	for (size_t i = 0; i < s.n; i += 3) {
		size_t have = s.n - i < 3 ? s.n - i : 3;
		uint32_t v = (uint32_t)s.p[i] << 16;
		char out[4];

		if (have > 1)
			v |= (uint32_t)s.p[i + 1] << 8;
		if (have > 2)
			v |= s.p[i + 2];
		for (unsigned k = 0; k < 4; k++)
			out[k] = k <= have ? abc[(v >> (18 - 6 * k)) & 63] : '=';
		buf_put(b, out, pad ? 4 : have + 1);
	}
}

void
buf_base64(struct buf *b, struct span s)
{
	put_base64(b, s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", true);
}

void
buf_base64url(struct buf *b, struct span s)
{
	put_base64(b, s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", false);
}

void
buf_escape(struct buf *b, struct span name)
{
	for (size_t i = 0; i < name.n; i++) {
		uint8_t c = name.p[i];

		if (c == '\\')
			buf_put(b, "\\\\", 2);
		else if (c >= 0x20 && c <= 0x7e)
			buf_u8(b, c);
		else
			buf_printf(b, "\\x%02x", c);
	}
}

void
buf_percent(struct buf *b, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    (c != '\0' && strchr("-._~", c) != NULL))
			buf_u8(b, c);
		else
			buf_printf(b, "%%%02X", c);
	}
}

const char *
buf_cstr(struct buf *b)
{
	if (!reserve(b, 1))
		return "";
	b->p[b->n] = '\0';
	return (const char *)b->p;
}

int
buf_done(const struct buf *b, struct err *e)
{
	if (b->why == ERR_LIMIT)
		return err_set(e, ERR_LIMIT, "output is larger than its ceiling of %zu bytes", b->max);
	if (b->why != 0)
		return err_set(e, b->why, "%s", err_text(b->why));
	return 0;
}
