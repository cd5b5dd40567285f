/* store_admin.h: what administrators change, and what servers share.  Include
 * port/store/store.h.
 *
 * Policies and assignments are only added: who changed what and when can be read from
 * them.  No secret of a principal is kept, only a digest.
 */
#ifndef PORT_STORE_STORE_ADMIN_H
#define PORT_STORE_STORE_ADMIN_H

#include "port/store/store.h"

struct store_policy {
	struct span name;
	struct span version;		/* SHA-256 of the document */
	struct span document;		/* not filled by lists; at most LIMIT_STORE_BLOB bytes */
	uint64_t size;			/* of the document */
	struct span signers;		/* fingerprints, as the caller writes them */
	struct span note, who;
	int64_t at;
};

/** store_policy_add(s, v, e): ERR_DUPLICATE if this version is there under this name. */
MUST_CHECK int store_policy_add(struct store *s, const struct store_policy *v, struct err *e);
/** store_policy_get(s, name, version, a, v, e): An empty ${version} is the newest. */
MUST_CHECK int store_policy_get(struct store *s, struct span name, struct span version,
    struct arena *a, struct store_policy *v, struct err *e);
/** store_policies(s, name, a, v, n, e): All versions, newest first; of all policies if
 * ${name} is empty, then by name. */
MUST_CHECK int store_policies(struct store *s, struct span name, struct arena *a,
    struct store_policy **v, size_t *n, struct err *e);

/** A policy set: which versions of which policies, in layers. */
struct store_policy_set {
	struct span name;
	struct span version;		/* digest of the members */
	struct span members;		/* JSON */
	struct span note, who;
	int64_t at;
};
MUST_CHECK int store_policy_set_add(struct store *s, const struct store_policy_set *v,
    struct err *e);
MUST_CHECK int store_policy_set_get(struct store *s, struct span name, struct span version,
    struct arena *a, struct store_policy_set *v, struct err *e);
MUST_CHECK int store_policy_sets(struct store *s, struct arena *a, struct store_policy_set **v,
    size_t *n, struct err *e);

/** Which hosts a set is for.  The one of the highest rank that selects a host holds. */
struct store_assignment {
	uint64_t number;		/* given by the store */
	struct span selector;		/* labels, as the caller writes them; empty: all hosts */
	int64_t rank;
	struct span set, version;
	struct span who;
	int64_t began;
	int64_t ended;			/* 0: it holds */
	int64_t holds_until;		/* behind its end it still holds beside its successor; 0: not */
	struct span ended_by;
};
/** store_assign(s, v, overlap_until, e): Begins an assignment at v->began.  One that holds
 * for the same selector and rank ends then, by the same who; one that ended before and is still
 * good beside its successor is so no longer than the one that ends now. */
MUST_CHECK int store_assign(struct store *s, struct store_assignment *v, int64_t overlap_until,
    struct err *e);
MUST_CHECK int store_unassign(struct store *s, uint64_t number, struct span who, int64_t now,
    int64_t overlap_until, struct err *e);
/** store_assignments(s, now, a, v, n, e): Those that hold, overlaps included, by rank (highest
 * first), then newest first.  The last assignment made holds, whatever ${now} is: only overlaps
 * run out with time.  ${now} 0: all there ever were. */
MUST_CHECK int store_assignments(struct store *s, int64_t now, struct arena *a,
    struct store_assignment **v, size_t *n, struct err *e);

struct store_principal {
	uint64_t number;		/* given by the store */
	struct span name;
	struct span kind;		/* "token", "certificate", as the caller likes */
	struct span digest;		/* of a token of 256 random bits, or of a certificate */
	struct span role;
	struct span who;		/* who made it */
	int64_t made, expires, revoked;
};
MUST_CHECK int store_principal_add(struct store *s, struct store_principal *v, struct err *e);
MUST_CHECK int store_principal_by_digest(struct store *s, struct span digest, struct arena *a,
    struct store_principal *v, struct err *e);
MUST_CHECK int store_principals(struct store *s, struct arena *a, struct store_principal **v,
    size_t *n, struct err *e);
MUST_CHECK int store_principal_revoke(struct store *s, uint64_t number, int64_t now,
    struct err *e);

/* Leases: shards of the hosts that servers share, by the database's clock. */
#define STORE_SHARDS 4096
struct store_lease {
	uint32_t shard;
	struct span owner;
	int64_t until;
};
/** store_lease_take(s, owner, shards, n, ms, got, e): Take or renew each shard that is free,
 * expired or ours, for ${ms} from now; got[i] tells which are ours behind it.  All must take
 * for the same time: one that would last longer is of before the clock was set back. */
MUST_CHECK int store_lease_take(struct store *s, struct span owner, const uint32_t *shards,
    size_t n, int64_t ms, bool *got, struct err *e);
/** store_lease_hold(s, owner, shard, e): Within a transaction: the lease stays the owner's until
 * its end; ERR_CONFLICT if it is not his, or has expired. */
MUST_CHECK int store_lease_hold(struct store *s, struct span owner, uint32_t shard, struct err *e);
MUST_CHECK int store_lease_release(struct store *s, struct span owner, const uint32_t *shards,
    size_t n, struct err *e);
/** store_leases(s, a, v, n, now, e): All that have not expired, and the database's time. */
MUST_CHECK int store_leases(struct store *s, struct arena *a, struct store_lease **v, size_t *n,
    int64_t *now, struct err *e);

MUST_CHECK int store_setting_get(struct store *s, struct span name, struct arena *a,
    struct span *value, struct err *e);
MUST_CHECK int store_setting_put(struct store *s, struct span name, struct span value,
    struct err *e);
/** store_setting_add(s, name, value, e): ERR_DUPLICATE if it is set: of two servers that
 * make a CA, one wins. */
MUST_CHECK int store_setting_add(struct store *s, struct span name, struct span value,
    struct err *e);
/** store_setting_swap(s, name, from, to, e): ERR_CONFLICT if it is not ${from}, or not any more. */
MUST_CHECK int store_setting_swap(struct store *s, struct span name, struct span from,
    struct span to, struct err *e);
MUST_CHECK int store_setting_delete(struct store *s, struct span name, struct err *e);

struct store_move {
	uint64_t rows;			/* copied so far */
	const char *table;		/* being copied or compared */
	bool checking;
};
/** store_move(from, to, progress, ctx, e): Everything from one store to another, which must
 * be empty (ERR_DUPLICATE), in one transaction that ends only if counts and SHA-256 of
 * all rows are the same on both sides (ERR_MISMATCH).  Neither may be
 * written by others meanwhile (STORE_ALONE). */
typedef void store_move_fn(void *ctx, const struct store_move *m);
MUST_CHECK int store_move(struct store *from, struct store *to, store_move_fn *progress,
    void *ctx, struct err *e);

#endif
