#include "port/monitor/hash_pool.h"

#include <elf.h>
#include <errno.h>
#include <pthread.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/limits.h"
#include "crypto/digest.h"
#include "port/monitor/shared.h"
#include "port/monitor/thread.h"

#define CHUNK KIB(64)

struct queue { struct hash_job *first, **end; };

struct hash_pool {
	pthread_mutex_t lock;
	pthread_cond_t small, big;
	struct queue work[2];		/* small, big */
	struct queue done;
	int done_fd, process;		/* process: a pidfd of our own */
	unsigned replaced;
};

struct thread { struct hash_pool *pool; bool big; struct hasher *hasher; uint8_t *chunk; };

static void
put(struct queue *q, struct hash_job *job)
{
	job->next = NULL;
	*q->end = job;
	q->end = &job->next;
}

static struct hash_job *
take(struct queue *q)
{
	struct hash_job *job = q->first;

	if (job != NULL && (q->first = job->next) == NULL)
		q->end = &q->first;
	return job;
}

bool
hash_wanted(struct span head, bool scripts)
{
	unsigned type;

	if (scripts && head.n >= 2 && memcmp(head.p, "#!", 2) == 0)
		return true;
	if (head.n < HASH_HEAD || memcmp(head.p, ELFMAG, SELFMAG) != 0)
		return false;
	type = head.p[EI_DATA] == ELFDATA2MSB ? (unsigned)head.p[16] << 8 | head.p[17] :
	    (unsigned)head.p[17] << 8 | head.p[16];
	/* Not relocatable objects and core dumps: no loader maps them. */
	return type == ET_EXEC || type == ET_DYN;
}

static enum hash_outcome
hash_file(struct thread *t, int fd, struct hash_job *job)
{
	uint64_t began = clock_ns(CLOCK_MONOTONIC);
	off_t at = 0;
	ssize_t n;

	if (!hasher_start(t->hasher))
		return HASH_FAILED;
	while ((n = pread(fd, t->chunk, CHUNK, at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return HASH_FAILED;
		if (at == 0 && job->look && !hash_wanted(span_of(t->chunk, (size_t)n), job->scripts))
			return HASH_NOT_WANTED;
		if (!hasher_add(t->hasher, span_of(t->chunk, (size_t)n)))
			return HASH_FAILED;
		at += n;
		atomic_store(&job->progress, (uint64_t)at);
		if (clock_ns(CLOCK_MONOTONIC) - began > LIMIT_MONITOR_HASH * 1000 * MS)
			return HASH_TOO_LONG;
	}
	if (at == 0 && job->look)
		return HASH_NOT_WANTED;
	return hasher_finish(t->hasher, job->digest) ? HASH_GOOD : HASH_FAILED;
}

static enum hash_outcome
hash_job(struct thread *t, struct hash_job *job)
{
	int fd = thread_borrow(t->pool->process, job->fd);
	enum hash_outcome outcome;

	if (fd < 0)
		return HASH_FAILED;
	outcome = hash_file(t, fd, job);
	(void)close(fd);
	return outcome;
}

static void *
thread_run(void *arg)
{
	struct thread *t = arg;
	struct hash_pool *p = t->pool;
	const int keep[] = { 2, p->done_fd, p->process };

	thread_isolate(keep, 3);
	if (!t->big)
		thread_urgent(THREAD_WORKER);
	for (;;) {
		struct hash_job *job;

		(void)pthread_mutex_lock(&p->lock);
		while ((job = take(&p->work[t->big])) == NULL)
			(void)pthread_cond_wait(t->big ? &p->big : &p->small, &p->lock);
		(void)pthread_mutex_unlock(&p->lock);
		atomic_store(&job->started, true);
		job->outcome = hash_job(t, job);
		(void)pthread_mutex_lock(&p->lock);
		put(&p->done, job);
		(void)pthread_mutex_unlock(&p->lock);
		shared_poke(p->done_fd);
	}
	return NULL;
}

/* Everything a thread needs is had before it begins: behind a mark, OpenSSL would have to be
 * read through the very process that asks for it. */
static int
thread_new(struct hash_pool *p, bool big, struct err *e)
{
	struct thread *t = calloc(1, sizeof(*t));
	int rc;

	if (t == NULL || (t->chunk = malloc(CHUNK)) == NULL) {
		free(t);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	t->pool = p;
	t->big = big;
	if ((rc = hasher_new(DIGEST_SHA256, &t->hasher, e)) != 0) {
		free(t->chunk);
		free(t);
		return rc;
	}
	if ((rc = thread_start(thread_run, t, KIB(128), e)) != 0) {
		hasher_free(t->hasher);
		free(t->chunk);
		free(t);
	}
	return rc;
}

int
hash_pool_new(unsigned threads, int done_fd, struct hash_pool **out, struct err *e)
{
	struct hash_pool *p = calloc(1, sizeof(*p));
	int rc = 0;

	if (p == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->small, NULL);
	(void)pthread_cond_init(&p->big, NULL);
	p->work[0].end = &p->work[0].first;
	p->work[1].end = &p->work[1].first;
	p->done.end = &p->done.first;
	p->done_fd = done_fd;
	if ((p->process = pidfd_open(getpid(), 0)) < 0) {
		free(p);
		return err_errno(e, "cannot open a descriptor of the own process");
	}
	for (unsigned i = 0; i < threads && rc == 0; i++)
		if ((rc = thread_new(p, false, e)) == 0)
			rc = thread_new(p, true, e);
	if (rc == 0)
		*out = p;
	return rc;	/* threads that run keep ${p}: the process ends on an error */
}

void
hash_pool_add(struct hash_pool *p, struct hash_job *job)
{
	(void)pthread_mutex_lock(&p->lock);
	put(&p->work[job->big], job);
	(void)pthread_cond_signal(job->big ? &p->big : &p->small);
	(void)pthread_mutex_unlock(&p->lock);
}

struct hash_job *
hash_pool_done(struct hash_pool *p)
{
	struct hash_job *job;

	(void)pthread_mutex_lock(&p->lock);
	job = take(&p->done);
	(void)pthread_mutex_unlock(&p->lock);
	return job;
}

bool
hash_pool_replace(struct hash_pool *p, bool big)
{
	return p->replaced < LIMIT_MONITOR_STUCK && thread_new(p, big, NULL) == 0 && ++p->replaced > 0;
}
