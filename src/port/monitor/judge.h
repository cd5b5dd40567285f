/* judge.h: one event, from the kernel's question to its answer.
 *
 * Everything here runs in the dispatcher's thread, which never waits: it takes what the
 * page cache has and hands the rest to the hash threads.  Whatever happens, each event is
 * answered, with "allow": when its file is listed, when hashing took too long (it is listed
 * with a digest of zeros, as the kernel lists what it cannot read, and again when the digest
 * is there), when listing took too long, or when it need not be listed.
 */
#ifndef PORT_MONITOR_JUDGE_H
#define PORT_MONITOR_JUDGE_H

#include "crypto/digest.h"
#include "port/monitor/hash_pool.h"
#include "port/monitor/journal.h"
#include "port/monitor/watch.h"

/* Files of at most this size are hashed at once, if the page cache has them. */
#define JUDGE_AT_ONCE KIB(64)

/* Answers are given in bunches: for each one that comes alone the kernel wakes everybody who
 * waits, and all but one go back to sleep (fanotify.c, access_waitq). */
#define JUDGE_ANSWERS 256

enum task_state {
	TASK_FREE = 0,
	TASK_HASHING,		/* with the hash threads */
	TASK_FOLLOWING,		/* the same file as another task that is being hashed */
	TASK_LISTING,		/* with the journal */
	TASK_HELD,		/* listed; waits for the PCR to follow */
};

struct task {
	enum task_state state;
	bool answered;		/* let go; only the digest is still to come */
	bool stuck;		/* its thread was given up */
	struct watch_event ev;
	struct file_facts facts;
	struct hash_job job;
	uint64_t since;		/* when the event was read; these times are CLOCK_MONOTONIC's */
	uint64_t progress, moved;	/* bytes hashed when last looked at, and when they last rose */
	struct task *leader;	/* TASK_FOLLOWING */
	uint64_t number;	/* TASK_LISTING: for journal_result; TASK_HELD: records when it began */
	bool changing;		/* it changed, or was open for writing: not to be remembered */
};

struct judge {
	struct monitor_shared *s;
	struct watch watch;
	struct hash_pool *pool;
	struct journal *journal;
	struct seen_files *seen;	/* which files are measured */
	struct hasher *sha256;
	uint8_t *chunk;			/* JUDGE_AT_ONCE bytes */
	struct task *tasks;		/* LIMIT_MONITOR_PENDING */
	size_t busy;			/* of them, all but the free ones */
	int answers[JUDGE_ANSWERS];	/* descriptors of those to be let go together */
	size_t n_answers;
	bool behind;			/* the caller does not keep up: nobody is held for it */
	bool hopeless;			/* too many hash threads hang */
	int self;
};

/** judge_event(j, ev): Takes over ev->fd.  Without a free task (j->busy) what cannot be hashed at
 * once is let go unhashed. */
void judge_event(struct judge *j, const struct watch_event *ev);

/** judge_done(j, job): What came out of the hash threads. */
void judge_done(struct judge *j, struct hash_job *job);

/** judge_answer(j): Let go whom it is decided about; to be called before any wait. */
void judge_answer(struct judge *j);

/** judge_listed(j): What the journal has written meanwhile. */
void judge_listed(struct judge *j);

/** judge_tick(j): Deadlines. */
void judge_tick(struct judge *j);

#endif
