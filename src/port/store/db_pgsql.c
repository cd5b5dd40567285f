/* PostgreSQL by libpq.
 *
 * Values travel in binary.  Many executions of one statement go in one pipeline
 * (PQenterPipelineMode), so that a batch of attestations costs a handful of round trips.
 * A connection that was lost, or fell silent, is made again by the next call outside of a
 * transaction; the one that lost it fails with ERR_STORE_BUSY.
 */
#include "port/store/db_pgsql.h"

#include <stdlib.h>

#include "base/buf.h"

static int
prepare(struct db_pgsql *b, enum query q, struct err *e)
{
	BUF_AUTO struct buf sql = buf_init(KIB(16));
	PGresult *r = NULL;
	Oid oids[DB_PARAMS];
	char name[16];
	int rc, n;

	if (b->prepared[q])
		return 0;
	if ((rc = db_sql(db_text(q), STORE_POSTGRESQL, &sql, e)) != 0)
		return rc;
	n = wire_oids(db_types(q), oids);
	(void)snprintf(name, sizeof(name), "q%u", (unsigned)q);
	rc = PQsendPrepare(b->c, name, buf_cstr(&sql), n, oids) ? link_last(b, &r, e) : link_fault(b, NULL, e);
	PQclear(r);
	b->prepared[q] = rc == 0;
	return rc == 0 ? 0 : err_ctx(e, rc, "statement \"%.60s...\"", db_text(q));
}

static int
finish(struct db_pgsql *b, const PGresult *r, const struct db_many *m, size_t item, struct err *e)
{
	int rc;

	if (!link_good(r))
		return link_fault(b, r, e);
	rc = wire_rows(b, r, m->row, m->ctx, item, e);
	if (rc == 0 && m->done != NULL) {
		/* The command's tag of an INSERT, UPDATE or DELETE ends with the number. */
		const char *tag = PQcmdTuples((PGresult *)(uintptr_t)r);

		rc = m->done(m->ctx, item, strtoull(tag, NULL, 10), e);
	}
	return rc;
}

/* All results of a pipeline; the first fault is told, what follows it was not run. */
static int
drain(struct db_pgsql *b, const struct db_many *m, size_t n, struct err *e)
{
	struct err silence = { 0 };
	size_t at = 0;
	int rc = 0, left;

	if (!PQpipelineSync(b->c))
		return link_fault(b, NULL, e);
	for (;;) {
		PGresult *r = NULL;

		if ((left = link_result(b, &r, rc == 0 ? e : &silence)) != 0)
			return rc != 0 ? rc : left;
		if (r == NULL) {
			/* One NULL ends each statement; a second one, the connection. */
			if (PQstatus(b->c) == CONNECTION_BAD)
				return rc != 0 ? rc : link_fault(b, NULL, e);
			at++;
			continue;
		}
		if (PQresultStatus(r) == PGRES_PIPELINE_SYNC) {
			PQclear(r);
			return rc;
		}
		if (rc == 0)
			rc = at < n ? finish(b, r, m, b->window[at], e)
			    : err_set(e, ERR_INTERNAL, "%s: more results than statements", b->d.where);
		PQclear(r);
	}
}

static int
send_one(struct db_pgsql *b, enum query q, const struct db_many *m, const char *name,
    size_t item, bool *sent, struct err *e)
{
	struct db_value params[DB_PARAMS];
	struct wire w;
	int rc;

	if (!(*sent = m->fill(m->ctx, item, params)))
		return 0;
	if ((rc = wire_params(b, db_types(q), params, &w, e)) != 0)
		return rc;
	return PQsendQueryPrepared(b->c, name, w.n, w.v, w.len, w.format, 1) ? 0 : link_fault(b, NULL, e);
}

static int
pipeline(struct db_pgsql *b, enum query q, const struct db_many *m, const char *name, struct err *e)
{
	size_t n = 0;
	int rc = 0, end;

	if (!PQenterPipelineMode(b->c))
		return link_fault(b, NULL, e);
	for (size_t i = 0; i < m->n && rc == 0; i++) {
		bool sent = false;

		b->window[n] = i;
		rc = send_one(b, q, m, name, i, &sent, e);
		n += rc == 0 && sent;
		/* What cannot be sent at once lies in memory: not too much of it. */
		if (rc == 0 && (n == PGSQL_WINDOW || (n != 0 && b->sent > PGSQL_UNSENT))) {
			rc = drain(b, m, n, e);
			n = 0;
		}
	}
	/* Also behind a fault: what was sent must be read before the mode can be left. */
	if (PQstatus(b->c) == CONNECTION_OK && n != 0) {
		struct err quiet = { 0 };
		struct db_many skip = { 0 };

		end = drain(b, rc == 0 ? m : &skip, n, rc == 0 ? e : &quiet);
		rc = rc == 0 ? end : rc;
	}
	if (PQstatus(b->c) == CONNECTION_OK && !PQexitPipelineMode(b->c) && rc == 0)
		rc = link_fault(b, NULL, e);
	return rc;
}

static int
single(struct db_pgsql *b, enum query q, const struct db_many *m, const char *name, struct err *e)
{
	PGresult *r = NULL;
	bool sent = false;
	int rc = send_one(b, q, m, name, 0, &sent, e);

	if (rc != 0 || !sent)
		return rc;
	if ((rc = link_last(b, &r, e)) == 0)
		rc = finish(b, r, m, 0, e);
	PQclear(r);
	return rc;
}

static int
pgsql_many(struct db *d, enum query q, const struct db_many *m, struct err *e)
{
	struct db_pgsql *b = pgsql_of(d);
	char name[16];
	int rc;

	if (m->n == 0)
		return 0;
	if ((rc = prepare(b, q, e)) != 0)
		return rc;
	(void)snprintf(name, sizeof(name), "q%u", (unsigned)q);
	return m->n == 1 ? single(b, q, m, name, e) : pipeline(b, q, m, name, e);
}

static int
pgsql_once(struct db *d, const char *sql, const char *types, const struct db_value *params,
    db_row_fn *row, void *ctx, struct err *e)
{
	struct db_pgsql *b = pgsql_of(d);
	BUF_AUTO struct buf text = buf_init(KIB(16));
	PGresult *r = NULL;
	Oid oids[DB_PARAMS];
	struct wire w;
	int rc;

	if ((rc = db_sql(sql, STORE_POSTGRESQL, &text, e)) != 0 || (rc = wire_params(b, types, params, &w, e)) != 0)
		return rc;
	(void)wire_oids(types, oids);
	if (!PQsendQueryParams(b->c, buf_cstr(&text), w.n, oids, w.v, w.len, w.format, 1))
		return link_fault(b, NULL, e);
	if ((rc = link_last(b, &r, e)) == 0)
		rc = wire_rows(b, r, row, ctx, 0, e);
	PQclear(r);
	return rc;
}

static int
pgsql_exec(struct db *d, const char *sql, struct err *e)
{
	return link_exec(pgsql_of(d), sql, e);
}

static int
pgsql_begin(struct db *d, bool snapshot, struct err *e)
{
	return pgsql_exec(d, snapshot ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	    : "BEGIN ISOLATION LEVEL READ COMMITTED", e);
}

/* Where a statement failed, PostgreSQL takes COMMIT for ROLLBACK, and calls that a success: only the
 * command's tag tells. */
static int
pgsql_commit(struct db *d, struct err *e)
{
	struct db_pgsql *b = pgsql_of(d);
	PGresult *r = NULL;
	int rc = PQsendQuery(b->c, "COMMIT") ? link_last(b, &r, e) : link_fault(b, NULL, e);

	if (rc == 0 && strcmp(PQcmdStatus(r), "COMMIT") != 0)
		rc = err_set(e, ERR_STORE, "%s: the transaction was rolled back: a statement in it had failed", d->where);
	PQclear(r);
	return rc;
}

static void
pgsql_rollback(struct db *d)
{
	PGconn *c = pgsql_of(d)->c;

	if (PQstatus(c) == CONNECTION_OK && PQtransactionStatus(c) != PQTRANS_IDLE)
		(void)pgsql_exec(d, "ROLLBACK", NULL);
}

/* Also one with answers that nobody read, or in a transaction that did not end: nobody would get out of it. */
static bool
pgsql_lost(const struct db *d)
{
	const struct db_pgsql *b = (const struct db_pgsql *)d;

	return PQstatus(b->c) != CONNECTION_OK || PQpipelineStatus(b->c) != PQ_PIPELINE_OFF ||
	    PQtransactionStatus(b->c) != PQTRANS_IDLE;
}

static int
pgsql_reopen(struct db *d, struct err *e)
{
	return link_open(pgsql_of(d), e);
}

static void
pgsql_close(struct db *d)
{
	struct db_pgsql *b = pgsql_of(d);

	PQfinish(b->c);
	pgsql_gate_leave(b->gate);
	free(b->url);
	free(b);
}

static const struct db_ops ops = {
	.close = pgsql_close, .exec = pgsql_exec, .begin = pgsql_begin, .commit = pgsql_commit,
	.rollback = pgsql_rollback, .many = pgsql_many, .once = pgsql_once, .lost = pgsql_lost,
	.reopen = pgsql_reopen,
};

int
db_pgsql_open(const char *url, struct db **d, struct err *e)
{
	struct db_pgsql *b = calloc(1, sizeof(*b));
	int rc;

	if (b == NULL || (b->url = strdup(url)) == NULL) {
		free(b);
		return err_set(e, ERR_NOMEM, "opening the database");
	}
	b->d = (struct db){ .ops = &ops, .kind = STORE_POSTGRESQL };
	if ((rc = pgsql_gate_join(url, &b->gate, e)) != 0 || (rc = link_name(b, e)) != 0 || (rc = link_open(b, e)) != 0) {
		pgsql_close(&b->d);
		return rc;
	}
	*d = &b->d;
	return 0;
}
