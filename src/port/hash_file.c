#include "port/hash_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 3

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool
unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && same_time(a->st_mtim, b->st_mtim) &&
	    same_time(a->st_ctim, b->st_ctim);
}

/* Everything from the start to the end of ${fd} into ${h}. */
static int
read_all(int fd, off_t size, struct hasher *h, uint8_t *buffer, _Atomic uint64_t *bytes,
    off_t *total, struct err *e)
{
	*total = 0;
	for (;;) {
		ssize_t k = pread(fd, buffer, HASH_FILE_BUFFER, *total);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_errno(e, "cannot read");
		if (!hasher_add(h, span_of(buffer, (size_t)k)))
			return err_set(e, ERR_CRYPTO, "computing a digest failed");
		*total += k;
		atomic_fetch_add_explicit(bytes, (uint64_t)k, memory_order_relaxed);
		/* A short read at the size that fstat named is the end; fstat is asked
		 * again afterwards. */
		if (k == 0 || (k < HASH_FILE_BUFFER && *total == size))
			return 0;
		/* A file that grows as fast as it is read must not keep us for ever. */
		if (*total > size && *total - size > HASH_FILE_BUFFER)
			return 0;
	}
}

int
hash_file(int fd, struct hasher *h, enum digest_alg alg, uint8_t *buffer, struct digest *d,
    _Atomic uint64_t *bytes, struct err *e)
{
	struct stat before, after;
	uint8_t out[LIMIT_DIGEST];
	off_t total;
	int rc;

	if (fstat(fd, &before) != 0)
		return err_errno(e, "cannot read its attributes");
	if (before.st_size > HASH_FILE_BUFFER)
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	for (unsigned i = 0; i < TRIES; i++, before = after) {
		if (!hasher_start(h))
			return err_set(e, ERR_CRYPTO, "computing a digest failed");
		if ((rc = read_all(fd, before.st_size, h, buffer, bytes, &total, e)) != 0)
			return rc;
		if (!hasher_finish(h, out))
			return err_set(e, ERR_CRYPTO, "computing a digest failed");
		if (fstat(fd, &after) != 0)
			return err_errno(e, "cannot read its attributes");
		if (unchanged(&before, &after) && total == after.st_size)
			return digest_make(alg, span_of(out, digest_alg_size(alg)), d) ? 0 :
			    err_set(e, ERR_INTERNAL, "digest size");
	}
	return err_set(e, ERR_IO, "changed while it was read, %d times", TRIES);
}
