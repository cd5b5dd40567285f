/* rd.h: the one bounded reader.  Nothing else looks at untrusted binary input.
 *
 * A call consumes exactly what it names or nothing, and the first failure
 * sticks in r.why, so that a parser is one && chain in the order of the
 * specification followed by one test:
 *
 *	if (!(rd_le32(r, &rec.pcr) && rd_bytes(r, 20, &rec.digest)))
 *		return err_at(e, r->why, start, "...");
 *
 * Every length that comes from the input is read by a function that takes the
 * ceiling the caller allows (base/limits.h).  Endianness is in the name.
 * Spans handed out point into the input and live as long as it does.
 */
#ifndef BASE_RD_H
#define BASE_RD_H

#include <endian.h>

#include "base/err.h"
#include "base/span.h"

struct rd {
	struct span in;
	size_t off;	/* next byte; off <= in.n always */
	int why;	/* 0, or the ERR_* that stopped the reader */
};

static inline struct rd
rd_init(struct span in)
{
	return (struct rd){ .in = in };
}

static inline size_t
rd_left(const struct rd *r)
{
	return r->in.n - r->off;
}

/** rd_fail(r, why): Stop the reader for a reason the caller found. */
static inline bool
rd_fail(struct rd *r, int why)
{
	if (r->why == 0)
		r->why = why;
	return false;
}

MUST_CHECK static inline bool
rd_bytes(struct rd *r, size_t n, struct span *out)
{
	if (r->why != 0)
		return false;
	if (n > rd_left(r))		/* off <= in.n: cannot wrap */
		return rd_fail(r, ERR_TRUNCATED);
	*out = span_of(r->in.p + r->off, n);
	r->off += n;
	return true;
}

MUST_CHECK static inline bool
rd_skip(struct rd *r, size_t n)
{
	struct span s;

	return rd_bytes(r, n, &s);
}

/** rd_copy(r, dst, n): Exactly ${n} bytes into ${dst}. */
MUST_CHECK static inline bool
rd_copy(struct rd *r, void *dst, size_t n)
{
	struct span s;

	if (!rd_bytes(r, n, &s))
		return false;
	if (n != 0)
		memcpy(dst, s.p, n);
	return true;
}

MUST_CHECK static inline bool
rd_u8(struct rd *r, uint8_t *out)
{
	struct span s;

	if (!rd_bytes(r, 1, &s))
		return false;
	*out = s.p[0];
	return true;
}

#define RD_INT(name, type, to_host)					\
MUST_CHECK static inline bool						\
name(struct rd *r, type *out)						\
{									\
	struct span s;							\
	type v;								\
									\
	if (!rd_bytes(r, sizeof(v), &s))				\
		return false;						\
	memcpy(&v, s.p, sizeof(v));					\
	*out = to_host(v);						\
	return true;							\
}
RD_INT(rd_le16, uint16_t, le16toh)
RD_INT(rd_le32, uint32_t, le32toh)
RD_INT(rd_le64, uint64_t, le64toh)
RD_INT(rd_be16, uint16_t, be16toh)
RD_INT(rd_be32, uint32_t, be32toh)
RD_INT(rd_be64, uint64_t, be64toh)
#undef RD_INT

/* Counted bytes: a length of the named width, at most ${max}, then the bytes.
 * A length over ${max} is ERR_LIMIT; neither length nor bytes are consumed. */
#define RD_COUNTED(name, rd_len, type)					\
MUST_CHECK static inline bool						\
name(struct rd *r, size_t max, struct span *out)			\
{									\
	size_t start = r->off;						\
	type n;								\
									\
	if (!rd_len(r, &n))						\
		return false;						\
	if (n > max)							\
		rd_fail(r, ERR_LIMIT);					\
	if (r->why != 0 || !rd_bytes(r, (size_t)n, out)) {		\
		r->off = start;						\
		return false;						\
	}								\
	return true;							\
}
RD_COUNTED(rd_u8_span, rd_u8, uint8_t)
RD_COUNTED(rd_le16_span, rd_le16, uint16_t)
RD_COUNTED(rd_le32_span, rd_le32, uint32_t)
RD_COUNTED(rd_le64_span, rd_le64, uint64_t)
RD_COUNTED(rd_be16_span, rd_be16, uint16_t)
RD_COUNTED(rd_be32_span, rd_be32, uint32_t)
#undef RD_COUNTED

/** rd_end(r): True if everything was consumed; else the reader fails with ERR_TRAILING. */
MUST_CHECK static inline bool
rd_end(struct rd *r)
{
	if (r->why != 0)
		return false;
	return rd_left(r) == 0 ? true : rd_fail(r, ERR_TRAILING);
}

/** rd_line(r, max, out): The bytes up to the next newline, which is consumed
 * but not part of ${out}; the last line may lack its newline.  False at the
 * end of input with r->why still 0; ERR_LIMIT for a line over ${max} bytes. */
MUST_CHECK static inline bool
rd_line(struct rd *r, size_t max, struct span *out)
{
	if (r->why != 0 || rd_left(r) == 0)
		return false;

	struct span rest = span_from(r->in, r->off);
	size_t n = span_find(rest, '\n');

	if (n > max)
		return rd_fail(r, ERR_LIMIT);
	*out = span_head(rest, n);
	r->off += n + (n < rest.n);
	return true;
}

#endif
