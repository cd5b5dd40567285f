/* mounts.h: which file systems are watched, and keeping it so as they are mounted.
 *
 * With paths given, theirs, once.  Else every mount that can hold programs, of this mount
 * namespace (told by /proc/self/mountinfo as it changes) and of each other one that a
 * process is in (looked for each second, if anything was executed meanwhile).  A mark is on
 * the superblock, so a file system is watched wherever else it is or will be mounted.
 *
 * Not watched: the kernel's own file systems, which hold no programs (mounts_kinds.tbl); and
 * those served over a network or by a program (NFS, FUSE), because the kernel opens each
 * file for us before we can look at it, and a server that does not answer would stop all
 * else: each such file system that allows execution is told of as a gap, once.
 *
 * Runs in a thread of its own: a look at a mount may hang.
 */
#ifndef PORT_MONITOR_MOUNTS_H
#define PORT_MONITOR_MOUNTS_H

#include "port/monitor/shared.h"
#include "port/monitor/watch.h"

enum mounts_kind { MOUNTS_REAL = 0, MOUNTS_EXEC_ONLY, MOUNTS_SERVED, MOUNTS_NONE };

/** mounts_kind(type, point): How a file system of ${type}, mounted at ${point}, is watched. */
enum mounts_kind mounts_kind(struct span type, struct span point);

/** mounts_watch(s, w, e): Mark all there are now.  An error if a given path cannot be, or
 * nothing at all could be. */
MUST_CHECK int mounts_watch(struct monitor_shared *s, const struct watch *w, struct err *e);

/** mounts_follow(s, w, e): Start the thread that follows changes (none with paths given). */
MUST_CHECK int mounts_follow(struct monitor_shared *s, const struct watch *w, struct err *e);

#endif
