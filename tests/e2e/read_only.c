/* read_only.c: to be preloaded.  While the first byte of the file $READ_ONLY is '1', everything below
 * the directory $READ_ONLY_BELOW can only be read: whatever would write there fails with EROFS, also through
 * a file that was open before, as when a kernel makes a file system so because of its faults (nobody can by
 * mount(8), which refuses while a file is open for writing). */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const volatile char *flag;
static const char *below;

static void __attribute__((constructor))
begin(void)
{
	const char *path = getenv("READ_ONLY");
	int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);

	below = getenv("READ_ONLY_BELOW");
	if (p == MAP_FAILED || below == NULL)
		abort();	/* then the test would prove nothing */
	(void)close(fd);
	flag = p;
}

/* True, and errno is set: no. */
static bool
refused(const char *path)
{
	if (flag == NULL || *flag != '1' || strncmp(path, below, strlen(below)) != 0)
		return false;
	errno = EROFS;
	return true;
}

static bool
refused_fd(int fd)
{
	char link[64], path[4096];
	ssize_t n;

	if (flag == NULL || *flag != '1')
		return false;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if ((n = readlink(link, path, sizeof(path) - 1)) < 0)
		return false;
	path[n] = '\0';
	return refused(path);
}

/* Built like the programs (_FILE_OFFSET_BITS), so that these are the names that are called. */

/* A path below a directory's descriptor. */
static bool
refused_at(int dir, const char *path)
{
	return path[0] == '/' || dir == AT_FDCWD ? refused(path) : refused_fd(dir);
}

static bool
writes(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
}

static mode_t
mode_of(int flags, va_list ap)
{
	return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
}

#define OPENAT(name)									\
	int name(int dir, const char *path, int flags, ...);				\
	int										\
	name(int dir, const char *path, int flags, ...)					\
	{										\
		va_list ap;								\
		mode_t mode;								\
											\
		va_start(ap, flags);							\
		mode = mode_of(flags, ap);						\
		va_end(ap);								\
		if (writes(flags) && refused_at(dir, path))				\
			return -1;							\
		return (int)syscall(SYS_openat, dir, path, flags, mode);		\
	}
#define OPEN(name)									\
	int name(const char *path, int flags, ...);					\
	int										\
	name(const char *path, int flags, ...)						\
	{										\
		va_list ap;								\
		mode_t mode;								\
											\
		va_start(ap, flags);							\
		mode = mode_of(flags, ap);						\
		va_end(ap);								\
		if (writes(flags) && refused(path))					\
			return -1;							\
		return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);		\
	}
OPEN(open)
OPENAT(openat)

/* What _FORTIFY_SOURCE makes of calls without a mode. */
int __open_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);

int
__open_2(const char *path, int flags)
{
	return open(path, flags, 0);
}

int
__openat_2(int dir, const char *path, int flags)
{
	return openat(dir, path, flags, 0);
}

#define FD_CALL(type, name, number, parameters, ...)					\
	type name parameters;								\
	type										\
	name parameters									\
	{										\
		return refused_fd(fd) ? -1 : (type)syscall(number, __VA_ARGS__);	\
	}
FD_CALL(ssize_t, write, SYS_write, (int fd, const void *p, size_t n), fd, p, n)
FD_CALL(ssize_t, pwrite, SYS_pwrite64, (int fd, const void *p, size_t n, off_t at), fd, p, n, at)
FD_CALL(int, ftruncate, SYS_ftruncate, (int fd, off_t n), fd, n)
FD_CALL(int, fallocate, SYS_fallocate, (int fd, int mode, off_t at, off_t n), fd, mode, at, n)

int
mkdir(const char *path, mode_t mode)
{
	return refused(path) ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int
unlink(const char *path)
{
	return refused(path) ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int
rename(const char *from, const char *to)
{
	return refused(to) ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int
renameat(int a, const char *from, int b, const char *to)
{
	return refused_at(b, to) ? -1 : (int)syscall(SYS_renameat2, a, from, b, to, 0);
}
