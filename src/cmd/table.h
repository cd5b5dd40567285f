/* table.h: rows of words for a terminal.
 *
 * On a terminal a table is at most as wide as it: columns that bend are cut in their
 * middle first (what is words not so far that it says nothing), then those that can be
 * missed are left out, from the right.  Into a pipe or a file every cell is whole.  Cells are text that was escaped already.
 */
#ifndef CMD_TABLE_H
#define CMD_TABLE_H

#include "base/arena.h"
#include "cmd/term.h"

#define TABLE_COLUMNS 10

enum table_flags { TABLE_BENDS = 1, TABLE_SPARE = 2, TABLE_RIGHT = 4, TABLE_WORDS = 8 };

struct table_column { const char *title; unsigned flags; };

struct table {
	const struct table_column *columns;
	size_t n_columns;
	struct arena arena;
	const char **cells;		/* row by row */
	enum colour *colours;		/* of each row's first cell */
	size_t n_rows, cap_rows, cap_colours;
	unsigned widths[TABLE_COLUMNS];
	bool begun;			/* the titles were printed */
};

struct table table_init(const struct table_column *columns, size_t n);
void table_free(struct table *t);

/** table_row(t, colour, cells, e): Cells are copied; NULL is "-". */
MUST_CHECK int table_row(struct table *t, enum colour colour, const char *const *cells, struct err *e);

/** table_print(t, f): What was added since the last time; titles once. */
void table_print(struct table *t, FILE *f);

#define TABLE_AUTO __attribute__((cleanup(table_free)))

#endif
