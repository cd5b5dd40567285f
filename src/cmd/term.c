#include "cmd/term.h"

#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"

static bool
wants_colour(FILE *f)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no == NULL || no[0] == '\0') && (term == NULL || strcmp(term, "dumb") != 0) &&
	    isatty(fileno(f)) == 1;
}

const char *
term_colour(FILE *f, enum colour c)
{
	static const char *const codes[] = {
		[COLOUR_PLAIN] = "", [COLOUR_GOOD] = "\033[32m", [COLOUR_BAD] = "\033[31m",
		[COLOUR_WARN] = "\033[33m", [COLOUR_DIM] = "\033[2m", [COLOUR_BOLD] = "\033[1m",
	};

	return wants_colour(f) ? codes[c] : "";
}

const char *
term_reset(FILE *f)
{
	return wants_colour(f) ? "\033[0m" : "";
}

unsigned
term_width(FILE *f)
{
	struct winsize w;

	if (ioctl(fileno(f), TIOCGWINSZ, &w) == 0 && w.ws_col > 20)
		return w.ws_col;
	return 80;
}

unsigned
term_left(FILE *f, unsigned used)
{
	unsigned width = term_width(f);

	if (isatty(fileno(f)) != 1)
		return 0;
	return width > used + 20 ? width - used : 20;
}

void
term_name(FILE *f, struct span name, unsigned width)
{
	BUF_AUTO struct buf b = buf_init(SIZE_MAX / 2);

	buf_escape(&b, name);
	if (width < 8 || b.n <= width) {
		fwrite(b.p, 1, b.n, f);
		return;
	}
	/* The end of a path says more than its beginning. */
	size_t head = (width - 3) / 3, tail = width - 3 - head;
	fprintf(f, "%.*s...%.*s", (int)head, (char *)b.p, (int)tail, (char *)b.p + b.n - tail);
}

void
term_text(FILE *f, const char *text, unsigned indent, unsigned hang)
{
	unsigned limit = term_left(f, 0), at = indent;

	fprintf(f, "%*s", (int)indent, "");
	while (*text != '\0') {
		unsigned n = (unsigned)strcspn(text, " ");

		if (limit != 0 && at + n >= limit && at > hang) {
			fprintf(f, "\n%*s", (int)hang, "");
			at = hang;
		}
		fwrite(text, 1, n, f);
		at += n;
		text += n;
		if (*text == ' ') {
			fputc(' ', f);
			at++;
			text++;
		}
	}
	fputc('\n', f);
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void
progress_start(struct progress *p, const char *what, uint64_t total)
{
	*p = (struct progress){ .f = stderr, .what = what, .total = total,
	    .drawn_ns = now_ns(), .shown = isatty(STDERR_FILENO) == 1 };
}

void
progress_update(struct progress *p, uint64_t count, const char *unit)
{
	uint64_t now;

	if (!p->shown || (now = now_ns()) - p->drawn_ns < 100000000u)
		return;
	p->drawn_ns = now;
	if (p->total == 0) {
		fprintf(p->f, "\r\033[K%s: %llu %s", p->what, (unsigned long long)count, unit);
	} else {
		unsigned cells = 30;
		uint64_t part = count < p->total ? count : p->total;
		unsigned full = (unsigned)((double)part / (double)p->total * cells);

		fprintf(p->f, "\r\033[K%s [", p->what);
		for (unsigned i = 0; i < cells; i++)
			fputc(i < full ? '#' : '.', p->f);
		fprintf(p->f, "] %3u%%  %llu of %llu %s",
		    (unsigned)((double)part / (double)p->total * 100),
		    (unsigned long long)count, (unsigned long long)p->total, unit);
	}
	fflush(p->f);
}

void
progress_end(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", p->f);
	p->shown = false;
}
