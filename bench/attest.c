/* Attesters in software, against a server that runs: bench-attest URL DATA STORE HOSTS SECONDS [FIRST].
 * FIRST: the number of its first host, if there are some already.
 *
 * Each host has a key, a certificate and a connection of its own, kept; each message brings a
 * fresh quote and one new entry, which the policy lists.  One line of JSON: messages, their rate,
 * and the CPU of this process; that of the server is for whoever started it to read. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/text.h"
#include "bench/attester.h"
#include "bench/measure.h"

#define FIRST 300		/* entries of a host's first message */

struct host {
	struct attester h;
	uint64_t done;
	pthread_t thread;
};

static struct attesters *all;
static struct watch start;
static double until;

/* What an agent does when the server has too much to do, or forgot its challenge meanwhile. */
static bool
put_off(struct host *h)
{
	const struct timespec while_ = { .tv_nsec = 100000000 };
	struct err e = { 0 };

	if (h->h.status != 503 && h->h.status != 409)
		return false;
	(void)nanosleep(&while_, NULL);
	return attester_hello(&h->h, &e) == 0 || h->h.status == 503 || h->h.status == 409;
}

static void
attest(struct host *h, uint64_t n)
{
	struct err e = { 0 };

	if (attester_measure(&h->h, n, &e) != 0)
		bench_die("measuring", &e);
	while (attester_evidence(all, &h->h, &e) != 0)
		if (!put_off(h))
			bench_die("attesting", &e);
	if (h->h.from != h->h.measured) {
		(void)snprintf(e.message, sizeof(e.message), "the server has %llu entries, not %llu",
		    (unsigned long long)h->h.from, (unsigned long long)h->h.measured);
		bench_die("attesting", &e);
	}
}

static void *
run(void *arg)
{
	struct host *h = arg;

	for (; watch_since(start).wall < until && h->h.measured < ATTESTER_FILES; h->done++)
		attest(h, 1);
	return NULL;
}

static void
begin(const char *url, const char *data, const char *store, struct host *hosts, uint64_t n, uint64_t first)
{
	STORE_AUTO struct store *s = NULL;
	struct err e = { 0 };

	if (attesters_new(data, 0, &all, &e) != 0 || store_open(store, 0, &s, &e) != 0 || attesters_policy(s, &e) != 0)
		bench_die("starting", &e);
	for (uint64_t i = 0; i < n; i++)
		if (attester_put(all, s, (unsigned)(first + i), &hosts[i].h, &e) != 0)
			bench_die("hosts", &e);
	for (uint64_t i = 0; i < n; i++) {
		if (attester_connect(all, &hosts[i].h, url, &e) != 0 || attester_hello(&hosts[i].h, &e) != 0)
			bench_die("connecting", &e);
		attest(&hosts[i], FIRST);
	}
}

int
main(int argc, char **argv)
{
	uint64_t n, seconds, first = 0, done = 0;
	struct host *hosts;
	struct rusage own;

	if (argc < 6 || argc > 7 || !dec_u64(span_str(argv[4]), &n) || !dec_u64(span_str(argv[5]), &seconds) || n == 0 || n > 10000 ||
	    (argc == 7 && (!dec_u64(span_str(argv[6]), &first) || first > 1000000))) {
		(void)fprintf(stderr, "usage: bench-attest URL DATA STORE HOSTS SECONDS [FIRST]\n");
		return 2;
	}
	if ((hosts = calloc(n, sizeof(*hosts))) == NULL)
		return 3;
	begin(argv[1], argv[2], argv[3], hosts, n, first);
	/* From here on the server's CPU counts: who reads it waits for this line. */
	(void)printf("ready\n");
	(void)fflush(stdout);
	(void)getchar();
	start = watch_now();
	until = (double)seconds;
	for (uint64_t i = 0; i < n; i++)
		if (pthread_create(&hosts[i].thread, NULL, run, &hosts[i]) != 0)
			return 3;
	for (uint64_t i = 0; i < n; i++) {
		pthread_join(hosts[i].thread, NULL);
		done += hosts[i].done;
	}
	double wall = watch_since(start).wall;

	getrusage(RUSAGE_SELF, &own);
	(void)printf("{\"messages\":%llu,\"wall_s\":%.3f,\"own_cpu_s\":%.3f}\n", (unsigned long long)done, wall,
	    (double)own.ru_utime.tv_sec + (double)own.ru_utime.tv_usec / 1e6 + (double)own.ru_stime.tv_sec +
	    (double)own.ru_stime.tv_usec / 1e6);
	for (uint64_t i = 0; i < n; i++)
		attester_close(&hosts[i].h);
	attesters_free(all);
	free(hosts);
	return 0;
}
