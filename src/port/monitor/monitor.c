#include "port/monitor/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "port/monitor/extend.h"
#include "port/monitor/journal.h"
#include "port/monitor/shared.h"

/* A first start hashes and marks; on a slow disk with many mounts it takes seconds. */
#define START_MS 60000
/* Records extended in one call of monitor_service: 8 ms each on a hardware TPM. */
#define SERVICE_RECORDS 64
/* Their descriptors are handed over at once, through a socket's buffer. */
#define PATHS 64

struct monitor {
	struct monitor_shared *s;
	struct extender x;
	monitor_seen_fn *seen;
	void *arg;
	int dir, lock, list, control, ready, wake;
	pid_t watchdog;
	bool told_foreign;
	char list_path[4200], sidecar_path[4200];
};

const char *
monitor_state_name(enum monitor_state s)
{
	static const char *const names[] = { "starting", "running", "down", "stopped", "failed" };

	return (unsigned)s < sizeof(names) / sizeof(names[0]) ? names[s] : "unknown";
}

const char *
monitor_list_path(const struct monitor *m)
{
	return m->list_path;
}

const char *
monitor_sidecar_path(const struct monitor *m)
{
	return m->sidecar_path;
}

int
monitor_fd(const struct monitor *m)
{
	return m->ready;
}

static void
monitor_free(struct monitor *m)
{
	const int fds[] = { m->control, m->list, m->lock, m->dir, m->ready, m->wake };

	extender_done(&m->x);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	if (m->s != NULL)
		(void)munmap(m->s, sizeof(*m->s));
	free(m);
}

static void
monitor_freep(struct monitor **m)
{
	if (*m != NULL)
		monitor_free(*m);
}
#define MONITOR_AUTO __attribute__((cleanup(monitor_freep)))

static unsigned
or_default(unsigned v, unsigned d)
{
	return v != 0 ? v : d;
}

static int
fill_in(const struct monitor_options *in, struct monitor_options *o, struct err *e)
{
	*o = *in;
	o->pcr = or_default(in->pcr, MONITOR_PCR);
	o->answer_ms = or_default(in->answer_ms, 5000);
	o->stall_ms = or_default(in->stall_ms, 1500);
	o->silent_ms = or_default(in->silent_ms, 2000);
	o->batch_ms = or_default(in->batch_ms, 50);
	o->batch_records = or_default(in->batch_records, 256);
	o->hold_ms = or_default(in->hold_ms, 1000);
	o->chain_records = or_default(in->chain_records, 256);
	o->chain_ms = or_default(in->chain_ms, 1000);
	o->threads = or_default(in->threads, 2);
	if (o->dir == NULL)
		return err_set(e, ERR_USAGE, "the monitor needs a directory");
	if (o->n_paths > PATHS)
		return err_set(e, ERR_LIMIT, "more than %d paths to watch", PATHS);
	if (o->pcr == 10)
		return err_set(e, ERR_USAGE, "PCR 10 is the kernel's: a list of ours would break the replay of its own");
	if (o->pcr > 15)
		return err_hint(e, err_set(e, ERR_USAGE, "PCR %u can be reset while the system runs, or is not there:"
		    " it cannot show what was executed", o->pcr), "PCR %d is the default", MONITOR_PCR);
	return 0;
}

/* Two monitors would write one list. */
static int
open_dir(struct monitor *m, const char *dir, struct err *e)
{
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return err_errno(e, "cannot make %s", dir);
	if ((m->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return err_errno(e, "cannot open %s", dir);
	if ((m->lock = openat(m->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0)
		return err_errno(e, "cannot open the lock in %s", dir);
	if (flock(m->lock, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? err_set(e, ERR_IO, "another monitor is at work in %s", dir) :
		    err_errno(e, "cannot lock %s", dir);
	(void)snprintf(m->list_path, sizeof(m->list_path), "%s/" JOURNAL_LIST, dir);
	(void)snprintf(m->sidecar_path, sizeof(m->sidecar_path), "%s/" JOURNAL_SIDECAR, dir);
	return 0;
}

static int
read_boot_id(uint8_t id[MONITOR_BOOT_ID], struct err *e)
{
	FILE_AUTO struct file f = { 0 };
	size_t digits = 0;
	int rc = file_read("/proc/sys/kernel/random/boot_id", 64, &f, e);

	if (rc != 0)
		return rc;
	memset(id, 0, MONITOR_BOOT_ID);
	for (size_t i = 0; i < f.n; i++) {
		uint8_t c = f.p[i];
		uint8_t v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;

		if (v > 15 || digits == 2 * MONITOR_BOOT_ID)
			continue;
		id[digits / 2] |= (uint8_t)(v << (digits % 2 == 0 ? 4 : 0));
		digits++;
	}
	return digits == 2 * MONITOR_BOOT_ID ? 0 : err_set(e, ERR_FORMAT, "the kernel's boot_id is not a UUID");
}

static int
open_list(struct monitor *m, int *sidecar, struct err *e)
{
	m->list = openat(m->dir, JOURNAL_LIST, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	*sidecar = openat(m->dir, JOURNAL_SIDECAR, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (m->list < 0 || *sidecar < 0)
		return err_errno(e, "cannot open the monitor's list in %s", m->s->o.dir);
	return 0;
}

/* The list of an earlier boot is kept, one deep: somebody may not have read it to its end. */
static int
put_aside(struct monitor *m, struct err *e)
{
	int sidecar, rc;

	if (renameat(m->dir, JOURNAL_LIST, m->dir, JOURNAL_LIST ".1") != 0 ||
	    renameat(m->dir, JOURNAL_SIDECAR, m->dir, JOURNAL_SIDECAR ".1") != 0)
		return err_errno(e, "cannot put the list of the earlier boot aside in %s", m->s->o.dir);
	(void)close(m->list);
	m->list = -1;
	rc = open_list(m, &sidecar, e);
	if (sidecar >= 0)
		(void)close(sidecar);
	m->x.records = m->x.bytes = 0;
	memset(m->x.value, 0, sizeof(m->x.value));
	m->x.foreign = false;
	return rc;
}

/* What the list says of the time until now. */
static void
note_absence(struct monitor *m, const struct journal_state *j)
{
	struct stat st;

	m->s->start = MONITOR_WHY_RESTART;
	m->s->gap.why = j->stopped ? MONITOR_WHY_STOPPED : MONITOR_WHY_ABSENT;
	m->s->gap.from = j->stop.time;
	m->s->gap.from_uptime = j->stop.uptime;
	if (j->stopped || fstat(m->list, &st) != 0)
		return;
	/* It ended without a word: nothing is known since it last wrote. */
	m->s->gap.from = (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
	m->s->gap.from_uptime = 0;
}

/* Go on, or begin anew?  With a PCR it decides: what it holds, the list must explain.  Without,
 * the boot's name does. */
static int
decide(struct monitor *m, const struct journal_state *j, bool known, struct err *e)
{
	struct monitor_shared *s = m->s;
	bool same = j->has_start && memcmp(j->start.boot_id, s->boot_id, MONITOR_BOOT_ID) == 0;
	bool with_tpm = m->x.tpm != NULL;
	bool unused = with_tpm && known && m->x.records == 0;	/* the PCR is zero */

	if (same && j->start.pcr != s->o.pcr)
		return err_set(e, ERR_MISMATCH, "the list of this boot in %s is extended into PCR %llu, not %u",
		    s->o.dir, (unsigned long long)j->start.pcr, s->o.pcr);
	if (with_tpm && !known && !same)
		return err_hint(e, err_set(e, ERR_MISMATCH, "PCR %u is in use already: it is not zero, and no list in"
		    " %s leads to it", s->o.pcr, s->o.dir), "choose another PCR; nothing can be taken back from this"
		    " one before a reboot");
	if (j->records > 0 && !same && (unused || !with_tpm))
		return put_aside(m, e);
	if (j->records == 0)
		return 0;
	note_absence(m, j);
	if (m->x.foreign)
		atomic_fetch_or(&s->ask, 1u << MONITOR_WHY_PCR_FOREIGN);
	else if (j->records - m->x.records > s->o.batch_records)
		atomic_fetch_or(&s->ask, 1u << MONITOR_WHY_EXTEND_LATE);
	return 0;
}

static int
recover(struct monitor *m, struct err *e)
{
	JOURNAL_MAP_AUTO struct span list = { NULL, 0 };
	struct journal_state j;
	int sidecar = -1, rc = open_list(m, &sidecar, e);
	bool known;

	m->s->start = MONITOR_WHY_FIRST;
	if (rc == 0)
		rc = journal_read(m->list, sidecar, NULL, &j, e);
	if (sidecar >= 0)
		(void)close(sidecar);
	if (rc != 0 || (rc = journal_map(m->list, LIMIT_MONITOR_LIST + KIB(64), &list, e)) != 0 ||
	    (rc = extender_begin(&m->x, span_head(list, j.list_size), &known, e)) != 0)
		return rc;
	if ((rc = decide(m, &j, known, e)) != 0)
		return rc;
	atomic_store(&m->s->extended, m->x.records);
	return 0;
}

/* The children keep only what they need: what else the caller has open is not theirs, and a
 * TPM's or a socket's last descriptor must be the caller's. */
static _Noreturn void
become_child(const struct monitor *m, int control)
{
	struct monitor_shared *s = m->s;
	int keep[] = { m->dir, m->ready, m->wake, control };

	for (int i = 0; i < 4; i++)
		if ((keep[i] = fcntl(keep[i], F_DUPFD_CLOEXEC, 64)) < 0)
			_exit(3);
	for (int i = 0; i < 4; i++)
		if (dup3(keep[i], 3 + i, O_CLOEXEC) < 0)
			_exit(3);
	(void)close_range(7, ~0u, 0);
	s->dir = 3;
	s->ready_fd = 4;
	s->wake_fd = 5;
	watchdog_run(s, 6);
}

static int
start_watchdog(struct monitor *m, struct err *e)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return err_errno(e, "cannot make a pair of sockets");
	m->control = pair[0];
	(void)fflush(NULL);
	m->watchdog = fork();
	if (m->watchdog == 0)
		become_child(m, pair[1]);
	(void)close(pair[1]);
	if (m->watchdog < 0)
		return err_errno(e, "cannot start the monitor's watchdog");
	return 0;
}

static void
end_watchdog(struct monitor *m)
{
	if (m->watchdog <= 0)
		return;
	(void)close(m->control);
	m->control = -1;
	while (waitpid(m->watchdog, NULL, 0) < 0 && errno == EINTR)
		;
	m->watchdog = 0;
}

static int
wait_ready(struct monitor *m, struct err *e)
{
	struct pollfd p[] = { { .fd = m->ready, .events = POLLIN }, { .fd = m->control, .events = POLLIN } };
	uint64_t until = clock_ns(CLOCK_MONOTONIC) + START_MS * MS;

	while (clock_ns(CLOCK_MONOTONIC) < until) {
		int state = atomic_load(&m->s->state);

		if (state == MONITOR_RUNNING)
			return 0;
		if (state == MONITOR_FAILED) {
			*e = m->s->failure;
			return e->code != 0 ? e->code : err_set(e, ERR_INTERNAL, "the monitor cannot run");
		}
		(void)poll(p, 2, 100);
		if (p[1].revents != 0 && atomic_load(&m->s->state) != MONITOR_FAILED)
			return err_set(e, ERR_INTERNAL, "the monitor's watchdog ended");
	}
	return err_set(e, ERR_IO, "the monitor is not ready after %d s", START_MS / 1000);
}

static int
make_shared(struct monitor *m, const struct monitor_options *in, struct err *e)
{
	void *p = mmap(NULL, sizeof(*m->s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int rc;

	if (p == MAP_FAILED)
		return err_errno(e, "cannot map memory to share");
	m->s = p;
	m->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	m->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->wake < 0 || m->ready < 0)
		return err_errno(e, "cannot make an eventfd");
	if ((rc = fill_in(in, &m->s->o, e)) != 0)
		return rc;
	return read_boot_id(m->s->boot_id, e);
}

int
monitor_start(const struct monitor_options *o, struct monitor **out, struct err *e)
{
	MONITOR_AUTO struct monitor *m = calloc(1, sizeof(*m));
	struct err mine = { 0 };
	int rc;

	if (e == NULL)
		e = &mine;
	if (m == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	m->dir = m->lock = m->list = m->control = m->ready = m->wake = -1;
	m->seen = o->seen;
	m->arg = o->arg;
	if ((rc = make_shared(m, o, e)) != 0 || (rc = open_dir(m, o->dir, e)) != 0 ||
	    (rc = extender_init(&m->x, o->tpm, m->s->o.pcr, e)) != 0 || (rc = recover(m, e)) != 0 ||
	    (rc = start_watchdog(m, e)) != 0)
		return rc;
	if ((rc = wait_ready(m, e)) != 0) {
		end_watchdog(m);
		return rc;
	}
	*out = m;
	m = NULL;
	return 0;
}

static void
tell(struct monitor *m, struct span data, struct span record)
{
	struct monitor_seen x = { .number = m->x.records, .record = record };

	if (m->seen == NULL || !journal_fields(data, &x.digest, &x.path, &x.text))
		return;
	x.note = x.text.n > 0;
	m->seen(m->arg, &x);
}

/* Up to ${most} records that are on disk. */
static int
catch_up(struct monitor *m, uint64_t most, struct err *e)
{
	BUF_AUTO struct buf b = buf_init(MIB(1));
	uint64_t bytes = atomic_load(&m->s->durable_bytes), start = m->x.bytes;
	struct rd r;
	struct span data;
	uint32_t pcr;
	ssize_t n;
	int rc;

	if (bytes <= start)
		return 0;
	buf_zero(&b, bytes - start < MIB(1) ? (size_t)(bytes - start) : MIB(1));
	if ((rc = buf_done(&b, e)) != 0)
		return rc;
	if ((n = pread(m->list, b.p, b.n, (off_t)start)) < 0)
		return err_errno(e, "cannot read the monitor's list");
	r = rd_init(span_of(b.p, (size_t)n));
	for (uint64_t i = 0; i < most; i++) {
		size_t before = r.off;

		if (!monitor_record_next(&r, &pcr, &data))
			break;
		if ((rc = extender_add(&m->x, data, r.off - before, e)) != 0)
			return rc;
		atomic_store(&m->s->extended, m->x.records);
		tell(m, data, span_of(r.in.p + before, r.off - before));
	}
	shared_poke(m->wake);
	return 0;
}

int
monitor_service(struct monitor *m, struct err *e)
{
	uint64_t n;
	int rc, status;

	(void)!read(m->ready, &n, sizeof(n));
	if (m->watchdog > 0 && waitpid(m->watchdog, &status, WNOHANG) == m->watchdog) {
		m->watchdog = 0;
		atomic_store(&m->s->state, MONITOR_FAILED);
	}
	rc = catch_up(m, SERVICE_RECORDS, e);
	if (m->x.foreign && !m->told_foreign) {
		m->told_foreign = true;
		atomic_fetch_or(&m->s->ask, 1u << MONITOR_WHY_PCR_FOREIGN);
	}
	if (rc != 0)
		return rc;
	if (m->x.bytes < atomic_load(&m->s->durable_bytes))
		shared_poke(m->ready);
	if (m->watchdog == 0)
		return err_hint(e, m->s->failure.code != 0 ? (*e = m->s->failure).code :
		    err_set(e, ERR_INTERNAL, "the monitor and its watchdog ended"), "start the monitor again");
	return 0;
}

void
monitor_status(const struct monitor *m, struct monitor_status *out)
{
	struct monitor_shared *s = m->s;

	*out = (struct monitor_status){ .state = (enum monitor_state)atomic_load(&s->state),
	    .pcr_foreign = m->x.foreign, .monitor_pid = atomic_load(&s->monitor_pid), .watchdog_pid = m->watchdog,
	    .records = atomic_load(&s->records), .extended = m->x.records, .gaps = atomic_load(&s->gaps),
	    .restarts = atomic_load(&s->restarts), .events = atomic_load(&s->events), .hits = atomic_load(&s->hits),
	    .hashed = atomic_load(&s->hashed), .hashed_bytes = atomic_load(&s->hashed_bytes),
	    .overflows = atomic_load(&s->overflows), .late = atomic_load(&s->late),
	    .cached = atomic_load(&s->cached), .waiting = atomic_load(&s->waiting),
	    .most_waiting = atomic_load(&s->most_waiting), .marks = atomic_load(&s->marks) };
}

int
monitor_stop(struct monitor *m, struct err *e)
{
	int rc = 0;

	if (m == NULL)
		return 0;
	end_watchdog(m);
	for (uint64_t before = UINT64_MAX; rc == 0 && m->x.bytes != before;) {
		before = m->x.bytes;
		rc = catch_up(m, UINT64_MAX, e);
	}
	monitor_free(m);
	return rc;
}
