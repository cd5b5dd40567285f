#include "port/monitor/mounts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "formats/mountinfo.h"
#include "port/monitor/thread.h"

/* Mount namespaces looked at in one round; a host of a thousand containers has as many. */
#define NAMESPACES 4096

/* What the thread says; a descriptor goes with the first two. */
enum word { WORD_REAL = 1, WORD_EXEC_ONLY, WORD_ALL /* that was all of this round */ };

struct follow {
	struct monitor_shared *s;
	int to;				/* the dispatcher */
	uint64_t served;		/* served file systems told of */
	ino_t seen[NAMESPACES];		/* in this round */
	size_t n_seen;
};

enum mounts_kind
mounts_kind(struct span type, struct span point)
{
	static const struct { const char *name; enum mounts_kind kind; } kinds[] = {
#define KIND(name, kind) { name, MOUNTS_##kind },
#include "port/monitor/mounts_kinds.tbl"
#undef KIND
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct span name = span_str(kinds[i].name);

		if (span_eq(type, name) || (name.p[name.n - 1] == '.' && span_starts(type, name)))
			return kinds[i].kind;
	}
	/* A container's /dev holds device nodes, which the kernel would open for us. */
	if (span_is(type, "tmpfs") && (span_ends(point, span_lit("/dev")) || span_is(point, "/dev")))
		return MOUNTS_EXEC_ONLY;
	return MOUNTS_REAL;
}

static bool
has_option(struct span options, const char *word)
{
	while (options.n > 0) {
		size_t n = span_find(options, ',');

		if (span_is(span_head(options, n), word))
			return true;
		options = span_from(options, n + 1);
	}
	return false;
}

static bool
is_below(struct span point, const char *below)
{
	struct span b = span_str(below == NULL ? "/" : below);

	while (b.n > 0 && b.p[b.n - 1] == '/')
		b.n--;
	return span_starts(point, b) && (point.n == b.n || point.p[b.n] == '/');
}

static bool
say(struct follow *f, enum word word, int fd)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } c = { 0 };
	uint8_t byte = (uint8_t)word;
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	if (fd >= 0) {
		c.h = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&c.h), &fd, sizeof(fd));
		m.msg_control = &c;
		m.msg_controllen = sizeof(c.room);
	}
	return sendmsg(f->to, &m, MSG_NOSIGNAL) == 1;
}

/* Where it cannot be looked at it is told of, unless it has gone meanwhile. */
static void
watch_one(struct follow *f, const char *root, const struct mountinfo *m, uint64_t *n, uint64_t *served)
{
	enum mounts_kind kind = mounts_kind(m->type, m->point);
	char path[2 * 4096];
	int fd;

	if (kind == MOUNTS_NONE || !is_below(m->point, f->s->o.below))
		return;
	if (kind == MOUNTS_SERVED) {
		*served += !has_option(m->options, "noexec");
		return;
	}
	if ((size_t)snprintf(path, sizeof(path), "%s%s", root, (const char *)m->point.p) >= sizeof(path) ||
	    (fd = open(path, O_PATH | O_CLOEXEC)) < 0) {
		*served += errno != ENOENT && errno != ENOTDIR && errno != EACCES;
		return;
	}
	*n += say(f, kind == MOUNTS_EXEC_ONLY ? WORD_EXEC_ONLY : WORD_REAL, fd);
	(void)close(fd);
}

/* One namespace, by a process in it; ${root} is "" for our own. */
static int
watch_namespace(struct follow *f, const char *mountinfo, const char *root, uint64_t *n, uint64_t *served,
    struct err *e)
{
	ARENA_AUTO struct arena a = arena_init(LIMIT_MOUNTINFO * 4);
	FILE_AUTO struct file text = { 0 };
	struct mountinfo m;
	uint64_t line = 0;
	struct rd r;
	int rc;

	if ((rc = file_read(mountinfo, LIMIT_MOUNTINFO, &text, e)) != 0)
		return rc;
	r = rd_init(file_view(&text));
	while ((rc = mountinfo_next(&r, &line, &a, &m, e)) > 0)
		watch_one(f, root, &m, n, served);
	return rc;
}

static bool
first_sight(struct follow *f, ino_t id)
{
	for (size_t i = 0; i < f->n_seen; i++)
		if (f->seen[i] == id)
			return false;
	if (f->n_seen == NAMESPACES)
		return false;
	f->seen[f->n_seen++] = id;
	return true;
}

static void
watch_others(struct follow *f, uint64_t *n, uint64_t *served)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;
	struct stat st;

	f->n_seen = 0;
	if (stat("/proc/self/ns/mnt", &st) == 0)
		(void)first_sight(f, st.st_ino);
	while (proc != NULL && (d = readdir(proc)) != NULL) {
		char path[64], root[64];

		if (d->d_name[0] < '1' || d->d_name[0] > '9' || strlen(d->d_name) > 10)
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%.10s/ns/mnt", d->d_name);
		if (stat(path, &st) != 0 || !first_sight(f, st.st_ino))
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%.10s/mountinfo", d->d_name);
		(void)snprintf(root, sizeof(root), "/proc/%.10s/root", d->d_name);
		(void)watch_namespace(f, path, root, n, served, NULL);	/* it may have ended */
	}
	if (proc != NULL)
		(void)closedir(proc);
}

/* Everything is marked again each time: it costs a system call, and a device number may have
 * come to mean another file system. */
static int
watch_all(struct follow *f, struct err *e)
{
	uint64_t n = 0, served = 0;
	int rc = watch_namespace(f, "/proc/self/mountinfo", "", &n, &served, e);

	if (rc != 0)
		return rc;
	if (!f->s->o.no_namespaces)
		watch_others(f, &n, &served);
	atomic_store(&f->s->marks, n);
	if (served > f->served)
		atomic_fetch_or(&f->s->ask, 1u << MONITOR_WHY_UNMARKED);
	f->served = served;
	return 0;
}

static void *
follow_run(void *arg)
{
	struct follow *f = arg;
	const int keep[] = { 2, f->to };
	struct pollfd p = { .events = POLLPRI };
	uint64_t events = 0;
	bool look = true;

	thread_isolate(keep, 2);
	p.fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	for (;;) {
		uint64_t now = atomic_load(&f->s->events);

		if (look || now != events)
			(void)watch_all(f, NULL);
		(void)say(f, WORD_ALL, -1);
		events = now;
		/* The kernel says POLLERR | POLLPRI once for each change (proc_namespace.c). */
		look = poll(&p, 1, 1000) > 0;
	}
	return NULL;
}

/* Of paths that were given, there is nothing to follow. */
static int
hand_over_paths(struct follow *f, struct err *e)
{
	for (size_t i = 0; i < f->s->o.n_paths; i++) {
		int fd = open(f->s->o.paths[i], O_PATH | O_CLOEXEC);

		if (fd < 0)
			return err_errno(e, "cannot watch the file system of %s", f->s->o.paths[i]);
		if (!say(f, WORD_REAL, fd))
			return err_errno(e, "cannot hand over %s", f->s->o.paths[i]);
		(void)close(fd);
	}
	atomic_store(&f->s->marks, f->s->o.n_paths);
	return say(f, WORD_ALL, -1) ? 0 : err_errno(e, "cannot hand over a word");
}

int
mounts_start(struct monitor_shared *s, int *fd, struct err *e)
{
	struct follow *f = calloc(1, sizeof(*f));
	int pair[2], rc;

	if (f == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		free(f);
		return err_errno(e, "cannot make a pair of sockets");
	}
	f->s = s;
	f->to = pair[1];
	rc = s->o.n_paths > 0 ? hand_over_paths(f, e) : thread_start(follow_run, f, KIB(128), e);
	if (rc == 0)
		*fd = pair[0];
	return rc;	/* on an error the process ends */
}

/* One word; false if none waits. */
static bool
hear(int from, enum word *word, int *fd)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } c;
	uint8_t byte = 0;
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c.room) };
	struct cmsghdr *h;

	*fd = -1;
	if (recvmsg(from, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1)
		return false;
	h = CMSG_FIRSTHDR(&m);
	if (h != NULL && h->cmsg_type == SCM_RIGHTS && h->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(h), sizeof(*fd));
	*word = (enum word)byte;
	return true;
}

int
mounts_take(struct monitor_shared *s, int fd, const struct watch *w, bool *all, struct err *e)
{
	enum word word;
	int mount, rc;

	for (unsigned i = 0; i < 64 && hear(fd, &word, &mount); i++) {
		*all |= word == WORD_ALL;
		if (mount < 0)
			continue;
		rc = watch_add(w, mount, word == WORD_EXEC_ONLY, e);
		(void)close(mount);
		if (rc != 0 && s->o.n_paths > 0)
			return rc;
		if (rc != 0)
			atomic_fetch_or(&s->ask, 1u << MONITOR_WHY_UNMARKED);
	}
	return 0;
}
