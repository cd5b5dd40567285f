/* find_files.h: a file, or all files of one kind below a directory. */
#ifndef PORT_FIND_FILES_H
#define PORT_FIND_FILES_H

#include "base/arena.h"
#include "port/sources.h"

struct found {
	struct span *paths;	/* in the arena, each with a NUL behind; in byte order */
	size_t n, cap;
};

/** find_files(r, suffix, a, out, e): r->where itself if it is no directory, else every
 * regular file below it whose name ends with ${suffix}.  None is ERR_FORMAT.  What
 * cannot be listed is told to the sink. */
MUST_CHECK int find_files(const struct source_run *r, const char *suffix, struct arena *a,
    struct found *out, struct err *e);

#endif
