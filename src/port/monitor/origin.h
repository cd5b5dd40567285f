/* origin.h: who did it, and to which file, while it waits.
 *
 * The process is blocked in its system call until it is answered, so what /proc says of it
 * is of it and of no later process with its number; unless it is killed, which is said
 * (gone).  Of its cgroups the one of version 2 is taken, else systemd's own, else the first.
 *
 * A path is as the kernel names it from here (d_path): of a file in another mount namespace
 * as it is there.
 */
#ifndef PORT_MONITOR_ORIGIN_H
#define PORT_MONITOR_ORIGIN_H

#include "base/span.h"

#define ORIGIN_NAME 4096

struct origin {
	bool gone;
	uint32_t uid;
	size_t n_comm, n_cgroup;
	char comm[64];
	char cgroup[ORIGIN_NAME];
};

void origin_look(int pid, struct origin *o);

/** origin_path(fd, b, deleted): The path, without " (deleted)", in ${b} of ORIGIN_NAME bytes; of
 * no bytes if it cannot be had (then it has no name that fits). */
struct span origin_path(int fd, char b[ORIGIN_NAME], bool *deleted);

/** origin_cgroup(text): The one to take, of the content of /proc/PID/cgroup. */
struct span origin_cgroup(struct span text);

#endif
