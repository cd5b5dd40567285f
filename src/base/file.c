#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void
closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}
#define FD_AUTO __attribute__((cleanup(closep)))

static int
look_at(int fd, const char *path, struct stat *st, struct err *e)
{
	if (fstat(fd, st) != 0)
		return err_file(e, err_errno(e, "cannot read its attributes"), path);
	if (S_ISDIR(st->st_mode))
		return err_file(e, err_set(e, ERR_IO, "is a directory, want a file"), path);
	return 0;
}

static int
open_input(const char *path, int *fd, struct err *e)
{
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return *fd >= 0 ? 0 : err_file(e, err_errno(e, "cannot open"), path);
}

static int
too_large(const char *path, size_t max, struct err *e)
{
	return err_file(e, err_set(e, ERR_LIMIT,
	    "is larger than the ceiling of %zu bytes for such a file", max), path);
}

int
file_read(const char *path, size_t max, struct file *f, struct err *e)
{
	FD_AUTO int fd = -1;
	int rc = open_input(path, &fd, e);

	return rc != 0 ? rc : file_read_open(fd, path, max, f, e);
}

int
file_read_open(int fd, const char *path, size_t max, struct file *f, struct err *e)
{
	struct stat st;
	int rc;

	if ((rc = look_at(fd, path, &st, e)) != 0)
		return rc;
	if (S_ISREG(st.st_mode) && st.st_size > 0 && (uint64_t)st.st_size > max)
		return too_large(path, max, e);

	/* One byte more than the size says: a file that grows is noticed. */
	size_t cap = (S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size : 65536) + 1;
	struct file got = { .p = malloc(cap) };

	while (got.p != NULL) {
		ssize_t k = read(fd, got.p + got.n, cap - got.n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0) {
			rc = err_file(e, err_errno(e, "cannot read"), path);
			free(got.p);
			return rc;
		}
		if (k == 0) {
			*f = got;
			return 0;
		}
		got.n += (size_t)k;
		if (got.n > max) {
			free(got.p);
			return too_large(path, max, e);
		}
		if (got.n == cap) {
			uint8_t *bigger = realloc(got.p, cap * 2);

			if (bigger == NULL)
				break;
			got.p = bigger;
			cap *= 2;
		}
	}
	free(got.p);
	return err_file(e, err_set(e, ERR_NOMEM, "out of memory"), path);
}

int
file_map(const char *path, size_t max, struct file *f, struct err *e)
{
	struct stat st;
	FD_AUTO int fd = -1;
	int rc;

	if ((rc = open_input(path, &fd, e)) != 0 || (rc = look_at(fd, path, &st, e)) != 0)
		return rc;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0)
		return err_file(e, err_set(e, ERR_FORMAT, "is empty or not a regular file"), path);
	if ((uint64_t)st.st_size > max)
		return too_large(path, max, e);

	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

	if (p == MAP_FAILED)
		return err_file(e, err_errno(e, "cannot map"), path);
	*f = (struct file){ .p = p, .n = (size_t)st.st_size, .mapped = true };
	return 0;
}

void
file_free(struct file *f)
{
	if (f->mapped)
		(void)munmap(f->p, f->n);
	else
		free(f->p);
	*f = (struct file){ 0 };
}

static int
write_all(int fd, struct span s)
{
	while (s.n > 0) {
		ssize_t k = write(fd, s.p, s.n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -1;
		s = span_from(s, (size_t)k);
	}
	return 0;
}

/* Make the rename itself durable; some file systems cannot, which is no failure. */
static void
sync_parent(const char *path)
{
	char dir[4096];
	const char *slash = strrchr(path, '/');
	FD_AUTO int fd = -1;

	if (slash == NULL)
		(void)snprintf(dir, sizeof(dir), ".");
	else
		(void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path + 1), path);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)fsync(fd);
}

/* Devices and pipes take the bytes as they are. */
static int
write_into(const char *path, struct span data, struct err *e)
{
	FD_AUTO int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 || write_all(fd, data) != 0)
		return err_file(e, err_errno(e, "cannot write"), path);
	return 0;
}

/* Renaming puts a file where a device was (as root, /dev/null) or where a link was
 * (/dev/stdout); writing through a link would be worse: whoever may write in its directory
 * chooses the file.  *into: write to what is there. */
static int
check_target(const char *path, bool *into, struct err *e)
{
	struct stat link, st;

	*into = false;
	if (lstat(path, &link) != 0)
		return 0;	/* new; or the temporary file's error says why not */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		*into = true;
		return S_ISDIR(st.st_mode) ? err_file(e, err_set(e, ERR_IO, "is a directory"), path) : 0;
	}
	if (!S_ISLNK(link.st_mode))
		return 0;
	return err_hint(e, err_file(e, err_set(e, ERR_IO, "is a symbolic link, and only files are replaced"),
	    path), "name the file that it points to");
}

int
file_write(const char *path, struct span data, unsigned mode, struct err *e)
{
	char tmp[4096];
	FD_AUTO int fd = -1;
	bool into;
	int rc = check_target(path, &into, e);

	if (rc != 0 || into)
		return rc != 0 ? rc : write_into(path, data, e);
	if (snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path) >= (int)sizeof(tmp))
		return err_file(e, err_set(e, ERR_LIMIT, "name is too long"), path);
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return err_file(e, err_errno(e, "cannot create a temporary file beside it"), path);
	if (fchmod(fd, (mode_t)mode) != 0 || write_all(fd, data) != 0 ||
	    fsync(fd) != 0 || rename(tmp, path) != 0) {
		rc = err_file(e, err_errno(e, "cannot write"), path);
		(void)unlink(tmp);
		return rc;
	}
	sync_parent(path);
	return 0;
}
