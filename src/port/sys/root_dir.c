#include "port/sys/root_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/limits.h"

#define LOOKED_AT MIB(64)

static int
open_in(const struct root_dir *r, const char *path, uint64_t flags)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, r->fd, path, &how, sizeof(how));
}

int
root_dir_open(const char *path, struct root_dir *r, struct err *e)
{
	struct root_dir n = { open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) };
	int fd;

	if (n.fd < 0 && errno == ENOTDIR)
		return err_hint(e, err_set(e, ERR_USAGE, "%s is not a folder", path), "mount the image"
		    " (losetup -P --find --show IMAGE, then mount its root partition) and give the folder");
	if (n.fd < 0)
		return err_errno(e, "%s", path);
	if ((fd = open_in(&n, "/", O_PATH | O_DIRECTORY)) < 0) {
		int rc = err_errno(e, "openat2 on %s (it needs Linux 5.6)", path);

		(void)close(n.fd);
		return rc;
	}
	(void)close(fd);
	*r = n;
	return 0;
}

void
root_dir_close(struct root_dir *r)
{
	if (r->fd > 0)
		(void)close(r->fd);
	r->fd = -1;
}

static bool
absent(int err)
{
	return err == ENOENT || err == ENOTDIR || err == ELOOP;
}

static int
read_all(int fd, size_t max, struct buf *b, struct err *e)
{
	uint8_t piece[16384];

	for (;;) {
		ssize_t n = read(fd, piece, sizeof(piece));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, "reading");
		if (n == 0)
			return buf_done(b, e);
		if ((size_t)n > max - b->n)
			return err_set(e, ERR_LIMIT, "has more than %zu bytes", max);
		buf_put(b, piece, (size_t)n);
	}
}

int
root_dir_read(const struct root_dir *r, const char *path, size_t max, struct arena *a, struct setup_file *f,
    struct err *e)
{
	BUF_AUTO struct buf b = buf_init(max);
	struct setup_file got = { .path = path };
	struct stat st;
	int fd = open_in(r, path, O_RDONLY | O_NONBLOCK | O_NOCTTY), rc = 0;

	if (fd < 0 && !absent(errno))
		return err_errno(e, "%s", path);
	if (fd < 0) {
		*f = got;
		return 0;
	}
	if (fstat(fd, &st) != 0)
		rc = err_errno(e, "%s", path);
	else if (S_ISREG(st.st_mode) && (rc = err_file(e, read_all(fd, max, &b, e), path)) == 0) {
		got.present = true;
		got.mode = st.st_mode & 07777;
		got.uid = st.st_uid;
		got.gid = st.st_gid;
		if (!arena_copy(a, buf_view(&b), &got.content))
			rc = arena_err(a, e);
	}
	(void)close(fd);
	if (rc == 0)
		*f = got;
	return rc;
}

bool
root_dir_has(const struct root_dir *r, const char *path)
{
	int fd = open_in(r, path, O_PATH);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int
root_dir_list(const struct root_dir *r, const char *dir, const char *suffix, struct arena *a,
    const char ***names, size_t *n, struct err *e)
{
	int fd = open_in(r, dir, O_RDONLY | O_DIRECTORY), rc = 0;
	const char **v = NULL;
	size_t have = 0, cap = 0;
	struct dirent *entry;
	DIR *d;

	*names = NULL;
	*n = 0;
	if (fd < 0)
		return absent(errno) ? 0 : err_errno(e, "%s", dir);
	if ((d = fdopendir(fd)) == NULL) {
		(void)close(fd);
		return err_errno(e, "%s", dir);
	}
	while (rc == 0 && (entry = readdir(d)) != NULL) {
		if (entry->d_name[0] == '.' || !span_ends(span_str(entry->d_name), span_str(suffix)))
			continue;
		if (have == LIMIT_SETUP_FILES)
			rc = err_set(e, ERR_LIMIT, "%s has more than %d files", dir, LIMIT_SETUP_FILES);
		else if ((v = arena_grow(a, v, have, &cap, sizeof(*v))) == NULL ||
		    (v[have] = arena_str(a, span_str(entry->d_name))) == NULL)
			rc = arena_err(a, e);
		else
			have++;
	}
	(void)closedir(d);
	if (rc != 0)
		return rc;
	if (have > 0)
		qsort(v, have, sizeof(*v), by_bytes);
	*names = v;
	*n = have;
	return 0;
}

bool
root_dir_holds(const struct root_dir *r, const char *path, struct span what)
{
	static const size_t piece = MIB(1);
	int fd = open_in(r, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	uint8_t *p = fd < 0 ? NULL : malloc(piece + what.n);
	size_t kept = 0, total = 0;
	bool found = false;
	struct stat st;

	if (p != NULL && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		while (!found && total < LOOKED_AT) {
			ssize_t n = read(fd, p + kept, piece);

			if (n <= 0)
				break;
			found = memmem(p, kept + (size_t)n, what.p, what.n) != NULL;
			total += (size_t)n;
			/* What may begin at the end of this piece goes on in the next. */
			size_t all = kept + (size_t)n, keep = all < what.n ? all : what.n - 1;

			memmove(p, p + all - keep, keep);
			kept = keep;
		}
	free(p);
	if (fd >= 0)
		(void)close(fd);
	return found;
}

/* The directory ${path}; made, with its parents, if ${made} is there to be told of it. */
static int
open_directory(const struct root_dir *r, const char *path, root_made_fn *made, void *ctx, int *out, struct err *e)
{
	char name[LIMIT_SETUP_NAME];
	const char *slash = strrchr(path, '/');
	int parent, rc, fd = open_in(r, path[0] == '\0' ? "/" : path, O_RDONLY | O_DIRECTORY);

	if (fd >= 0) {
		*out = fd;
		return 0;
	}
	if (errno != ENOENT || slash == NULL)
		return err_errno(e, "%s", path);
	if (made == NULL)
		return err_set(e, ERR_NOT_FOUND, "there is no folder %s", path);
	if ((size_t)(slash - path) >= sizeof(name))
		return err_set(e, ERR_LIMIT, "%s is too long a name", path);
	memcpy(name, path, (size_t)(slash - path));
	name[slash - path] = '\0';
	if ((rc = open_directory(r, name, made, ctx, &parent, e)) != 0)
		return rc;
	/* Also where a link leads nowhere: mkdirat does not follow it, and says EEXIST. */
	rc = mkdirat(parent, slash + 1, 0755) == 0 ? made(ctx, path, e) : errno == EEXIST ?
	    err_set(e, ERR_UNSUPPORTED, "%s is a symbolic link to what is not there (in an image, links end at its root)", path) :
	    err_errno(e, "making the folder %s", path);
	fd = rc != 0 ? -1 : openat(parent, slash + 1, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (rc == 0 && (fd < 0 || fchmod(fd, 0755) != 0 || fsync(parent) != 0))
		rc = err_errno(e, "%s", path);
	(void)close(parent);
	if (rc != 0) {
		if (fd >= 0)
			(void)close(fd);
		return rc;
	}
	*out = fd;
	return 0;
}

int
root_dir_parent(const struct root_dir *r, const char *path, root_made_fn *made, void *ctx, int *fd,
    const char **base, struct err *e)
{
	char name[LIMIT_SETUP_NAME];
	const char *slash = strrchr(path, '/');
	int rc;

	if (slash == NULL || (size_t)(slash - path) >= sizeof(name))
		return err_set(e, ERR_FORMAT, "%s is not the name of a file", path);
	memcpy(name, path, (size_t)(slash - path));
	name[slash - path] = '\0';
	if ((rc = open_directory(r, name, made, ctx, fd, e)) != 0)
		return rc;
	*base = slash + 1;
	return 0;
}
