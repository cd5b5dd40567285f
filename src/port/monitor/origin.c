#include "port/monitor/origin.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rd.h"
#include "base/text.h"

static ssize_t
slurp(int dir, const char *name, char *b, size_t max)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, b, max);
	(void)close(fd);
	return n;
}

struct span
origin_cgroup(struct span text)
{
	static const struct span v2 = span_lit("0::"), systemd = span_lit("name=systemd:");
	struct span line, best = { NULL, 0 }, second = { NULL, 0 }, first = { NULL, 0 };
	struct rd r = rd_init(text);

	while (rd_line(&r, ORIGIN_NAME, &line)) {
		struct span rest = span_from(line, span_find(line, ':') + 1);

		if (span_starts(line, v2))
			best = span_from(line, v2.n);
		else if (span_starts(rest, systemd))
			second = span_from(rest, systemd.n);
		else if (first.n == 0)
			first = span_from(rest, span_find(rest, ':') + 1);
	}
	/* On a hybrid hierarchy version 2 is there, but everybody is at its root. */
	if (best.n > 1 || (second.n == 0 && first.n == 0))
		return best;
	return second.n != 0 ? second : best.n != 0 ? best : first;
}

/* "Uid:\treal\teffective\t..." */
static bool
effective_uid(struct span status, uint32_t *uid)
{
	struct rd r = rd_init(status);
	struct span line;
	uint64_t v;

	while (rd_line(&r, ORIGIN_NAME, &line)) {
		if (!span_starts(line, span_lit("Uid:\t")))
			continue;
		line = span_from(line, 5);
		line = span_from(line, span_find(line, '\t') + 1);
		line = span_head(line, span_find(line, '\t'));
		if (!dec_u64(line, &v) || v > UINT32_MAX)
			return false;
		*uid = (uint32_t)v;
		return true;
	}
	return false;
}

void
origin_look(int pid, struct origin *o)
{
	char name[32], b[ORIGIN_NAME];
	struct span cgroup;
	ssize_t n;
	int dir;

	*o = (struct origin){ .gone = true, .uid = UINT32_MAX };
	(void)snprintf(name, sizeof(name), "/proc/%d", pid);
	if (pid <= 0 || (dir = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return;
	n = slurp(dir, "comm", o->comm, sizeof(o->comm));
	o->n_comm = n > 0 ? (size_t)n - (o->comm[n - 1] == '\n') : 0;
	if ((n = slurp(dir, "cgroup", b, sizeof(b))) > 0) {
		cgroup = origin_cgroup(span_of(b, (size_t)n));
		if (cgroup.n > 0)
			memcpy(o->cgroup, cgroup.p, cgroup.n);
		o->n_cgroup = cgroup.n;
	}
	n = slurp(dir, "status", b, sizeof(b));
	o->gone = n <= 0 || !effective_uid(span_of(b, (size_t)n), &o->uid);
	(void)close(dir);
}

/* A name may end in the very words.  Without links it is deleted for sure; else it is real
 * if it leads to this file. */
static bool
name_is_real(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && a.st_nlink > 0 && lstat(path, &b) == 0 && a.st_dev == b.st_dev &&
	    a.st_ino == b.st_ino;
}

struct span
origin_path(int fd, char b[ORIGIN_NAME], bool *deleted)
{
	static const struct span mark = span_lit(" (deleted)");
	char link[40];
	struct span path;
	ssize_t n;

	*deleted = false;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, b, ORIGIN_NAME - 1);
	if (n <= 0)
		return span_of(NULL, 0);
	b[n] = '\0';
	path = span_of(b, (size_t)n);
	if (span_ends(path, mark) && !name_is_real(fd, b)) {
		*deleted = true;
		path.n -= mark.n;
	}
	return path;
}
