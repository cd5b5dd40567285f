/* The monitor's process: set everything up, then turn. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "port/monitor/judge.h"
#include "port/monitor/mounts.h"
#include "port/monitor/thread.h"

/* The dispatcher looks up so often: for deadlines while something waits, else for signs of life. */
#define TICK_BUSY_MS 20

/* One for each event that is looked at or about to be answered, and some.  Without one for an
 * event the kernel denies what it is about. */
#define DESCRIPTORS (LIMIT_MONITOR_PENDING + JUDGE_ANSWERS + 64)

static volatile sig_atomic_t asked_to_stop;

static void
on_term(int sig)
{
	(void)sig;
	asked_to_stop = 1;
}

void
shared_poke(int fd)
{
	const uint64_t one = 1;

	(void)!write(fd, &one, sizeof(one));
}

static void
drain(int fd)
{
	uint64_t n;

	(void)!read(fd, &n, sizeof(n));
}

/* The terminal's signals are for the caller, who then asks the watchdog. */
static void
become_monitor(void)
{
	static const int ignored[] = { SIGINT, SIGQUIT, SIGHUP, SIGPIPE, SIGIO, SIGUSR1, SIGUSR2, SIGTSTP };
	struct rlimit files;
	sigset_t none;

	(void)prctl(PR_SET_NAME, "assay-monitor");
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);	/* never unwatched */
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);	/* SIGIO: a lease of ours was broken */
	(void)sigaction(SIGTERM, &(struct sigaction){ .sa_handler = on_term }, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < DESCRIPTORS) {
		files.rlim_cur = files.rlim_max < DESCRIPTORS ? files.rlim_max : DESCRIPTORS;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	thread_urgent(THREAD_DISPATCHER);
}

static _Noreturn void
fail(struct monitor_shared *s, const struct err *e)
{
	s->failure = *e;
	atomic_store(&s->state, MONITOR_FAILED);
	shared_poke(s->ready_fd);
	_exit(3);
}

struct loop {
	struct judge j;
	int done_fd, mounts_fd;
	bool all;		/* every mount that was there is marked */
	bool storm;		/* more events wait than were taken in one turn */
	uint64_t last, answered;	/* when the last turn ended, and answers were last given */
};

/* In a storm answers wait so long to be given together. */
#define STORM_MS 20

static int
set_up(struct monitor_shared *s, struct loop *l, struct err *e)
{
	struct judge *j = &l->j;
	struct rlimit files;
	int rc;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur < DESCRIPTORS)
		return err_hint(e, err_set(e, ERR_LIMIT, "the monitor may not have %d files open", DESCRIPTORS),
		    "raise the hard limit (LimitNOFILE=, ulimit -Hn)");
	*j = (struct judge){ .s = s, .self = getpid() };
	j->chunk = malloc(JUDGE_AT_ONCE);
	j->tasks = calloc(LIMIT_MONITOR_PENDING, sizeof(*j->tasks));
	l->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (j->chunk == NULL || j->tasks == NULL || l->done_fd < 0)
		return err_set(e, ERR_NOMEM, "out of memory");
	/* The group comes last, so that no thread has a descriptor of it even for a moment. */
	if ((rc = hasher_new(DIGEST_SHA256, &j->sha256, e)) != 0 || (rc = seen_files_new(&j->seen, e)) != 0 ||
	    (rc = journal_open(s, l->done_fd, &j->journal, e)) != 0 ||
	    (rc = hash_pool_new(s->o.threads, l->done_fd, &j->pool, e)) != 0 ||
	    (rc = mounts_start(s, &l->mounts_fd, e)) != 0)
		return rc;
	return watch_open(!s->o.no_libraries, &j->watch, e);
}

/* What comes before anything else. */
static void
say_start(struct loop *l)
{
	struct monitor_shared *s = l->j.s;
	struct monitor_note start = { .kind = MONITOR_NOTE_START, .pcr = s->o.pcr, .why = s->start };

	memcpy(start.boot_id, s->boot_id, sizeof(start.boot_id));
	journal_note(l->j.journal, &start);
	s->start = MONITOR_WHY_RESTART;	/* as the next one will be */
}

/* From now on it sees. */
static void
say_gap(struct loop *l)
{
	struct monitor_shared *s = l->j.s;

	if (s->gap.why != MONITOR_WHY_NONE)
		journal_gap(l->j.journal, s->gap.why, s->gap.from, s->gap.from_uptime, 0);
	s->gap.why = MONITOR_WHY_NONE;
}

/* Gaps that other threads, or the caller, found. */
static void
heed_asked(struct loop *l)
{
	uint32_t asked = atomic_exchange(&l->j.s->ask, 0);

	for (unsigned i = 1; i < MONITOR_WHY_COUNT; i++)
		if ((asked >> i & 1) != 0)
			journal_gap(l->j.journal, (enum monitor_why)i, clock_ns(CLOCK_REALTIME),
			    clock_ns(CLOCK_BOOTTIME), 0);
}

static void
overflow(struct loop *l)
{
	uint64_t now = clock_ns(CLOCK_BOOTTIME), ago = now - l->last;

	atomic_fetch_add(&l->j.s->overflows, 1);
	journal_gap(l->j.journal, MONITOR_WHY_OVERFLOW, clock_ns(CLOCK_REALTIME) - ago, l->last, 0);
}

/* No more than there are tasks for; one by one if these only wait for their digests. */
static int
take_events(struct loop *l, struct err *e)
{
	struct watch_event ev[64];
	size_t room = LIMIT_MONITOR_PENDING - l->j.busy, n;
	uint64_t most = atomic_load(&l->j.s->most_waiting);
	bool refused;
	int rc = watch_read(&l->j.watch, room == 0 ? 1 : room, ev, &n, &refused, e);

	if (rc == 0 && refused)
		atomic_fetch_or(&l->j.s->ask, 1u << MONITOR_WHY_REFUSED);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (ev[i].fd < 0)
			overflow(l);
		else
			judge_event(&l->j, &ev[i]);
	}
	l->storm = rc == 0 && n == 64;
	if (rc == 0)
		atomic_fetch_add(&l->j.s->events, n);
	if (l->j.busy > most)
		atomic_store(&l->j.s->most_waiting, l->j.busy);
	return rc;
}

static int
turn(struct loop *l, struct err *e)
{
	struct monitor_shared *s = l->j.s;
	bool full = l->j.busy == LIMIT_MONITOR_PENDING && atomic_load(&s->waiting_since) != 0;
	struct pollfd p[] = { { .fd = l->done_fd, .events = POLLIN }, { .fd = s->wake_fd, .events = POLLIN },
	    { .fd = full ? -1 : l->j.watch.fd, .events = POLLIN }, { .fd = l->mounts_fd, .events = POLLIN } };
	int rc = 0, n;
	struct hash_job *job;

	n = poll(p, 4, l->j.busy > 0 ? TICK_BUSY_MS : (int)s->o.silent_ms / 8);
	if (n < 0 && errno != EINTR)
		return err_errno(e, "cannot wait for events");
	atomic_fetch_add(&s->beat, 1);
	if (n > 0 && (p[1].revents & POLLIN) != 0)
		drain(s->wake_fd);
	if (n > 0 && (p[0].revents & POLLIN) != 0)
		drain(l->done_fd);
	while ((job = hash_pool_done(l->j.pool)) != NULL)
		judge_done(&l->j, job);
	judge_listed(&l->j);
	if (n > 0 && p[3].revents != 0 && (rc = mounts_take(s, l->mounts_fd, &l->j.watch, &l->all, e)) != 0)
		return rc;
	l->storm = false;
	if (n > 0 && (p[2].revents & POLLIN) != 0)
		rc = take_events(l, e);
	l->last = clock_ns(CLOCK_BOOTTIME);
	if (atomic_load(&s->ask) != 0)
		heed_asked(l);
	judge_tick(&l->j);
	if (!l->storm || l->j.n_answers > JUDGE_ANSWERS / 2 || l->last - l->answered >= STORM_MS * MS) {
		judge_answer(&l->j);
		l->answered = l->last;
	}
	atomic_store(&s->waiting, l->j.busy);
	atomic_store(&s->cached, seen_files_count(l->j.seen));
	if (l->j.hopeless)
		return err_set(e, ERR_IO, "too many hash threads hang in file systems that do not answer");
	return rc;
}

_Noreturn void
monitor_run(struct monitor_shared *s)
{
	static struct loop l;
	struct err e = { 0 };
	int rc;

	become_monitor();
	atomic_store(&s->monitor_pid, getpid());	/* before anybody can hear that it runs */
	if (set_up(s, &l, &e) != 0)
		fail(s, &e);
	l.last = clock_ns(CLOCK_BOOTTIME);
	say_start(&l);
	/* Ready when everything that is there is marked; until then it already answers. */
	while ((rc = turn(&l, &e)) == 0 && !l.all && !asked_to_stop)
		;
	if (rc != 0)
		fail(s, &e);
	say_gap(&l);
	atomic_store(&s->state, MONITOR_RUNNING);
	shared_poke(s->ready_fd);
	while (!asked_to_stop && (rc = turn(&l, &e)) == 0)
		;
	/* What waits is let go as the group is closed; only then is there time for the disk. */
	(void)close(l.j.watch.fd);
	if (rc != 0)
		_exit(3);	/* the watchdog starts another */
	journal_finish(l.j.journal);
	_exit(0);
}
