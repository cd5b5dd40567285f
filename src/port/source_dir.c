/* dir: every regular file below a directory, hashed by all cores. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "port/hash_file.h"
#include "port/pool.h"
#include "port/sources.h"
#include "port/walk.h"

/* Files opened ahead of the workers; with what walk.c holds this stays far below the
 * usual limit of 1024 descriptors. */
#define AHEAD 256

struct path_node {
	struct path_node *next;
	struct span path;
};

/* All names of one inode with several. */
struct link_group {
	struct link_group *chain;
	dev_t dev;
	ino_t ino;
	struct path_node *others;	/* names behind the first */
	struct digest digest;		/* set when its job is done */
	struct err *why;		/* owned by the group, if hashing failed */
};

struct file_job {
	struct pool_job job;		/* first */
	int fd;
	struct link_group *group;	/* or NULL */
	struct digest digest;
	struct err *why;		/* owned; NULL: hashed */
	size_t n;
	uint8_t path[];
};

struct dir_run {
	const struct source_run *r;
	struct pool *pool;
	_Atomic uint64_t bytes;
	uint64_t total;			/* 0: not counted */
	int noatime;
	struct arena arena;		/* link groups and their names */
	struct link_group **groups;	/* owned; hash table of n_slots (a power of 2) */
	size_t n_groups, n_slots;
	struct buf left_out;		/* names of file systems not entered, for the warning */
	unsigned n_left_out;
};

/* ---- workers ------------------------------------------------------------- */

struct hash_worker {
	struct hasher *hasher;
	enum digest_alg alg;
	_Atomic uint64_t *bytes;
	uint8_t buffer[HASH_FILE_BUFFER];
};

static int
hash_worker_new(void *cookie, void **worker, struct err *e)
{
	struct dir_run *d = cookie;
	struct hash_worker *w = malloc(sizeof(*w));
	int rc;

	if (w == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	w->alg = d->r->o->alg;
	w->bytes = &d->bytes;
	if ((rc = hasher_new(w->alg, &w->hasher, e)) != 0) {
		free(w);
		return rc;
	}
	*worker = w;
	return 0;
}

static void
hash_worker_free(void *worker)
{
	hasher_free(((struct hash_worker *)worker)->hasher);
	free(worker);
}

static void
hash_worker_run(void *worker, struct pool_job *job)
{
	struct hash_worker *w = worker;
	struct file_job *f = (struct file_job *)job;
	struct err e = { 0 };

	if (hash_file(f->fd, w->hasher, w->alg, w->buffer, &f->digest, w->bytes, &e) != 0) {
		f->why = malloc(sizeof(e));
		if (f->why != NULL)
			*f->why = e;
		f->digest.alg = DIGEST_NONE;	/* tells also when there was no memory */
	}
	(void)close(f->fd);
	f->fd = -1;
}

static void
job_free(struct file_job *f)
{
	if (f->fd >= 0)
		(void)close(f->fd);
	free(f->why);
	free(f);
}

/* ---- results, in the caller's thread ------------------------------------- */

static int
tell(struct dir_run *d, struct span path, const struct digest *digest, const struct err *why,
    struct err *e)
{
	const struct source_sink *k = d->r->sink;
	struct err no_memory = { .code = ERR_NOMEM, .message = "out of memory" };

	if (digest->alg == DIGEST_NONE)
		return k->unreadable(k->cookie, path, why == NULL ? &no_memory : why, e);
	d->r->stats->files++;
	return k->file(k->cookie, path, digest, SOURCE_NO_PACKAGE, e);
}

static int
finish_job(struct dir_run *d, struct file_job *f, struct err *e)
{
	int rc = tell(d, span_of(f->path, f->n), &f->digest, f->why, e);

	if (f->group != NULL) {
		f->group->digest = f->digest;
		f->group->why = f->why;
		f->why = NULL;	/* transferred */
	}
	job_free(f);
	return rc;
}

/* Take finished jobs until at most ${most} are left. */
static int
drain(struct dir_run *d, unsigned most, struct err *e)
{
	const struct source_sink *k = d->r->sink;
	int rc = 0;

	do {
		struct pool_job *j = pool_take(d->pool, most);

		while (j != NULL) {
			struct pool_job *next = j->next;

			if (rc == 0)
				rc = finish_job(d, (struct file_job *)j, e);
			else
				job_free((struct file_job *)j);
			j = next;
		}
		k->progress(k->cookie, atomic_load_explicit(&d->bytes, memory_order_relaxed),
		    d->total, "bytes");
	} while (rc == 0 && pool_pending(d->pool) > most);
	return rc;
}

/* ---- hard links ---------------------------------------------------------- */

static size_t
slot_of(const struct dir_run *d, dev_t dev, ino_t ino)
{
	uint64_t x = (uint64_t)ino * 0x9e3779b97f4a7c15u ^ (uint64_t)dev * 0xc2b2ae3d27d4eb4fu;

	return (size_t)(x >> 20) & (d->n_slots - 1);
}

static int
grow_groups(struct dir_run *d, struct err *e)
{
	size_t old_n = d->n_slots;
	struct link_group **old = d->groups;

	if (d->n_groups < old_n)
		return 0;
	d->n_slots = old_n == 0 ? 1024 : old_n * 4;
	if ((d->groups = calloc(d->n_slots, sizeof(struct link_group *))) == NULL) {
		d->groups = old;
		d->n_slots = old_n;
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < old_n; i++)
		for (struct link_group *g = old[i], *next; g != NULL; g = next) {
			size_t s = slot_of(d, g->dev, g->ino);

			next = g->chain;
			g->chain = d->groups[s];
			d->groups[s] = g;
		}
	free(old);
	return 0;
}

/* The group of an inode; *first says that this is its first name. */
static int
find_group(struct dir_run *d, const struct stat *st, struct link_group **out, bool *first,
    struct err *e)
{
	int rc = grow_groups(d, e);

	if (rc != 0)
		return rc;

	size_t s = slot_of(d, st->st_dev, st->st_ino);

	*first = false;
	for (struct link_group *g = d->groups[s]; g != NULL; g = g->chain)
		if (g->dev == st->st_dev && g->ino == st->st_ino) {
			*out = g;
			return 0;
		}

	struct link_group *g = arena_alloc(&d->arena, sizeof(*g));
	if (g == NULL)
		return arena_err(&d->arena, e);
	*g = (struct link_group){ .chain = d->groups[s], .dev = st->st_dev, .ino = st->st_ino };
	d->groups[s] = g;
	d->n_groups++;
	*first = true;
	*out = g;
	return 0;
}

static int
another_name(struct dir_run *d, struct link_group *g, struct span path, struct err *e)
{
	struct path_node *p = arena_alloc(&d->arena, sizeof(*p));

	if (p == NULL || !arena_copy(&d->arena, path, &p->path))
		return arena_err(&d->arena, e);
	p->next = g->others;
	g->others = p;
	d->r->stats->hard_links++;
	return 0;
}

/* When all is hashed: the further names. */
static int
tell_links(struct dir_run *d, struct err *e)
{
	int rc;

	for (size_t i = 0; i < d->n_slots; i++)
		for (struct link_group *g = d->groups[i]; g != NULL; g = g->chain)
			for (struct path_node *p = g->others; p != NULL; p = p->next)
				if ((rc = tell(d, p->path, &g->digest, g->why, e)) != 0)
					return rc;
	return 0;
}

/* ---- what the walk finds ------------------------------------------------- */

/* ${path} in the names of the target system. */
static struct span
target_path(const struct source_options *o, struct span path)
{
	for (size_t i = 0; i < o->n_strip; i++) {
		struct span rest = span_from(path, o->strip[i].n);

		if (span_starts(path, o->strip[i]) && (rest.n == 0 || rest.p[0] == '/'))
			return rest.n == 0 ? span_lit("/") : rest;
	}
	return path;
}

static int
open_file(struct dir_run *d, int dir, const char *name)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd = openat(dir, name, flags | d->noatime);

	if (fd < 0 && errno == EPERM && d->noatime != 0) {
		/* Only the owner and root may leave the access time alone. */
		d->noatime = 0;
		fd = openat(dir, name, flags);
	}
	return fd;
}

static int
cannot_open(struct dir_run *d, struct span path, struct err *e)
{
	const struct source_sink *k = d->r->sink;
	struct err why = { 0 };

	if (errno == ENOENT || errno == ELOOP) {
		d->r->stats->vanished++;
		return 0;
	}
	err_errno(&why, "cannot open");
	return k->unreadable(k->cookie, path, &why, e);
}

static int
submit(struct dir_run *d, int fd, struct link_group *g, struct span path, struct err *e)
{
	struct file_job *f = malloc(sizeof(*f) + path.n);

	if (f == NULL) {
		(void)close(fd);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	*f = (struct file_job){ .fd = fd, .group = g, .n = path.n };
	memcpy(f->path, path.p, path.n);
	pool_submit(d->pool, &f->job);
	return pool_pending(d->pool) >= AHEAD ? drain(d, AHEAD / 2, e) : 0;
}

static int
on_file(void *cookie, int dir, const char *name, struct span real, struct err *e)
{
	struct dir_run *d = cookie;
	const struct source_sink *k = d->r->sink;
	struct span path = target_path(d->r->o, real);
	struct link_group *g = NULL;
	bool no, first = true;
	struct stat st;
	int rc, fd;

	if ((rc = k->excluded(k->cookie, path, &no, e)) != 0)
		return rc;
	if (no) {
		d->r->stats->excluded++;
		return 0;
	}
	if ((fd = open_file(d, dir, name)) < 0)
		return cannot_open(d, path, e);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    (d->r->o->root_owned_only && st.st_uid != 0)) {
		(void)close(fd);
		d->r->stats->special++;
		return 0;
	}
	if (st.st_nlink > 1 && ((rc = find_group(d, &st, &g, &first, e)) != 0 || !first)) {
		(void)close(fd);
		return rc != 0 ? rc : another_name(d, g, path, e);
	}
	return submit(d, fd, g, path, e);
}

static int
on_other(void *cookie, enum walk_other what, struct span path, struct err *e)
{
	struct source_stats *s = ((struct dir_run *)cookie)->r->stats;

	(void)path;
	(void)e;
	s->symlinks += what == WALK_SYMLINK;
	s->special += what == WALK_SPECIAL;
	s->vanished += what == WALK_VANISHED;
	return 0;
}

static bool
on_descend(void *cookie, struct span path)
{
	const struct source_options *o = ((struct dir_run *)cookie)->r->o;

	for (size_t i = 0; i < o->n_prune; i++)
		if (span_is(target_path(o, path), o->prune[i]))
			return false;
	return true;
}

static int
on_left_out(void *cookie, struct span path, bool pseudo, struct err *e)
{
	struct dir_run *d = cookie;

	(void)e;
	(void)pseudo;
	if (d->n_left_out++ < 8) {
		buf_str(&d->left_out, d->left_out.n == 0 ? "" : ", ");
		buf_escape(&d->left_out, path);
	}
	return 0;
}

static int
on_failed(void *cookie, struct span path, const struct err *why, struct err *e)
{
	struct dir_run *d = cookie;

	return d->r->sink->unreadable(d->r->sink->cookie, target_path(d->r->o, path), why, e);
}

/* ---- counting before, for a progress bar --------------------------------- */

static int
count_file(void *cookie, int dir, const char *name, struct span path, struct err *e)
{
	struct dir_run *d = cookie;
	struct stat st;

	(void)path;
	(void)e;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
		d->total += st.st_nlink > 1 ? (uint64_t)st.st_size / st.st_nlink : (uint64_t)st.st_size;
	return 0;
}

static int
count_nothing(void *cookie, enum walk_other what, struct span path, struct err *e)
{
	(void)cookie, (void)what, (void)path, (void)e;
	return 0;
}

static int
count_left_out(void *cookie, struct span path, bool pseudo, struct err *e)
{
	(void)cookie, (void)path, (void)pseudo, (void)e;
	return 0;
}

static int
count_failed(void *cookie, struct span path, const struct err *why, struct err *e)
{
	(void)cookie, (void)path, (void)why, (void)e;	/* the real walk tells it */
	return 0;
}

static int
walk_twice(struct dir_run *d, struct err *e)
{
	static const struct walk_ops count = { count_file, count_nothing, on_descend, count_left_out,
	    count_failed };
	static const struct walk_ops hash = { on_file, on_other, on_descend, on_left_out, on_failed };
	const struct source_options *o = d->r->o;
	int rc;

	if (o->count_first && (rc = walk(d->r->where, o->one_file_system, &count, d, e)) != 0)
		return rc;
	if ((rc = walk(d->r->where, o->one_file_system, &hash, d, e)) != 0 ||
	    (rc = drain(d, 0, e)) != 0 || (rc = tell_links(d, e)) != 0)
		return rc;
	if (d->n_left_out > 0)
		return d->r->sink->warn(d->r->sink->cookie, e,
		    "%u file system%s below %s %s not entered: %s%s", d->n_left_out,
		    d->n_left_out == 1 ? "" : "s", d->r->where, d->n_left_out == 1 ? "was" : "were",
		    buf_cstr(&d->left_out), d->n_left_out > 8 ? ", ..." : "");
	return 0;
}

static void
dir_run_free(struct dir_run *d)
{
	if (d->pool != NULL)
		for (struct pool_job *j = pool_stop(d->pool), *next; j != NULL; j = next) {
			next = j->next;
			job_free((struct file_job *)j);
		}
	pool_free(d->pool);
	for (size_t i = 0; i < d->n_slots; i++)
		for (struct link_group *g = d->groups[i]; g != NULL; g = g->chain)
			free(g->why);
	free(d->groups);
	arena_free(&d->arena);
	buf_free(&d->left_out);
}

int
source_dir(const struct source_run *r, struct err *e)
{
	static const struct pool_work work = { hash_worker_new, hash_worker_free, hash_worker_run };
	__attribute__((cleanup(dir_run_free))) struct dir_run d = { .r = r,
	    .noatime = geteuid() == 0 ? O_NOATIME : 0, .arena = arena_init(LIMIT_ARCHIVE_ARENA),
	    .left_out = buf_init(MIB(1)) };
	int rc;

	if ((rc = pool_new(&work, &d, r->o->threads, &d.pool, e)) != 0)
		return rc;
	rc = walk_twice(&d, e);
	r->stats->bytes += d.bytes;
	return rc;
}
