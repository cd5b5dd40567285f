/* db_pgsql.h: what the parts of the adapter for PostgreSQL share.  Private to port/store.
 *
 *	db_pgsql.c        statements and pipelines of them
 *	db_pgsql_link.c   the connection: making it, waiting for answers, saying what went wrong
 *	db_pgsql_gate.c   not everybody at once where nothing answers
 *	db_pgsql_value.c  values, in binary
 *
 * Nothing here waits for ever.  libpq is used without blocking: link_result() polls, and a
 * database from which nothing comes, and which takes nothing, for as long as the handle has
 * patience (db.silence_ms) is left: a stopped process answers keepalives as well as a working
 * one, so neither TCP nor the server's own statement_timeout tells.  What it was doing then
 * fails with ERR_STORE_BUSY; the next call connects again.  Looking up a host's name is the
 * resolver's, which has time limits of its own (resolv.conf).
 */
#ifndef PORT_STORE_DB_PGSQL_H
#define PORT_STORE_DB_PGSQL_H

#include <libpq-fe.h>

#include "port/store/db.h"

/* Executions in flight: what a batch of attestations needs, and memory stays small. */
#define PGSQL_WINDOW 512
#define PGSQL_UNSENT MIB(4)		/* or so many bytes */

/* src/include/catalog/pg_type.dat */
#define OID_BYTEA 17
#define OID_INT8 20
#define OID_INT4 23

struct pgsql_gate;

struct db_pgsql {
	struct db d;
	PGconn *c;			/* NULL: it was left */
	char *url;
	struct pgsql_gate *gate;
	size_t sent;			/* bytes of parameters since the last answer */
	bool prepared[Q_COUNT];
	size_t window[PGSQL_WINDOW];	/* the items in flight */
};

static inline struct db_pgsql *
pgsql_of(struct db *d)
{
	return (struct db_pgsql *)d;
}

/* ---- db_pgsql_link.c ---- */

/** link_open(b, e): Connects, after leaving what was there. */
MUST_CHECK int link_open(struct db_pgsql *b, struct err *e);

/** link_fault(b, r, e): The error for a result (NULL: the connection's). */
MUST_CHECK int link_fault(struct db_pgsql *b, const PGresult *r, struct err *e);

bool link_good(const PGresult *r);

/** link_result(b, r, e): The next result, NULL where one ends, as PQgetResult gives it. */
MUST_CHECK int link_result(struct db_pgsql *b, PGresult **r, struct err *e);

/** link_last(b, r, e): The last result of what was sent outside of a pipeline; all were good. */
MUST_CHECK int link_last(struct db_pgsql *b, PGresult **r, struct err *e);

/** link_exec(b, sql, e): Statements without results. */
MUST_CHECK int link_exec(struct db_pgsql *b, const char *sql, struct err *e);

/** link_name(b, e): The URL for messages: its parts, but never a password. */
MUST_CHECK int link_name(struct db_pgsql *b, struct err *e);

/* ---- db_pgsql_gate.c: shared by all connections of a process to one URL ---- */

MUST_CHECK int pgsql_gate_join(const char *url, struct pgsql_gate **out, struct err *e);
void pgsql_gate_leave(struct pgsql_gate *g);

/** pgsql_gate_enter(g): Whether this thread may try to connect now; then pgsql_gate_done must follow.
 * Where the last attempt met silence, one may at a time, and after a pause: the others' requests
 * need not wait to learn the same. */
bool pgsql_gate_enter(struct pgsql_gate *g);
void pgsql_gate_done(struct pgsql_gate *g, bool silent);

/** pgsql_gate_shut(g): A connection met silence. */
void pgsql_gate_shut(struct pgsql_gate *g);

/** pgsql_now_ms(): A clock that cannot be set. */
int64_t pgsql_now_ms(void);

/* ---- db_pgsql_value.c ---- */

/* Parameters as libpq wants them. */
struct wire {
	const char *v[DB_PARAMS];
	int len[DB_PARAMS], format[DB_PARAMS];
	uint64_t ints[DB_PARAMS];
	int n;
};

/** wire_params(b, types, params, w, e): ERR_LIMIT if they are too large. */
MUST_CHECK int wire_params(struct db_pgsql *b, const char *types, const struct db_value *params, struct wire *w,
    struct err *e);

/** wire_oids(types, oids): For "i" and "b"; returns how many. */
int wire_oids(const char *types, Oid *oids);

/** wire_rows(b, r, fn, ctx, item, e): Hands the rows of ${r} to ${fn}, which may be NULL. */
MUST_CHECK int wire_rows(struct db_pgsql *b, const PGresult *r, db_row_fn *fn, void *ctx, size_t item,
    struct err *e);

#endif
