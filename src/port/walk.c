#include "port/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"

/* Directories held open at once; above that the outermost are closed and found again
 * through "..". */
#define OPEN_MAX 64

/* One directory between the root and where we are. */
struct level {
	int fd;			/* -1: closed for now */
	dev_t dev;
	ino_t ino;
	size_t path_n;		/* of the path up to here */
	struct buf names;	/* type byte, name, NUL; one after the other */
	size_t *order;		/* owned: offsets into names, sorted by name */
	size_t n, next;
};

struct walker {
	const struct walk_ops *ops;
	void *cookie;
	bool one_file_system;
	struct buf path;
	struct level *levels;	/* owned */
	size_t depth, cap;
};

static void
level_close(struct level *l)
{
	if (l->fd >= 0)
		(void)close(l->fd);
	buf_free(&l->names);
	free(l->order);
}

static void
walker_free(struct walker *w)
{
	while (w->depth > 0)
		level_close(&w->levels[--w->depth]);
	free(w->levels);
	buf_free(&w->path);
}

/* File systems whose files are not stored anywhere. */
static bool
is_pseudo(int fd)
{
	static const uint32_t types[] = {
		PROC_SUPER_MAGIC, SYSFS_MAGIC, DEVPTS_SUPER_MAGIC, CGROUP_SUPER_MAGIC,
		CGROUP2_SUPER_MAGIC, SECURITYFS_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC, BPF_FS_MAGIC,
		PSTOREFS_MAGIC, EFIVARFS_MAGIC, HUGETLBFS_MAGIC, SELINUX_MAGIC, SMACK_MAGIC,
		BINFMTFS_MAGIC, NSFS_MAGIC, AUTOFS_SUPER_MAGIC, RDTGROUP_SUPER_MAGIC,
		0x19800202 /* mqueue */, 0x62656570 /* configfs */, 0x65735543 /* fusectl */,
		0x67596969 /* rpc_pipefs */, 0x6e667364 /* nfsd */,
	};
	struct statfs s;

	if (fstatfs(fd, &s) != 0)
		return false;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if ((uint32_t)s.f_type == types[i])
			return true;
	return false;
}

static int
by_name(const void *a, const void *b, void *arg)
{
	const char *names = arg;

	/* Behind the type byte; strcmp compares as unsigned bytes. */
	return strcmp(names + *(const size_t *)a + 1, names + *(const size_t *)b + 1);
}

/* Fill l->names and l->order from the open directory. */
static int
list(struct level *l, struct err *e)
{
	uint8_t raw[32768] __attribute__((aligned(8)));
	size_t cap = 0;
	ssize_t n;

	l->names = buf_init(SIZE_MAX / 2);
	while ((n = getdents64(l->fd, raw, sizeof(raw))) > 0) {
		for (size_t at = 0; at < (size_t)n;) {
			const struct dirent64 *d = (const void *)(raw + at);

			at += d->d_reclen;
			if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
				continue;
			if (l->n == cap) {
				cap = cap == 0 ? 64 : cap * 2;
				size_t *p = reallocarray(l->order, cap, sizeof(*p));
				if (p == NULL)
					return err_set(e, ERR_NOMEM, "out of memory");
				l->order = p;
			}
			l->order[l->n++] = l->names.n;
			buf_u8(&l->names, d->d_type);
			buf_put(&l->names, d->d_name, strlen(d->d_name) + 1);
			if (l->n > LIMIT_DIR_ENTRIES)
				return err_set(e, ERR_LIMIT, "has more than %d entries", LIMIT_DIR_ENTRIES);
		}
	}
	if (n < 0)
		return err_errno(e, "cannot be listed");
	if (l->n > 0)
		qsort_r(l->order, l->n, sizeof(*l->order), by_name, l->names.p);
	return buf_done(&l->names, e);
}

/* Add the directory ${fd} (taken over), whose path is in w->path. */
static int
push(struct walker *w, int fd, const struct stat *st, struct err *e)
{
	struct level l = { .fd = fd, .dev = st->st_dev, .ino = st->st_ino, .path_n = w->path.n };
	int rc;

	if (w->depth == LIMIT_WALK_DEPTH)
		rc = err_set(e, ERR_LIMIT, "is more than %d directories deep", LIMIT_WALK_DEPTH);
	else
		rc = list(&l, e);
	if (rc == 0 && w->depth == w->cap) {
		size_t cap = w->cap == 0 ? 32 : w->cap * 2;
		struct level *p = reallocarray(w->levels, cap, sizeof(*p));

		if (p == NULL) {
			rc = err_set(e, ERR_NOMEM, "out of memory");
		} else {
			w->levels = p;
			w->cap = cap;
		}
	}
	if (rc != 0) {
		level_close(&l);
		return rc;
	}
	if (w->depth >= OPEN_MAX) {
		struct level *far = &w->levels[w->depth - OPEN_MAX];

		(void)close(far->fd);
		far->fd = -1;
	}
	w->levels[w->depth++] = l;
	return 0;
}

/* Leave the innermost directory; its parent is open again afterwards. */
static int
pop(struct walker *w, struct err *e)
{
	struct level *l = &w->levels[w->depth - 1], *up = l - 1;
	struct stat st;

	if (w->depth > 1 && up->fd < 0) {
		up->fd = openat(l->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (up->fd < 0 || fstat(up->fd, &st) != 0)
			return err_errno(e, "the directory above \"%.200s\" cannot be opened again",
			    buf_cstr(&w->path));
		if (st.st_dev != up->dev || st.st_ino != up->ino)
			return err_set(e, ERR_IO, "\"%.200s\" was moved while it was read",
			    buf_cstr(&w->path));
	}
	level_close(l);
	w->depth--;
	return 0;
}

/* Whether the directory ${fd} found in one of device ${parent} is to be entered. */
static int
may_enter(struct walker *w, int fd, const struct stat *st, dev_t parent, bool *yes, struct err *e)
{
	*yes = true;
	if (st->st_dev == parent)
		return 0;

	bool pseudo = is_pseudo(fd);

	*yes = !pseudo && !w->one_file_system;
	return *yes ? 0 : w->ops->left_out(w->cookie, buf_view(&w->path), pseudo, e);
}

static int
failed(struct walker *w, const struct err *why, struct err *e)
{
	/* Memory is our fault, not the directory's. */
	if (why->code == ERR_NOMEM) {
		if (e != NULL)
			*e = *why;
		return ERR_NOMEM;
	}
	return w->ops->failed(w->cookie, buf_view(&w->path), why, e);
}

static int
enter(struct walker *w, int dir, const char *name, dev_t parent, struct err *e)
{
	struct err why = { 0 };
	struct stat st;
	bool yes;
	int rc, fd;

	if (!w->ops->descend(w->cookie, buf_view(&w->path)))
		return 0;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return w->ops->other(w->cookie, WALK_VANISHED, buf_view(&w->path), e);
	if (fd < 0 || fstat(fd, &st) != 0) {
		err_errno(&why, "cannot open the directory");
		if (fd >= 0)
			(void)close(fd);
		return failed(w, &why, e);
	}
	if ((rc = may_enter(w, fd, &st, parent, &yes, e)) != 0 || !yes) {
		(void)close(fd);
		return rc;
	}
	return push(w, fd, &st, &why) != 0 ? failed(w, &why, e) : 0;
}

static uint8_t
type_of(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return DT_UNKNOWN;
	return (uint8_t)IFTODT(st.st_mode);
}

/* The next entry of the innermost directory. */
static int
visit(struct walker *w, struct err *e)
{
	struct level *l = &w->levels[w->depth - 1];
	const char *entry = (const char *)l->names.p + l->order[l->next++];
	uint8_t type = (uint8_t)entry[0];
	const char *name = entry + 1;
	struct err why = { 0 };

	w->path.n = l->path_n;
	if (w->path.n == 0 || w->path.p[w->path.n - 1] != '/')
		buf_u8(&w->path, '/');
	buf_str(&w->path, name);
	if (w->path.why != 0) {
		w->path.why = 0;
		err_set(&why, ERR_LIMIT, "a name here makes a path of more than %zu bytes", LIMIT_PATH);
		return failed(w, &why, e);
	}
	if (type == DT_UNKNOWN)		/* some file systems do not say */
		type = type_of(l->fd, name);
	switch (type) {
	case DT_REG:
		return w->ops->file(w->cookie, l->fd, name, buf_view(&w->path), e);
	case DT_DIR:
		return enter(w, l->fd, name, l->dev, e);
	case DT_LNK:
		return w->ops->other(w->cookie, WALK_SYMLINK, buf_view(&w->path), e);
	case DT_UNKNOWN:
		return w->ops->other(w->cookie, WALK_VANISHED, buf_view(&w->path), e);
	default:
		return w->ops->other(w->cookie, WALK_SPECIAL, buf_view(&w->path), e);
	}
}

static int
open_root(struct walker *w, const char *root, struct err *e)
{
	char *real = realpath(root, NULL);
	struct stat st;
	int fd, rc;

	if (real == NULL)
		return err_file(e, err_errno(e, "cannot open the directory"), root);
	buf_str(&w->path, real);
	free(real);
	fd = open(buf_cstr(&w->path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0) {
		rc = err_file(e, err_errno(e, "cannot open the directory"), root);
		if (fd >= 0)
			(void)close(fd);
		return rc;
	}
	if (is_pseudo(fd)) {
		(void)close(fd);
		return err_file(e, err_set(e, ERR_UNSUPPORTED,
		    "is a pseudo file system: its files are not stored anywhere"), root);
	}
	if ((rc = push(w, fd, &st, e)) != 0)
		return err_file(e, rc, root);
	return 0;
}

int
walk(const char *root, bool one_file_system, const struct walk_ops *ops, void *cookie,
    struct err *e)
{
	__attribute__((cleanup(walker_free))) struct walker w = { .ops = ops, .cookie = cookie,
	    .one_file_system = one_file_system, .path = buf_init(LIMIT_PATH) };
	int rc;

	if ((rc = open_root(&w, root, e)) != 0)
		return rc;
	while (w.depth > 0) {
		struct level *l = &w.levels[w.depth - 1];

		rc = l->next < l->n ? visit(&w, e) : pop(&w, e);
		if (rc != 0)
			return rc;
	}
	return 0;
}
