/* store_log.h: measurement lists.  Include port/store/store.h.
 *
 * A record is kept once for the fleet, under a key of the caller's: SHA-256 of all that
 * makes two records the same bytes (PCR, template name, template data, and whether it is
 * a violation).  A host's list is the sequence of the records' numbers, a log for each
 * boot, and can be written again byte for byte.  Which hosts ever had a record is a
 * roaring bitmap; what came since the last store_merge() is read from a journal, so that
 * searches are right at every moment.
 */
#ifndef PORT_STORE_STORE_LOG_H
#define PORT_STORE_STORE_LOG_H

#include "port/store/store.h"

struct roaring_bitmap_s;

/** A record as it arrives. */
struct store_record {
	uint8_t key[32];
	struct span bytes;		/* as in the list */
	struct span path;		/* empty: it has none */
	struct digest digest;		/* of the file; DIGEST_NONE: it has none */
	struct span key_id;		/* of the file's signer; empty: not signed */
};

/** A record as it is kept. */
struct store_entry {
	uint64_t number;		/* from 1 */
	struct store_record record;
	int64_t first_seen;
	uint32_t first_host;
};

/** One attestation: all that is to be written of it. */
struct store_advance {
	/* The host as it was read, with state (and, where facts_new, facts and facts_at)
	 * changed.  If it is written, revision and the log's end are brought up to date:
	 * the struct may be kept and advanced again. */
	struct store_host *host;
	bool facts_new;

	/* The boot the records belong to: the caller's name for it, at most
	 * LIMIT_STORE_BOOT_ID bytes.  Another than host->boot_id begins a new log, the
	 * same continues.  Empty: no log is touched.  host->boot_id then refers to it. */
	struct span boot_id;
	uint64_t first;			/* index of records[0]: what the log has (0 of a new one) */
	const struct store_record *records;
	size_t n_records;

	/* If the verdict, or its reason, changed: ends the open interval and begins one.
	 * to, number and host are not looked at; bundle 0 means ${bundle} below. */
	struct store_interval *change;
	bool findings_new;		/* replaces the findings of the host by these */
	const struct store_finding *findings;
	size_t n_findings;
	struct store_event *events;	/* host is filled in */
	size_t n_events;
	struct store_bundle *bundle;	/* NULL: none; host is filled in */
	struct span event_log;		/* the firmware's, to be kept for the boot of ${boot_id}; n 0: none */

	/* 0; ERR_CONFLICT, ERR_NOT_FOUND: the host is no longer as it was read;
	 * ERR_MISMATCH: ${first} is not where the log ends; ERR_LIMIT, ERR_RANGE: something
	 * in it is larger than base/limits.h allows.  Then nothing of this one is stored,
	 * and all of the others. */
	int rc;
};

/** store_advance(s, v, n, now, e): Write ${n} attestations in one transaction (of its own,
 * outside of store_begin).  Many at once cost much less than one at a time.  If it fails,
 * none is stored; so also behind store_rollback, when hosts must be read again.  Of two
 * for the same host one gets ERR_CONFLICT. */
MUST_CHECK int store_advance(struct store *s, struct store_advance *v, size_t n, int64_t now,
    struct err *e);

/** store_merge(s, rows, left, e): Move up to ${rows} journal rows (each one attestation
 * with new records) into the bitmaps; ${left}: how many remain, at least (0: none).
 * To be called every few seconds by whoever has the time: searches read the journal. */
MUST_CHECK int store_merge(struct store *s, size_t rows, uint64_t *left, struct err *e);

/** A boot of a host. */
struct store_boot {
	uint64_t number;
	uint32_t host;
	struct span id;
	int64_t began;			/* its first records were stored */
	uint64_t count;
	struct span event_log;		/* digest of the firmware's, empty: not sent */
};
/** store_boots(s, host, a, v, n, e): Newest first. */
MUST_CHECK int store_boots(struct store *s, uint32_t host, struct arena *a, struct store_boot **v,
    size_t *n, struct err *e);
/** store_boots_delete(s, host, keep, deleted, e): The logs of all but the newest ${keep}
 * boots (at least one).  That the host once had their entries stays known. */
MUST_CHECK int store_boots_delete(struct store *s, uint32_t host, uint64_t keep,
    uint64_t *deleted, struct err *e);

/** store_boots_sweep(s, ended_before, keep, deleted, e): Of all hosts, the logs of boots that ended
 * before (0: any age) and of all but the newest ${keep} (0: all are kept); never a host's
 * present one.  Works in pieces: call again while ${deleted} is not 0. */
MUST_CHECK int store_boots_sweep(struct store *s, int64_t ended_before, uint64_t keep,
    uint64_t *deleted, struct err *e);

struct store_log_item {
	uint64_t index;			/* in the list, from 0 */
	int64_t at;			/* when it was stored */
	uint64_t entry;			/* number of the record */
	struct span bytes;		/* of the record */
};

/** store_log_read(s, boot, first, max, fn, ctx, e): Up to ${max} records of a boot's list
 * from index ${first}, in order.  Spans live during the call of ${fn}, whose
 * non-zero return ends the reading and is returned. */
typedef int store_log_fn(void *ctx, const struct store_log_item *item, struct err *e);
MUST_CHECK int store_log_read(struct store *s, uint64_t boot, uint64_t first, uint64_t max,
    store_log_fn *fn, void *ctx, struct err *e);

/** store_entries_known(s, keys, n, numbers, e): For each key the record's number, or 0. */
MUST_CHECK int store_entries_known(struct store *s, const uint8_t (*keys)[32], size_t n,
    uint64_t *numbers, struct err *e);

/** store_entries(s, after, max, a, v, n, e): Records by number, for an appraisal of all. */
MUST_CHECK int store_entries(struct store *s, uint64_t after, size_t max, struct arena *a,
    struct store_entry **v, size_t *n, struct err *e);

enum store_by { STORE_BY_DIGEST, STORE_BY_PATH, STORE_BY_KEY, STORE_BY_ENTRY };

struct store_query {
	enum store_by by;
	struct digest digest;		/* STORE_BY_DIGEST */
	struct span value;		/* path or key id, exact */
	uint64_t entry;			/* STORE_BY_ENTRY */
};

/** store_find(s, q, after, max, a, v, n, e): The records asked for, by number. */
MUST_CHECK int store_find(struct store *s, const struct store_query *q, uint64_t after,
    size_t max, struct arena *a, struct store_entry **v, size_t *n, struct err *e);

/** store_holders(s, entries, n, hosts, e): The numbers of all hosts that ever had one of
 * these records; ${*hosts} is the caller's to roaring_bitmap_free. */
MUST_CHECK int store_holders(struct store *s, const uint64_t *entries, size_t n,
    struct roaring_bitmap_s **hosts, struct err *e);

struct store_hit {
	uint32_t host;
	int64_t since;			/* first time in a log that is kept; 0: before those */
	uint64_t boot;			/* number of that log */
	uint64_t entry;			/* the record it was */
	bool now;			/* also in the host's newest log */
};

struct store_hits {
	uint64_t entries;		/* records that match */
	uint64_t hosts;			/* hosts that ever had one, on all pages */
	bool partial;			/* more than LIMIT_STORE_SEARCH records match: only the first
					   so many were looked at */
	struct store_hit *v;		/* by host number */
	size_t n;
	uint32_t next;			/* ${after} for the next page; 0: this was the last */
};

/** store_search(s, q, after, max, a, hits, e): Which hosts ever had what is asked for, a
 * page of at most ${max} (and LIMIT_STORE_PAGE) with numbers above ${after}. */
MUST_CHECK int store_search(struct store *s, const struct store_query *q, uint32_t after,
    size_t max, struct arena *a, struct store_hits *hits, struct err *e);

#endif
