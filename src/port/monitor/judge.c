#include "port/monitor/judge.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "port/monitor/origin.h"

/* As the kernel lists what it could not read (ima_api.c, ima_collect_measurement). */
static const uint8_t no_digest[32];

/* For deadlines: a machine that slept has not been slow. */
static uint64_t
now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

void
judge_answer(struct judge *j)
{
	for (size_t i = 0; i < j->n_answers; i++)
		watch_allow(&j->watch, j->answers[i]);
	for (size_t i = 0; i < j->n_answers; i++)
		(void)close(j->answers[i]);
	j->n_answers = 0;
	atomic_fetch_add(&j->s->beat, 1);
}

static void
let_go(struct judge *j, struct watch_event *ev)
{
	if (ev->fd < 0)
		return;
	if (j->n_answers == JUDGE_ANSWERS)
		judge_answer(j);
	j->answers[j->n_answers++] = ev->fd;
	ev->fd = -1;
}

/* Of what is no file, our open end must not be seen by who is let go: it is closed first.  The
 * answer goes by the number alone, which no other event can have got meanwhile, because only
 * this thread reads events. */
static void
let_go_special(struct judge *j, struct watch_event *ev)
{
	(void)close(ev->fd);
	watch_allow(&j->watch, ev->fd);
	ev->fd = -1;
}

static struct task *
task_new(struct judge *j, const struct watch_event *ev, const struct file_facts *f)
{
	for (size_t i = 0; i < LIMIT_MONITOR_PENDING; i++) {
		struct task *t = &j->tasks[i];

		if (t->state != TASK_FREE)
			continue;
		memset(t, 0, sizeof(*t));
		t->ev = *ev;
		t->facts = *f;
		t->since = t->moved = now_ns();
		j->busy++;
		return t;
	}
	return NULL;
}

static void
task_free(struct judge *j, struct task *t)
{
	if (t->ev.fd >= 0)
		(void)close(t->ev.fd);
	t->state = TASK_FREE;
	j->busy--;
}

/* Answered and, unless its digest is still to come, forgotten.  A task whose hash goes on keeps its
 * descriptor, so the answer goes out under its number first. */
static void
finish(struct judge *j, struct task *t)
{
	if (!t->answered && t->state == TASK_HASHING) {
		watch_allow(&j->watch, t->ev.fd);
		t->answered = true;
		return;
	}
	if (!t->answered)
		let_go(j, &t->ev);
	task_free(j, t);
}

/* Nobody but root can write to it: its executions need not be heard of either (watch.h). */
static bool
roots_alone(const struct file_facts *f)
{
	return f->uid == 0 && (f->mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Remember that this file is judged: here if it was measured, and in the kernel.  A writer
 * that came between two looks, or is still there, takes both back; one that comes later is
 * heard of. */
static void
remember(struct judge *j, int fd, const struct file_facts *f, bool measured)
{
	struct file_facts again;

	if (!f->settled)
		return;
	watch_ignore(&j->watch, fd, measured && roots_alone(f));
	if (file_written(fd) || !file_look(fd, UINT64_MAX / 2, &again) || !file_key_eq(&again.key, &f->key)) {
		watch_heed(&j->watch, fd);
		return;
	}
	if (measured)
		seen_file_add(j->seen, &f->key);
}

/* Hand it to the journal; the number of the request. */
static uint64_t
list(struct judge *j, const struct watch_event *ev, const struct file_facts *f, const uint8_t digest[32],
    uint32_t flags)
{
	static struct origin o;		/* large; one thread */
	char name[ORIGIN_NAME];
	struct monitor_body body = { .time = clock_ns(CLOCK_REALTIME), .uptime = clock_ns(CLOCK_BOOTTIME), .pid = (uint32_t)ev->pid,
	    .major = f->major, .minor = f->minor, .inode = f->key.inode, .size = f->key.size };
	bool deleted;
	struct span path = origin_path(ev->fd, name, &deleted);

	/* While the process waits; afterwards it may be another. */
	if ((flags & MONITOR_LATE) == 0)
		origin_look(ev->pid, &o);
	else
		o = (struct origin){ .gone = true, .uid = UINT32_MAX };
	body.uid = o.uid;
	body.comm = span_of(o.comm, o.n_comm);
	body.cgroup = span_of(o.cgroup, o.n_cgroup);
	body.flags = flags | (ev->exec ? MONITOR_EXEC : 0) | (deleted ? MONITOR_DELETED : 0) |
	    (o.gone ? MONITOR_GONE : 0);
	return journal_file(j->journal, digest, path, &body);
}

/* It is hashed: have it listed. */
static void
measured(struct judge *j, struct task *t, const uint8_t digest[32])
{
	uint32_t flags = t->answered ? MONITOR_LATE : 0;
	struct file_facts after;

	if (!file_look(t->ev.fd, UINT64_MAX / 2, &after) || !file_key_eq(&after.key, &t->facts.key))
		flags |= MONITOR_CHANGED;
	else if (file_written(t->ev.fd))
		flags |= MONITOR_WRITER;
	t->changing = (flags & (MONITOR_CHANGED | MONITOR_WRITER)) != 0;
	atomic_fetch_add(&j->s->hashed, 1);
	atomic_fetch_add(&j->s->hashed_bytes, t->facts.key.size);
	t->number = list(j, &t->ev, &t->facts, digest, flags);
	t->state = TASK_LISTING;
	t->moved = now_ns();
}

/* What the page cache has of the file's beginning: -1 if it would have to be read. */
static ssize_t
glance(struct judge *j, int fd, size_t n)
{
	struct iovec v = { j->chunk, n };

	return preadv2(fd, &v, 1, 0, RWF_NOWAIT);
}

/* Small and cached: hashed here. ${*wanted} is false for what need not be measured. */
static bool
hash_at_once(struct judge *j, const struct watch_event *ev, const struct file_facts *f, uint8_t digest[32],
    bool *wanted)
{
	bool small = f->key.size <= JUDGE_AT_ONCE;
	ssize_t n = glance(j, ev->fd, small ? JUDGE_AT_ONCE : HASH_HEAD);

	*wanted = true;
	if (n < 0)
		return false;
	if (!ev->exec && !hash_wanted(span_of(j->chunk, (size_t)n), j->s->o.scripts)) {
		*wanted = false;
		return true;
	}
	return small && (uint64_t)n == f->key.size &&
	    hasher_run(j->sha256, span_of(j->chunk, (size_t)n), span_of(NULL, 0), digest);
}

/* Somebody else's hash of the same file, be it answered or not. */
static struct task *
leader_of(struct judge *j, const struct file_facts *f)
{
	for (size_t i = 0; i < LIMIT_MONITOR_PENDING && j->busy > 0; i++) {
		struct task *t = &j->tasks[i];

		if (t->state == TASK_HASHING && file_key_eq(&t->facts.key, &f->key))
			return t;
	}
	return NULL;
}

/* Without a digest, but listed. */
static void
let_go_unhashed(struct judge *j, const struct watch_event *ev, const struct file_facts *f, uint32_t why)
{
	struct watch_event mine = *ev;

	atomic_fetch_add(&j->s->late, 1);
	(void)list(j, ev, f, no_digest, why);
	let_go(j, &mine);
}

static void
hash_later(struct judge *j, const struct watch_event *ev, const struct file_facts *f)
{
	struct task *leader = leader_of(j, f), *t;

	/* Who opened it before was let go without waiting any longer: it would only take one more
	 * thread to find the same. */
	if (leader != NULL && leader->answered) {
		let_go_unhashed(j, ev, f, leader->stuck ? MONITOR_STALLED : MONITOR_SLOW);
		return;
	}
	if ((t = task_new(j, ev, f)) == NULL) {	/* all are let go already, and their hashes are to come */
		let_go_unhashed(j, ev, f, MONITOR_SLOW);
		return;
	}
	/* What is executed is measured whatever it is, so it cannot follow what is opened. */
	if (leader != NULL && (!ev->exec || leader->ev.exec)) {
		t->state = TASK_FOLLOWING;
		t->leader = leader;
		return;
	}
	t->state = TASK_HASHING;
	t->job.fd = ev->fd;
	t->job.big = f->key.size > HASH_BIG;
	t->job.look = !ev->exec;
	t->job.scripts = j->s->o.scripts;
	hash_pool_add(j->pool, &t->job);
}

static void
judge_file(struct judge *j, struct watch_event *ev, const struct file_facts *f)
{
	uint8_t digest[32];
	struct task *t;
	bool wanted;

	if (seen_file(j->seen, &f->key)) {
		atomic_fetch_add(&j->s->hits, 1);
		if (!ev->exec || roots_alone(f))	/* else its executions are always told of */
			remember(j, ev->fd, f, true);
		let_go(j, ev);
	} else if (!hash_at_once(j, ev, f, digest, &wanted)) {
		hash_later(j, ev, f);
	} else if (!wanted) {
		remember(j, ev->fd, f, false);
		let_go(j, ev);
	} else if ((t = task_new(j, ev, f)) != NULL) {
		measured(j, t, digest);
	} else {
		(void)list(j, ev, f, digest, 0);
		let_go(j, ev);
	}
}

void
judge_event(struct judge *j, const struct watch_event *event)
{
	struct watch_event ev = *event;
	struct file_facts f;

	if (ev.written) {
		watch_heed(&j->watch, ev.fd);
		(void)close(ev.fd);
		return;
	}
	/* Our own threads only open what is our own; they must never wait for this one. */
	if (ev.pid == j->self || (!ev.exec && !ev.open) || !file_look(ev.fd, clock_ns(CLOCK_REALTIME), &f)) {
		let_go(j, &ev);
		return;
	}
	if (!S_ISREG(f.mode)) {
		watch_ignore(&j->watch, ev.fd, false);
		let_go_special(j, &ev);
		return;
	}
	judge_file(j, &ev, &f);
}

/* Those that waited for the same file go with it. */
static void
release_followers(struct judge *j, const struct task *leader)
{
	for (size_t i = 0; i < LIMIT_MONITOR_PENDING; i++) {
		struct task *t = &j->tasks[i];

		if (t->state == TASK_FOLLOWING && t->leader == leader)
			finish(j, t);
	}
}

static void
give_up(struct judge *j, struct task *t, uint32_t why)
{
	atomic_fetch_add(&j->s->late, 1);
	(void)list(j, &t->ev, &t->facts, no_digest, why);
	release_followers(j, t);
	finish(j, t);
}

void
judge_done(struct judge *j, struct hash_job *job)
{
	struct task *t = (struct task *)((uint8_t *)job - offsetof(struct task, job));

	if (job->outcome == HASH_GOOD) {
		measured(j, t, job->digest);
		return;
	}
	t->state = TASK_LISTING;	/* its hash is over: it may be freed */
	if (job->outcome != HASH_NOT_WANTED && !t->answered) {
		give_up(j, t, job->outcome == HASH_TOO_LONG ? MONITOR_SLOW : MONITOR_UNREADABLE);
		return;
	}
	if (job->outcome == HASH_NOT_WANTED)
		remember(j, t->ev.fd, &t->facts, false);
	release_followers(j, t);
	finish(j, t);
}

/* New files wait for the PCR to follow, as far as was promised. */
static bool
too_far_ahead(const struct judge *j)
{
	return j->s->o.tpm != NULL && !j->behind &&
	    atomic_load(&j->s->records) > atomic_load(&j->s->extended) + j->s->o.batch_records;
}

static void
listed(struct judge *j, struct task *t, enum journal_result result)
{
	if (result != JOURNAL_LOST && !t->changing)
		remember(j, t->ev.fd, &t->facts, true);
	release_followers(j, t);
	if (result == JOURNAL_NEW && !t->answered && too_far_ahead(j)) {
		t->state = TASK_HELD;
		t->number = atomic_load(&j->s->records);
		t->moved = now_ns();
		return;
	}
	finish(j, t);
}

void
judge_listed(struct judge *j)
{
	for (size_t i = 0; i < LIMIT_MONITOR_PENDING && j->busy > 0; i++) {
		struct task *t = &j->tasks[i];
		enum journal_result result;

		if (t->state == TASK_LISTING && (result = journal_result(j->journal, t->number)) != JOURNAL_WAITS)
			listed(j, t, result);
	}
}

/* A hash that does not move, or takes too long, is not waited for. */
static void
tick_hashing(struct judge *j, struct task *t, uint64_t now)
{
	uint64_t progress = atomic_load(&t->job.progress);

	if (progress != t->progress || !atomic_load(&t->job.started)) {
		t->progress = progress;
		t->moved = now;
	}
	if (!t->stuck && now - t->moved >= j->s->o.stall_ms * MS) {
		if (!hash_pool_replace(j->pool, t->job.big))
			j->hopeless = true;
		t->stuck = true;
		if (!t->answered)
			give_up(j, t, MONITOR_STALLED);
	} else if (!t->answered && now - t->since >= j->s->o.answer_ms * MS) {
		give_up(j, t, MONITOR_SLOW);
	}
}

/* The disk does not take it: the record waits on, the execution does not. */
static void
tick_listing(struct judge *j, struct task *t, uint64_t now)
{
	if (now - t->moved < j->s->o.hold_ms * MS)
		return;
	atomic_fetch_add(&j->s->late, 1);
	release_followers(j, t);
	finish(j, t);
}

static void
tick_held(struct judge *j, struct task *t, uint64_t now)
{
	if (t->number <= atomic_load(&j->s->extended) + j->s->o.batch_records || j->behind) {
		finish(j, t);
	} else if (now - t->moved >= j->s->o.hold_ms * MS) {
		j->behind = true;
		atomic_fetch_or(&j->s->ask, 1u << MONITOR_WHY_EXTEND_LATE);
		finish(j, t);
	}
}

void
judge_tick(struct judge *j)
{
	uint64_t now = now_ns(), oldest = 0;

	if (j->behind && atomic_load(&j->s->records) <= atomic_load(&j->s->extended) + j->s->o.batch_records)
		j->behind = false;
	for (size_t i = 0; i < LIMIT_MONITOR_PENDING && j->busy > 0; i++) {
		struct task *t = &j->tasks[i];

		if (t->state == TASK_HASHING)
			tick_hashing(j, t, now);
		else if (t->state == TASK_LISTING)
			tick_listing(j, t, now);
		else if (t->state == TASK_HELD)
			tick_held(j, t, now);
	}
	for (size_t i = 0; i < LIMIT_MONITOR_PENDING && j->busy > 0; i++)
		if (j->tasks[i].state != TASK_FREE && !j->tasks[i].answered &&
		    (oldest == 0 || j->tasks[i].since < oldest))
			oldest = j->tasks[i].since;
	atomic_store(&j->s->waiting_since, oldest);
}
