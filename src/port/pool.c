#include "port/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#define THREADS_MAX 256

struct list {
	struct pool_job *first, **last;
	unsigned n;
};

struct pool {
	const struct pool_work *work;
	pthread_mutex_t lock;
	pthread_cond_t waiting_grew, finished_grew;
	struct list waiting, finished;
	unsigned pending;		/* owner's thread only */
	unsigned wake_at;		/* wake the owner at so many finished; 0: it does not wait */
	bool stop;
	unsigned n_threads;
	struct worker { struct pool *pool; void *state; pthread_t thread; } *workers;
};

static void
list_add(struct list *l, struct pool_job *job)
{
	job->next = NULL;
	*l->last = job;
	l->last = &job->next;
	l->n++;
}

static struct pool_job *
list_take_all(struct list *l)
{
	struct pool_job *first = l->first;

	*l = (struct list){ .last = &l->first };
	return first;
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;
	struct pool *p = w->pool;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (p->waiting.n == 0 && !p->stop)
			pthread_cond_wait(&p->waiting_grew, &p->lock);
		if (p->stop)
			break;

		struct pool_job *job = p->waiting.first;
		p->waiting.first = job->next;
		if (--p->waiting.n == 0)
			p->waiting.last = &p->waiting.first;
		pthread_mutex_unlock(&p->lock);
		p->work->run(w->state, job);
		pthread_mutex_lock(&p->lock);
		list_add(&p->finished, job);
		if (p->wake_at != 0 && p->finished.n >= p->wake_at) {
			p->wake_at = 0;
			pthread_cond_signal(&p->finished_grew);
		}
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static unsigned
cores(void)
{
	cpu_set_t set;

	/* What this process may use, which in a container is less than what there is. */
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	int n = CPU_COUNT(&set);
	return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (unsigned)n;
}

static int
start_workers(struct pool *p, void *cookie, unsigned threads, struct err *e)
{
	int rc;

	if ((p->workers = calloc(threads, sizeof(*p->workers))) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (; p->n_threads < threads; p->n_threads++) {
		struct worker *w = &p->workers[p->n_threads];

		w->pool = p;
		if ((rc = p->work->worker_new(cookie, &w->state, e)) != 0)
			return rc;
		if (pthread_create(&w->thread, NULL, worker_main, w) != 0) {
			p->work->worker_free(w->state);
			return err_set(e, ERR_NOMEM, "cannot start a thread");
		}
	}
	return 0;
}

int
pool_new(const struct pool_work *work, void *cookie, unsigned threads, struct pool **out,
    struct err *e)
{
	struct pool *p = calloc(1, sizeof(*p));
	pthread_condattr_t attr;
	int rc;

	if (p == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	p->work = work;
	p->waiting.last = &p->waiting.first;
	p->finished.last = &p->finished.first;
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->waiting_grew, NULL);
	pthread_cond_init(&p->finished_grew, &attr);
	pthread_condattr_destroy(&attr);
	if ((rc = start_workers(p, cookie, threads == 0 ? cores() : threads, e)) != 0) {
		pool_free(p);
		return rc;
	}
	*out = p;
	return 0;
}

struct pool_job *
pool_stop(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->waiting_grew);
	pthread_mutex_unlock(&p->lock);
	for (; p->n_threads > 0; p->n_threads--) {
		pthread_join(p->workers[p->n_threads - 1].thread, NULL);
		p->work->worker_free(p->workers[p->n_threads - 1].state);
	}
	*p->finished.last = list_take_all(&p->waiting);
	p->pending = 0;
	return list_take_all(&p->finished);
}

void
pool_free(struct pool *p)
{
	if (p == NULL)
		return;
	(void)pool_stop(p);
	pthread_cond_destroy(&p->waiting_grew);
	pthread_cond_destroy(&p->finished_grew);
	pthread_mutex_destroy(&p->lock);
	free(p->workers);
	free(p);
}

void
pool_submit(struct pool *p, struct pool_job *job)
{
	pthread_mutex_lock(&p->lock);
	list_add(&p->waiting, job);
	pthread_cond_signal(&p->waiting_grew);
	pthread_mutex_unlock(&p->lock);
	p->pending++;
}

unsigned
pool_pending(const struct pool *p)
{
	return p->pending;
}

struct pool_job *
pool_take(struct pool *p, unsigned max_pending)
{
	unsigned want = p->pending > max_pending ? p->pending - max_pending : 0;
	struct pool_job *jobs;
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += 100000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&p->lock);
	while (p->finished.n < want) {
		p->wake_at = want;
		if (pthread_cond_timedwait(&p->finished_grew, &p->lock, &until) != 0)
			break;
	}
	p->wake_at = 0;
	p->pending -= p->finished.n;
	jobs = list_take_all(&p->finished);
	pthread_mutex_unlock(&p->lock);
	return jobs;
}
