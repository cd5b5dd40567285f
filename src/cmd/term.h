/* term.h: what a person sees: colour, width, tables, progress.
 *
 * Colour only on a terminal, and never with NO_COLOR (no-color.org) or TERM=dumb.
 * Progress goes to stderr, only if that is a terminal, and leaves nothing behind.
 */
#ifndef CMD_TERM_H
#define CMD_TERM_H

#include <stdio.h>

#include "base/span.h"

enum colour { COLOUR_PLAIN, COLOUR_GOOD, COLOUR_BAD, COLOUR_WARN, COLOUR_DIM, COLOUR_BOLD };

/** term_colour(f, c): The escape sequence that starts ${c} on ${f}, or "". */
const char *term_colour(FILE *f, enum colour c);
const char *term_reset(FILE *f);

/** term_width(f): Columns; 80 where it cannot be known. */
unsigned term_width(FILE *f);

/** term_left(f, used): Columns left on a line of a terminal; 0, "no limit", where ${f} is
 * none: what goes into a pipe or a file is whole. */
unsigned term_left(FILE *f, unsigned used);

/** term_name(f, name, width): Print a name, escaped, cut in its middle with "..." so
 * that it takes at most ${width} columns (0: no limit). */
void term_name(FILE *f, struct span name, unsigned width);

/** term_text(f, text, indent, hang): A paragraph, its lines broken between words at the
 * width of ${f} (not at all where that is no terminal), the first one indented by
 * ${indent}, the others by ${hang} columns; ends with a line end. */
void term_text(FILE *f, const char *text, unsigned indent, unsigned hang);

/** A progress bar: start, update as often as you like (drawn at most ten times a
 * second), end.  total 0: unknown, a counter is shown.  Not for several threads at
 * once: the thread that draws reads what the others count. */
struct progress {
	FILE *f;
	const char *what;
	uint64_t total, drawn_ns;
	bool shown;
};
void progress_start(struct progress *p, const char *what, uint64_t total);
void progress_update(struct progress *p, uint64_t done, const char *unit);
void progress_end(struct progress *p);

#endif
