/* advance.h: a batch of attestations on its way into the database.
 *
 * Every phase does one thing for all of them, so that PostgreSQL gets each phase as one
 * pipeline.  Nothing of the caller's is changed before the commit.
 */
#ifndef PORT_STORE_ADVANCE_H
#define PORT_STORE_ADVANCE_H

#include "port/store/entry.h"

/** The end of a host's log as it will be. */
struct log_end {
	uint64_t boot, count;
	struct span boot_id;
	uint64_t tail_first;
	int64_t tail_at, tail_last;
	uint32_t tail_n;
	uint8_t bytes[STORE_TAIL];
	size_t size;
};

struct log_row {
	uint64_t boot, first, n;
	int64_t at;
	struct span entries;
};

struct plan {
	struct store_advance *v;
	int rc;
	bool seen;
	struct entry_want *want;	/* of its records */
	struct log_end end;
	uint64_t bundle;
	struct span journal;		/* empty: nothing that a bitmap must learn */
};

struct batch {
	struct store *s;
	struct arena *a;
	int64_t now;
	struct plan *plans;		/* by host number, so that two servers lock in one order */
	size_t n;
	struct log_row *rows;
	size_t n_rows, cap_rows;
};

static inline bool
plan_logs(const struct plan *p)
{
	return p->rc == 0 && p->v->boot_id.n != 0;
}

static inline bool
plan_new_boot(const struct plan *p)
{
	return plan_logs(p) && !span_eq(p->v->boot_id, p->v->host->boot_id);
}

/** batch_append(b, e): Resolve the records, make logs, tails and the journal. */
MUST_CHECK int batch_append(struct batch *b, struct err *e);

/** batch_history(b, e): Bundles, intervals, findings and events. */
MUST_CHECK int batch_bundles(struct batch *b, struct err *e);
MUST_CHECK int batch_history(struct batch *b, struct err *e);

#endif
