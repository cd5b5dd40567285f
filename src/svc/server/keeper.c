#include <stdlib.h>

#include "svc/server/server_internal.h"

/* Writes in one transaction.  The first waits for none: what comes while one batch is
 * written makes the next.  The transaction is store_advance's, which does it again where two servers
 * locked each other out. */
#define BATCH 128

struct keeper {
	struct server *server;
	struct store *store;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct keeper_write *first, **last;
	bool stopping;
};

void
keeper_put(struct keeper *k, struct keeper_write *w)
{
	w->next = NULL;
	pthread_mutex_lock(&k->lock);
	*k->last = w;
	k->last = &w->next;
	pthread_cond_signal(&k->more);
	pthread_mutex_unlock(&k->lock);
}

static bool
is_in(struct keeper_write *const *batch, size_t n, const struct keeper_write *w)
{
	for (size_t i = 0; i < n; i++)
		if (batch[i]->advance.host->number == w->advance.host->number)
			return true;
	return false;
}

/* Up to BATCH of different hosts, in order; a second one of a host waits for the next batch. */
static size_t
gather(struct keeper *k, struct keeper_write *batch[static BATCH])
{
	struct keeper_write **at;
	size_t n = 0;

	pthread_mutex_lock(&k->lock);
	while (k->first == NULL && !k->stopping)
		pthread_cond_wait(&k->more, &k->lock);
	for (at = &k->first; *at != NULL && n < BATCH;) {
		struct keeper_write *w = *at;

		if (is_in(batch, n, w)) {
			at = &w->next;
			continue;
		}
		batch[n++] = w;
		*at = w->next;
	}
	while (*at != NULL)
		at = &(*at)->next;
	k->last = at;
	pthread_mutex_unlock(&k->lock);
	return n;
}

static void *
keep(void *arg)
{
	struct keeper *k = arg;
	struct keeper_write *batch[BATCH];
	struct store_advance v[BATCH];
	size_t n;

	while ((n = gather(k, batch)) > 0) {
		struct err e = { 0 };
		int rc;

		for (size_t i = 0; i < n; i++)
			v[i] = batch[i]->advance;
		if ((rc = store_advance(k->store, v, n, server_now(), &e)) != 0)
			svc_log_err(LOG_LEVEL_ERROR, "store", &e);
		for (size_t i = 0; i < n; i++)
			batch[i]->done(batch[i], rc != 0 ? rc : v[i].rc, &e);
	}
	return NULL;
}

void
keeper_stop(struct keeper *k)
{
	if (k == NULL)
		return;
	pthread_mutex_lock(&k->lock);
	k->stopping = true;
	pthread_cond_broadcast(&k->more);
	pthread_mutex_unlock(&k->lock);
	pthread_join(k->thread, NULL);
	store_close(k->store);
	pthread_cond_destroy(&k->more);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

int
keeper_start(struct server *s, struct keeper **out, struct err *e)
{
	struct keeper *k = calloc(1, sizeof(*k));
	int rc;

	if (k == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	k->server = s;
	k->last = &k->first;
	if ((rc = store_open(s->store_url, STORE_SERVE, &k->store, e)) != 0) {
		free(k);
		return rc;
	}
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->more, NULL);
	if (pthread_create(&k->thread, NULL, keep, k) != 0) {
		store_close(k->store);
		free(k);
		return err_set(e, ERR_NOMEM, "cannot start a thread");
	}
	*out = k;
	return 0;
}
