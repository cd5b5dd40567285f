/* store: what a fleet takes on disk, what an attestation costs, how long a search lasts.
 *
 *	store URL HOSTS ENTRIES [DATABASE-PID | load | queries]
 *
 * The fleet is made through the store's own interface.  Each host has ENTRIES records, 99
 * in 100 shared: most of them with all, the others with some, in nearly the same order
 * (starting services race, so neighbours change places).  The CPU time of a database
 * server is that of DATABASE-PID and its children.  With "load" it only makes the fleet, and
 * prints what can be searched for: one line of JSON for each, with the API's parameters;
 * with "queries" it only prints those.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/measure.h"
#include "port/store/handle.h"
#include "tests/store/kit_db.h"

#define COMMON_PART 90		/* of 100 of a host's records: with all hosts */
#define SOME_PART 9		/* with some; the rest are its own */
#define POOL 8000		/* records that some have */
#define KEYS 4			/* signers of the records that all have */
#define LOAD 32			/* hosts at once while loading */
#define BATCH 64		/* attestations at once */
#define ROUNDS 150

static struct store *st;
static struct store_host *hosts;
static size_t n_hosts, n_entries;
static long database;
static struct arena memory;
static int64_t now = 1700000000000;

static uint64_t
mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static uint64_t
chance(void)
{
	static uint64_t state;

	return mix(++state * 7919);
}

/* -- records ----------------------------------------------------------------------------- */

static void
scatter(uint8_t *out, size_t n, uint64_t seed)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t v = mix(seed + i * 0x100000001b3u);

		memcpy(out + i, &v, n - i < 8 ? n - i : 8);
	}
}

/* A record with a path of about 50 bytes and template data of about 110, as ima-ng has. */
struct made { struct store_record r; char path[80]; uint8_t bytes[160]; char key[32]; };

static struct store_record
record(uint64_t id, struct made *m)
{
	int n = snprintf(m->path, sizeof(m->path), "/usr/lib/x86_64-linux-gnu/part-%llx/file-%08llx.so.1",
	    (unsigned long long)(id % 97), (unsigned long long)id);

	m->r = (struct store_record){ .digest = { .alg = DIGEST_SHA256, .size = 32 },
		.path = span_of(m->path, (size_t)n), .bytes = span_of(m->bytes, 68 + (size_t)n) };
	scatter(m->r.key, 32, id * 3 + 1);
	scatter(m->r.digest.v, 32, id * 3 + 2);
	scatter(m->bytes, 68, id * 3 + 3);
	memcpy(m->bytes + 68, m->path, (size_t)n);
	if (id < n_entries && id % 2 == 0)
		m->r.key_id = span_of(m->key, (size_t)snprintf(m->key, sizeof(m->key), "key %llu",
		    (unsigned long long)(id / 2 % KEYS)));
	return m->r;
}

/* Numbers of the records: below n_entries those of all, then the pool, then each host's. */
static uint64_t
nth(size_t host, size_t place)
{
	size_t part = mix(place) % 100;

	if (part < COMMON_PART)
		return place;
	if (part < COMMON_PART + SOME_PART)
		return n_entries + mix(host * 131071 + place) % POOL;
	return 1000000 + (uint64_t)host * 100000 + place;
}

/* -- the fleet ----------------------------------------------------------------------------- */

static void
die(const char *what, const struct err *e)
{
	bench_die(what, e);
}

static struct span
blob(size_t n, uint64_t seed)
{
	uint8_t *p = arena_alloc(&memory, n);

	if (p == NULL)
		exit(3);
	scatter(p, n, seed);
	return span_of(p, n);
}

static struct span resume, nonce, policy;

static void
fill_state(struct store_host *h)
{
	h->state = (struct store_state){ .verdict = 1, .verdict_since = now, .valid_until = now + 90000,
		.last_seen = now, .next_due = now + 30000, .entries = h->count, .policy_set = span_lit("default"),
		.policy = policy, .nonce = nonce, .nonce_expires = now + 60000, .resume = resume,
		.detail = span_lit("{}") };
}

static void
add_host(size_t i)
{
	struct store_host *h = &hosts[i];
	char name[64], label[64], ak[32];
	struct store_identity who = { .made = now, .trust_mode = span_lit("ca"), .ek_public = blob(314, i),
		.ek_certs = blob(2200, i + 1), .ak_public = blob(90, i + 2), .csr = blob(350, i + 3),
		.ak_name = span_of(ak, (size_t)snprintf(ak, sizeof(ak), "ak %zu", i)) };
	struct store_certificate cert = { .der = blob(600, i + 4), .issued = now, .expires = now + 1000000 };
	struct err e = { 0 };

	scatter(cert.sha256, 32, i * 5 + 77);
	*h = (struct store_host){ .name = span_of(name, (size_t)snprintf(name, sizeof(name), "host-%06zu.example.org", i)),
		.registration = STORE_ENROLLED, .made = now, .facts = blob(900, i + 5), .facts_at = now,
		.labels = span_of(label, (size_t)snprintf(label, sizeof(label), "{\"role\":\"r%zu\"}", i % 20)) };
	(void)snprintf(h->id, sizeof(h->id), "%016llx%016llx", (unsigned long long)mix(i), (unsigned long long)i);
	fill_state(h);
	if (store_host_add(st, h, &who, &cert, &e) != 0)
		die("adding a host", &e);
	h->name = h->labels = h->facts = (struct span){ 0 };
	h->trust_mode = span_lit("ca");
}

static void
load(size_t from, size_t n, struct made *room, struct store_record *records)
{
	struct store_advance v[LOAD] = { 0 };
	struct err e = { 0 };

	if (store_begin(st, &e) != 0)
		die("beginning", &e);
	for (size_t i = 0; i < n; i++) {
		struct store_record *r = records + i * n_entries;

		arena_free(&memory);
		memory = arena_init(GIB(1));
		resume = blob(900, 1);
		nonce = blob(32, 2);
		policy = blob(32, 3);
		add_host(from + i);
		for (size_t k = 0; k < n_entries; k++)
			r[k] = record(nth(from + i, k), &room[i * n_entries + k]);
		for (size_t k = 0; k + 1 < n_entries; k++) {	/* neighbours change places */
			size_t with = k + chance() % 8;
			struct store_record t = r[k];

			if (with < n_entries && chance() % 3 == 0) {
				r[k] = r[with];
				r[with] = t;
			}
		}
		fill_state(&hosts[from + i]);
		v[i] = (struct store_advance){ .host = &hosts[from + i], .boot_id = span_lit("boot-1"), .records = r,
			.n_records = n_entries };
	}
	if (store_advance(st, v, n, now, &e) != 0 || store_commit(st, &e) != 0)
		die("loading", &e);
	for (size_t i = 0; i < n; i++)
		if (v[i].rc != 0)
			die("loading a host", NULL);
}

static void
merge_all(void)
{
	struct err e = { 0 };
	uint64_t left = 1;

	while (left != 0)
		if (store_merge(st, 100000, &left, &e) != 0)
			die("merging", &e);
}

/* -- CPU time of the database -------------------------------------------------------------- */

static double
ticks_of(const char *pid, long *parent)
{
	char path[64], line[1024], *p;
	unsigned long user, sys;
	FILE *f;
	size_t n;

	(void)snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	if ((f = fopen(path, "r")) == NULL)
		return 0;
	n = fread(line, 1, sizeof(line) - 1, f);
	fclose(f);
	line[n] = '\0';
	if ((p = strrchr(line, ')')) == NULL ||
	    sscanf(p + 2, "%*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", parent, &user, &sys) != 3)
		return 0;
	return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

static double
database_cpu(void)
{
	DIR *d = database == 0 ? NULL : opendir("/proc");
	struct dirent *f;
	double sum = 0;

	if (d == NULL)
		return 0;
	while ((f = readdir(d)) != NULL) {
		long parent = 0;
		double t = isdigit((unsigned char)f->d_name[0]) ? ticks_of(f->d_name, &parent) : 0;

		if (parent == database || strtol(f->d_name, NULL, 10) == database)
			sum += t;
	}
	closedir(d);
	return sum;
}

/* -- figures ------------------------------------------------------------------------------- */

/* Attestations of random hosts; kind 0: without a new record, 1: with one that others
 * have, 2: with one that is new to the fleet. */
static void
bench_attest(int kind, const char *name, const char *title, double most)
{
	struct made room[BATCH];
	struct store_record r[BATCH];
	struct watch start;
	struct watch took;
	double before;
	struct err e = { 0 };
	static uint64_t fresh = 1ull << 50;

	before = database_cpu();
	start = watch_now();
	for (size_t round = 0; round < ROUNDS; round++) {
		struct store_advance v[BATCH] = { 0 };

		now += 1000;
		for (size_t i = 0; i < BATCH; i++) {
			struct store_host *h = &hosts[(chance() % (n_hosts / BATCH)) * BATCH + i];

			if (kind != 0)
				r[i] = record(kind == 1 ? n_entries + chance() % POOL : fresh++, &room[i]);
			fill_state(h);
			v[i] = (struct store_advance){ .host = h, .boot_id = span_lit("boot-1"), .records = &r[i],
				.n_records = kind != 0, .first = h->count };
		}
		if (store_advance(st, v, BATCH, now, &e) != 0)
			die("attesting", &e);
		for (size_t i = 0; i < BATCH; i++)
			if (v[i].rc != 0)
				die("attesting a host", NULL);
	}
	merge_all();
	took = watch_since(start);
	/* What the database's other processes do later (checkpoints) is not ours to wait for. */
	figure_value(name, title, "us", (took.cpu + database_cpu() - before) / (ROUNDS * BATCH) * 1e6, most);
	(void)snprintf(e.message, sizeof(e.message), "%s-wall", name);
	figure_value(e.message, "  until it is synced", "us", took.wall / (ROUNDS * BATCH) * 1e6, 0);
}

static void
bench_read(void)
{
	const size_t n = 5000;
	double before = database_cpu();
	struct watch start = watch_now();

	for (size_t i = 0; i < n; i++) {
		ARENA_AUTO struct arena a = arena_init(MIB(1));
		struct store_certificate c = { 0 };
		struct store_host h = { 0 };
		struct err e = { 0 };
		uint8_t sha256[32];

		scatter(sha256, 32, (chance() % n_hosts) * 5 + 77);
		if (store_host_by_cert(st, sha256, &a, &h, &c, &e) != 0)
			die("reading a host", &e);
	}
	start = watch_since(start);
	figure_value("store-read", "reading a host by its certificate", "us",
	    (start.cpu + database_cpu() - before) / (double)n * 1e6, 0);
}

static void
bench_search(enum store_by by, uint64_t first, size_t span, const char *name, const char *title)
{
	struct samples s = { 0 };
	struct made m;
	double worst = 0;

	for (size_t i = 0; i < 100; i++) {
		ARENA_AUTO struct arena a = arena_init(GIB(1));
		struct store_hits hits = { 0 };
		struct store_query q = { .by = by };
		struct store_record r = record(first + chance() % span, &m);
		struct watch took;
		struct err e = { 0 };

		q.digest = r.digest;
		q.value = by == STORE_BY_PATH ? r.path : span_lit("key 1");
		took = watch_now();
		if (store_search(st, &q, 0, 100, &a, &hits, &e) != 0)
			die("searching", &e);
		took = watch_since(took);
		if (hits.hosts == 0 || hits.n == 0 || hits.v[0].since == 0)
			die("a search found nothing", NULL);
		samples_add(&s, took);
		worst = took.wall > worst ? took.wall : worst;
	}
	/* The slowest one of a busy machine says more of the others on it. */
	figure_value(name, title, "ms", samples_median(s.wall, s.n) * 1e3, 50);
	figure_value("store-search-worst", "  the slowest", "ms", worst * 1e3, 0);
}

static int64_t
size_of(void)
{
	int64_t n = 0, pages = 0;
	struct err e = { 0 };
	bool lite = store_kind(st) == STORE_SQLITE;

	if (db_once(st->db, lite ? "PRAGMA page_count" : "SELECT pg_database_size(current_database())", "", NULL,
	    kit_number, &n, &e) != 0 ||
	    (lite && db_once(st->db, "PRAGMA page_size", "", NULL, kit_number, &pages, &e) != 0))
		die("asking for the size", &e);
	return lite ? n * pages : n;
}

static void
bench_load(void)
{
	struct made *room = calloc(LOAD * n_entries, sizeof(*room));
	struct store_record *records = calloc(LOAD * n_entries, sizeof(*records));
	struct watch start = watch_now();

	if (room == NULL || records == NULL)
		exit(3);
	for (size_t i = 0; i < n_hosts; i += LOAD) {
		load(i, n_hosts - i < LOAD ? n_hosts - i : LOAD, room, records);
		if (i / LOAD % 32 == 31)
			merge_all();
	}
	merge_all();
	start = watch_since(start);
	figure_value("store-load", "loading, a host", "us", start.wall / (double)n_hosts * 1e6, 0);
	/* 4 GiB for 100,000 hosts; in a small fleet what all share weighs more. */
	figure_value("store-size", "size, a host", "KiB", (double)size_of() / 1024 / (double)n_hosts,
	    n_hosts < 5000 ? 0 : 4.0 * 1024 * 1024 / 100000);
	free(room);
	free(records);
}

static void
print_query(const char *what, const char *by, struct span value, bool hex)
{
	BUF_AUTO struct buf b = buf_init(KIB(4));

	if (hex)
		buf_hex(&b, value);
	else
		buf_span(&b, value);
	(void)printf("{\"what\":\"%s\",\"query\":\"%s=%s%s\"}\n", what, by, hex ? "sha256:" : "", buf_cstr(&b));
}

/* A record that all have. */
static uint64_t
of_all(void)
{
	uint64_t all = 1;

	while (mix(all) % 100 >= COMMON_PART)
		all++;
	return all;
}

static void
print_queries(void)
{
	struct made m;

	for (uint64_t i = 0; i < 20; i++) {
		struct store_record r = record(n_entries + i, &m);

		print_query("a digest that some have", "digest", digest_view(&r.digest), true);
		print_query("a path that some have", "path", r.path, false);
	}
	struct store_record r = record(of_all(), &m);

	print_query("a digest that all have", "digest", digest_view(&r.digest), true);
}

int
main(int argc, char **argv)
{
	struct err e = { 0 };

	if (argc < 4) {
		fputs("usage: store URL HOSTS ENTRIES [DATABASE-PID | load | queries]\n", stderr);
		return 2;
	}
	bool only_load = argc > 4 && strcmp(argv[4], "load") == 0;

	n_hosts = strtoul(argv[2], NULL, 10);
	n_entries = strtoul(argv[3], NULL, 10);
	database = argc > 4 && !only_load ? strtol(argv[4], NULL, 10) : 0;
	memory = arena_init(GIB(1));
	if (n_hosts < BATCH || n_entries == 0 || (hosts = calloc(n_hosts, sizeof(*hosts))) == NULL)
		return 2;
	if (store_open(argv[1], STORE_CREATE, &st, &e) != 0)
		die(argv[1], &e);
	if (argc > 4 && strcmp(argv[4], "queries") == 0) {
		print_queries();
		store_close(st);
		return 0;
	}
	bench_load();
	if (only_load) {
		print_queries();
		store_close(st);
		return 0;
	}
	bench_read();
	bench_attest(0, "store-attest", "attestation without a new entry", 100);
	bench_attest(1, "store-attest-shared", "with an entry that others have", 100);
	bench_attest(2, "store-attest-new", "with an entry new to the fleet", 100);
	bench_search(STORE_BY_DIGEST, n_entries, POOL, "store-search-some", "search: a digest that some have");
	bench_search(STORE_BY_PATH, n_entries, POOL, "store-search-path", "search: a path that some have");
	bench_search(STORE_BY_DIGEST, of_all(), 1, "store-search-all", "search: a digest that all have");
	bench_search(STORE_BY_KEY, 1, 1, "store-search-key", "search: a signing key");
	store_close(st);
	arena_free(&memory);
	free(hosts);
	return 0;
}
