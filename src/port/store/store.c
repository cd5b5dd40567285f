#include "port/store/store.h"

#include <stdlib.h>

#include <unistd.h>

#include "port/store/handle.h"
#include "port/store/hold.h"

static bool
is_pgsql(const char *url)
{
	return strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0;
}

static int
open_db(const char *url, unsigned flags, const struct migrations *m, struct db **d, struct err *e)
{
	if (is_pgsql(url))
		return db_pgsql_open(url, d, e);
	if (strncmp(url, "sqlite:", 7) == 0)
		url += 7;
	else if (strstr(url, "://") != NULL)
		return err_hint(e, err_set(e, ERR_USAGE, "\"%s\" is no URL of a store", url),
		    "give a path, sqlite:PATH or postgresql://HOST/DATABASE");
	if (url[0] == '\0' || url[0] == ':')
		return err_set(e, ERR_USAGE, "the path of the store is empty");
	return db_sqlite_open(url, flags & STORE_CREATE, schema_newest(m), d, e);
}

/* The database behind a connection made again may be another one, or a newer. */
static int
check_pgsql(struct db *d, struct err *e)
{
	int64_t version = 0;
	int none, rc = schema_version(d, &version, e);

	if (rc != 0)
		return rc;
	if (version < schema_newest(&schema_migrations))
		return err_set(e, ERR_STORE, "%s: the database has schema %lld now", d->where,
		    (long long)version);
	rc = schema_refuses(d->where, version, schema_newest(&schema_migrations), e);
	return rc == 0 && d->served ? hold_take(d, false, &none, e) : rc;
}

int
store_open_with(const char *url, unsigned flags, const struct migrations *m, struct store **out,
    struct err *e)
{
	struct store *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return err_set(e, ERR_NOMEM, "opening the store");
	s->migrations = m;
	s->hold = -1;
	rc = open_db(url, flags, m, &s->db, e);
	if (rc == 0)
		rc = schema_bring(s->db, m, flags, e);
	if (rc == 0 && (flags & (STORE_SERVE | STORE_ALONE)) != 0)
		rc = hold_take(s->db, (flags & STORE_ALONE) != 0, &s->hold, e);
	if (rc != 0) {
		store_close(s);
		return rc;
	}
	if (m == &schema_migrations)
		s->db->check = check_pgsql;
	s->db->served = (flags & STORE_SERVE) != 0;
	*out = s;
	return 0;
}

int
store_open(const char *url, unsigned flags, struct store **out, struct err *e)
{
	return store_open_with(url, flags, &schema_migrations, out, e);
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	db_close(s->db);
	if (s->hold >= 0)
		close(s->hold);
	entry_cache_free(&s->cache);
	free(s);
}

enum store_kind
store_kind(const struct store *s)
{
	return s->db->kind;
}

const char *
store_where(const struct store *s)
{
	return s->db->where;
}

void
store_patient(struct store *s, bool on)
{
	s->db->silence_ms = on ? LIMIT_STORE_PATIENT_MS : 0;
}

int
store_now(struct store *s, int64_t *now, struct err *e)
{
	return db_number(s->db, Q_NOW, NULL, now, e);
}

int
store_begin(struct store *s, struct err *e)
{
	return db_begin(s->db, false, e);
}

int
store_commit(struct store *s, struct err *e)
{
	return db_commit(s->db, e);
}

void
store_rollback(struct store *s)
{
	db_rollback(s->db);
}
