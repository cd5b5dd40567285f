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
 * else: that they are there, and allow execution, is told of as a gap.
 *
 * A look at a mount may hang, so a thread of its own looks, and hands over descriptors of the
 * mounts; the dispatcher marks them.
 */
#ifndef PORT_MONITOR_MOUNTS_H
#define PORT_MONITOR_MOUNTS_H

#include "port/monitor/shared.h"
#include "port/monitor/watch.h"

enum mounts_kind { MOUNTS_REAL = 0, MOUNTS_EXEC_ONLY, MOUNTS_SERVED, MOUNTS_NONE };

/** mounts_kind(type, point): How a file system of ${type}, mounted at ${point}, is watched. */
enum mounts_kind mounts_kind(struct span type, struct span point);

/** mounts_start(s, fd, e): Start to look; ${*fd} is readable when mounts_take has something to do.
 * A path of o.paths that is not there is an error at once. */
MUST_CHECK int mounts_start(struct monitor_shared *s, int *fd, struct err *e);

/** mounts_take(s, fd, w, all, e): Mark what was handed over, without waiting; ${*all} becomes true
 * once everything that there was at the start is marked. */
MUST_CHECK int mounts_take(struct monitor_shared *s, int fd, const struct watch *w, bool *all, struct err *e);

#endif
