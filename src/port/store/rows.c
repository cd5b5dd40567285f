#include "port/store/rows.h"

static const struct db_value *
next(struct row *r, enum db_type type)
{
	static const struct db_value none = { 0 };

	if (r->at >= r->n || r->v[r->at].type != type) {
		r->bad = true;
		r->at++;
		return &none;
	}
	return &r->v[r->at++];
}

int64_t
row_int(struct row *r)
{
	return next(r, DB_INT)->i;
}

struct span
row_borrow(struct row *r)
{
	return next(r, DB_BYTES)->s;
}

struct span
row_bytes(struct row *r)
{
	struct span s = row_borrow(r), out = { 0 };

	if (s.n != 0 && !arena_copy(r->a, s, &out))
		r->full = true;
	return out;
}

void
row_copy(struct row *r, void *dst, size_t n)
{
	struct span s = row_borrow(r);

	if (s.n != n)
		r->bad = true;
	else
		memcpy(dst, s.p, n);
}

bool
row_null(const struct row *r)
{
	return r->at < r->n && r->v[r->at].type == DB_NULL;
}

static int
judge(const struct row *r, struct err *e)
{
	if (r->full)
		return arena_err(r->a, e);
	if (r->bad || r->at != r->n)
		return err_set(e, ERR_STORE, "a row of the database is not as it was written");
	return 0;
}

static int
one_row(void *ctx, size_t item, const struct db_value *v, size_t n, struct err *e)
{
	struct one *o = ctx;
	struct row r = { .v = v, .n = n, .a = o->a };

	(void)item;
	if (o->found)
		return err_set(e, ERR_STORE, "two rows of the database where one is expected");
	o->found = true;
	o->decode(&r, o->out);
	return judge(&r, e);
}

int
rows_one(struct db *d, enum query q, const struct db_value *params, struct one *o, struct err *e)
{
	int rc = db_run(d, q, params, one_row, o, NULL, e);

	return rc != 0 ? rc : o->found ? 0 : ERR_NOT_FOUND;
}

static int
many_row(void *ctx, size_t item, const struct db_value *v, size_t n, struct err *e)
{
	struct many *m = ctx;
	struct row r = { .v = v, .n = n, .a = m->a };
	void *grown = arena_grow(m->a, m->v, m->n, &m->cap, m->size);

	(void)item;
	if (grown == NULL)
		return arena_err(m->a, e);
	m->v = grown;
	m->decode(&r, (uint8_t *)m->v + m->n * m->size);
	m->n++;
	return judge(&r, e);
}

int
rows_many(struct db *d, enum query q, const struct db_value *params, struct many *m, struct err *e)
{
	return db_run(d, q, params, many_row, m, NULL, e);
}

int
rows_name(const char *what, struct span s, struct err *e)
{
	return s.n <= LIMIT_STORE_NAME ? 0
	    : err_set(e, ERR_LIMIT, "%s of %zu bytes; at most %zu are stored", what, s.n,
		(size_t)LIMIT_STORE_NAME);
}
