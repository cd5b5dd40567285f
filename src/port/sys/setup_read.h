/* setup_read.h: how a system boots, read from its files (formats/setup_facts.h).
 *
 * Of an image nothing is run, and no link in it leads out of it (root_dir.h).  What is
 * missing is not there; an error means that something could not be read or understood.
 */
#ifndef PORT_SYS_SETUP_READ_H
#define PORT_SYS_SETUP_READ_H

#include "port/sys/root_dir.h"

/** setup_read(r, image, name, a, f, e): ${image}: not the running system; ${name}: of the root,
 * for people. */
MUST_CHECK int setup_read(const struct root_dir *r, bool image, const char *name, struct arena *a,
    struct setup_facts *f, struct err *e);

/* A file system on a block device, as its superblock says. */
struct disk_volume { struct span label; uint8_t uuid[16]; };

/** setup_volumes(r, a, v, n, e): ext2/3/4, XFS and Btrfs on all block devices below the root's
 * /sys/class/block and /dev. */
MUST_CHECK int setup_volumes(const struct root_dir *r, struct arena *a, struct disk_volume **v, size_t *n,
    struct err *e);

/** setup_superblock(first, label, uuid): What the first 68 KiB of a device say; false if it is
 * none of those file systems, or has no label. ${label} points into ${first}. */
bool setup_superblock(struct span first, struct span *label, uint8_t uuid[16]);

#endif
