#include <stdlib.h>

#include "svc/server/server_internal.h"

/* Requests that wait for a worker: at 300 us each, a third of a second. */
#define WAITING 1024

struct job { struct http_request *r; worker_job *run; };

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct job queue[WAITING];	/* ring */
	unsigned head, n;
	bool stopping;
	unsigned n_threads;
	struct worker *workers;		/* owned */
	pthread_t *threads;		/* owned */
};

static bool
take(struct workers *w, struct job *out)
{
	pthread_mutex_lock(&w->lock);
	while (w->n == 0 && !w->stopping)
		pthread_cond_wait(&w->more, &w->lock);
	if (w->n == 0) {
		pthread_mutex_unlock(&w->lock);
		return false;
	}
	*out = w->queue[w->head];
	w->head = (w->head + 1) % WAITING;
	w->n--;
	pthread_mutex_unlock(&w->lock);
	return true;
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct job j;

	while (take(w->server->workers, &j)) {
		worker_settle(w);
		j.run(w, j.r);
		/* Whatever became of it: the next request begins with nothing open. */
		store_rollback(w->store);
	}
	return NULL;
}

void
workers_run(struct server *s, struct http_request *r, worker_job *run)
{
	struct workers *w = s->workers;
	bool full;

	pthread_mutex_lock(&w->lock);
	full = w->n == WAITING || w->stopping;
	if (!full) {
		w->queue[(w->head + w->n++) % WAITING] = (struct job){ r, run };
		pthread_cond_signal(&w->more);
	}
	pthread_mutex_unlock(&w->lock);
	if (full)
		http_request_problem(r, 503, "busy", "too many requests wait: try again in a moment");
}

void
worker_settle(struct worker *w)
{
	uint64_t epoch = w->server->settings_epoch;

	if (w->settings != NULL && w->settings_epoch == epoch)
		return;
	settings_release(w->settings);
	w->settings = settings_hold(w->server);
	w->settings_epoch = epoch;	/* read before: at worst they are looked up once more */
}

void
worker_close(struct worker *w)
{
	settings_release(w->settings);
	policy_cache_free(w->policies);
	key_cache_free(w->keys);
	store_close(w->store);
}

void
workers_stop(struct workers *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_broadcast(&w->more);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->n_threads; i++) {
		pthread_join(w->threads[i], NULL);
		worker_close(&w->workers[i]);
	}
	free(w->workers);
	free(w->threads);
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

int
worker_open(struct server *s, unsigned number, struct worker *w, struct err *e)
{
	int rc;

	*w = (struct worker){ .server = s, .number = number };
	worker_settle(w);
	if ((rc = store_open(s->store_url, STORE_SERVE, &w->store, e)) != 0 ||
	    (rc = policy_cache_new(&w->policies, e)) != 0 || (rc = key_cache_new(&w->keys, e)) != 0)
		worker_close(w);
	return rc;
}

int
workers_start(struct server *s, unsigned n, struct workers **out, struct err *e)
{
	struct workers *w = calloc(1, sizeof(*w));
	int rc = 0;

	if (w == NULL || (w->workers = calloc(n, sizeof(*w->workers))) == NULL ||
	    (w->threads = calloc(n, sizeof(*w->threads))) == NULL) {
		if (w != NULL)
			free(w->workers);
		free(w);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	*out = s->workers = w;	/* threads look there */
	for (; rc == 0 && w->n_threads < n; w->n_threads += rc == 0) {
		struct worker *one = &w->workers[w->n_threads];

		if ((rc = worker_open(s, w->n_threads, one, e)) != 0)
			break;
		if (pthread_create(&w->threads[w->n_threads], NULL, work, one) != 0) {
			worker_close(one);
			rc = err_set(e, ERR_NOMEM, "cannot start a thread");
		}
	}
	if (rc != 0) {
		workers_stop(w);
		*out = s->workers = NULL;
	}
	return rc;
}
