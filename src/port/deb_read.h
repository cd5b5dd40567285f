/* deb_read.h: the files inside one Debian package, hashed.
 *
 * A .deb is an ar archive of debian-binary, control.tar.* and data.tar.* in this
 * order (deb(5)); members whose names begin with '_' may stand between, what
 * follows data.tar is ignored, as dpkg does.  The files come from data.tar, not
 * from the md5sums that the package carries.
 */
#ifndef PORT_DEB_READ_H
#define PORT_DEB_READ_H

#include "base/arena.h"
#include "port/stream.h"
#include "port/tree.h"

struct deb_file {
	struct span path;
	struct digest digest;
};

/* What a package holds; everything lives in the arena. */
struct deb_content {
	struct arena arena;
	struct span name, version, arch;
	struct deb_file *files;
	size_t n, cap;
	struct tree_counts counts;
	uint64_t bytes;			/* hashed */
};

/** deb_read(in, h, alg, c, e): ${in} from its first byte; it is read to its end. */
MUST_CHECK int deb_read(struct stream *in, struct hasher *h, enum digest_alg alg,
    struct deb_content *c, struct err *e);

/** deb_content_init(c); deb_content_add(c, path, d, e): For other makers of contents. */
void deb_content_init(struct deb_content *c);
MUST_CHECK int deb_content_add(struct deb_content *c, struct span path, const struct digest *d,
    struct err *e);
void deb_content_free(struct deb_content *c);

#endif
