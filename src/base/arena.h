/* arena.h: memory that lives and dies with one request, under a ceiling.
 *
 * What a parser builds for one piece of evidence or one policy comes from one
 * arena and is freed by one arena_free(); nothing in it is freed singly.
 * Memory handed out is zeroed and aligned for any type.  NULL means ERR_NOMEM
 * or, when the ceiling is hit, ERR_LIMIT: arena_why() tells which.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>

#include "base/err.h"
#include "base/span.h"

struct arena_block;

struct arena {
	struct arena_block *blocks;	/* owned */
	size_t used;			/* bytes handed out */
	size_t max;			/* ceiling in bytes */
	int why;			/* 0, ERR_NOMEM or ERR_LIMIT */
};

static inline struct arena
arena_init(size_t max)
{
	return (struct arena){ .max = max };
}

void arena_free(struct arena *a);
MUST_CHECK void *arena_alloc(struct arena *a, size_t n);

/** arena_array(a, n, size): ${n} zeroed elements; the product is checked. */
MUST_CHECK void *arena_array(struct arena *a, size_t n, size_t size);

/** arena_copy(a, s, out): A copy of ${s}, with a NUL behind it that is not counted. */
MUST_CHECK bool arena_copy(struct arena *a, struct span s, struct span *out);

/** arena_str(a, s): The same as a C string (bytes behind an inner NUL are lost to it). */
MUST_CHECK char *arena_str(struct arena *a, struct span s);

/** arena_vprintf(a, fmt, ap): A text of whatever length. */
MUST_CHECK const char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/** arena_grow(a, p, n, cap, size): Room for one more in an array of ${n} elements
 * that lives in the arena; moves it (doubling) when ${*cap} is reached.
 * Returns the array, or NULL. */
MUST_CHECK void *arena_grow(struct arena *a, void *p, size_t n, size_t *cap, size_t size);

/** arena_err(a, e): The code and sentence for a NULL just received. */
int arena_err(const struct arena *a, struct err *e);

#define ARENA_AUTO __attribute__((cleanup(arena_free)))

#endif
