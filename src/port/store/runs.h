/* runs.h: how a log is kept: runs of entry numbers with the time each came.
 *
 *	run    times since the run before (of the first: since the row's "at"), milliseconds:
 *	       signed varint; count: varint; then for each entry the difference of its
 *	       number from the one before (the first of a row: from 0): signed varint
 *	varint seven bits a byte, lowest first, the high bit set on all but the last;
 *	       signed: 0, -1, 1, -2, ... as 0, 1, 2, 3, ...
 *
 * Entries that came together have near numbers, so most take one or two bytes.  A set of
 * entries (the journal) is one run in order, without a time.
 */
#ifndef PORT_STORE_RUNS_H
#define PORT_STORE_RUNS_H

#include "base/buf.h"
#include "base/rd.h"

#define RUNS_ROW 1000		/* bytes of a row, about: several fit into a database's page */

void runs_put_varint(struct buf *b, uint64_t v);
void runs_put_signed(struct buf *b, int64_t v);
MUST_CHECK bool runs_varint(struct rd *r, uint64_t *out);
MUST_CHECK bool runs_signed(struct rd *r, int64_t *out);

/** runs_put(b, dt, entries, n, before): One run; ${before} is the number before it in the
 * row, 0 for the first. */
void runs_put(struct buf *b, int64_t dt, const uint64_t *entries, size_t n, uint64_t before);

/** runs_fit(entries, n, before, max): How many of them a run of ${max} bytes takes, at
 * least one. */
size_t runs_fit(const uint64_t *entries, size_t n, uint64_t before, size_t max);

struct runs {
	struct rd r;
	uint64_t left;		/* in this run */
	uint64_t entry;		/* the one read last */
	int64_t at;		/* when it came */
};

static inline struct runs
runs_init(struct span s, int64_t at)
{
	return (struct runs){ .r = rd_init(s), .at = at };
}

/** runs_next(it): To the next entry; false at the end, or (it->r.why) if what is stored is
 * damaged. */
MUST_CHECK bool runs_next(struct runs *it);

/** runs_damaged(it, e): 0 at a proper end, else ERR_STORE. */
MUST_CHECK int runs_damaged(const struct runs *it, struct err *e);

#endif
