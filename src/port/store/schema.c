#include "port/store/schema.h"

#include "base/buf.h"
#include "port/store/db_sqlite.h"

static const struct migration list[] = {
#define MIGRATION(n, sqlite, pgsql) { n, { [STORE_SQLITE] = sqlite, [STORE_POSTGRESQL] = pgsql } },
#include "port/store/migrations.tbl"
#undef MIGRATION
};

const struct migrations schema_migrations = { list, sizeof(list) / sizeof(list[0]) };

int
schema_refuses(const char *where, int64_t version, int64_t newest, struct err *e)
{
	int rc;

	if (version <= newest)
		return 0;
	rc = err_set(e, ERR_VERSION,
	    "%s: the database has schema %lld; this assay knows schemas up to %lld and has not touched it",
	    where, (long long)version, (long long)newest);

	return err_hint(e, rc, "run the assay that wrote it, or a later one");
}

int
schema_version(struct db *d, int64_t *version, struct err *e)
{
	static const char *const tables[] = {
		[STORE_SQLITE] = "SELECT count(*) FROM sqlite_schema WHERE type = 'table'",
		[STORE_POSTGRESQL] = "SELECT count(*) FROM information_schema.tables"
		    " WHERE table_schema = current_schema()",
	};
	static const char *const ours[] = {
		[STORE_SQLITE] = "SELECT count(*) FROM sqlite_schema WHERE name = 'assay_schema'",
		[STORE_POSTGRESQL] = "SELECT count(*) FROM information_schema.tables"
		    " WHERE table_schema = current_schema() AND table_name = 'assay_schema'",
	};
	int64_t n = 0, mine = 0, v = 0;
	int rc;

	if ((rc = db_once_number(d, ours[d->kind], &mine, e)) != 0 || (rc = db_once_number(d, tables[d->kind], &n, e)) != 0)
		return rc;
	if (mine == 0 && n != 0)
		return err_hint(e, err_set(e, ERR_FORMAT, "%s: the database has tables that are not assay's",
		    d->where), "give assay a database of its own");
	if (mine != 0 && (rc = db_once_number(d, "SELECT max(version) FROM assay_schema", &v, e)) != 0)
		return rc;
	*version = v;
	return 0;
}

static int
migrate_one(struct db *d, const struct migration *m, struct err *e)
{
	struct db_value params[] = { db_int((uint64_t)m->number), db_bytes(span_lit("assay " ASSAY_VERSION)) };
	BUF_AUTO struct buf sql = buf_init(KIB(1));
	int rc = db_exec(d, m->sql[d->kind], e);

	if (rc == 0)
		rc = db_once(d, "INSERT INTO assay_schema (version, made_by, at) VALUES ($1, $2, @NOW@)",
		    "ib", params, NULL, NULL, e);
	if (rc == 0 && d->kind == STORE_SQLITE) {
		buf_printf(&sql, "PRAGMA application_id = %d; PRAGMA user_version = %lld",
		    SQLITE_APPLICATION, (long long)m->number);
		rc = db_exec(d, buf_cstr(&sql), e);
	}
	return rc == 0 ? 0 : err_ctx(e, rc, "making schema %lld", (long long)m->number);
}

/* Another server may be doing the same.  SQLite lets one of us in; PostgreSQL needs an
 * exclusive lock once there is a table, and at the very first the loser's CREATE fails. */
static int
migrate(struct db *d, const struct migrations *m, struct err *e)
{
	struct db_scope sc;
	int64_t version = 0;
	int rc = db_scope_open(d, &sc, e);

	if (rc == 0)
		rc = schema_version(d, &version, e);
	if (rc == 0 && version != 0 && d->kind == STORE_POSTGRESQL &&
	    (rc = db_exec(d, "LOCK TABLE assay_schema IN ACCESS EXCLUSIVE MODE", e)) == 0)
		rc = schema_version(d, &version, e);
	if (rc == 0 && d->kind == STORE_POSTGRESQL)
		rc = db_exec(d, "SET LOCAL statement_timeout = 0", e);
	d->silence_ms = LIMIT_STORE_LONG_MS;
	for (size_t i = 0; i < m->n && rc == 0; i++)
		if (m->v[i].number > version)
			rc = migrate_one(d, &m->v[i], e);
	rc = db_scope_close(&sc, rc, e);
	d->silence_ms = 0;
	return rc;
}

int
schema_bring(struct db *d, const struct migrations *m, unsigned flags, struct err *e)
{
	int64_t newest = schema_newest(m), version = 0;
	int rc = schema_version(d, &version, e);

	if (rc != 0 || (rc = schema_refuses(d->where, version, newest, e)) != 0)
		return rc;
	if (version == 0 && !(flags & STORE_CREATE))
		return err_set(e, ERR_NOT_FOUND, "%s: the database is empty", d->where);
	if (version != 0 && version < newest && !(flags & STORE_MIGRATE))
		return err_hint(e, err_set(e, ERR_VERSION, "%s: the database has schema %lld, not yet %lld",
		    d->where, (long long)version, (long long)newest), "start the server, which brings it up to date");
	/* Before the tables: the journal's mode cannot change within a transaction. */
	if (d->kind == STORE_SQLITE && (rc = db_sqlite_accept(d, e)) != 0)
		return rc;
	if (version == newest)
		return 0;
	if ((rc = migrate(d, m, e)) != 0 && d->kind == STORE_POSTGRESQL) {
		int64_t now = 0;

		/* The other one's work counts as ours. */
		if (schema_version(d, &now, NULL) == 0 && now == newest)
			rc = 0;
	}
	return rc;
}
