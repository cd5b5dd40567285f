/* What time brings: hosts that are late, journals to merge, bundles to let go, all of that by one
 * server at a time; and principals that another server changed. */
#include <stdlib.h>
#include <time.h>

#include "svc/server/late.h"
#include "svc/server/server_internal.h"

#define ROUND_MS 500
#define MERGE_ROWS 2000

struct sweeper {
	struct server *server;
	struct store *store;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stopping;
	struct turn turn;
	struct late late;
	struct retention retention;
};

static int
sweep(struct sweeper *w, struct err *e)
{
	struct settings *c = settings_hold(w->server);
	int64_t now = server_now();
	uint64_t left = UINT64_MAX;
	int rc;

	w->late.patience = (int64_t)c->wait_ms * 3;
	settings_release(c);
	if ((rc = principals_load(w->server, w->store, e)) != 0 || (rc = late_round(&w->late, now, e)) != 0)
		return rc;
	if (!w->turn.ours)
		return 0;
	/* What a clock that is wrong lets go does not come back. */
	store_patient(w->store, true);
	if (turn_clock() >= w->late.doubt)
		rc = retention_round(&w->retention, w->server, w->store, now, e);
	while (rc == 0 && left > MERGE_ROWS)
		rc = store_merge(w->store, MERGE_ROWS, &left, e);
	store_patient(w->store, false);
	return rc;
}

static bool
wait_round(struct sweeper *w)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
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
	pthread_condattr_t monotonic;
	int rc;

	if (w == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	w->server = s;
	if ((rc = store_open(s->store_url, STORE_SERVE, &w->store, e)) != 0 || (rc = turn_open(w->store, &w->turn, e)) != 0) {
		store_close(w->store);
		free(w);
		return rc;
	}
	w->late = (struct late){ .turn = &w->turn };
	pthread_mutex_init(&w->lock, NULL);
	/* A pause lasts as long as it shall, whatever is done to the clock on the wall. */
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
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
	turn_give(&w->turn);
	store_close(w->store);
	free(w);
}
