/* buf.h: a growing byte buffer that cannot exist without a ceiling.
 *
 * Writing fails softly: the first failure (ceiling, memory) sticks in b.why
 * and later writes do nothing, so that a writer checks once at the end with
 * buf_done().  buf_free() accepts a zeroed struct and may be called twice.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>

#include "base/err.h"
#include "base/span.h"

struct buf {
	uint8_t *p;	/* owned */
	size_t n;	/* bytes in use */
	size_t cap;
	size_t max;	/* ceiling in bytes */
	int why;	/* 0, or ERR_LIMIT / ERR_NOMEM */
};

static inline struct buf
buf_init(size_t max)
{
	return (struct buf){ .max = max };
}

void buf_free(struct buf *b);
void buf_put(struct buf *b, const void *p, size_t n);
void buf_span(struct buf *b, struct span s);
void buf_str(struct buf *b, const char *s);
void buf_u8(struct buf *b, uint8_t v);
void buf_le16(struct buf *b, uint16_t v);
void buf_le32(struct buf *b, uint32_t v);
void buf_le64(struct buf *b, uint64_t v);
void buf_be16(struct buf *b, uint16_t v);
void buf_be32(struct buf *b, uint32_t v);
void buf_be64(struct buf *b, uint64_t v);
void buf_zero(struct buf *b, size_t n);
void buf_printf(struct buf *b, const char *fmt, ...) ERR_PRINTF(2, 3);
void buf_hex(struct buf *b, struct span s);		/* lower case */
void buf_base64(struct buf *b, struct span s);		/* RFC 4648 section 4, padded */
void buf_base64url(struct buf *b, struct span s);	/* section 5, not padded */

/** buf_escape(b, name): A name made safe for a terminal and for JSON text:
 * bytes 0x20-0x7e as they are but backslash doubled, all others as \xNN. */
void buf_escape(struct buf *b, struct span name);

/** buf_percent(b, s): A piece of a URL's path or query: all but letters, digits and "-._~" as
 * %XX (RFC 3986 2.3), so that any bytes arrive as they are. */
void buf_percent(struct buf *b, struct span s);

/** buf_cstr(b): The content with a NUL behind it (not counted in n);
 * "" if the buffer failed. */
const char *buf_cstr(struct buf *b);

static inline struct span
buf_view(const struct buf *b)
{
	return span_of(b->p, b->n);
}

/** buf_done(b, e): 0 if every write succeeded, else the error, explained. */
MUST_CHECK int buf_done(const struct buf *b, struct err *e);

#define BUF_AUTO __attribute__((cleanup(buf_free)))

#endif
