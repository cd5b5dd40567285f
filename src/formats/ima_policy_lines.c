/* ima_policy_lines.c: how a policy file falls into the pieces that the kernel parses.
 *
 * ima_write_policy() copies at most PAGE_SIZE - 1 bytes of a write, puts a NUL behind
 * them, and ima_parse_add_rule() takes what stands before the first line end or NUL
 * and says that it used one byte more.  So in a line of 4096 bytes and more, byte
 * 4096 is lost and what follows it is parsed as the next rule; a NUL is as good as a
 * line end; and a write that begins with '/' is a file name, whose rest is dropped.
 *
 * ima_read_policy() takes a whole file line by line without a limit, stops at a NUL,
 * and fails unless the bytes used add up to the file's size: a last line without
 * line end counts one byte too many.
 */
#include "formats/ima_policy_internal.h"

#define WRITE_MAX 4095	/* PAGE_SIZE - 1, where a page is 4 KiB */

struct ima_lines
ima_lines_init(struct span in, enum ima_load load)
{
	return (struct ima_lines){ .in = in, .load = load, .line = 1 };
}

/* The first line end or NUL in ${s}, or its length. */
static size_t
find_end(struct span s)
{
	size_t n = span_find(s, '\n');
	size_t nul = span_find(span_head(s, n), '\0');

	return nul < n ? nul : n;
}

static void
use(struct ima_lines *l, size_t n)
{
	for (size_t end = l->off + n; l->off < end && l->off < l->in.n; l->off++)
		if (l->in.p[l->off] == '\n') {
			l->line++;
			l->line_start = l->off + 1;
		}
}

static void
next_written(struct ima_lines *l, struct ima_line *out)
{
	struct span left = span_from(l->in, l->off), w = span_head(left, WRITE_MAX);
	size_t n = find_end(w);

	out->text = span_head(w, n);
	out->include = span_starts(w, span_lit("/"));
	if (n < w.n) {
		out->nul = w.p[n] == '\0';
	} else if (w.n < left.n) {
		/* The byte behind the cut is skipped; if it is the line end, nothing is lost. */
		out->cut = left.p[w.n] != '\n';
	} else {
		out->no_newline = true;
	}
	/* A file name's write is used up whole (ima_read_policy returns its strlen). */
	use(l, out->include ? span_find(w, '\0') : n + 1);
	l->rest = out->cut;
	l->ended = l->off >= l->in.n;
}

static void
next_read(struct ima_lines *l, struct ima_line *out)
{
	struct span left = span_from(l->in, l->off);
	size_t n = find_end(left);

	out->text = span_head(left, n);
	if (n == left.n)
		out->no_newline = true;
	else if (left.p[n] == '\0')
		out->nul = n + 1 < left.n;	/* as the very last byte it fits the count */
	l->ended = n >= left.n || left.p[n] == '\0' || n + 1 == left.n;
	use(l, n + 1);
}

bool
ima_lines_next(struct ima_lines *l, struct ima_line *out)
{
	if (l->ended || l->off >= l->in.n)
		return false;
	*out = (struct ima_line){ .line = l->line, .column = l->off - l->line_start + 1,
	    .rest = l->rest };
	if (l->load == IMA_LOAD_WRITE)
		next_written(l, out);
	else
		next_read(l, out);
	return true;
}
