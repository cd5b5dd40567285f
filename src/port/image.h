/* image.h: the files of container images, from their layers in order.
 *
 * An image comes as an OCI layout (a directory, or its tar) or from docker save
 * (a tar).  Blobs are held against the digests that name them.  Each image's
 * layers are applied on top of each other, whiteouts included, so that what is told
 * is what a container would see.
 */
#ifndef PORT_IMAGE_H
#define PORT_IMAGE_H

#include "base/arena.h"
#include "port/sources.h"
#include "port/tar.h"

/** image_read_dir(r, e): r->where is a directory with an OCI layout. */
MUST_CHECK int image_read_dir(const struct source_run *r, struct err *e);

/* Small files of an archive that may turn out to be an image's JSON. */
struct image_blobs {
	struct arena arena;
	struct image_blob { struct span path, bytes; } *v;
	size_t n, cap;
	bool index;		/* "/index.json" was there */
};

void image_blobs_init(struct image_blobs *b);
void image_blobs_free(struct image_blobs *b);

/** image_blobs_wanted(path, size): Whether such a member may matter. */
bool image_blobs_wanted(struct span path, uint64_t size);
MUST_CHECK int image_blobs_add(struct image_blobs *b, struct span path, struct span bytes,
    struct err *e);

/** image_read_tar(r, b, e): r->where is a tar of an image whose small files are in ${b}. */
MUST_CHECK int image_read_tar(const struct source_run *r, const struct image_blobs *b,
    struct err *e);

#endif
