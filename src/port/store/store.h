/* store.h: what the server keeps: hosts, their evidence, its history, policies.
 *
 * One interface over SQLite 3 (a path, or sqlite:PATH) and PostgreSQL
 * (postgresql://...), with one schema; docs/formats/store.md describes it.  Parts:
 *	store_host.h     hosts, enrolment, identities, certificates
 *	store_log.h      measurement-list entries, each once for the fleet; the order in
 *	                 which each host had them; which hosts have one; store_advance(),
 *	                 the write of an attestation
 *	store_history.h  verdicts, findings, events, evidence bundles, event logs
 *	store_admin.h    policies, assignments, principals, leases, settings, moving
 *
 * Promises.  What a call (or store_commit) returned 0 for survives kill -9 and power
 * loss.  A call that failed wrote nothing.  Names are bytes: newlines, NUL and invalid
 * UTF-8 come back as they went in.  Nothing is cut.
 *
 * A handle belongs to one thread; every thread opens its own.  Between store_begin and
 * store_commit all calls of a handle are one transaction.  If one of them fails with
 * another code than ERR_NOT_FOUND, ERR_CONFLICT and ERR_DUPLICATE (these wrote nothing
 * and harm nothing), the transaction is lost: the calls behind it and the commit
 * repeat that error, until store_rollback.
 *
 * Errors, none of which says anything about a host:
 *	ERR_STORE_BUSY  locked, or not reachable: try again later.  The handle connects
 *	                again by itself.  If store_commit says it, the transaction may have
 *	                happened or not: revisions tell.
 *	ERR_STORE       trying again will not help: disk full, file damaged, no permission
 *	ERR_CONFLICT    the row is no longer of the revision the change was made from
 *	ERR_NOT_FOUND, ERR_DUPLICATE, ERR_LIMIT (a ceiling of base/limits.h)
 *	ERR_VERSION     at opening: the database is of a newer assay; it was not touched
 *
 * What a read returns lies in the caller's arena.  Times are milliseconds since 1970
 * (UTC), and 0 where there is none.  Spans that are NULL on writing are stored empty.
 */
#ifndef PORT_STORE_STORE_H
#define PORT_STORE_STORE_H

#include "base/arena.h"
#include "base/digest_alg.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/span.h"

struct store;

enum store_kind { STORE_SQLITE, STORE_POSTGRESQL };

enum store_open_flags {
	STORE_CREATE = 1,	/* make the database's tables (and SQLite's file) where there are none */
	STORE_MIGRATE = 2,	/* bring an older schema up to date; else that is ERR_VERSION */
	STORE_SERVE = 4,	/* as one of those that keep it: ERR_STORE_BUSY while somebody is */
	STORE_ALONE = 8,	/* who takes all of it: ERR_STORE_BUSY while somebody keeps it (hold.h) */
};

/** store_open(url, flags, s, e): ERR_NOT_FOUND where there is no database of assay's
 * and STORE_CREATE is not given; ERR_FORMAT for a database of somebody else. */
MUST_CHECK int store_open(const char *url, unsigned flags, struct store **s, struct err *e);
void store_close(struct store *s);
enum store_kind store_kind(const struct store *s);

/** store_where(s): For messages: the path, or the URL without its password. */
const char *store_where(const struct store *s);

/** store_patient(s, on): What follows may take the database long, and nobody waits for it: deleting
 * old rows, merging.  Else a database that says nothing for LIMIT_STORE_SILENCE_MS is left. */
void store_patient(struct store *s, bool on);

/** store_now(s, now, e): The database's clock, which all servers share. */
MUST_CHECK int store_now(struct store *s, int64_t *now, struct err *e);

MUST_CHECK int store_begin(struct store *s, struct err *e);
MUST_CHECK int store_commit(struct store *s, struct err *e);
void store_rollback(struct store *s);

static inline void
store_closep(struct store **s)
{
	store_close(*s);
}
#define STORE_AUTO __attribute__((cleanup(store_closep)))

#include "port/store/store_host.h"
#include "port/store/store_history.h"
#include "port/store/store_log.h"
#include "port/store/store_admin.h"

#endif
