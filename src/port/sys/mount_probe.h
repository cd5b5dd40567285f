/* mount_probe.h: the file systems that are mounted, and what they can do.
 *
 * Tried out rather than believed where that is harmless: with a file that never
 * has a name (O_TMPFILE) and is gone when it is closed, and with requests that
 * only ask.  Served file systems (NFS, CIFS, FUSE, ...) are never touched: a
 * server that does not answer would hold the whole report.
 */
#ifndef PORT_SYS_MOUNT_PROBE_H
#define PORT_SYS_MOUNT_PROBE_H

#include "port/sys/tree_file.h"

/** mounts_read(t, probe, m, e): Fill in m->mounts from /proc/self/mountinfo; with
 * ${probe} try them out as well. */
MUST_CHECK int mounts_read(const struct tree *t, bool probe, struct machine *m, struct err *e);

#endif
