/* mountinfo.h: /proc/self/mountinfo, one line a mount (proc(5)).
 *
 *   36 35 98:0 /root /point rw,noatime shared:1 - ext4 /dev/sda1 rw,errors=continue
 *   id parent dev root point options fields... - type source superblock-options
 *
 * Blanks, tabs, newlines and backslashes in names are octal (\040), so that a
 * line is a line and a word a word whatever names hold.  They are undone here:
 * names come out as bytes, in the arena.  A line that does not fit is refused.
 */
#ifndef FORMATS_MOUNTINFO_H
#define FORMATS_MOUNTINFO_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/rd.h"

struct mountinfo {
	uint64_t id, parent;
	unsigned major, minor;
	struct span root, point, options, type, source, super_options;
};

/** mountinfo_next(r, line, a, m, e): 1 and a mount, 0 at the end, or a negative error
 * that names line ${*line} (counted here; begin with 0). */
MUST_CHECK int mountinfo_next(struct rd *r, uint64_t *line, struct arena *a, struct mountinfo *m,
    struct err *e);

/** mountinfo_dump(m, b): One line of stable text. */
void mountinfo_dump(const struct mountinfo *m, struct buf *b);

#endif
