/* root_dir.h: files below a root that is not trusted.
 *
 * An image may hold any symbolic links: "/etc -> /" or "/etc/default -> ../../../etc".
 * All names are resolved by the kernel as in a chroot (openat2, RESOLVE_IN_ROOT), so that
 * none leads out, however it is made and whoever changes it meanwhile.  A file that is
 * replaced must not be a link itself: what it means is not for us to decide.
 *
 * Needs Linux 5.6; without openat2 nothing is read or written.
 */
#ifndef PORT_SYS_ROOT_DIR_H
#define PORT_SYS_ROOT_DIR_H

#include "base/arena.h"
#include "formats/setup_facts.h"
#include "formats/setup_state.h"

struct root_dir { int fd; };

/** root_dir_open(path, r, e): "/" is the running system. */
MUST_CHECK int root_dir_open(const char *path, struct root_dir *r, struct err *e);
void root_dir_close(struct root_dir *r);

/** root_dir_read(r, path, max, a, f, e): A regular file, links followed inside the root;
 * f->present tells whether there is one.  ERR_LIMIT above ${max} bytes. */
MUST_CHECK int root_dir_read(const struct root_dir *r, const char *path, size_t max, struct arena *a,
    struct setup_file *f, struct err *e);

/** root_dir_has(r, path): Whether it exists, of whatever kind. */
bool root_dir_has(const struct root_dir *r, const char *path);

/** root_dir_list(r, dir, suffix, a, names, n, e): Names that end in ${suffix}, sorted by
 * their bytes; none if there is no such directory. */
MUST_CHECK int root_dir_list(const struct root_dir *r, const char *dir, const char *suffix,
    struct arena *a, const char ***names, size_t *n, struct err *e);

/** root_dir_holds(r, path, what, found): Whether the file's first 64 MiB hold ${what}; false
 * where it cannot be read.  For programs and libraries, which are never run. */
bool root_dir_holds(const struct root_dir *r, const char *path, struct span what);

/* ---- for root_change.c ---- */

/** root_dir_parent(r, path, make, a, fd, base, e): Open the directory of ${path}; ${make}:
 * call it for each directory that was made, or NULL to make none (then ERR_NOT_FOUND). */
typedef int root_made_fn(void *ctx, const char *path, struct err *e);
MUST_CHECK int root_dir_parent(const struct root_dir *r, const char *path, root_made_fn *made, void *ctx,
    int *fd, const char **base, struct err *e);

#define ROOT_DIR_AUTO __attribute__((cleanup(root_dir_close)))

#endif
