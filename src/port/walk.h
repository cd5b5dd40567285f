/* walk.h: every name below a directory, in byte order, whatever it is called.
 *
 * By descriptors only (openat; never chdir, never a path from the root), so that
 * neither the depth nor paths beyond PATH_MAX matter and a directory swapped for
 * a symbolic link while we walk leads nowhere: symbolic links are never followed.
 * Descriptors held do not grow with the depth.  Pseudo file systems (proc, sysfs,
 * ...) are never entered: reading them has effects and their files hold no content.
 *
 * Names are bytes.  A directory is listed before its entries are told.
 */
#ifndef PORT_WALK_H
#define PORT_WALK_H

#include <sys/stat.h>

#include "base/err.h"

enum walk_other { WALK_SYMLINK = 1, WALK_SPECIAL, WALK_VANISHED };

struct walk_ops {
	/** file: A regular file, by the listing; open it with openat(dir, name). */
	int (*file)(void *cookie, int dir, const char *name, struct span path, struct err *e);
	/** other: Something that is neither file nor directory, or went away. */
	int (*other)(void *cookie, enum walk_other what, struct span path, struct err *e);
	/** descend: Whether to enter the directory. */
	bool (*descend)(void *cookie, struct span path);
	/** left_out: A file system that is not entered; ${pseudo}: because of its type. */
	int (*left_out)(void *cookie, struct span path, bool pseudo, struct err *e);
	/** failed: A directory that cannot be listed, or a name that is too long to tell. */
	int (*failed)(void *cookie, struct span path, const struct err *why, struct err *e);
};

/** walk(root, one_file_system, ops, cookie, e): Everything below the directory ${root}.
 * Paths told begin with root's real path; an error of a callback ends the walk. */
MUST_CHECK int walk(const char *root, bool one_file_system, const struct walk_ops *ops,
    void *cookie, struct err *e);

#endif
