/* measure.h: taking times, and saying them beside what they must not exceed.
 *
 * A figure is measured in rounds, floor and subject in turn, so that both see the
 * same machine; the smallest and the median of each are reported.  CPU time is the
 * process's (CLOCK_PROCESS_CPUTIME_ID).  One figure is one line of JSON on standard
 * output, which tools/bench makes a table of.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "base/err.h"

#define ROUNDS_MAX 1000

struct watch { double cpu, wall; };		/* seconds */

struct watch watch_now(void);
struct watch watch_since(struct watch start);

struct samples {
	size_t n;
	double cpu[ROUNDS_MAX], wall[ROUNDS_MAX];
};

void samples_add(struct samples *s, struct watch w);
double samples_min(const double *v, size_t n);
double samples_median(const double *v, size_t n);

struct figure {
	const char *name;		/* one word */
	const char *title, *floor_title;
	const char *unit;		/* "ms", "us", "ns", "MiB", "MB/s" */
	double scale;			/* seconds times this give the unit */
	const struct samples *subject, *floor;	/* floor may be NULL */
	double factor, extra;		/* promised: at most factor * floor + extra (in the unit);
					   both zero: nothing is promised */
	bool wall;			/* wall-clock time decides, not CPU time */
};

/** figure_print(f): The line of JSON. */
void figure_print(const struct figure *f);

/** figure_value(name, title, unit, value, most): One number without rounds. */
void figure_value(const char *name, const char *title, const char *unit, double value, double most);

/** bench_die(what, e): An error ends the program with status 3. */
_Noreturn void bench_die(const char *what, const struct err *e);

#endif
