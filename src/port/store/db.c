/* The part of the adapters that is the same for both. */
#include "port/store/db.h"

#include <stdlib.h>

#include "base/buf.h"

static const struct { const char *types, *text; } queries[] = {
#define Q(sym, types, text) { types, text },
#include "port/store/queries.tbl"
#undef Q
};

const char *
db_text(enum query q)
{
	return queries[q].text;
}

const char *
db_types(enum query q)
{
	return queries[q].types;
}

int
db_sql(const char *text, enum store_kind kind, struct buf *out, struct err *e)
{
	static const struct { const char *word, *sql[2]; } words[] = {
		{ "@NOW@", { [STORE_SQLITE] = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
		    [STORE_POSTGRESQL] = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)" } },
		{ "@LOCK@", { [STORE_SQLITE] = "", [STORE_POSTGRESQL] = " FOR UPDATE" } },
		{ "@''@", { [STORE_SQLITE] = "x''", [STORE_POSTGRESQL] = "''" } },
	};

	for (const char *p = text; *p != '\0'; p++) {
		size_t w = 0, n = sizeof(words) / sizeof(words[0]);

		while (*p == '@' && w < n && strncmp(p, words[w].word, strlen(words[w].word)) != 0)
			w++;
		if (*p == '@' && w < n) {
			buf_str(out, words[w].sql[kind]);
			p += strlen(words[w].word) - 1;
		} else {
			buf_u8(out, *p == '$' && kind == STORE_SQLITE ? '?' : (uint8_t)*p);
		}
	}
	return buf_done(out, e);
}

/* What harms no transaction, because nothing was done. */
static bool
harmless(int rc)
{
	return rc == 0 || rc == ERR_NOT_FOUND || rc == ERR_CONFLICT || rc == ERR_DUPLICATE;
}

static int
doomed(const struct db *d, struct err *e)
{
	if (e != NULL)
		*e = d->doom;
	return d->doom.code;
}

/* Every error inside a transaction ends it: which part of it was done is not known. */
static int
note(struct db *d, int rc, struct err *e)
{
	if (!harmless(rc) && d->in_tx && d->doom.code == 0) {
		if (e != NULL)
			d->doom = *e;
		d->doom.code = rc;
	}
	return rc;
}

/* Outside of a transaction a lost connection is made again. */
static int
ready(struct db *d, struct err *e)
{
	int rc;

	if (d->in_tx)
		return doomed(d, e);
	if (!d->ops->lost(d))
		return 0;
	d->generation++;
	if ((rc = d->ops->reopen(d, e)) == 0 && d->check != NULL)
		rc = d->check(d, e);
	return rc;
}

int
db_begin(struct db *d, bool snapshot, struct err *e)
{
	int rc;

	if (d->in_tx)
		return err_set(e, ERR_INTERNAL, "a transaction within a transaction");
	if ((rc = ready(d, e)) != 0 || (rc = d->ops->begin(d, snapshot, e)) != 0)
		return rc;
	d->in_tx = true;
	d->doom = (struct err){ 0 };
	return 0;
}

int
db_commit(struct db *d, struct err *e)
{
	int rc;

	if (!d->in_tx)
		return err_set(e, ERR_INTERNAL, "there is no transaction to commit");
	if ((rc = doomed(d, e)) == 0)
		rc = note(d, d->ops->commit(d, e), e);
	if (rc == 0)
		d->in_tx = false;
	return rc;
}

void
db_rollback(struct db *d)
{
	if (!d->in_tx)
		return;
	d->ops->rollback(d);
	d->in_tx = false;
	d->doom = (struct err){ 0 };
	d->generation++;
}

int
db_many(struct db *d, enum query q, const struct db_many *m, struct err *e)
{
	int rc = ready(d, e);

	return rc != 0 ? rc : note(d, d->ops->many(d, q, m, e), e);
}

struct once { const struct db_value *params; size_t n; db_row_fn *row; void *ctx; uint64_t changed; };

static bool
once_fill(void *ctx, size_t item, struct db_value *params)
{
	const struct once *o = ctx;

	(void)item;
	if (o->n != 0)
		memcpy(params, o->params, o->n * sizeof(*params));
	return true;
}

static int
once_row(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	const struct once *o = ctx;

	return o->row(o->ctx, item, row, n, e);
}

static int
once_done(void *ctx, size_t item, uint64_t changed, struct err *e)
{
	struct once *o = ctx;

	(void)item;
	(void)e;
	o->changed = changed;
	return 0;
}

int
db_run(struct db *d, enum query q, const struct db_value *params, db_row_fn *row, void *ctx,
    uint64_t *changed, struct err *e)
{
	struct once o = { .params = params, .n = strlen(queries[q].types), .row = row, .ctx = ctx };
	struct db_many m = { .n = 1, .ctx = &o, .fill = once_fill, .row = row == NULL ? NULL : once_row,
		.done = once_done };
	int rc = db_many(d, q, &m, e);

	if (rc == 0 && changed != NULL)
		*changed = o.changed;
	return rc;
}

int
db_once(struct db *d, const char *sql, const char *types, const struct db_value *params,
    db_row_fn *row, void *ctx, struct err *e)
{
	int rc = ready(d, e);

	return rc != 0 ? rc : note(d, d->ops->once(d, sql, types, params, row, ctx, e), e);
}

int
db_exec(struct db *d, const char *sql, struct err *e)
{
	int rc = ready(d, e);

	return rc != 0 ? rc : note(d, d->ops->exec(d, sql, e), e);
}

static int
number_row(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	(void)item;
	if (n == 1 && row[0].type == DB_NULL)
		return 0;
	if (n != 1 || row[0].type != DB_INT)
		return err_set(e, ERR_INTERNAL, "a statement gave %zu columns where a number is expected", n);
	*(int64_t *)ctx = row[0].i;
	return 0;
}

int
db_number(struct db *d, enum query q, const struct db_value *params, int64_t *out, struct err *e)
{
	return db_run(d, q, params, number_row, out, NULL, e);
}

int
db_once_number(struct db *d, const char *sql, int64_t *out, struct err *e)
{
	return db_once(d, sql, "", NULL, number_row, out, e);
}

int
db_scope_open(struct db *d, struct db_scope *sc, struct err *e)
{
	*sc = (struct db_scope){ .d = d, .own = !d->in_tx };
	return sc->own ? db_begin(d, false, e) : doomed(d, e);
}

int
db_scope_close(struct db_scope *sc, int rc, struct err *e)
{
	if (!sc->own) {
		if (rc != 0 && sc->wrote && sc->d->doom.code == 0) {
			if (e != NULL)
				sc->d->doom = *e;
			sc->d->doom.code = rc;
		}
		return note(sc->d, rc, e);
	}
	if (rc == 0)
		rc = db_commit(sc->d, e);
	if (rc != 0)
		db_rollback(sc->d);
	return rc;
}

void
db_close(struct db *d)
{
	if (d == NULL)
		return;
	db_rollback(d);
	d->ops->close(d);
}
