#include "port/monitor/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fanotify.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include "base/limits.h"

/* Debian 11's headers lack it. */
#ifndef FAN_MARK_EVICTABLE
#define FAN_MARK_EVICTABLE 0x00000200
#endif

#define EXEC_EVENT ((uint64_t)FAN_OPEN_EXEC_PERM)
#define OPEN_EVENT ((uint64_t)FAN_OPEN_PERM)

static bool
can_evict(int group)
{
	/* Refused by kernels that do not know it, before they look at the path. */
	return fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_EVICTABLE, FAN_CLOSE_WRITE, AT_FDCWD, "/proc/self") == 0 &&
	    fanotify_mark(group, FAN_MARK_REMOVE, FAN_CLOSE_WRITE, AT_FDCWD, "/proc/self") == 0;
}

/* Unlimited queue: each event that waits is a process that waits, so their number is bounded
 * by the processes', and a full queue would let executions go unseen.  O_NONBLOCK: the
 * kernel opens for us what the event is about, and a pipe's end would block. */
int
watch_open(bool libraries, struct watch *w, struct err *e)
{
	int fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE |
	    FAN_UNLIMITED_MARKS, O_RDONLY | O_CLOEXEC | O_LARGEFILE | O_NONBLOCK | O_NOATIME);

	if (fd < 0 && errno == EPERM)
		return err_hint(e, err_errno(e, "cannot watch executions (fanotify_init)"),
		    "this needs root, or CAP_SYS_ADMIN in the first user namespace");
	if (fd < 0 && (errno == EINVAL || errno == ENOSYS))
		return err_hint(e, err_errno(e, "cannot watch executions (fanotify_init)"),
		    "the kernel needs CONFIG_FANOTIFY_ACCESS_PERMISSIONS");
	if (fd < 0)
		return err_errno(e, "cannot watch executions (fanotify_init)");
	*w = (struct watch){ .fd = fd, .libraries = libraries, .evictable = can_evict(fd) };
	return 0;
}

int
watch_add(const struct watch *w, int fd, bool exec_only, struct err *e)
{
	uint64_t mask = EXEC_EVENT | (w->libraries && !exec_only ? OPEN_EVENT : 0);

	/* Descriptors opened with O_PATH are taken under an empty name only by the newest kernels. */
	char path[40];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fanotify_mark(w->fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, mask, AT_FDCWD, path) == 0 ||
	    fanotify_mark(w->fd, FAN_MARK_ADD | FAN_MARK_MOUNT, mask, AT_FDCWD, path) == 0)
		return 0;
	return err_errno(e, "cannot watch a file system");
}

int
watch_read(struct watch *w, size_t max, struct watch_event *out, size_t *n, bool *refused, struct err *e)
{
	struct fanotify_event_metadata in[64];
	ssize_t got = read(w->fd, in, (max < 64 ? max : 64) * sizeof(in[0]));
	size_t done = 0;

	if (got < 0 && (errno == EBADF || errno == EFAULT || errno == EINVAL))
		return err_errno(e, "cannot read fanotify events");
	*refused = got < 0 && errno != EAGAIN && errno != EINTR;
	for (ssize_t at = 0; at + (ssize_t)sizeof(in[0]) <= got; at += (ssize_t)sizeof(in[0])) {
		const struct fanotify_event_metadata *x = &in[done];

		if (x->vers != FANOTIFY_METADATA_VERSION || x->event_len != sizeof(*x))
			return err_set(e, ERR_UNSUPPORTED, "fanotify events are of version %u, and %u is known",
			    x->vers, FANOTIFY_METADATA_VERSION);
		out[done++] = (struct watch_event){ .fd = x->fd, .pid = x->pid, .exec = (x->mask & EXEC_EVENT) != 0,
		    .open = (x->mask & OPEN_EVENT) != 0, .written = (x->mask & FAN_CLOSE_WRITE) != 0 };
	}
	*n = done;
	return 0;
}

void
watch_allow(const struct watch *w, int fd)
{
	const struct fanotify_response r = { .fd = fd, .response = FAN_ALLOW };

	/* ENOENT: who waited was killed. */
	while (write(w->fd, &r, sizeof(r)) < 0 && errno == EINTR)
		;
}

void
watch_ignore(struct watch *w, int fd, bool exec)
{
	unsigned evict = w->evictable ? FAN_MARK_EVICTABLE : 0;
	uint64_t mask = OPEN_EVENT | (exec ? EXEC_EVENT : 0);

	if (!w->evictable && ++w->n_marks > LIMIT_MONITOR_MARKS) {
		(void)fanotify_mark(w->fd, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL);
		w->n_marks = 1;
	}
	/* Hearing of writers comes first: between the two a writer's close is told in vain, but
	 * never missed.  A failure only costs time: the file is told of again. */
	if (fanotify_mark(w->fd, FAN_MARK_ADD | evict, FAN_CLOSE_WRITE, fd, NULL) == 0)
		(void)fanotify_mark(w->fd, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | evict, mask, fd, NULL);
}

void
watch_heed(const struct watch *w, int fd)
{
	(void)fanotify_mark(w->fd, FAN_MARK_REMOVE | FAN_MARK_IGNORED_MASK, OPEN_EVENT | EXEC_EVENT, fd, NULL);
	(void)fanotify_mark(w->fd, FAN_MARK_REMOVE, FAN_CLOSE_WRITE, fd, NULL);
}
