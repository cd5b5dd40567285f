/* initramfs.h: what the kernel unpacks at boot (init/initramfs.c, unpack_to_rootfs).
 *
 * Any number of cpio archives, each plain or compressed, one after the other, with
 * zeros between them; a compressed part may itself hold several.  Later files
 * replace earlier ones.  Plain archives stand at multiples of 4.
 */
#ifndef PORT_INITRAMFS_H
#define PORT_INITRAMFS_H

#include "port/cpio_read.h"

/** initramfs_into_tree(in, job, parts, e): All of ${in}; its parts are added to ${*parts}.
 * Something that is neither archive nor zeros is ERR_FORMAT, as is an image without any. */
MUST_CHECK int initramfs_into_tree(struct stream *in, struct cpio_job *job, uint64_t *parts,
    struct err *e);

#endif
