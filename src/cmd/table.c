#include "cmd/table.h"

#include <unistd.h>

#include "base/limits.h"

#define GAP 2
#define BENT 14		/* columns are cut to no less */
#define BENT_WORDS 24	/* nor those of words */

struct table
table_init(const struct table_column *columns, size_t n)
{
	struct table t = { .columns = columns, .n_columns = n, .arena = arena_init(GIB(1)) };

	for (size_t i = 0; i < n; i++)
		t.widths[i] = (unsigned)strlen(columns[i].title);
	return t;
}

void
table_free(struct table *t)
{
	arena_free(&t->arena);
}

int
table_row(struct table *t, enum colour colour, const char *const *cells, struct err *e)
{
	const char **grown = arena_grow(&t->arena, t->cells, t->n_rows, &t->cap_rows, t->n_columns * sizeof(*grown));
	enum colour *colours;

	if (grown == NULL)
		return arena_err(&t->arena, e);
	t->cells = grown;
	colours = arena_grow(&t->arena, t->colours, t->n_rows, &t->cap_colours, sizeof(*colours));
	if (colours == NULL)
		return arena_err(&t->arena, e);
	t->colours = colours;
	colours[t->n_rows] = colour;
	for (size_t i = 0; i < t->n_columns; i++) {
		const char *cell = cells[i] == NULL || cells[i][0] == '\0' ? "-" : cells[i];
		char *copy = arena_str(&t->arena, span_str(cell));
		unsigned n = (unsigned)strlen(cell);

		if (copy == NULL)
			return arena_err(&t->arena, e);
		grown[t->n_rows * t->n_columns + i] = copy;
		t->widths[i] = n > t->widths[i] ? n : t->widths[i];
	}
	t->n_rows++;
	return 0;
}

static unsigned
total(const struct table *t, const unsigned *w)
{
	unsigned sum = 0;

	for (size_t i = 0; i < t->n_columns; i++)
		sum += w[i] == 0 ? 0 : w[i] + (sum > 0 ? GAP : 0);
	return sum;
}

static unsigned
least(const struct table *t, size_t column)
{
	return (t->columns[column].flags & TABLE_WORDS) != 0 ? BENT_WORDS : BENT;
}

/* Take from the widest column that bends until all fits. */
static bool
bend(const struct table *t, unsigned *w, unsigned width)
{
	while (total(t, w) > width) {
		size_t widest = t->n_columns;

		for (size_t i = 0; i < t->n_columns; i++)
			if ((t->columns[i].flags & TABLE_BENDS) != 0 && w[i] > least(t, i) &&
			    (widest == t->n_columns || w[i] > w[widest]))
				widest = i;
		if (widest == t->n_columns)
			return false;
		w[widest]--;
	}
	return true;
}

/* Widths for a terminal; 0: the column is left out. */
static void
fit(const struct table *t, unsigned *w, unsigned width)
{
	size_t kept = t->n_columns;

	memcpy(w, t->widths, sizeof(t->widths));
	while (!bend(t, w, width) && kept > 0) {
		do
			kept--;
		while (kept > 0 && (t->columns[kept].flags & TABLE_SPARE) == 0);
		for (size_t i = 0; i < kept; i++)	/* the others get their width back */
			w[i] = w[i] == 0 ? 0 : t->widths[i];
		if ((t->columns[kept].flags & TABLE_SPARE) != 0)
			w[kept] = 0;
	}
}

static void
print_cell(FILE *f, const char *cell, unsigned width, bool right, bool last)
{
	unsigned n = (unsigned)strlen(cell);

	if (n > width && width > 3) {
		unsigned head = (width - 3) / 3, tail = width - 3 - head;

		(void)fprintf(f, "%.*s...%s", (int)head, cell, cell + n - tail);
		return;
	}
	if (right)
		(void)fprintf(f, "%*s", (int)width, cell);
	else
		(void)fprintf(f, "%-*s", last ? 0 : (int)width, cell);
}

static void
print_row(const struct table *t, FILE *f, const unsigned *w, const char *const *cells, enum colour first,
    enum colour others)
{
	size_t last = t->n_columns - 1;
	bool any = false;

	while (last > 0 && w[last] == 0)
		last--;
	for (size_t i = 0; i <= last; i++) {
		enum colour c = i == 0 ? first : others;

		if (w[i] == 0)
			continue;
		(void)fprintf(f, "%*s%s", any ? GAP : 0, "", c == COLOUR_PLAIN ? "" : term_colour(f, c));
		print_cell(f, cells[i], w[i], (t->columns[i].flags & TABLE_RIGHT) != 0, i == last);
		(void)fputs(c == COLOUR_PLAIN ? "" : term_reset(f), f);
		any = true;
	}
	(void)fputc('\n', f);
}

void
table_print(struct table *t, FILE *f)
{
	const char *titles[TABLE_COLUMNS];
	unsigned w[TABLE_COLUMNS];

	if (isatty(fileno(f)) == 1)
		fit(t, w, term_width(f));
	else
		memcpy(w, t->widths, sizeof(w));
	for (size_t i = 0; i < t->n_columns; i++)
		titles[i] = t->columns[i].title;
	if (!t->begun && t->n_rows > 0)
		print_row(t, f, w, titles, COLOUR_DIM, COLOUR_DIM);
	t->begun = t->begun || t->n_rows > 0;
	for (size_t i = 0; i < t->n_rows; i++)
		print_row(t, f, w, t->cells + i * t->n_columns, t->colours[i], COLOUR_PLAIN);
	arena_free(&t->arena);
	t->arena = arena_init(GIB(1));
	t->cells = NULL;
	t->colours = NULL;
	t->n_rows = t->cap_rows = t->cap_colours = 0;
}
