/* cpio_read.h: a cpio archive (formats/cpio.h) from a stream into a tree. */
#ifndef PORT_CPIO_READ_H
#define PORT_CPIO_READ_H

#include "port/stream.h"
#include "port/tree.h"

struct cpio_job {
	struct hasher *h;
	enum digest_alg alg;
	struct tree *tree;
	uint64_t members, bytes;	/* counted up */
	void (*tick)(void *cookie, uint64_t bytes);	/* now and then, or NULL */
	void *cookie;
};

/** cpio_into_tree(in, job, e): One archive, up to and with its trailer.  Hard links are
 * names with the same inode inside the archive; the last data given are their
 * content, as in the kernel (init/initramfs.c). */
MUST_CHECK int cpio_into_tree(struct stream *in, struct cpio_job *job, struct err *e);

#endif
