#include "bench/measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double
clock_read(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct watch
watch_now(void)
{
	return (struct watch){ clock_read(CLOCK_PROCESS_CPUTIME_ID), clock_read(CLOCK_MONOTONIC) };
}

struct watch
watch_since(struct watch start)
{
	struct watch w = watch_now();

	return (struct watch){ w.cpu - start.cpu, w.wall - start.wall };
}

void
samples_add(struct samples *s, struct watch w)
{
	if (s->n == ROUNDS_MAX)
		return;
	s->cpu[s->n] = w.cpu;
	s->wall[s->n++] = w.wall;
}

static int
order(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double
samples_median(const double *v, size_t n)
{
	double sorted[ROUNDS_MAX];

	if (n == 0)
		return 0;
	memcpy(sorted, v, n * sizeof(*v));
	qsort(sorted, n, sizeof(*sorted), order);
	return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

double
samples_min(const double *v, size_t n)
{
	double least = n > 0 ? v[0] : 0;

	for (size_t i = 1; i < n; i++)
		if (v[i] < least)
			least = v[i];
	return least;
}

static void
print_samples(const char *prefix, const struct samples *s, double scale)
{
	printf(", \"%scpu_min\": %.6g, \"%scpu_median\": %.6g, \"%swall_min\": %.6g, \"%swall_median\": %.6g",
	    prefix, samples_min(s->cpu, s->n) * scale, prefix, samples_median(s->cpu, s->n) * scale,
	    prefix, samples_min(s->wall, s->n) * scale, prefix, samples_median(s->wall, s->n) * scale);
}

/* The promise is held by the medians as well as by the minima; on a machine that does
 * other work, too, the minima are what repeats, so they decide. */
void
figure_print(const struct figure *f)
{
	const double *v = f->wall ? f->subject->wall : f->subject->cpu;
	double got = samples_min(v, f->subject->n) * f->scale, low = 0;

	printf("{\"figure\": \"%s\", \"title\": \"%s\", \"unit\": \"%s\", \"rounds\": %zu, \"decides\": \"%s\"",
	    f->name, f->title, f->unit, f->subject->n, f->wall ? "wall" : "cpu");
	print_samples("", f->subject, f->scale);
	if (f->floor != NULL) {
		low = samples_min(f->wall ? f->floor->wall : f->floor->cpu, f->floor->n) * f->scale;
		printf(", \"floor\": \"%s\"", f->floor_title);
		print_samples("floor_", f->floor, f->scale);
		printf(", \"ratio\": %.4g", got / low);
	}
	if (f->factor > 0 || f->extra > 0)
		printf(", \"factor\": %g, \"extra\": %g, \"allowed\": %.6g, \"kept\": %s", f->factor, f->extra,
		    f->factor * low + f->extra, got <= f->factor * low + f->extra ? "true" : "false");
	printf("}\n");
	fflush(stdout);
}

void
figure_value(const char *name, const char *title, const char *unit, double value, double most)
{
	printf("{\"figure\": \"%s\", \"title\": \"%s\", \"unit\": \"%s\", \"value\": %.6g", name, title,
	    unit, value);
	if (most > 0)
		printf(", \"allowed\": %g, \"kept\": %s", most, value <= most ? "true" : "false");
	printf("}\n");
	fflush(stdout);
}

void
bench_die(const char *what, const struct err *e)
{
	fprintf(stderr, "bench: %s: %s\n", what, e->message);
	exit(3);
}
