/* Changes of configuration files for people: what stays at both ends is left out. */
#include "engine/setup_plan.h"

static struct span
line_of(struct span s)
{
	size_t n = span_find(s, '\n');

	return span_head(s, n == s.n ? n : n + 1);
}

static size_t
count(struct span s)
{
	size_t n = 0;

	for (; s.n > 0; n++)
		s = span_from(s, line_of(s).n);
	return n;
}

static void
put_lines(struct buf *b, char mark, struct span s)
{
	while (s.n > 0) {
		struct span line = line_of(s);
		bool ended = line.p[line.n - 1] == '\n';

		buf_u8(b, (uint8_t)mark);
		buf_escape(b, span_head(line, line.n - ended));
		buf_str(b, ended ? "\n" : "\n\\ No newline at end of file\n");
		s = span_from(s, line.n);
	}
}

/* The last line of ${s}, its end included. */
static struct span
last_of(struct span s)
{
	size_t i = s.n == 0 ? 0 : s.n - 1;

	while (i > 0 && s.p[i - 1] != '\n')
		i--;
	return span_from(s, i);
}

void
setup_diff(const struct setup_change *c, struct buf *b)
{
	struct span x = c->existed ? c->before : span_of(NULL, 0), y = c->written.alg == DIGEST_NONE ? span_of(NULL, 0) : c->after;
	size_t head = 0, n, m;

	buf_printf(b, "--- %s\n+++ %s\n", c->existed ? c->path : "/dev/null", c->written.alg == DIGEST_NONE ? "/dev/null" : c->path);
	while (x.n > 0 && y.n > 0 && span_eq(line_of(x), line_of(y))) {
		x = span_from(x, line_of(x).n);
		y = span_from(y, line_of(y).n);
		head++;
	}
	while (x.n > 0 && y.n > 0 && span_eq(last_of(x), last_of(y))) {
		x.n -= last_of(x).n;
		y.n -= last_of(y).n;
	}
	n = count(x);
	m = count(y);
	/* diff(1) counts from the line before where there is none. */
	buf_printf(b, "@@ -%zu,%zu +%zu,%zu @@\n", head + (n > 0), n, head + (m > 0), m);
	put_lines(b, '-', x);
	put_lines(b, '+', y);
}
