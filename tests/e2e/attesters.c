/* attesters DATA STORE [FIRST+]HOSTS PAUSE-MS URL...: hosts that attest through whatever happens to their servers.
 *
 * Each is a thread: a file runs, evidence goes out; what fails is followed by a short pause, the
 * next server and a hello.  They begin when all have spoken once ("ready"); a line "silent" makes them
 * be so until a line "go"; a line "keys" writes the host's keys and certificates to
 * DATA/host-0.pem and so on, for other clients; a line "stop" ends them; then all speak once more, if there is somebody, and what the store has is compared with
 * what each host measured, byte by byte, and with what was acknowledged.  Output: "state ..." for
 * each line "state" of input, and one object of JSON at the end:
 *	messages, faults, turns	acknowledged; that failed; to another server
 *	lost			hosts of which acknowledged entries are not in the store, or are others
 *	behind			hosts whose last message was not taken
 *	gap_ms			the longest time a host was without an acknowledgement
 *	answers			how often which status came (0: no answer)
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "bench/attester.h"
#include "formats/attest_message.h"

#define FIRST 20		/* entries of the first message */
#define PATIENCE_MS 4000		/* with a server that says nothing, if there are others */
#define LAST_MS 60000		/* for the last one to be taken */

struct host {
	struct attester h;
	pthread_t thread;
	unsigned number;
	size_t at;			/* server */
	uint64_t messages, faults, turns, answers[600];
	int64_t last, gap;		/* ms */
	bool spoken, behind, lost, must_hello;
};

static struct attesters *all;
static char **urls;
static size_t n_urls;
static unsigned pause_ms;
static atomic_bool stop, silent;
static atomic_uint ready;
static atomic_ullong total;
static atomic_bool broken;

static int64_t
clock_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
nap(unsigned ms)
{
	struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&t, NULL);
}

static void
die(const char *what, const struct err *e)
{
	(void)fprintf(stderr, "attesters: %s: %s\n", what, e->message);
	exit(3);
}

/* One message, and what it means for the next. */
static bool
speak(struct host *h)
{
	struct err e = { 0 };
	int rc = 0;
	int64_t now;

	if (h->must_hello)
		rc = attester_hello(&h->h, &e);
	h->must_hello = rc != 0;
	if (rc == 0)
		rc = attester_evidence(all, &h->h, &e);
	now = clock_ms();
	h->answers[h->h.status < 600 ? h->h.status : 599]++;
	if (rc == ERR_MISMATCH) {
		(void)fprintf(stderr, "attesters: %s\n", e.message);
		h->lost = true;
		atomic_store(&broken, true);
	}
	if (rc != 0 || h->h.from != h->h.measured) {
		h->faults++;
		h->must_hello = true;
		return false;
	}
	h->gap = h->last != 0 && now - h->last > h->gap ? now - h->last : h->gap;
	h->last = now;
	h->messages++;
	atomic_fetch_add(&total, 1);
	return true;
}

static void
next_server(struct host *h)
{
	struct err e = { 0 };

	h->at = (h->at + 1) % n_urls;
	h->turns += n_urls > 1;
	if (attester_connect(all, &h->h, urls[h->at], &e) != 0)
		die("connecting", &e);
}

static void
come_to_word(struct host *h, int64_t until, bool stoppable)
{
	while (!speak(h) && clock_ms() < until && !(stoppable && atomic_load(&stop)) && !h->lost) {
		nap(20 + h->number % 7 * 10);
		next_server(h);
	}
}

static void *
run(void *arg)
{
	struct host *h = arg;
	struct err e = { 0 };

	h->must_hello = true;
	if (attester_measure(&h->h, FIRST, &e) != 0)
		die("measuring", &e);
	come_to_word(h, clock_ms() + LAST_MS, false);
	atomic_fetch_add(&ready, 1);
	while (!atomic_load(&stop) && !h->lost && h->h.measured < ATTESTER_FILES) {
		nap(pause_ms);
		if (atomic_load(&silent))
			continue;
		if (attester_measure(&h->h, 1, &e) != 0)
			die("measuring", &e);
		come_to_word(h, INT64_MAX, true);
	}
	if (!atomic_load(&silent))
		come_to_word(h, clock_ms() + LAST_MS, false);
	h->behind = h->h.from != h->h.measured;
	return NULL;
}

/* -- the store ----------------------------------------------------------------------------- */

struct compare { uint64_t n; bool same; };

static int
compare_record(void *ctx, const struct store_log_item *item, struct err *e)
{
	struct compare *c = ctx;
	BUF_AUTO struct buf want = buf_init(KIB(4));
	int rc = attester_record(c->n++, &want, e);

	c->same = c->same && span_eq(item->bytes, buf_view(&want));
	return rc;
}

static void
check(struct store *s, struct host *h)
{
	ARENA_AUTO struct arena a = arena_init(MIB(16));
	struct compare c = { .same = true };
	struct store_host row;
	struct err e = { 0 };

	if (store_host_by_id(s, h->h.id, &a, &row, &e) != 0 ||
	    store_log_read(s, row.boot, 0, UINT64_MAX / 2, compare_record, &c, &e) != 0)
		die("reading the store", &e);
	if (c.same && c.n >= h->h.acknowledged && c.n <= h->h.measured && c.n == row.count)
		return;
	(void)fprintf(stderr, "attesters: %s: %llu entries stored (%llu said), %llu acknowledged, %llu measured%s\n", h->h.id,
	    (unsigned long long)c.n, (unsigned long long)row.count, (unsigned long long)h->h.acknowledged,
	    (unsigned long long)h->h.measured, c.same ? "" : ", and they are others");
	h->lost = true;
}

static void
report(struct host *hosts, size_t n, const char *store)
{
	STORE_AUTO struct store *s = NULL;
	uint64_t messages = 0, faults = 0, turns = 0, lost = 0, behind = 0, answers[600] = { 0 };
	json_t *by = json_object(), *j;
	int64_t gap = 0;
	struct err e = { 0 };

	if (store_open(store, 0, &s, &e) != 0)
		die(store, &e);
	for (size_t i = 0; i < n; i++) {
		check(s, &hosts[i]);
		messages += hosts[i].messages;
		faults += hosts[i].faults;
		turns += hosts[i].turns;
		lost += hosts[i].lost;
		behind += hosts[i].behind;
		gap = hosts[i].gap > gap ? hosts[i].gap : gap;
		for (size_t k = 0; k < 600; k++)
			answers[k] += hosts[i].answers[k];
	}
	for (size_t k = 0; k < 600; k++) {
		char name[8];

		(void)snprintf(name, sizeof(name), "%zu", k);
		if (answers[k] != 0)
			json_object_set_new(by, name, json_integer((json_int_t)answers[k]));
	}
	j = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "messages", (json_int_t)messages, "faults", (json_int_t)faults,
	    "turns", (json_int_t)turns, "lost", (json_int_t)lost, "behind", (json_int_t)behind, "gap_ms", (json_int_t)gap,
	    "answers", by);
	(void)json_dumpf(j, stdout, JSON_SORT_KEYS);
	(void)putchar('\n');
	json_decref(j);
}

static void
begin(const char *data, const char *store, struct host *hosts, size_t n, unsigned first)
{
	STORE_AUTO struct store *s = NULL;
	struct err e = { 0 };

	if (attesters_new(data, PATIENCE_MS, &all, &e) != 0 || store_open(store, 0, &s, &e) != 0 || attesters_policy(s, &e) != 0)
		die("starting", &e);
	for (size_t i = 0; i < n; i++) {
		hosts[i].number = (unsigned)i;
		hosts[i].at = i % n_urls;
		if (attester_put(all, s, first + (unsigned)i, &hosts[i].h, &e) != 0 ||
		    attester_connect(all, &hosts[i].h, urls[hosts[i].at], &e) != 0)
			die("hosts", &e);
	}
	for (size_t i = 0; i < n; i++)
		if (pthread_create(&hosts[i].thread, NULL, run, &hosts[i]) != 0)
			exit(3);
	while (atomic_load(&ready) < n)
		nap(10);
}

static void
write_keys(const struct host *hosts, size_t n, const char *data)
{
	for (size_t i = 0; i < n; i++) {
		BUF_AUTO struct buf both = buf_init(KIB(64));
		char path[4096];
		struct err e = { 0 };

		buf_span(&both, buf_view(&hosts[i].h.key_pem));
		buf_span(&both, buf_view(&hosts[i].h.chain_pem));
		(void)snprintf(path, sizeof(path), "%s/host-%zu.pem", data, i);
		if (buf_done(&both, &e) != 0 || file_write(path, buf_view(&both), 0600, &e) != 0)
			exit(3);
	}
	(void)puts("keys");
}

int
main(int argc, char **argv)
{
	struct host *hosts;
	uint64_t n, ms, first = 0;
	char line[64], *plus = argc < 6 ? NULL : strchr(argv[3], '+');

	if (plus != NULL) {
		*plus = '\0';
		if (!dec_u64(span_str(argv[3]), &first) || first > 1000000)
			return 2;
		argv[3] = plus + 1;
	}
	if (argc < 6 || !dec_u64(span_str(argv[3]), &n) || !dec_u64(span_str(argv[4]), &ms) || n == 0 || n > 1000 ||
	    (hosts = calloc(n, sizeof(*hosts))) == NULL)
		return 2;
	pause_ms = (unsigned)ms;
	urls = argv + 5;
	n_urls = (size_t)argc - 5;
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	begin(argv[1], argv[2], hosts, n, (unsigned)first);
	(void)puts("ready");
	while (fgets(line, sizeof(line), stdin) != NULL && strcmp(line, "stop\n") != 0)
		if (strcmp(line, "silent\n") == 0 || strcmp(line, "go\n") == 0)
			atomic_store(&silent, line[0] == 's');
		else if (strcmp(line, "keys\n") == 0)
			write_keys(hosts, n, argv[1]);
		else
			(void)printf("state %llu %d\n", (unsigned long long)atomic_load(&total), (int)atomic_load(&broken));
	atomic_store(&stop, true);
	for (size_t i = 0; i < n; i++)
		pthread_join(hosts[i].thread, NULL);
	report(hosts, n, argv[2]);
	for (size_t i = 0; i < n; i++)
		attester_close(&hosts[i].h);
	attesters_free(all);
	free(hosts);
	return 0;
}
