/* Values of PostgreSQL, in binary: to parameters and from rows. */
#include <endian.h>

#include "port/store/db_pgsql.h"

int
wire_oids(const char *types, Oid *oids)
{
	int n = 0;

	for (; types[n] != '\0'; n++)
		oids[n] = types[n] == 'i' ? OID_INT8 : OID_BYTEA;
	return n;
}

/* libpq's lengths are int, a message has at most 1 GiB. */
static int
fits(struct db_pgsql *b, const char *types, const struct db_value *params, struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; types[i] != '\0'; i++)
		n += params[i].type == DB_BYTES ? params[i].s.n : 8;
	if (n > LIMIT_STORE_BLOB + MIB(1))
		return err_set(e, ERR_LIMIT, "%s: a row of %zu bytes; at most %zu are stored", b->d.where, n,
		    (size_t)LIMIT_STORE_BLOB);
	b->sent += n;
	return 0;
}

int
wire_params(struct db_pgsql *b, const char *types, const struct db_value *params, struct wire *w, struct err *e)
{
	int rc = fits(b, types, params, e);

	if (rc != 0)
		return rc;
	for (w->n = 0; types[w->n] != '\0'; w->n++) {
		const struct db_value *v = &params[w->n];

		w->format[w->n] = 1;
		w->ints[w->n] = htobe64((uint64_t)v->i);
		w->v[w->n] = NULL;
		w->len[w->n] = 0;
		if (v->type == DB_INT) {
			w->v[w->n] = (const char *)&w->ints[w->n];
			w->len[w->n] = 8;
		} else if (v->type == DB_BYTES) {
			w->v[w->n] = v->s.n == 0 ? "" : (const char *)v->s.p;
			w->len[w->n] = (int)v->s.n;
		}
	}
	return 0;
}

static int
value(const PGresult *r, int row, int col, struct db_value *v)
{
	const char *p = PQgetvalue(r, row, col);
	size_t n = (size_t)PQgetlength(r, row, col);

	*v = (struct db_value){ 0 };
	if (PQgetisnull(r, row, col))
		return 0;
	if (PQftype(r, col) == OID_BYTEA) {
		*v = db_bytes(span_of(p, n));
	} else if (PQftype(r, col) == OID_INT8 && n == 8) {
		uint64_t x;

		memcpy(&x, p, 8);
		*v = db_int(be64toh(x));
	} else if (PQftype(r, col) == OID_INT4 && n == 4) {
		uint32_t x;

		memcpy(&x, p, 4);
		*v = db_int((uint64_t)(int64_t)(int32_t)be32toh(x));
	} else {
		return ERR_INTERNAL;
	}
	return 0;
}

int
wire_rows(struct db_pgsql *b, const PGresult *r, db_row_fn *fn, void *ctx, size_t item, struct err *e)
{
	struct db_value row[DB_PARAMS];
	int rc = 0, n = PQnfields(r);

	if (n > DB_PARAMS)
		return err_set(e, ERR_INTERNAL, "%s: a row of %d columns", b->d.where, n);
	for (int i = 0; i < PQntuples(r) && fn != NULL && rc == 0; i++) {
		for (int c = 0; c < n; c++)
			if (value(r, i, c, &row[c]) != 0)
				return err_set(e, ERR_INTERNAL, "%s: column %d is of type %u", b->d.where, c,
				    PQftype(r, c));
		rc = fn(ctx, item, row, (size_t)n, e);
	}
	return rc;
}
