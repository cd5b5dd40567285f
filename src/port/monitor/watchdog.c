/* The watchdog's process: does nothing but look, kill and start again.
 *
 * It never holds the fanotify group: the kernel lets everything go when the last descriptor
 * of it is closed, which must be the monitor's.  It opens no file but in /proc, before there
 * is any mark, and its pages are locked as they are touched, so it needs nothing from a disk
 * that the monitor could hold up. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "port/monitor/shared.h"
#include "port/monitor/thread.h"

#define TICKS 8			/* looks in the time that the monitor may be silent */

struct dog {
	struct monitor_shared *s;
	int control;			/* the caller's end closes: stop */
	pid_t monitor;			/* 0: none */
	uint64_t beat;			/* last seen */
	unsigned still;			/* looks since it rose */
	uint64_t alive, alive_real;	/* when it was last known to be well */
	uint64_t started, not_before;
	unsigned failures;		/* starts that did not last */
	bool ran;			/* one was ready */
};

static void
on_child(int sig)
{
	(void)sig;			/* only to end the wait */
}

static void
become_watchdog(void)
{
	static const int ignored[] = { SIGINT, SIGQUIT, SIGHUP, SIGPIPE, SIGTERM, SIGUSR1, SIGUSR2, SIGTSTP };
	sigset_t child;
	int fd;

	(void)prctl(PR_SET_NAME, "assay-watchdog");
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = on_child, .sa_flags = SA_NOCLDSTOP }, NULL);
	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	(void)sigprocmask(SIG_SETMASK, &child, NULL);
	if ((fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)) >= 0) {
		(void)!write(fd, "-900", 4);
		(void)close(fd);
	}
	thread_urgent(THREAD_WATCHDOG);
	(void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

/* An event that has waited longer than the monitor itself would let it means that it turns,
 * but does not work. */
static bool
is_silent(struct dog *d)
{
	struct monitor_shared *s = d->s;
	uint64_t beat = atomic_load(&s->beat), since = atomic_load(&s->waiting_since);
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	d->ran |= atomic_load(&s->state) == MONITOR_RUNNING;
	if (beat != d->beat) {
		d->beat = beat;
		d->still = 0;
		d->alive = clock_ns(CLOCK_BOOTTIME);
		d->alive_real = clock_ns(CLOCK_REALTIME);
	} else {
		d->still++;
	}
	/* While it is set up, nothing waits for it before its first mark; and after that, little is left. */
	if (atomic_load(&s->state) == MONITOR_STARTING || atomic_load(&s->state) == MONITOR_DOWN)
		return d->still > 5 * TICKS;
	return d->still > TICKS ||
	    (since != 0 && now > since && now - since > (s->o.answer_ms + 2 * (uint64_t)s->o.hold_ms + s->o.silent_ms) * MS);
}

static void
start(struct dog *d)
{
	struct monitor_shared *s = d->s;
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		(void)munlockall();
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(3);
		monitor_run(s);
	}
	d->started = clock_ns(CLOCK_BOOTTIME);
	d->monitor = pid > 0 ? pid : 0;
	d->still = 0;
}

/* Note from when on nothing was seen.  A monitor that died before it could tell of the gap
 * before it leaves that one standing. */
static void
down(struct dog *d, enum monitor_why why)
{
	struct monitor_shared *s = d->s;
	uint64_t now = clock_ns(CLOCK_BOOTTIME);

	d->monitor = 0;
	atomic_store(&s->monitor_pid, 0);
	atomic_store(&s->waiting_since, 0);
	if (s->gap.why == MONITOR_WHY_NONE)
		s->gap = (struct monitor_gap){ .why = why, .from = d->alive_real, .from_uptime = d->alive };
	d->failures = now - d->started < 5000 * MS ? d->failures + 1 : 0;
	d->not_before = d->failures == 0 ? 0 : now + ((uint64_t)500 << (d->failures < 6 ? d->failures : 6)) * MS;
	atomic_store(&s->state, MONITOR_DOWN);
	shared_poke(s->ready_fd);
}

/* It ended before it ever was ready: that is the caller's to hear of. */
static void
explain(struct monitor_shared *s, int status)
{
	if (s->failure.code != 0)
		return;
	if (WIFSIGNALED(status))
		(void)err_set(&s->failure, ERR_INTERNAL, "the monitor was ended by signal %d while it started",
		    WTERMSIG(status));
	else
		(void)err_set(&s->failure, ERR_INTERNAL, "the monitor ended with status %d while it started (a system"
		    " call it needs may be forbidden)", WEXITSTATUS(status));
}

/* True: it is over. */
static bool
reap(struct dog *d)
{
	pid_t pid;
	int status;

	/* Ones that were killed earlier may end late. */
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0 && pid != d->monitor)
		;
	if (pid <= 0)
		return false;
	d->ran |= atomic_load(&d->s->state) == MONITOR_RUNNING;
	down(d, MONITOR_WHY_DIED);
	if (d->ran)
		return false;
	explain(d->s, status);
	atomic_store(&d->s->state, MONITOR_FAILED);
	shared_poke(d->s->ready_fd);
	return true;
}

static void
kill_silent(struct dog *d)
{
	int status;

	(void)kill(d->monitor, SIGKILL);
	/* It may be in a call that no signal ends; what waits for it is let go when it has ended,
	 * and another may run meanwhile. */
	for (unsigned i = 0; i < 50 && waitpid(d->monitor, &status, WNOHANG) == 0; i++)
		(void)poll(NULL, 0, 10);
	down(d, MONITOR_WHY_SILENT);
}

static _Noreturn void
stop(struct dog *d)
{
	int status;

	if (d->monitor != 0) {
		(void)kill(d->monitor, SIGTERM);
		(void)kill(d->monitor, SIGCONT);
		for (unsigned i = 0; i < 300 && waitpid(d->monitor, &status, WNOHANG) == 0; i++)
			(void)poll(NULL, 0, 10);
		(void)kill(d->monitor, SIGKILL);
	}
	atomic_store(&d->s->monitor_pid, 0);
	atomic_store(&d->s->state, MONITOR_STOPPED);
	shared_poke(d->s->ready_fd);
	_exit(0);
}

_Noreturn void
watchdog_run(struct monitor_shared *s, int control)
{
	struct dog d = { .s = s, .control = control, .alive = clock_ns(CLOCK_BOOTTIME),
	    .alive_real = clock_ns(CLOCK_REALTIME) };
	uint64_t tick = s->o.silent_ms * MS / TICKS;
	sigset_t none;

	become_watchdog();
	(void)sigemptyset(&none);
	start(&d);
	for (;;) {
		struct pollfd p = { .fd = control, .events = POLLIN };
		struct timespec t = { (time_t)(tick / 1000000000), (long)(tick % 1000000000) };

		int n = ppoll(&p, 1, &t, &none);

		if (n > 0)
			stop(&d);
		if (reap(&d))
			_exit(3);
		/* Its own looks are counted, not the clock: both may have been frozen together. */
		if (n == 0 && d.monitor != 0 && is_silent(&d))
			kill_silent(&d);
		if (d.monitor == 0 && clock_ns(CLOCK_BOOTTIME) >= d.not_before) {
			atomic_fetch_add(&s->restarts, 1);
			atomic_store(&s->state, MONITOR_STARTING);
			start(&d);
		}
	}
}
