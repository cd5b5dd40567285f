/* hash_pool.h: threads that hash files, so that the dispatcher never reads one.
 *
 * A job is the caller's; the pool keeps a pointer until it comes out of hash_pool_done.
 * Files over 4 MiB have threads of their own, so that they hold up nobody else, and the others
 * are urgent ones (thread.h): a small file's digest is there before its deadline however many
 * processes want to run.  A thread
 * whose file cannot be read for a while is given up (hash_pool_replace): another takes its
 * place, and its job comes out whenever the read returns.
 */
#ifndef PORT_MONITOR_HASH_POOL_H
#define PORT_MONITOR_HASH_POOL_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/span.h"

#define HASH_BIG ((uint64_t)4 << 20)

enum hash_outcome { HASH_WAITS = 0, HASH_GOOD, HASH_NOT_WANTED, HASH_FAILED, HASH_TOO_LONG };

struct hash_job {
	int fd;
	bool big;
	bool look;			/* a file that was opened: hash it only if it is to be measured */
	bool scripts;			/* what begins with "#!" counts too */
	_Atomic uint64_t progress;	/* bytes read; rises while the thread is well */
	_Atomic bool started;
	enum hash_outcome outcome;	/* when it comes out */
	uint8_t digest[32];
	struct hash_job *next;
};

struct hash_pool;

/** hash_pool_new(threads, done_fd, p, e): ${threads} of each kind; the eventfd ${done_fd} becomes
 * readable when a job comes out.  There is no end to it: the process ends. */
MUST_CHECK int hash_pool_new(unsigned threads, int done_fd, struct hash_pool **p, struct err *e);
void hash_pool_add(struct hash_pool *p, struct hash_job *job);
struct hash_job *hash_pool_done(struct hash_pool *p);

/** hash_pool_replace(p, big): One more thread, because one hangs; false if too many do. */
MUST_CHECK bool hash_pool_replace(struct hash_pool *p, bool big);

/** hash_wanted(head, scripts): Whether a file that begins so is one that is to be measured
 * when it is only opened: ELF that a loader can map, and scripts if asked for. */
bool hash_wanted(struct span head, bool scripts);
#define HASH_HEAD 20		/* bytes of a file that tell */

#endif
