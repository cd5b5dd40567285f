/* Promise: what was acknowledged is there, whatever happens to the writer or the database.
 *
 *	store-crash make URL		a store with some hosts
 *	store-crash write URL		attestations without end; a line "ack HOST REVISION
 *			COUNT" once each was stored, "busy" or "full" when the store says so
 *	store-crash check URL <ACKS	whether all of them are there, and the lists whole
 *	store-crash kill URL TIMES	a writer, killed at a random moment, so many times
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "port/store/handle.h"
#include "tests/store/kit.h"

#define HOSTS 6

static const char *url;

/* The record at each place of each host's list: some shared, some its own. */
static struct store_record
expected(uint32_t host, uint64_t index)
{
	return kit_record(index % 3 == 0 ? index : 1000000 * (uint64_t)host + index);
}

static void
make(void)
{
	STORE_AUTO struct store *s = kit_store(url);

	for (unsigned i = 0; i < HOSTS; i++) {
		struct store_host h;

		kit_host(s, i, &h);
	}
}

static void
say(const char *line)
{
	if (write(STDOUT_FILENO, line, strlen(line)) < 0)
		exit(0);
}

static void
say_ack(const struct store_host *h)
{
	char line[96];

	(void)snprintf(line, sizeof(line), "ack %u %llu %llu\n", h->number, (unsigned long long)h->revision,
	    (unsigned long long)h->count);
	say(line);
}

static void
nap(long ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

static int
read_hosts(struct store *s, struct store_host *h, struct arena *a, struct err *e)
{
	int rc = 0;

	for (uint32_t i = 0; i < HOSTS && rc == 0; i++)
		rc = store_host_by_number(s, i + 1, a, &h[i], e);
	return rc;
}

/* One batch: every host gets up to two records, and sometimes a verdict and an event. */
static int
write_batch(struct store *s, struct store_host *h, unsigned turn, struct err *e)
{
	struct store_record r[HOSTS][2];
	struct store_interval change[HOSTS];
	struct store_event event[HOSTS];
	struct store_advance v[HOSTS] = { 0 };
	int rc;

	for (size_t i = 0; i < HOSTS; i++) {
		r[i][0] = expected(h[i].number, h[i].count);
		r[i][1] = expected(h[i].number, h[i].count + 1);
		h[i].state.verdict = (uint8_t)(turn / 5 % 2);
		change[i] = (struct store_interval){ .from = turn, .verdict = h[i].state.verdict };
		event[i] = (struct store_event){ .at = turn, .kind = span_lit("verdict") };
		v[i] = (struct store_advance){ .host = &h[i], .boot_id = span_lit("boot"), .records = r[i],
			.n_records = (turn + i) % 3, .first = h[i].count };
		if (turn % 5 == 0) {
			v[i].change = &change[i];
			v[i].events = &event[i];
			v[i].n_events = 1;
		}
	}
	if ((rc = store_advance(s, v, HOSTS, turn, e)) != 0)
		return rc;
	for (size_t i = 0; i < HOSTS; i++)
		if (v[i].rc == 0)
			say_ack(&h[i]);
		else
			rc = v[i].rc;
	return rc;
}

static int
write_on(struct store *s, struct err *e)
{
	ARENA_AUTO struct arena a = arena_init(MIB(64));
	struct store_host h[HOSTS];
	uint64_t left;
	int rc = read_hosts(s, h, &a, e);

	for (unsigned turn = 1; rc == 0; turn++) {
		rc = write_batch(s, h, turn, e);
		if (rc == 0 && turn % 7 == 0)
			rc = store_merge(s, 10, &left, e);
		/* Made in memory that is never given back: enough for a test. */
		if (turn % 200 == 0)
			return ERR_CONFLICT;
	}
	return rc;
}

static void
write_for_ever(void)
{
	struct store *s = NULL;
	struct err e = { 0 };
	int rc = store_open(url, 0, &s, &e);

	for (;;) {
		if (rc == 0)
			rc = write_on(s, &e);
		if (rc == ERR_STORE_BUSY) {
			say("busy\n");
			nap(50);
		} else if (rc == ERR_STORE && strstr(e.hint, "make room") != NULL) {
			say("full\n");
			nap(50);
		} else if (rc != ERR_CONFLICT) {
			fprintf(stderr, "store-crash: %s\n", e.message);
			exit(1);
		}
		arena_free(&kit_arena);
		kit_arena = arena_init(GIB(1));
		rc = s == NULL ? store_open(url, 0, &s, &e) : 0;
	}
}

/* -- checking ------------------------------------------------------------------------------ */

struct acks {
	uint64_t revision[HOSTS + 1], count[HOSTS + 1];
	size_t n;
	uint8_t seen[HOSTS + 1][1 << 16];	/* revisions of a host that were acknowledged */
	bool twice;
};

static void
take_acks(struct acks *a, FILE *f)
{
	unsigned long long revision, count;
	unsigned host;
	char line[128];

	while (fgets(line, sizeof(line), f) != NULL) {
		/* The last line of a writer that was killed may be a part of one. */
		if (strchr(line, '\n') == NULL || sscanf(line, "ack %u %llu %llu", &host, &revision, &count) != 3 ||
		    host == 0 || host > HOSTS)
			continue;
		a->n++;
		if (revision < sizeof(a->seen[0]) && a->seen[host][revision]++ != 0)
			a->twice = true;
		if (revision >= a->revision[host]) {
			a->revision[host] = revision;
			a->count[host] = count;
		}
	}
}

struct walk { uint32_t host; uint64_t next; bool same; };

static int
compare(void *ctx, const struct store_log_item *i, struct err *e)
{
	struct walk *w = ctx;

	(void)e;
	w->same = w->same && i->index == w->next && span_eq(i->bytes, expected(w->host, w->next).bytes);
	w->next++;
	return 0;
}

/* Returns what is wrong, or NULL. */
static const char *
wrong(struct store *s, const struct acks *a, uint64_t last)
{
	struct err e = { 0 };

	for (uint32_t n = 1; n <= HOSTS; n++) {
		struct store_host h;
		struct walk w = { .host = n, .same = true };

		must(store_host_by_number(s, n, &kit_arena, &h, &e), &e, "reading");
		if (h.revision < a->revision[n])
			return "a revision that was acknowledged is lost";
		if (h.count < a->count[n])
			return "entries that were acknowledged are lost";
		w.next = h.count > last ? h.count - last : 0;
		must(store_log_read(s, h.boot, w.next, UINT64_MAX, compare, &w, &e), &e, "log");
		if (h.boot != 0 && (!w.same || w.next != h.count))
			return "a list is not as it was sent";
	}
	return a->twice ? "a revision was given twice" : NULL;
}

/* Every record of the first host's list is found with it by a search. */
static const char *
searches(struct store *s)
{
	struct store_host h;
	struct err e = { 0 };

	must(store_host_by_number(s, 1, &kit_arena, &h, &e), &e, "reading");
	for (uint64_t i = 0; i < h.count; i += 1 + h.count / 50) {
		struct store_query q = { .by = STORE_BY_PATH, .value = expected(1, i).path };
		struct store_hits hits = { 0 };

		must(store_search(s, &q, 0, 1, &kit_arena, &hits, &e), &e, "searching");
		if (hits.n == 0 || hits.v[0].host != 1)
			return "a search does not find what is in a list";
	}
	return NULL;
}

static int
integrity(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	(void)item;
	(void)n;
	(void)e;
	if (!span_is(row[0].s, "ok"))
		*(bool *)ctx = true;
	return 0;
}

static void
check_whole(const struct acks *a, const char *what)
{
	STORE_AUTO struct store *s = kit_store(url);
	const char *bad = wrong(s, a, UINT64_MAX);
	bool damaged = false;
	struct err e = { 0 };

	if (!ok(a->n != 0 && bad == NULL, "%s: all %zu acknowledged writes are there, lists whole", what, a->n))
		diag("%s", bad == NULL ? "nothing was acknowledged" : bad);
	bad = searches(s);
	if (!ok(bad == NULL, "%s: and can be searched", what))
		diag("%s", bad);
	if (store_kind(s) != STORE_SQLITE)
		return;
	must(db_once(s->db, "PRAGMA integrity_check", "", NULL, integrity, &damaged, &e), &e, "integrity");
	ok(!damaged, "%s: the file is sound", what);
}

/* -- killing ------------------------------------------------------------------------------- */

static pid_t
start_writer(const char *self, int *from)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds) != 0 || (pid = fork()) < 0)
		exit(3);
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execl(self, self, "write", url, NULL);
		_exit(127);
	}
	close(fds[1]);
	*from = fds[0];
	return pid;
}

/* Lets it write until some random moment, mostly behind its first acknowledgement. */
static void
kill_once(const char *self, struct acks *a, unsigned *seed)
{
	struct pollfd p = { .events = POLLIN };
	pid_t pid = start_writer(self, &p.fd);
	struct timespec t = { .tv_nsec = (long)(rand_r(seed) % 40) * 1000000 + rand_r(seed) % 1000000 };
	FILE *f;

	if (rand_r(seed) % 8 != 0)
		(void)poll(&p, 1, 20000);
	nanosleep(&t, NULL);
	kill(pid, SIGKILL);
	if ((f = fdopen(p.fd, "r")) == NULL)
		exit(3);
	take_acks(a, f);
	fclose(f);
	waitpid(pid, NULL, 0);
}

static void
kill_often(const char *self, unsigned times)
{
	static struct acks a;
	const char *bad = NULL;
	unsigned seed = (unsigned)time(NULL), i;

	diag("seed %u", seed);
	make();
	for (i = 0; i < times && bad == NULL; i++) {
		kill_once(self, &a, &seed);

		STORE_AUTO struct store *s = kit_store(url);

		bad = wrong(s, &a, 200);
		arena_free(&kit_arena);
		kit_arena = arena_init(GIB(1));
	}
	if (!ok(bad == NULL, "a writer was killed %u times: nothing acknowledged is lost", i))
		diag("%s", bad);
	check_whole(&a, "behind all that");
}

int
main(int argc, char **argv)
{
	static struct acks a;

	if (argc < 3) {
		fputs("usage: store-crash make|write|check|kill URL [TIMES]\n", stderr);
		return 2;
	}
	kit_arena = arena_init(GIB(1));
	url = argv[2];
	if (strcmp(argv[1], "write") == 0)
		write_for_ever();
	if (strcmp(argv[1], "make") == 0) {
		make();
		return 0;
	}
	if (strcmp(argv[1], "kill") == 0) {
		kill_often(argv[0], (unsigned)strtoul(argc > 3 ? argv[3] : "100", NULL, 10));
	} else {
		take_acks(&a, stdin);
		check_whole(&a, "read again");
	}
	return kit_done();
}
