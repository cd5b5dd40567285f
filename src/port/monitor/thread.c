#include "port/monitor/thread.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <unistd.h>

int
thread_start(void *(*run)(void *), void *arg, size_t stack, struct err *e)
{
	pthread_attr_t attr;
	pthread_t id;
	int rc;

	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attr, stack);
	rc = pthread_create(&id, &attr, run, arg);
	(void)pthread_attr_destroy(&attr);
	errno = rc;
	return rc == 0 ? 0 : err_errno(e, "cannot start a thread");
}

void
thread_urgent(enum thread_rank rank)
{
	const struct sched_param p = { .sched_priority = (int)rank };

	if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &p) != 0)
		(void)setpriority(PRIO_PROCESS, 0, -10 - (int)rank);	/* of this thread alone, on Linux */
}

void
thread_isolate(const int *keep, size_t n)
{
	int sorted[8];
	unsigned from = 0;

	assert(n <= sizeof(sorted) / sizeof(sorted[0]));
	for (size_t i = 0; i < n; i++) {
		size_t k = i;

		for (; k > 0 && sorted[k - 1] > keep[i]; k--)
			sorted[k] = sorted[k - 1];
		sorted[k] = keep[i];
	}
	if (unshare(CLONE_FILES) != 0)
		_exit(3);
	for (size_t i = 0; i < n; i++) {
		if ((unsigned)sorted[i] > from)
			(void)close_range(from, (unsigned)sorted[i] - 1, 0);
		from = (unsigned)sorted[i] + 1;
	}
	(void)close_range(from, ~0u, 0);
}

int
thread_borrow(int process, int fd)
{
	return pidfd_getfd(process, fd, 0);
}
