/* path.h: names of files in archives and lists, made into one absolute form.
 *
 * An archive may call the same file "usr/bin/x", "./usr/bin/x" or "/usr//bin/x".
 * A name with a ".." component is refused: extracted, it would leave the tree,
 * and no honest archive has one.
 */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include "base/buf.h"

/** path_absolute(name, out, e): ${name} as an absolute path without empty and "."
 * components, appended to ${out}; "/" for the root.  ERR_FORMAT for "..", a NUL or
 * an empty name, ERR_LIMIT over LIMIT_PATH. */
MUST_CHECK int path_absolute(struct span name, struct buf *out, struct err *e);

/** path_parent(path): An absolute path's directory ("/" for "/a"), borrowed. */
struct span path_parent(struct span path);

/** path_base(path): Its last component, borrowed. */
struct span path_base(struct span path);

/** path_below(path, dir): Whether ${path} is ${dir} or below it ("/a" covers "/a/b",
 * not "/ab"). */
bool path_below(struct span path, struct span dir);

#endif
