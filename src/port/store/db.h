/* db.h: what the store needs of a database, and nothing else.
 *
 * Statements are a table (queries.tbl), prepared when first used.  Their text is the
 * same for both databases: $1 is a parameter, @NOW@ the database's clock.  There are
 * two types of values, signed numbers of 64 bits and bytes.
 *
 * db_many() runs one statement for many sets of parameters: SQLite in a loop,
 * PostgreSQL in one pipeline, which costs one round trip for all of them.  That is what
 * makes a batch of attestations cheap, so the parts of the store work on batches.
 *
 * Values handed to a row function live during that call.
 */
#ifndef PORT_STORE_DB_H
#define PORT_STORE_DB_H

#include "base/buf.h"
#include "port/store/store.h"

enum query {
#define Q(sym, types, text) Q_##sym,
#include "port/store/queries.tbl"
#undef Q
	Q_COUNT
};

#define DB_PARAMS 48			/* of one statement, and columns of a row, at most */

enum db_type { DB_NULL = 0, DB_INT, DB_BYTES };

struct db_value {
	enum db_type type;
	int64_t i;
	struct span s;
};

/** item: which set of parameters the row is of. */
typedef int db_row_fn(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e);

struct db_many {
	size_t n;
	void *ctx;
	/* The parameters of set ${item}; false: none, it is left out. */
	bool (*fill)(void *ctx, size_t item, struct db_value *params);
	db_row_fn *row;			/* NULL: no rows are expected */
	/* NULL, or behind the last row: how many rows were inserted, changed or deleted. */
	int (*done)(void *ctx, size_t item, uint64_t changed, struct err *e);
};

struct db;

struct db_ops {
	void (*close)(struct db *d);
	int (*exec)(struct db *d, const char *sql, struct err *e);	/* without results */
	int (*begin)(struct db *d, bool snapshot, struct err *e);
	int (*commit)(struct db *d, struct err *e);
	void (*rollback)(struct db *d);
	int (*many)(struct db *d, enum query q, const struct db_many *m, struct err *e);
	/* A statement that is not in the table, for store_move and the schema. */
	int (*once)(struct db *d, const char *sql, const char *types, const struct db_value *params,
	    db_row_fn *row, void *ctx, struct err *e);
	/* Whether ${d} must be opened again, and doing it. */
	bool (*lost)(const struct db *d);
	int (*reopen)(struct db *d, struct err *e);
};

struct db {
	const struct db_ops *ops;
	enum store_kind kind;
	char where[512];
	unsigned silence_ms;		/* how long it may leave us waiting; 0: LIMIT_STORE_SILENCE_MS */
	bool in_tx;
	bool collided;			/* the last error: it and another rolled each other back */
	struct err doom;		/* why the transaction cannot be committed; code 0: it can */
	uint64_t generation;		/* of what is cached from it: counts openings and rollbacks */
	int (*check)(struct db *d, struct err *e);	/* behind opening again */
	bool served;			/* and then it is to be held as by a server (hold.h) */
};

/** db_sqlite_open(path, create, newest, d, e): ERR_NOT_FOUND if there is no file and
 * ${create} is not set.  A file of another program, or of a schema newer than ${newest},
 * is not opened at all. */
MUST_CHECK int db_sqlite_open(const char *path, bool create, int64_t newest, struct db **d,
    struct err *e);
MUST_CHECK int db_pgsql_open(const char *url, struct db **d, struct err *e);
void db_close(struct db *d);

const char *db_text(enum query q);
const char *db_types(enum query q);

/** db_sql(text, kind, out): The text for this database. */
int db_sql(const char *text, enum store_kind kind, struct buf *out, struct err *e);

/** db_begin(d, snapshot, e): A transaction to write in, or (snapshot) one that reads and
 * sees one moment. */
MUST_CHECK int db_begin(struct db *d, bool snapshot, struct err *e);
MUST_CHECK int db_commit(struct db *d, struct err *e);
void db_rollback(struct db *d);

MUST_CHECK int db_many(struct db *d, enum query q, const struct db_many *m, struct err *e);

/** db_run(d, q, params, row, ctx, changed, e): The statement once; ${changed} may be NULL. */
MUST_CHECK int db_run(struct db *d, enum query q, const struct db_value *params, db_row_fn *row,
    void *ctx, uint64_t *changed, struct err *e);
MUST_CHECK int db_once(struct db *d, const char *sql, const char *types,
    const struct db_value *params, db_row_fn *row, void *ctx, struct err *e);
MUST_CHECK int db_exec(struct db *d, const char *sql, struct err *e);

/** db_number(d, q, params, out, e): The one number that the statement gives; ${*out} stays
 * as it is if there is no row, or its number is NULL. */
MUST_CHECK int db_number(struct db *d, enum query q, const struct db_value *params, int64_t *out,
    struct err *e);
/** db_once_number(d, sql, out, e): The same for a text without parameters. */
MUST_CHECK int db_once_number(struct db *d, const char *sql, int64_t *out, struct err *e);

static inline struct db_value
db_int(uint64_t v)
{
	return (struct db_value){ .type = DB_INT, .i = (int64_t)v };
}

static inline struct db_value
db_bytes(struct span s)
{
	return (struct db_value){ .type = DB_BYTES, .s = s };
}

/** What a write of several statements opens and closes, unless the caller has begun. */
struct db_scope {
	struct db *d;
	bool own;
	bool wrote;			/* a harmless error now would leave half of it */
};
MUST_CHECK int db_scope_open(struct db *d, struct db_scope *sc, struct err *e);
/** db_scope_close(sc, rc, e): Commits if ${rc} is 0, else rolls back; returns the code. */
MUST_CHECK int db_scope_close(struct db_scope *sc, int rc, struct err *e);

#endif
