/* span.h: a borrowed run of bytes.
 *
 * A span owns nothing: it points into an input, an arena or a literal, and the
 * header of whoever hands it out says which and for how long.  Names (paths,
 * template names, keyrings) are spans too, because a name on Linux is bytes,
 * not text: it may hold newlines and need not be UTF-8.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const uint8_t *p;	/* may be NULL only if n is 0 */
	size_t n;		/* bytes */
};

#define MUST_CHECK __attribute__((warn_unused_result))

/** span_lit("text"): The bytes of a string literal, without its NUL. */
#define span_lit(s) ((struct span){ (const uint8_t *)("" s), sizeof(s) - 1 })

static inline struct span
span_of(const void *p, size_t n)
{
	return (struct span){ (const uint8_t *)p, n };
}

static inline struct span
span_str(const char *s)
{
	return span_of(s, strlen(s));
}

static inline bool
span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
span_is(struct span a, const char *s)
{
	return span_eq(a, span_str(s));
}

/** span_cmp(a, b): Order by bytes, the shorter first where one is a prefix. */
static inline int
span_cmp(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

static inline bool
span_starts(struct span a, struct span prefix)
{
	return a.n >= prefix.n &&
	    (prefix.n == 0 || memcmp(a.p, prefix.p, prefix.n) == 0);
}

static inline bool
span_ends(struct span a, struct span suffix)
{
	return a.n >= suffix.n && (suffix.n == 0 ||
	    memcmp(a.p + (a.n - suffix.n), suffix.p, suffix.n) == 0);
}

/** span_from(a, off): What is left of ${a} from ${off}; empty if beyond. */
static inline struct span
span_from(struct span a, size_t off)
{
	return off >= a.n ? span_of(NULL, 0) : span_of(a.p + off, a.n - off);
}

/** span_head(a, n): The first ${n} bytes of ${a}, or all of it. */
static inline struct span
span_head(struct span a, size_t n)
{
	return span_of(a.p, n < a.n ? n : a.n);
}

/** span_find(a, c): Index of the first byte ${c}, or a.n. */
static inline size_t
span_find(struct span a, uint8_t c)
{
	/* No object is larger; gcc, which does not know it, warns of what cannot be. */
	const uint8_t *hit = a.n == 0 || a.n > PTRDIFF_MAX ? NULL : memchr(a.p, c, a.n);

	return hit == NULL ? a.n : (size_t)(hit - a.p);
}

/** span_zero(a): Whether all bytes are zero (true for an empty span). */
static inline bool
span_zero(struct span a)
{
	for (size_t i = 0; i < a.n; i++)
		if (a.p[i] != 0)
			return false;
	return true;
}

#endif
