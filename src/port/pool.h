/* pool.h: jobs for all cores, results to the one thread that asked.
 *
 * Workers run a job and put it on the finished list; everything that has an
 * order or prints happens in the thread that owns the pool.  A worker has its
 * own state (hashers, buffers), made once.  Jobs are embedded in the caller's
 * structs and stay the caller's.
 */
#ifndef PORT_POOL_H
#define PORT_POOL_H

#include "base/err.h"

struct pool_job {
	struct pool_job *next;		/* private */
};

struct pool_work {
	/** worker_new: State for one worker, or an error.  Called before any job. */
	int (*worker_new)(void *cookie, void **worker, struct err *e);
	void (*worker_free)(void *worker);
	/** run: In a worker's thread.  Errors are the job's to keep. */
	void (*run)(void *worker, struct pool_job *job);
};

struct pool;

/** pool_new(work, cookie, threads, p, e): threads 0: one for each core at hand. */
MUST_CHECK int pool_new(const struct pool_work *work, void *cookie, unsigned threads,
    struct pool **p, struct err *e);

/** pool_stop(p): Wait for running jobs and end the workers.  Returns every job that was
 * not taken, run or not, for its owner to free. */
struct pool_job *pool_stop(struct pool *p);
void pool_free(struct pool *p);

void pool_submit(struct pool *p, struct pool_job *job);

/** pool_pending(p): Jobs submitted and not yet taken. */
unsigned pool_pending(const struct pool *p);

/** pool_take(p, max_pending): The finished jobs, linked by next, or NULL.  Waits until
 * at most ${max_pending} would be pending after it, but no longer than a tenth of a
 * second, so that its caller can draw progress: call again while pool_pending says more. */
struct pool_job *pool_take(struct pool *p, unsigned max_pending);

static inline void
pool_freep(struct pool **p)
{
	pool_free(*p);
}
#define POOL_AUTO __attribute__((cleanup(pool_freep)))

#endif
