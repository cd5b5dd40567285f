#include "base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

struct arena_block {
	struct arena_block *next;
	size_t n, cap;
	alignas(max_align_t) uint8_t data[];
};

#define BLOCK_MIN ((size_t)64 * 1024)

void
arena_free(struct arena *a)
{
	struct arena_block *next;

	for (struct arena_block *b = a->blocks; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	*a = (struct arena){ .max = a->max };
}

static void *
fail(struct arena *a, int why)
{
	a->why = why;
	return NULL;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	const size_t align = alignof(max_align_t);
	struct arena_block *b = a->blocks;

	if (n > a->max - a->used)
		return fail(a, ERR_LIMIT);
	/* max is far below SIZE_MAX - align in every use, but do not rely on it. */
	size_t want = n > SIZE_MAX - align ? n : (n + align - 1) / align * align;

	if (want == 0)
		want = align;
	if (b == NULL || want > b->cap - b->n) {
		size_t cap = want > BLOCK_MIN ? want : BLOCK_MIN;

		if (cap > SIZE_MAX - sizeof(*b) ||
		    (b = calloc(1, sizeof(*b) + cap)) == NULL)
			return fail(a, ERR_NOMEM);
		b->cap = cap;
		b->next = a->blocks;
		a->blocks = b;
	}

	void *p = b->data + b->n;
	b->n += want;
	a->used += n;
	return p;
}

void *
arena_array(struct arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		return fail(a, ERR_LIMIT);
	return arena_alloc(a, total);
}

bool
arena_copy(struct arena *a, struct span s, struct span *out)
{
	uint8_t *p = s.n == SIZE_MAX ? fail(a, ERR_LIMIT) : arena_alloc(a, s.n + 1);

	if (p == NULL)
		return false;
	if (s.n != 0)
		memcpy(p, s.p, s.n);
	*out = span_of(p, s.n);
	return true;
}

char *
arena_str(struct arena *a, struct span s)
{
	struct span copy;

	return arena_copy(a, s, &copy) ? (char *)(uintptr_t)copy.p : NULL;
}

const char *
arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *s;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		return fail(a, ERR_INTERNAL);
	if ((s = arena_alloc(a, (size_t)n + 1)) != NULL)
		(void)vsnprintf(s, (size_t)n + 1, fmt, ap);
	return s;
}

void *
arena_grow(struct arena *a, void *p, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return p;

	size_t want = *cap == 0 ? 8 : *cap > SIZE_MAX / 2 ? SIZE_MAX : *cap * 2;
	void *q = arena_array(a, want, size);

	if (q == NULL)
		return NULL;
	if (n != 0)
		memcpy(q, p, n * size);
	*cap = want;
	return q;
}

int
arena_err(const struct arena *a, struct err *e)
{
	if (a->why == ERR_LIMIT)
		return err_set(e, ERR_LIMIT, "input needs more than its ceiling of %zu bytes of memory", a->max);
	return err_set(e, ERR_NOMEM, "out of memory");
}
