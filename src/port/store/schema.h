/* schema.h: the version of the tables, and bringing them up to date.
 *
 * Migrations are numbered SQL files, built in; each runs in the transaction that also
 * writes its number, so a database is of one version or of the next.  A database of a
 * higher number than the last one known here is refused before anything is written.
 */
#ifndef PORT_STORE_SCHEMA_H
#define PORT_STORE_SCHEMA_H

#include "port/store/db.h"

struct migration {
	int64_t number;
	const char *sql[2];		/* by enum store_kind */
};

struct migrations {
	const struct migration *v;
	size_t n;
};

extern const struct migrations schema_migrations;

static inline int64_t
schema_newest(const struct migrations *m)
{
	return m->v[m->n - 1].number;
}

/** schema_refuses(where, version, newest, e): ERR_VERSION for one that is newer. */
int schema_refuses(const char *where, int64_t version, int64_t newest, struct err *e);

/** schema_version(d, version, e): 0 for an empty database; ERR_FORMAT for one with tables
 * of somebody else. */
MUST_CHECK int schema_version(struct db *d, int64_t *version, struct err *e);

/** schema_bring(d, m, flags, e): To the newest of ${m}, as the flags of store_open allow. */
MUST_CHECK int schema_bring(struct db *d, const struct migrations *m, unsigned flags, struct err *e);

#endif
