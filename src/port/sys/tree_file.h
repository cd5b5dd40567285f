/* tree_file.h: files of /proc, /sys and /boot below a root, for port/sys only. */
#ifndef PORT_SYS_TREE_FILE_H
#define PORT_SYS_TREE_FILE_H

#include "base/arena.h"
#include "formats/machine.h"

struct tree {
	const char *root;
	struct arena *a;
};

/** tree_path(t, path, out): root and path in one, in the arena; false: no memory. */
MUST_CHECK bool tree_path(const struct tree *t, const char *path, char **out);

/** tree_read(t, path, max, out, e): The content, or an empty span with *access telling
 * why there is none.  An error only for lack of memory or a file beyond ${max}. */
MUST_CHECK int tree_read(const struct tree *t, const char *path, size_t max, struct span *out,
    enum machine_access *access, struct err *e);

/** tree_line(t, path, out, e): The first line, without its newline; empty if there is none. */
MUST_CHECK int tree_line(const struct tree *t, const char *path, struct span *out, struct err *e);

/** tree_count(t, path, out, e): A decimal number. */
MUST_CHECK int tree_count(const struct tree *t, const char *path, struct machine_count *out,
    struct err *e);

/** tree_has(t, path): Whether it exists; a file that we may not see does not. */
bool tree_has(const struct tree *t, const char *path);

#endif
