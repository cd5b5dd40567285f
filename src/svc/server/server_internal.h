/* server_internal.h: what the parts of the server share.  Private to svc/server. */
#ifndef SVC_SERVER_SERVER_INTERNAL_H
#define SVC_SERVER_SERVER_INTERNAL_H

#include <pthread.h>

#include "engine/ek_trust.h"
#include "engine/enrolment.h"
#include "port/net/http_server.h"
#include "port/store/store.h"
#include "svc/log.h"
#include "svc/server/enrol_gate.h"
#include "svc/server/host_appraise.h"
#include "svc/server/server.h"

/* Verdicts as the store has them: numbers are promises, append only. */
enum host_verdict { HOST_UNKNOWN = 0, HOST_TRUSTED = 1, HOST_UNTRUSTED = 2, HOST_UNDECIDED = 3 };
const char *host_verdict_token(unsigned v);

/* A principal in memory, for the loops, which must not wait for the store. */
struct known_principal {
	uint8_t digest[32];		/* of a token or of a certificate: */
	bool certificate;		/* which anybody may have, so that its bytes are no token */
	enum principal role;
	uint64_t number;		/* in the store */
	int64_t expires;		/* ms; 0: never */
	char name[HTTP_CALLER_MAX];
};

/* ---- settings.c ---- */

/* A policy that the configuration brings; document.n 0: none. */
struct settings_policy {
	struct span document;		/* as it came; in the arena */
	char version[65];		/* its SHA-256; "" if there is none */
	char signer[129];
};

/* What a reload may change.  Never changed itself: read it without a lock while you hold it. */
struct settings {
	_Atomic unsigned users;
	struct arena arena;
	unsigned wait_ms, host_rate;
	struct server_keep keep;
	bool approve_first_use;
	struct trust_config trust;
	struct x509_roots *vendors, *devices;	/* owned */
	char shipped[64];		/* which bundle of the program; "": none */
	struct ek_list ek_list;
	struct span ek_list_text;
	struct pubkey **policy_keys;	/* owned; none: policies need not be signed */
	size_t n_policy_keys;
	struct settings_policy fallback;	/* for hosts that no assignment selects */
	struct settings_policy excludes;	/* beside whatever judges a host */
};

/** settings_make(o, out, e): Reads every file that ${o} names. */
MUST_CHECK int settings_make(const struct server_options *o, struct settings **out, struct err *e);

/** settings_hold(s): Those that hold now; settings_release when done. */
struct settings *settings_hold(struct server *s);
void settings_release(struct settings *c);

/** settings_use(s, c): ${c}, which is taken, holds from now on. */
void settings_use(struct server *s, struct settings *c);

/** settings_record(c, store, e): The policies of the configuration, where all others are. */
MUST_CHECK int settings_record(const struct settings *c, struct store *store, struct err *e);

/** settings_say(c): Who is trusted, in the log. */
void settings_say(const struct settings *c);

/** settings_check_policy(c, bytes, signer, e): Whether a policy may be taken: it can judge, and
 * one of the keys signed it where they must; ${signer} gets that key's fingerprint. */
MUST_CHECK int settings_check_policy(const struct settings *c, struct span bytes, struct buf *signer,
    struct err *e);

struct server {
	struct server_options o;	/* what a start settles; the caller's strings */
	struct arena arena;
	char *store_url, *url, *ca_file, *token_file;	/* in the arena */

	/* authority.c */
	struct buf ca_pem, ca_key, chain_pem, key_pem;
	struct issuer *issuer;
	struct tls_server *tls;

	pthread_mutex_t settings_lock;
	struct settings *settings;	/* counted */
	_Atomic uint64_t settings_epoch;

	struct router *router;
	struct http_server *http;
	struct workers *workers;
	struct keeper *keeper;
	struct sweeper *sweeper;
	struct broadcaster *broadcaster;
	struct simulator *simulator;
	struct enrol_gate *enrol_gate;
	struct pace *pace_hosts, *pace_addresses;
	_Atomic int64_t host_each_us;	/* what one message of a host takes of its time */

	pthread_rwlock_t principals_lock;
	struct known_principal *principals;	/* owned */
	size_t n_principals;

	_Atomic uint64_t policy_epoch;	/* goes up when assignments change here */
};

/* ---- workers.c ---- */

struct worker {
	struct server *server;
	unsigned number;
	struct store *store;
	struct policy_cache *policies;
	struct key_cache *keys;
	struct settings *settings;	/* held; the same for the whole of a job */
	uint64_t settings_epoch;
};

/** worker_settle(w): Before a job: the settings that hold now. */
void worker_settle(struct worker *w);

/** worker_open(s, number, w, e): A store's handle and caches for one thread. */
MUST_CHECK int worker_open(struct server *s, unsigned number, struct worker *w, struct err *e);
void worker_close(struct worker *w);

typedef void worker_job(struct worker *w, struct http_request *r);

MUST_CHECK int workers_start(struct server *s, unsigned n, struct workers **out, struct err *e);
void workers_stop(struct workers *w);

/** workers_run(s, r, job): Answer ${r} by ${job} on a worker's thread; 503 if too many wait. */
void workers_run(struct server *s, struct http_request *r, worker_job *job);

/** WORK(name): A route's handler that has job_name do it. */
#define WORK(name)								\
	static void								\
	handle_##name(struct http_request *r, void *arg)			\
	{									\
		workers_run(arg, r, job_##name);				\
	}

#define ROUTE_ROW(m, path, who, body, job, op, text, ...) worker_job job_##job;
#include "svc/server/routes.tbl"
#undef ROUTE_ROW

/* ---- keeper.c: writes of attestations, gathered ---- */

/* One write; lives until ${done} was called, from the keeper's thread. */
struct keeper_write {
	struct store_advance advance;
	struct span event_log;		/* to be kept for the boot; empty: none */
	void (*done)(struct keeper_write *w, int rc, const struct err *e);
	void *ctx;
	struct keeper_write *next;	/* the keeper's */
};

MUST_CHECK int keeper_start(struct server *s, struct keeper **out, struct err *e);
void keeper_stop(struct keeper *k);
void keeper_put(struct keeper *k, struct keeper_write *w);

/* ---- policies.c: which policies a host is judged by ---- */

MUST_CHECK int policy_cache_new(struct policy_cache **out, struct err *e);
void policy_cache_free(struct policy_cache *c);

/* What was found for a host; borrowed from the cache until its next use. */
struct policy_choice {
	const struct host_policies *policies;	/* n 0: none is assigned */
	struct span set;			/* name */
	char version[65];			/* what the host's row and bundles say of it */
};

/** policy_cache_choose(c, w, host, now, out, e): ${now} in ms. */
MUST_CHECK int policy_cache_choose(struct policy_cache *c, struct worker *w,
    const struct store_host *host, int64_t now, struct policy_choice *out, struct err *e);

/** policy_cache_pending(c, w, set, out, e): As if ${set}, which need not be stored, were
 * assigned, and nothing else. */
MUST_CHECK int policy_cache_pending(struct policy_cache *c, struct worker *w, const struct store_policy_set *set,
    struct policy_choice *out, struct err *e);

/** labels_match(labels, selector): "key=value,key2=value2" against a JSON object. */
bool labels_match(struct span labels, struct span selector);

/* ---- attest.c: keys of identities, which never change ---- */
MUST_CHECK int key_cache_new(struct key_cache **out, struct err *e);
void key_cache_free(struct key_cache *c);

/* ---- authority.c ---- */
MUST_CHECK int authority_open(struct server *s, struct err *e);
void authority_close(struct server *s);
/** authority_issue(s, csr, host_id, now, leaf, e): A client certificate, DER. */
MUST_CHECK int authority_issue(struct server *s, struct span csr, const char *host_id, int64_t now,
    struct buf *leaf, struct store_certificate *cert, struct err *e);

/** authority_issue_for(s, csr, cn, now, days, ...): The same for whoever, and so long; ${days} 0: as
 * long as a host's. */
MUST_CHECK int authority_issue_for(struct server *s, struct span csr, const char *cn, int64_t now,
    int64_t days, struct buf *leaf, struct store_certificate *cert, struct err *e);

/* ---- principals.c ---- */

/** principal_role(word): "viewer", "operator", "admin"; else PRINCIPAL_UNSET. */
enum principal principal_role(struct span word);
MUST_CHECK int principals_load(struct server *s, struct store *store, struct err *e);
void principals_free(struct server *s);
http_who principals_who;

/** principals_holds(s, number): Whether this one may still ask: streams outlive requests. */
bool principals_holds(struct server *s, uint64_t number);

/** principals_first(s, store, e): The first administrator's token, if there is none yet. */
MUST_CHECK int principals_first(struct server *s, struct store *store, struct err *e);

/* ---- routes.c ---- */
MUST_CHECK int routes_open(struct server *s, struct err *e);

/* ---- sweeper.c ---- */
MUST_CHECK int sweeper_start(struct server *s, struct sweeper **out, struct err *e);
void sweeper_stop(struct sweeper *w);

/* ---- retention.c: what is let go ---- */

#define RETENTION_KINDS 5
struct retention {
	int64_t begun;			/* the last look at everything */
	uint64_t epoch;			/* of settings */
	unsigned left;			/* kinds of which there may be more */
};

/** retention_round(r, srv, s, now, e): A piece of each kind that has some to go. */
MUST_CHECK int retention_round(struct retention *r, struct server *srv, struct store *s, int64_t now,
    struct err *e);

/** retention_forget(s, h, who, now, e): Remove the host as it was read, and delete what it showed.
 * ERR_CONFLICT if its row changed meanwhile. */
MUST_CHECK int retention_forget(struct store *s, struct store_host *h, const char *who, int64_t now,
    struct err *e);

/* ---- broadcast.c: events for whoever listens ---- */
MUST_CHECK int broadcaster_start(struct server *s, struct broadcaster **out, struct err *e);
/** broadcaster_stop(b): Ends all streams; who asks later is refused.  Free it when nobody asks any more. */
void broadcaster_stop(struct broadcaster *b);
void broadcaster_free(struct broadcaster *b);

/* ---- simulator.c: what pending policies would change ---- */
MUST_CHECK int simulator_start(struct server *s, struct simulator **out, struct err *e);
void simulator_stop(struct simulator *m);

/** api_time(ms): RFC 3339, or null for 0. */
json_t *api_time(int64_t ms);

/** server_now(): Milliseconds since 1970. */
int64_t server_now(void);

#endif
