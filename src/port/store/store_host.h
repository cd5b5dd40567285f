/* store_host.h: hosts, who they are and how they stand.  Include port/store/store.h.
 *
 * A host has a row of what changes seldom (name, labels, facts) and one of what each
 * attestation changes (struct store_state); a read gives both with the revision, and
 * a change names the revision it was made from.  Two servers that took the same nonce
 * both name the same one, so the second gets ERR_CONFLICT.
 *
 * Identities are never changed, only added: enrolling again makes a new one and lets the
 * host's row refer to it.  Of one host the newest LIMIT_HOST_IDENTITIES and LIMIT_HOST_CERTIFICATES
 * are kept, so that one that enrols for ever fills no disk.  Numbers of hosts (bitmaps hold them) are given
 * once and never again.
 */
#ifndef PORT_STORE_STORE_HOST_H
#define PORT_STORE_STORE_HOST_H

#include "port/store/store.h"

enum store_registration { STORE_PENDING = 0, STORE_ENROLLED = 1, STORE_REMOVED = 2,
	STORE_FORGOTTEN = 3 };	/* removed, and all that was its own is deleted */

#define STORE_HOST_ID 32		/* hex digits */
#define STORE_VERDICTS 8		/* verdicts are numbers of the caller's, below this */
#define STORE_TAIL 240			/* bytes of a log kept beside the host's state */

/** What an attestation changes. */
struct store_state {
	uint8_t verdict;
	int64_t verdict_since, valid_until;
	int64_t last_seen;		/* evidence was last taken */
	int64_t next_due;		/* the next must have come by then */
	uint64_t entries, findings;	/* counts, of this boot */
	struct span policy_set;		/* name */
	struct span policy;		/* digest of its version */
	struct span nonce;		/* the outstanding challenge */
	int64_t nonce_expires;
	struct span resume;		/* where the engine stopped (formats/resume_state.h) */
	struct span detail;		/* the caller's own */
};

struct store_host {
	uint32_t number;		/* from 1 */
	uint64_t revision;
	char id[STORE_HOST_ID + 1];
	struct span name;
	enum store_registration registration;
	int64_t made;
	uint64_t identity;		/* the present one's number */
	struct span trust_mode;		/* of the present identity */
	struct span labels;		/* JSON object of strings, or empty */
	struct span facts;		/* JSON, or empty */
	int64_t facts_at;
	struct store_state state;

	/* The log's end, for store_advance: the store's own, never changed by the caller
	 * (boot, boot_id and count may be read). */
	uint64_t boot;			/* number of the boot's log, 0: none yet */
	struct span boot_id;
	uint64_t count;			/* entries stored of this boot */
	uint8_t stored_verdict;
	uint64_t tail_first;
	int64_t tail_at, tail_last;	/* times of its first and last run */
	uint32_t tail_n;		/* entries in it */
	uint16_t tail_size;
	uint8_t tail[STORE_TAIL];
};

/** An identity: the keys a host proved to have, as they were at enrolment. */
struct store_identity {
	uint64_t number;		/* given by the store */
	uint32_t host;			/* given by the store */
	int64_t made;
	struct span trust_mode;		/* "ca", "ek-list", "idevid", "operator" */
	struct span ek_public, ek_certs, ak_public, ak_name;
	struct span csr, detail;	/* as received; the caller's own */
};

struct store_certificate {
	uint8_t sha256[32];
	uint32_t host;
	uint64_t identity;
	struct span der;
	int64_t issued, expires;
	int64_t revoked;		/* 0: it is not */
};

/** A registration that waits for its proof. */
struct store_enrolment {
	uint8_t token[16];
	int64_t made, expires;
	char host_id[STORE_HOST_ID + 1];
	struct span trust_mode, ek_public, ek_certs, ak_public, ak_name, csr, facts;
	struct span secret;		/* what the proof is computed with */
	struct span detail;		/* the caller's own */
};

/** store_enrolment_add(s, v, max_pending, e): ERR_LIMIT if so many wait already that have
 * not expired; those that have expired are removed first. */
MUST_CHECK int store_enrolment_add(struct store *s, const struct store_enrolment *v,
    uint64_t max_pending, int64_t now, struct err *e);

/** store_enrolment_take(s, token, now, a, v, e): The waiting registration, which is
 * removed: a token works once.  ERR_NOT_FOUND also if it has expired. */
MUST_CHECK int store_enrolment_take(struct store *s, const uint8_t token[16], int64_t now,
    struct arena *a, struct store_enrolment *v, struct err *e);

/** store_host_add(s, h, who, cert, number, e): A new host: id, name, registration, made,
 * labels, facts, facts_at and state are taken from ${h}; with its identity and (if not
 * NULL) certificate.  ERR_DUPLICATE if the id, the certificate, or the name of the AK
 * under another host, is there.  Fills number, revision and identity of ${h}. */
MUST_CHECK int store_host_add(struct store *s, struct store_host *h,
    const struct store_identity *who, const struct store_certificate *cert, struct err *e);

/** store_identity_add(s, h, who, cert, e): A new identity for the host as it was read
 * (number, revision); its registration becomes that of ${h}.  ERR_CONFLICT,
 * ERR_DUPLICATE as above. */
MUST_CHECK int store_identity_add(struct store *s, struct store_host *h,
    const struct store_identity *who, const struct store_certificate *cert, struct err *e);

/** store_certificates_within(s, host, since, until, n, e): How many of a host were issued after ${since},
 * up to ${until}. */
MUST_CHECK int store_certificates_within(struct store *s, uint32_t host, int64_t since, int64_t until,
    uint64_t *n, struct err *e);

/** store_hosts_pending(s, max, n, e): How many hosts wait that were never judged; at most ${max} are counted. */
MUST_CHECK int store_hosts_pending(struct store *s, uint64_t max, uint64_t *n, struct err *e);

/** store_certificate_add(s, c, e): One more for an identity that is there (renewal). */
MUST_CHECK int store_certificate_add(struct store *s, const struct store_certificate *c,
    struct err *e);
MUST_CHECK int store_certificate_revoke(struct store *s, const uint8_t sha256[32], int64_t now,
    struct err *e);
MUST_CHECK int store_certificate_get(struct store *s, const uint8_t sha256[32], struct arena *a,
    struct store_certificate *c, struct err *e);

MUST_CHECK int store_identity_get(struct store *s, uint64_t number, struct arena *a,
    struct store_identity *v, struct err *e);
/** store_identity_by_ak(s, ak_name, a, v, e): The newest identity with this AK. */
MUST_CHECK int store_identity_by_ak(struct store *s, struct span ak_name, struct arena *a,
    struct store_identity *v, struct err *e);
/** store_identities(s, host, a, v, n, e): All of a host, oldest first. */
MUST_CHECK int store_identities(struct store *s, uint32_t host, struct arena *a,
    struct store_identity **v, size_t *n, struct err *e);

MUST_CHECK int store_host_by_id(struct store *s, const char *id, struct arena *a,
    struct store_host *h, struct err *e);
MUST_CHECK int store_host_by_number(struct store *s, uint32_t number, struct arena *a,
    struct store_host *h, struct err *e);
/** store_host_by_cert(s, sha256, a, h, c, e): The host a client certificate belongs to,
 * and the certificate without its bytes; whether it is revoked, expired or of an older
 * identity is for the caller to see. */
MUST_CHECK int store_host_by_cert(struct store *s, const uint8_t sha256[32], struct arena *a,
    struct store_host *h, struct store_certificate *c, struct err *e);

/** store_host_update(s, h, e): Write name, registration, labels, facts and facts_at of a
 * host as it was read and then changed.  The state is store_advance's. */
MUST_CHECK int store_host_update(struct store *s, struct store_host *h, struct err *e);

/** store_hosts_unseen(s, before, v, max, n, e): Numbers of hosts that were neither seen nor made
 * since ${before}, and are neither removed nor forgotten. */
MUST_CHECK int store_hosts_unseen(struct store *s, int64_t before, uint32_t *v, size_t max, size_t *n,
    struct err *e);

/** store_host_forget(s, number, done, e): Delete what a removed host showed: lists, verdicts,
 * findings, bundles, events about them, facts, labels and certificates.  Its row, the public
 * parts of its keys and the events of what people did with it stay, and it becomes
 * STORE_FORGOTTEN.  Works in pieces: call until ${*done}.  ERR_CONFLICT if it is not removed. */
MUST_CHECK int store_host_forget(struct store *s, uint32_t number, bool *done, struct err *e);

/** What to list.  Order: by name with NAME or without filters; by number with a verdict,
 * a label or a due time. */
struct store_host_filter {
	int verdict;			/* -1: any */
	int registration;		/* -1: any; STORE_REMOVED and STORE_FORGOTTEN only if asked for */
	struct span name;		/* exact, or a prefix */
	bool name_prefix;
	struct span label, label_value;	/* key and value; label.n 0: any */
	int64_t due_before;		/* next_due is not 0 and before; 0: any */
	bool by_number;			/* also without filters */
};

/** Where a page ended; zeroed for the first page. */
struct store_host_cursor {
	uint32_t number;
	struct span name;		/* in the arena of the page it came from */
	bool more;			/* set by the read: another page may follow */
};

/** store_host_list(s, f, cursor, max, a, v, n, e): At most ${max} hosts (and no more than
 * LIMIT_STORE_PAGE) behind ${cursor}, which moves on. */
MUST_CHECK int store_host_list(struct store *s, const struct store_host_filter *f,
    struct store_host_cursor *cursor, size_t max, struct arena *a, struct store_host **v,
    size_t *n, struct err *e);

struct store_counts {
	uint64_t by_verdict[STORE_VERDICTS];	/* of enrolled hosts */
	uint64_t pending, enrolled, removed, forgotten;
};
MUST_CHECK int store_host_counts(struct store *s, struct store_counts *c, struct err *e);

#endif
