/* thread.h: threads that may hang without holding anybody up.
 *
 * A read of a dead disk, or of a file system whose server does not answer, ends by no
 * signal, SIGKILL included; and the kernel lets go what waits for an answer only when the
 * last descriptor of the fanotify group is closed.  So each thread but the dispatcher has a
 * table of descriptors of its own (unshare(2), CLONE_FILES), without the group: when the
 * process is killed, the group goes with the dispatcher, whatever the others are stuck in.
 */
#ifndef PORT_MONITOR_THREAD_H
#define PORT_MONITOR_THREAD_H

#include "base/err.h"

/** thread_start(run, arg, stack, e): A detached thread. */
MUST_CHECK int thread_start(void *(*run)(void *), void *arg, size_t stack, struct err *e);

/** thread_urgent(rank): The calling thread (not what it forks or starts) runs before every ordinary
 * one: everybody's executions wait for it, and among thousands of processes that all want to
 * run its turn would come too late.  It cannot take the machine for itself, because it has
 * nothing to do but what others, running, ask for.  Where real-time scheduling is not allowed
 * a better nice value must do. */
enum thread_rank { THREAD_WORKER = 1, THREAD_DISPATCHER, THREAD_WATCHDOG };
void thread_urgent(enum thread_rank rank);

/** thread_isolate(keep, n): The calling thread keeps copies of these descriptors under their
 * numbers (at most 8), and no others.  Where that cannot be, it ends the process. */
void thread_isolate(const int *keep, size_t n);

/** thread_borrow(process, fd): A copy of the dispatcher's descriptor ${fd}, or -1; ${process} is a
 * pidfd of the own process. */
int thread_borrow(int process, int fd);

#endif
