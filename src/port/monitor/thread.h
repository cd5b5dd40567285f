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

/** thread_isolate(keep, n): The calling thread keeps copies of these descriptors under their
 * numbers (at most 8), and no others.  Where that cannot be, it ends the process. */
void thread_isolate(const int *keep, size_t n);

/** thread_borrow(process, fd): A copy of the dispatcher's descriptor ${fd}, or -1; ${process} is a
 * pidfd of the own process. */
int thread_borrow(int process, int fd);

#endif
