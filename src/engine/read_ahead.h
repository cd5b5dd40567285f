/* read_ahead.h: the entries of a list, with some of the next ones known.
 *
 * Judging an entry asks a table far larger than the processor's caches.  While one
 * entry is judged, the memory that the following ones need is on its way.  Changes
 * nothing but the time; private to evidence.c.
 */
#ifndef ENGINE_READ_AHEAD_H
#define ENGINE_READ_AHEAD_H

#include "engine/appraise.h"

#define READ_AHEAD 8

struct read_ahead {
	struct ima_log log;
	const struct appraiser *judge;	/* NULL: nothing is fetched */
	size_t depth;			/* 1 for ASCII: its entries do not outlive the next */
	size_t first, n;		/* the entries in the window; the first is handed out */
	bool handed_out, ended;
	struct ima_entry window[READ_AHEAD];
};

/** read_ahead_open(list, judge, a, e): End with read_ahead_close. */
MUST_CHECK int read_ahead_open(struct span list, const struct appraiser *judge,
    struct read_ahead *a, struct err *e);
void read_ahead_close(struct read_ahead *a);

/** read_ahead_next(a, entry, e): 1, 0 or an error, as ima_log_next.  An error may come some
 * entries early.  ${*entry} may be changed, and is valid until the next call. */
MUST_CHECK int read_ahead_next(struct read_ahead *a, struct ima_entry **entry, struct err *e);

#define READ_AHEAD_AUTO __attribute__((cleanup(read_ahead_close)))

#endif
