/* tree.h: what an unpacked archive would look like, without unpacking it.
 *
 * Members are put in, in the order of the archive; later ones replace earlier
 * ones; symbolic links to directories on the way to a member are followed inside
 * the tree, as the unpacker would ("bin" -> "usr/bin", then "bin/sh"); hard links
 * share their content; whiteouts of container layers remove what lower layers
 * had.  At the end every regular file is told with the path it really has.
 *
 * Paths given are absolute and normalised (base/path.h).  A link that leads
 * nowhere or in circles makes its member ERR_FORMAT.
 */
#ifndef PORT_TREE_H
#define PORT_TREE_H

#include "base/digest_alg.h"
#include "base/err.h"

#define TREE_NONE UINT32_MAX

struct tree;

MUST_CHECK int tree_new(struct tree **t, struct err *e);
void tree_free(struct tree *t);

/** tree_file(t, path, d, content, e): A regular file.  ${*content} (if not NULL) is a
 * handle for tree_content. */
MUST_CHECK int tree_file(struct tree *t, struct span path, const struct digest *d,
    uint32_t *content, struct err *e);

/** tree_share(t, path, content, e): Another name for a content. */
MUST_CHECK int tree_share(struct tree *t, struct span path, uint32_t content, struct err *e);

/** tree_content(t, content, d): The content, under all its names, is now ${d}. */
void tree_content(struct tree *t, uint32_t content, const struct digest *d);

/** tree_link(t, path, target, content, e): A hard link to the file ${target}, which must exist. */
MUST_CHECK int tree_link(struct tree *t, struct span path, struct span target,
    uint32_t *content, struct err *e);

MUST_CHECK int tree_symlink(struct tree *t, struct span path, struct span target, struct err *e);
MUST_CHECK int tree_dir(struct tree *t, struct span path, struct err *e);
MUST_CHECK int tree_special(struct tree *t, struct span path, struct err *e);

/** tree_layer(t): What follows lies above what was put in so far. */
void tree_layer(struct tree *t);

/** tree_whiteout(t, path, e): ${path} and what is below it, of lower layers, is gone.
 * tree_opaque: only what is below the directory. */
MUST_CHECK int tree_whiteout(struct tree *t, struct span path, struct err *e);
MUST_CHECK int tree_opaque(struct tree *t, struct span path, struct err *e);

struct tree_counts { uint64_t files, symlinks, special; };

/** tree_each(t, fn, cookie, counts, e): ${fn} for every regular file, until it fails. */
MUST_CHECK int tree_each(struct tree *t,
    int (*fn)(void *cookie, struct span path, const struct digest *d, struct err *e),
    void *cookie, struct tree_counts *counts, struct err *e);

static inline void
tree_freep(struct tree **t)
{
	tree_free(*t);
}
#define TREE_AUTO __attribute__((cleanup(tree_freep)))

#endif
