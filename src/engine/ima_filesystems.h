/* ima_filesystems.h: what IMA can and cannot do on each type of file system; the table
 * is ima_filesystems.tbl.  Facts about types, not about a machine. */
#ifndef ENGINE_IMA_FILESYSTEMS_H
#define ENGINE_IMA_FILESYSTEMS_H

#include "base/span.h"

enum fs_kind { FS_TCB, FS_PSEUDO, FS_MEMORY, FS_DISK, FS_NET, FS_FUSE, FS_STACK };

struct fs_type {
	const char *name;
	uint64_t magic;
	enum fs_kind kind;
	bool uuid;	/* fsuuid= can match */
	bool cookie;	/* changes are seen without hashing at each access */
};

const struct fs_type *fs_type_at(size_t i);		/* NULL behind the last */
const struct fs_type *fs_type_by_name(struct span name);	/* NULL: not in the table */
const struct fs_type *fs_type_by_magic(uint64_t magic);	/* the first with it; NULL */

#endif
