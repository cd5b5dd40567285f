/* The spool: whatever its two files hold, it opens to records that are whole and covered, cuts
 * what is not, is then sound, and takes more.  Input: u16 size of list.chain, it, list.bin. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svc/agent/spool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64];

static void
clean(void)
{
	static const char *const names[] = { "list.bin", "list.chain", "" };
	char path[128];

	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)remove(path);
	}
}

static void
put(const char *name, struct span s)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, s.p, s.n) != (ssize_t)s.n || close(fd) != 0)
		abort();
}

/* Opens it; entries, or -1 for an error. */
static int64_t
open_it(struct spool *s)
{
	struct err e = { 0 };

	return spool_open(dir, "01234567-89ab-cdef-0123-456789abcdef", s, &e) == 0 ? (int64_t)s->list.n : -1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A record of template "ima" with an empty name: the shortest there is. */
	static const uint8_t record[] = { 10, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
	    3, 0, 0, 0, 'i', 'm', 'a', 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 1, 0, 0, 0, 'x' };
	struct span in = span_of(data, size);
	size_t chain = size < 2 ? 0 : data[0] | (size_t)data[1] << 8;
	struct spool s;
	struct err e = { 0 };
	int64_t n;

	if (dir[0] == '\0') {
		(void)snprintf(dir, sizeof(dir), "%s/assay-fuzz.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
		if (mkdtemp(dir) == NULL || atexit(clean) != 0)
			abort();
	}
	put("list.chain", span_head(span_from(in, 2), chain));
	put("list.bin", span_from(in, 2 + chain));
	if ((n = open_it(&s)) < 0)
		return 0;
	if ((s.list.n > 0) != (s.list.end > 0) || s.pending.n != 0)
		abort();
	if (s.list.n == 0 && (spool_add(&s, span_of(record, sizeof(record)), &e) != 0 || spool_flush(&s, true, &e) != 0 ||
	    s.list.n != 1))
		abort();
	n = (int64_t)s.list.n;
	spool_close(&s);
	if (open_it(&s) != n || s.damaged)
		abort();
	spool_close(&s);
	return 0;
}
