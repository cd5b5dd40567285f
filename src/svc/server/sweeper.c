/* What time brings: hosts that are late, journals to merge, bundles to let go, principals that
 * another server changed. */
#include <stdlib.h>
#include <time.h>

#include "base/json.h"
#include "svc/server/server_internal.h"

#define ROUND_MS 500
#define MERGE_ROWS 2000
#define PAGE 500

struct sweeper {
	struct server *server;
	struct store *store;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stopping;
	int64_t swept_to;	/* hosts due before were told of */
	struct retention retention;
};

static int
tell_late(struct sweeper *w, const struct store_host *h, int64_t now, struct err *e)
{
	BUF_AUTO struct buf body = buf_init(LIMIT_SMALL_FILE);
	JSON_AUTO json_t *j = json_pack("{s:s, s:o, s:o, s:o}", "id", h->id, "name", json_escaped(h->name),
	    "last_seen", api_time(h->state.last_seen), "due", api_time(h->state.next_due));
	struct store_event ev = { .at = now, .kind = span_lit("late"), .host = h->number };

	json_write_compact(j, &body);
	ev.body = buf_view(&body);
	svc_log(LOG_LEVEL_WARNING, "host %s is late: its evidence was due", h->id);
	return store_event_add(w->store, &ev, 1, e);
}

/* Hosts whose time came since the last look.  Each is told of once. */
static int
find_late(struct sweeper *w, int64_t now, struct err *e)
{
	struct store_host_filter f = { .verdict = -1, .registration = STORE_ENROLLED, .due_before = now };
	struct store_host_cursor cursor = { 0 };
	int rc;

	do {
		ARENA_AUTO struct arena a = arena_init(MIB(256));
		struct store_host *v;
		size_t n;

		if ((rc = store_host_list(w->store, &f, &cursor, PAGE, &a, &v, &n, e)) != 0)
			return rc;
		for (size_t i = 0; i < n; i++)
			if (v[i].state.next_due >= w->swept_to && (rc = tell_late(w, &v[i], now, e)) != 0)
				return rc;
		cursor.name = span_of(NULL, 0);	/* lay in the arena; by due time the number decides */
	} while (cursor.more);
	w->swept_to = now;
	return 0;
}

static int
sweep(struct sweeper *w, struct err *e)
{
	int64_t now = server_now();
	uint64_t left;
	int rc;

	if ((rc = find_late(w, now, e)) != 0 || (rc = retention_round(&w->retention, w->server, w->store, now, e)) != 0 ||
	    (rc = principals_load(w->server, w->store, e)) != 0)
		return rc;
	do {
		if ((rc = store_merge(w->store, MERGE_ROWS, &left, e)) != 0)
			return rc;
	} while (left > MERGE_ROWS);
	return 0;
}

static bool
wait_round(struct sweeper *w)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += ROUND_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&w->lock);
	if (!w->stopping)
		pthread_cond_timedwait(&w->wake, &w->lock, &until);
	bool on = !w->stopping;

	pthread_mutex_unlock(&w->lock);
	return on;
}

static void *
run(void *arg)
{
	struct sweeper *w = arg;

	while (wait_round(w)) {
		struct err e = { 0 };

		if (sweep(w, &e) != 0)
			svc_log_err(LOG_LEVEL_WARNING, "sweeping", &e);
	}
	return NULL;
}

int
sweeper_start(struct server *s, struct sweeper **out, struct err *e)
{
	struct sweeper *w = calloc(1, sizeof(*w));
	int rc;

	if (w == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	w->server = s;
	w->swept_to = server_now();
	if ((rc = store_open(s->store_url, 0, &w->store, e)) != 0) {
		free(w);
		return rc;
	}
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	if (pthread_create(&w->thread, NULL, run, w) != 0) {
		store_close(w->store);
		free(w);
		return err_set(e, ERR_NOMEM, "cannot start a thread");
	}
	*out = w;
	return 0;
}

void
sweeper_stop(struct sweeper *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	store_close(w->store);
	free(w);
}
