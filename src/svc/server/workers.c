#include <stdlib.h>
#include <time.h>

#include "base/text.h"
#include "svc/server/pace.h"
#include "svc/server/server_internal.h"
#include "svc/server/turn.h"

/* Requests that wait for a worker: at 300 us each, a third of a second. */
#define WAITING 1024

/* Whose time it takes; by what, and how much of it is held. */
struct ticket {
	struct pace *pace;		/* NULL: nobody's */
	uint8_t name[PACE_NAME];
	int64_t each;
	struct pace_rule rule;
};

struct job { struct http_request *r; worker_job *run; struct ticket ticket; };

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

static int64_t
cpu_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
settle(const struct ticket *t, int64_t cpu)
{
	if (t->pace != NULL)
		pace_settle(t->pace, t->name, pace_cost(t->each, cpu) - t->rule.hold);
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct job j;

	while (take(w->server->workers, &j)) {
		int64_t begun = cpu_us();

		worker_settle(w);
		j.run(w, j.r);
		/* Whatever became of it: the next request begins with nothing open. */
		store_rollback(w->store);
		settle(&j.ticket, cpu_us() - begun);
	}
	return NULL;
}

/* Hosts by what their certificate says, who has none by address; people are not counted. */
static void
name_ticket(struct server *s, const struct http_request *r, struct ticket *t)
{
	const struct http_caller *caller = http_request_caller(r);

	*t = (struct ticket){ 0 };
	if (caller->principal == PRINCIPAL_HOST && hex_fixed(span_str(caller->id), t->name, PACE_NAME)) {
		t->pace = s->pace_hosts;
		t->each = s->host_each_us;
		t->rule = (struct pace_rule){ .ahead = LIMIT_PACE_AHEAD_US, .hold = LIMIT_PACE_HOLD_US };
	} else if (caller->principal == PRINCIPAL_UNSET) {
		t->pace = s->pace_addresses;
		enrol_gate_network(http_request_peer(r)->address, t->name);
		t->each = LIMIT_PACE_ADDRESS_US * (int64_t)(1 + http_request_body(r).n / LIMIT_PACE_BODY);
		t->rule = (struct pace_rule){ .ahead = LIMIT_PACE_ADDRESS_AHEAD_US, .hold = t->each };
	}
}

/* Whether it may be worked on; else it was answered. */
static bool
may_go_on(struct server *s, struct http_request *r, struct ticket *t)
{
	int64_t wait;

	name_ticket(s, r, t);
	if (t->pace == NULL || (wait = pace_take(t->pace, t->name, &t->rule, turn_clock() * 1000)) == 0)
		return true;
	http_request_later(r, 429, (unsigned)(wait / 1000000) + 1, "pace", t->pace == s->pace_hosts ?
	    "this host sends more than it may" : "more comes from this address than may");
	return false;
}

void
workers_run(struct server *s, struct http_request *r, worker_job *run)
{
	struct workers *w = s->workers;
	struct job j = { .r = r, .run = run };
	bool full;

	if (!may_go_on(s, r, &j.ticket))
		return;
	pthread_mutex_lock(&w->lock);
	full = w->n == WAITING || w->stopping;
	if (!full) {
		w->queue[(w->head + w->n++) % WAITING] = j;
		pthread_cond_signal(&w->more);
	}
	pthread_mutex_unlock(&w->lock);
	if (full) {
		settle(&j.ticket, 0);
		http_request_problem(r, 503, "busy", "too many requests wait: try again in a moment");
	}
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
