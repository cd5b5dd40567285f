/* proc_keys.h: the keyrings in /proc/keys (security/keys/proc.c, proc_keys_show).
 *
 *   1fe1d049 I------     1 perm 1f0b0000     0     0 keyring   .ima: 2
 *   serial   flags   usage time perm       uid   gid type      description: keys
 *
 * Only keys that the reader may view stand there, so a keyring that is not listed
 * may still exist.  Lines of other types are passed over; a keyring's line that
 * does not fit is refused.
 */
#ifndef FORMATS_PROC_KEYS_H
#define FORMATS_PROC_KEYS_H

#include "base/err.h"
#include "base/rd.h"

struct proc_keyring {
	struct span name;	/* points into the input */
	uint64_t keys;
};

/** proc_keyring_next(r, line, k, e): 1 and a keyring, 0 at the end, or a negative error
 * that names line ${*line} (counted here; begin with 0). */
MUST_CHECK int proc_keyring_next(struct rd *r, uint64_t *line, struct proc_keyring *k,
    struct err *e);

#endif
