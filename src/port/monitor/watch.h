/* watch.h: the fanotify group: marks, events, answers.
 *
 * The kernel is asked for as little as can be: a judged file gets an ignore mark on its
 * inode, and is not heard of again until it is written to (the kernel then clears the mark)
 * or closed by a writer (we do: a change through a shared mapping is told by nothing else).
 * Evictable marks (5.19) go with their inodes; before, there is a ceiling at which all go.
 *
 * Files that others than root may write keep their exec events: whoever can write to a
 * mapping, close it and execute the file at once would be faster than our hearing of the
 * close.  What a file's own owner loads as a library is not worth that much (he could map
 * anonymous memory instead).
 *
 * Not thread-safe.
 */
#ifndef PORT_MONITOR_WATCH_H
#define PORT_MONITOR_WATCH_H

#include <sys/stat.h>

#include "base/err.h"

struct watch {
	int fd;			/* the group */
	bool libraries;		/* open events too */
	bool evictable;
	unsigned n_marks;	/* inode marks set, where they are not evictable */
};

struct watch_event {
	int fd;			/* owned by whoever reads the event; -1: the queue was full */
	bool exec, open;	/* must be answered; at most one of both */
	bool written;		/* a writer closed a judged file; needs no answer */
	int pid;
};

/** watch_open(libraries, w, e): The group; close it by closing w->fd. */
MUST_CHECK int watch_open(bool libraries, struct watch *w, struct err *e);

/** watch_add(w, fd, exec_only, e): Watch the file system of ${fd}, or its mount where the file
 * system cannot be marked. */
MUST_CHECK int watch_add(const struct watch *w, int fd, bool exec_only, struct err *e);

/** watch_read(w, max, out, n, refused, e): At most ${max} (up to 64) events; ${*n} 0 if none waits.
 * ${*refused}: the kernel could not open for us what an event is about (a fault of its file
 * system, say), and denied it to who asked: nobody can answer such an event. */
MUST_CHECK int watch_read(struct watch *w, size_t max, struct watch_event *out, size_t *n, bool *refused,
    struct err *e);

/** watch_allow(w, fd): Let go what waits for the event with descriptor ${fd} (a number: it may
 * be closed by now). */
void watch_allow(const struct watch *w, int fd);

/** watch_ignore(w, fd, exec): Do not tell of opens of this file any more until it changes,
 * nor, with ${exec}, of executions.  watch_heed takes it back. */
void watch_ignore(struct watch *w, int fd, bool exec);
void watch_heed(const struct watch *w, int fd);

#endif
