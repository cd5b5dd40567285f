/* busy_file.c: to be preloaded.  Whoever asks for the attributes of a file named "busy" gets
 * them, and then the file grows by a byte: it changes while it is read, each time at the
 * same moment, however the machine is loaded.  $BUSY_TIMES is how often (else always). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static long left = -1;

static void
grow(int fd)
{
	const char *times = getenv("BUSY_TIMES");
	char link[64], path[4096];
	ssize_t n;
	int w;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if ((n = readlink(link, path, sizeof(path) - 1)) < 5 || memcmp(path + n - 5, "/busy", 5) != 0)
		return;
	if (left < 0)
		left = times == NULL ? 1000000 : strtol(times, NULL, 10);
	if (left == 0)
		return;
	left--;
	if ((w = open(link, O_WRONLY | O_APPEND | O_CLOEXEC)) < 0 || write(w, "x", 1) != 1)
		abort();	/* then the test would prove nothing */
	(void)close(w);
}

/* Built like the program (_FILE_OFFSET_BITS), so that it has the name that is called. */
int
fstat(int fd, struct stat *st)
{
	int rc = fstatat(fd, "", st, AT_EMPTY_PATH);

	if (rc == 0)
		grow(fd);
	return rc;
}
