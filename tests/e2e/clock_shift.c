/* clock_shift.c: to be preloaded.  The clock on the wall is wrong by as many milliseconds as the file
 * $CLOCK_SHIFT says (8 bytes), from one moment to the next: somebody sets the clock while a
 * program runs, and the machine's clock stays as it is.  The clocks that nobody can set go on. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *shift;

static void __attribute__((constructor))
begin(void)
{
	const char *path = getenv("CLOCK_SHIFT");
	int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*shift), PROT_READ, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		abort();	/* then the test would prove nothing */
	(void)close(fd);
	shift = p;
}

int
clock_gettime(clockid_t id, struct timespec *t)
{
	int rc = (int)syscall(SYS_clock_gettime, id, t);

	if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) && shift != NULL) {
		t->tv_sec += *shift / 1000;
		t->tv_nsec += *shift % 1000 * 1000000;
		if (t->tv_nsec >= 1000000000) {
			t->tv_nsec -= 1000000000;
			t->tv_sec++;
		} else if (t->tv_nsec < 0) {
			t->tv_nsec += 1000000000;
			t->tv_sec--;
		}
	}
	return rc;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	struct timespec t;
	int rc = clock_gettime(CLOCK_REALTIME, &t);

	(void)tz;
	tv->tv_sec = t.tv_sec;
	tv->tv_usec = t.tv_nsec / 1000;
	return rc;
}

time_t
time(time_t *out)
{
	struct timespec t;

	if (clock_gettime(CLOCK_REALTIME, &t) != 0)
		return (time_t)-1;
	if (out != NULL)
		*out = t.tv_sec;
	return t.tv_sec;
}
