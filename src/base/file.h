/* file.h: whole files in, whole files out.
 *
 * Reading copies: an attacker who can truncate a mapped file could otherwise
 * kill us with SIGBUS.  file_map is for large tables that their owner made.
 * Errors carry the file's name.  "-" is not special here.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/err.h"
#include "base/span.h"

struct file {
	uint8_t *p;	/* owned: malloc'd, or mapped */
	size_t n;
	bool mapped;
};

/** file_read(path, max, f, e): The whole content; works on pipes and on files
 * of /sys and /proc, whose size is not known before. ERR_LIMIT above ${max} bytes. */
MUST_CHECK int file_read(const char *path, size_t max, struct file *f, struct err *e);

/** file_read_open(fd, name, max, f, e): The same of an open file, which stays open; for who has
 * to look at its owner first. */
MUST_CHECK int file_read_open(int fd, const char *name, size_t max, struct file *f, struct err *e);

/** file_map(path, max, f, e): A read-only private mapping of a regular file. */
MUST_CHECK int file_map(const char *path, size_t max, struct file *f, struct err *e);

void file_free(struct file *f);

static inline struct span
file_view(const struct file *f)
{
	return span_of(f->p, f->n);
}

/** file_write(path, data, mode, e): Replace ${path} atomically: a temporary name in
 * the same directory, fsync, rename, fsync of the directory.  On failure the old
 * content stands and the temporary file is gone.  A device or a pipe is written to
 * instead (a name in /dev must never be replaced); a link to a file is refused. */
MUST_CHECK int file_write(const char *path, struct span data, unsigned mode, struct err *e);

#define FILE_AUTO __attribute__((cleanup(file_free)))

#endif
