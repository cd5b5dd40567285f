/* store_history.h: what happened.  Include port/store/store.h.
 *
 * Verdicts are kept as intervals, so that a host that stays trusted costs nothing.
 * Events are numbered in the order in which they became visible: who asks for those
 * behind number N never misses one that is committed later.  Bundles hold the evidence,
 * policy version and verdict of one appraisal; a firmware event log is kept once for
 * all hosts and boots that sent the same bytes.
 */
#ifndef PORT_STORE_STORE_HISTORY_H
#define PORT_STORE_STORE_HISTORY_H

#include "port/store/store.h"

/** A time during which a verdict held. */
struct store_interval {
	uint64_t number;
	uint32_t host;
	int64_t from, to;		/* to is 0 while it holds */
	uint8_t verdict;
	struct span policy;		/* digest of the policy's version */
	struct span reason;		/* text */
	uint64_t bundle;		/* 0: none */
};

struct store_finding {
	struct span code;
	uint64_t entry;			/* index in the list; UINT64_MAX: of none */
	struct span path;
	struct span text;		/* JSON */
};

struct store_event {
	uint64_t sequence;		/* given by the store */
	int64_t at;
	struct span kind;
	uint32_t host;			/* 0: of none */
	struct span body;		/* JSON */
};

struct store_bundle {
	uint64_t number;		/* given by the store */
	uint32_t host;
	int64_t at;
	uint8_t verdict;
	struct span policy;
	uint64_t size;			/* of the body */
	struct span body;		/* not filled by lists */
};

/** store_intervals(s, host, before, max, a, v, n, e): Newest first; ${before}: a number,
 * 0 for the newest. */
MUST_CHECK int store_intervals(struct store *s, uint32_t host, uint64_t before, size_t max,
    struct arena *a, struct store_interval **v, size_t *n, struct err *e);

/** store_findings(s, host, a, v, n, e): Of the present verdict, in the order given. */
MUST_CHECK int store_findings(struct store *s, uint32_t host, struct arena *a,
    struct store_finding **v, size_t *n, struct err *e);
/** store_findings_first(s, host, max, a, v, n, e): The first ${max} of them. */
MUST_CHECK int store_findings_first(struct store *s, uint32_t host, size_t max, struct arena *a,
    struct store_finding **v, size_t *n, struct err *e);

/** store_event_add(s, v, n, e): Fills the sequence of each. */
MUST_CHECK int store_event_add(struct store *s, struct store_event *v, size_t n, struct err *e);
MUST_CHECK int store_events(struct store *s, uint64_t after, uint32_t host, size_t max,
    struct arena *a, struct store_event **v, size_t *n, struct err *e);
/** store_event_last(s, sequence, e): 0 if there was none yet. */
MUST_CHECK int store_event_last(struct store *s, uint64_t *sequence, struct err *e);
MUST_CHECK int store_events_delete(struct store *s, int64_t before, uint64_t *deleted,
    struct err *e);

/** store_bundle_add(s, v, e): Fills number.  At most LIMIT_STORE_BLOB bytes. */
MUST_CHECK int store_bundle_add(struct store *s, struct store_bundle *v, struct err *e);
MUST_CHECK int store_bundle_get(struct store *s, uint64_t number, struct arena *a,
    struct store_bundle *v, struct err *e);
/** store_bundles(s, host, before, max, a, v, n, e): Newest first, without bodies. */
MUST_CHECK int store_bundles(struct store *s, uint32_t host, uint64_t before, size_t max,
    struct arena *a, struct store_bundle **v, size_t *n, struct err *e);

/** store_bundles_delete(s, before, keep, deleted, e): Bundles older than ${before} and, if
 * ${keep} is not 0, all but the newest ${keep} of each host.  The bundle of the interval
 * that holds is kept.  Works in pieces: call again while ${deleted} is not 0. */
MUST_CHECK int store_bundles_delete(struct store *s, int64_t before, uint64_t keep,
    uint64_t *deleted, struct err *e);
/** store_intervals_delete(s, before, deleted, e): Those that ended before. */
MUST_CHECK int store_intervals_delete(struct store *s, int64_t before, uint64_t *deleted,
    struct err *e);

/** store_event_log_put(s, boot, digest, body, now, e): The firmware event log of a boot,
 * stored once for each digest; ${boot} is store_host.boot. */
MUST_CHECK int store_event_log_put(struct store *s, uint64_t boot, struct span digest,
    struct span body, int64_t now, struct err *e);
MUST_CHECK int store_event_log_get(struct store *s, uint64_t boot, struct arena *a,
    struct span *body, struct err *e);

#endif
