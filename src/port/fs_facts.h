/* fs_facts.h: what IMA rules ask of the file system a file lies on: its type, magic and
 * UUID, for each device number met.  From statfs, /proc/self/mountinfo (types that share
 * a magic) and /dev/disk/by-uuid; what cannot be found out is left out, never guessed. */
#ifndef PORT_FS_FACTS_H
#define PORT_FS_FACTS_H

#include <sys/types.h>

#include "base/err.h"

struct fs_fact {
	dev_t dev;
	uint64_t magic;
	char type[32];		/* "ext4"; "" if not known */
	char uuid[40];		/* text form; "" if not known */
};

struct fs_facts {
	struct fs_fact *facts;	/* owned */
	size_t n, cap;
};

/** fs_facts_of(f, dev, fd, out, e): The facts about the file system with device number
 * ${dev}, on which ${fd} is open.  ${*out} stands until the next call. */
MUST_CHECK int fs_facts_of(struct fs_facts *f, dev_t dev, int fd, const struct fs_fact **out,
    struct err *e);

void fs_facts_free(struct fs_facts *f);

#define FS_FACTS_AUTO __attribute__((cleanup(fs_facts_free)))

#endif
