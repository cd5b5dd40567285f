/* table: what a compiled policy costs to load and to ask.
 *
 *	table PATHS DIGESTS-PER-PATH FILE [ROUNDS]
 *
 * FILE is written if it is not there, with that many paths, and then mapped as a
 * command maps it.  Loading must not depend on the number of paths; looking up is
 * measured over paths in random order, every one of them known, and over others.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "bench/measure.h"
#include "crypto/digest.h"
#include "formats/runtime_policy.h"

#define FINDS 100000

static struct samples loads, hits, misses;

static struct span
path_of(uint64_t i, char room[static 160])
{
	return span_of(room, (size_t)snprintf(room, 160, "/usr/lib/package-%llu/some-directory/name-%llu",
	    (unsigned long long)(i % 99991), (unsigned long long)i));
}

static void
make(const char *file, uint64_t paths, uint64_t each)
{
	POLICY_BUILDER_AUTO struct policy_builder *b = NULL;
	BUF_AUTO struct buf out = buf_init(LIMIT_POLICY_TABLE);
	struct err e = { 0 };
	char room[160];

	if (policy_builder_new(&b, &e) != 0)
		bench_die("policy", &e);
	for (uint64_t i = 0; i < paths * each; i++) {
		struct digest d = { .alg = DIGEST_SHA256, .size = 32 };

		for (uint64_t k = 0, x = i + 1; k < 32; k++) {
			x = x * 6364136223846793005u + 1442695040888963407u;
			d.v[k] = (uint8_t)(x >> 56);
		}
		if (policy_builder_add(b, path_of(i / each, room), &d, 0, POLICY_NO_PACKAGE, &e) != 0)
			bench_die("policy", &e);
	}

	struct runtime_policy p;

	runtime_policy_init(&p);
	if ((p.layers = arena_array(&p.arena, 1, sizeof(*p.layers))) == NULL)
		exit(3);
	p.layers[p.n_layers++].name = span_lit("bench");
	if (runtime_policy_take(&p, b, &e) != 0 || runtime_policy_compile(&p, &out, &e) != 0 ||
	    file_write(file, buf_view(&out), 0644, &e) != 0)
		bench_die("policy", &e);
	runtime_policy_free(&p);
}

static void
find(const struct policy_table *t, uint64_t paths, bool known, struct samples *s)
{
	char room[160];
	struct policy_iter it;
	uint64_t x = 88172645463325252u, found = 0;
	struct watch w = { 0 };

	/* Paths are written in batches outside the watch. */
	static char names[1000][160];
	static struct span spans[1000];

	for (size_t batch = 0; batch < FINDS / 1000; batch++) {
		for (size_t i = 0; i < 1000; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			spans[i] = path_of(known ? x % paths : paths + x % paths, room);
			memcpy(names[i], room, spans[i].n);
			spans[i].p = (const uint8_t *)names[i];
		}
		struct watch start = watch_now(), took;

		for (size_t i = 0; i < 1000; i++)
			found += policy_table_find(t, spans[i], &it);
		took = watch_since(start);
		w.cpu += took.cpu;
		w.wall += took.wall;
	}
	if (found != (known ? FINDS : 0))
		exit(3);
	samples_add(s, (struct watch){ w.cpu / FINDS, w.wall / FINDS });
}

int
main(int argc, char **argv)
{
	struct err e = { 0 };
	size_t rounds = argc > 4 ? strtoull(argv[4], NULL, 10) : 15;
	uint64_t paths = argc > 3 ? strtoull(argv[1], NULL, 10) : 0;
	char load[80], ask[80], miss[80];

	if (paths == 0)
		return 2;
	if (access(argv[3], F_OK) != 0)
		make(argv[3], paths, strtoull(argv[2], NULL, 10));
	(void)snprintf(load, sizeof(load), "policy of %llu paths: load", (unsigned long long)paths);
	(void)snprintf(ask, sizeof(ask), "policy of %llu paths: find", (unsigned long long)paths);
	(void)snprintf(miss, sizeof(miss), "policy of %llu paths: find nothing", (unsigned long long)paths);
	for (size_t i = 0; i < rounds; i++) {
		FILE_AUTO struct file f = { 0 };
		struct runtime_policy p;
		struct watch start = watch_now();

		if (file_map(argv[3], LIMIT_POLICY_TABLE, &f, &e) != 0 ||
		    runtime_policy_parse(file_view(&f), &p, &e) != 0)
			bench_die(argv[3], &e);
		samples_add(&loads, watch_since(start));
		find(&p.table, paths, true, &hits);
		find(&p.table, paths, false, &misses);
		runtime_policy_free(&p);
	}
	figure_print(&(struct figure){ .name = "table-load", .title = load, .unit = "us", .scale = 1e6,
	    .subject = &loads });
	figure_print(&(struct figure){ .name = "table-find", .title = ask, .unit = "ns", .scale = 1e9,
	    .subject = &hits });
	figure_print(&(struct figure){ .name = "table-miss", .title = miss, .unit = "ns", .scale = 1e9,
	    .subject = &misses });
	return 0;
}
