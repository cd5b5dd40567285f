#include "port/monitor/mounts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "formats/mountinfo.h"

/* Mount namespaces looked at in one round; a host of a thousand containers has as many. */
#define NAMESPACES 4096

struct follow {
	struct monitor_shared *s;
	struct watch w;			/* a copy: only its descriptor is used */
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

/* Where it cannot be marked it is told of, unless it has gone meanwhile. */
static void
watch_one(struct follow *f, const char *root, const struct mountinfo *m, uint64_t *n, uint64_t *served)
{
	enum mounts_kind kind = mounts_kind(m->type, m->point);
	char path[2 * 4096];

	if (kind == MOUNTS_NONE || !is_below(m->point, f->s->o.below))
		return;
	if (kind == MOUNTS_SERVED && !f->s->o.served) {
		*served += !has_option(m->options, "noexec");
		return;
	}
	if ((size_t)snprintf(path, sizeof(path), "%s%s", root, (const char *)m->point.p) >= sizeof(path) ||
	    watch_add(&f->w, path, kind == MOUNTS_EXEC_ONLY, NULL) != 0) {
		*served += errno != ENOENT && errno != ENOTDIR && errno != EACCES;
		return;
	}
	(*n)++;
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

int
mounts_watch(struct monitor_shared *s, const struct watch *w, struct err *e)
{
	static struct follow f;		/* large; one thread, once */
	int rc;

	f = (struct follow){ .s = s, .w = *w };
	for (size_t i = 0; i < s->o.n_paths; i++)
		if ((rc = watch_add(w, s->o.paths[i], false, e)) != 0)
			return rc;
	if (s->o.n_paths > 0) {
		atomic_store(&s->marks, s->o.n_paths);
		return 0;
	}
	return watch_all(&f, e);
}

static void *
follow_run(void *arg)
{
	struct follow *f = arg;
	struct pollfd p = { .fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC), .events = POLLPRI };
	uint64_t events = 0;

	for (;;) {
		/* The kernel says POLLERR | POLLPRI once for each change (proc_namespace.c). */
		int n = poll(&p, 1, 1000);
		uint64_t now = atomic_load(&f->s->events);

		if (n > 0 || now != events)
			(void)watch_all(f, NULL);
		events = now;
	}
	return NULL;
}

int
mounts_follow(struct monitor_shared *s, const struct watch *w, struct err *e)
{
	struct follow *f;
	pthread_attr_t attr;
	pthread_t id;
	int rc;

	if (s->o.n_paths > 0)
		return 0;
	if ((f = calloc(1, sizeof(*f))) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	f->s = s;
	f->w = *w;
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attr, KIB(128));
	rc = pthread_create(&id, &attr, follow_run, f);
	(void)pthread_attr_destroy(&attr);
	if (rc != 0)
		free(f);
	errno = rc;
	return rc == 0 ? 0 : err_errno(e, "cannot start a thread");
}
