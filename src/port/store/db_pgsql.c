/* PostgreSQL by libpq.
 *
 * Values travel in binary.  Many executions of one statement go in one pipeline
 * (PQenterPipelineMode), so that a batch of attestations costs a handful of round trips.
 * A connection that was lost is made again by the next call outside of a transaction;
 * the one that lost it fails with ERR_STORE_BUSY.
 */
#include <ctype.h>
#include <endian.h>
#include <libpq-fe.h>
#include <stdlib.h>

#include "base/buf.h"
#include "port/store/db.h"

/* src/include/catalog/pg_type.dat */
#define OID_BYTEA 17
#define OID_INT8 20
#define OID_INT4 23

/* Executions in flight: what a batch of attestations needs, and memory stays small. */
#define WINDOW 512

struct db_pgsql {
	struct db d;
	PGconn *c;
	char *url;
	bool prepared[Q_COUNT];
	size_t window[WINDOW];		/* the items in flight */
};

static struct db_pgsql *
mine(struct db *d)
{
	return (struct db_pgsql *)d;
}

/* By SQLSTATE (PostgreSQL 15, appendix A): what may be over in a moment, and what not. */
static int
code_of(const char *state)
{
	static const char *const again[] = {
		"08",		/* connection */
		"40",		/* rolled back: deadlock, serialization */
		"53300",	/* too many connections */
		"55P03",	/* lock not available */
		"57",		/* cancelled, shutting down, starting up */
		"25006",	/* read-only: a standby, until it is promoted */
	};

	if (state == NULL)
		return ERR_STORE_BUSY;
	for (size_t i = 0; i < sizeof(again) / sizeof(again[0]); i++)
		if (strncmp(state, again[i], strlen(again[i])) == 0)
			return ERR_STORE_BUSY;
	if (strcmp(state, "23505") == 0)
		return ERR_DUPLICATE;
	return strcmp(state, "53200") == 0 ? ERR_NOMEM : ERR_STORE;
}

/* libpq's messages end with newlines and may have several lines. */
static void
one_line(const char *text, char *out, size_t n)
{
	size_t o = 0;

	for (; *text != '\0' && o + 1 < n; text++)
		if (!isspace((unsigned char)*text))
			out[o++] = *text;
		else if (o != 0 && out[o - 1] != ' ')
			out[o++] = ' ';
	while (o != 0 && out[o - 1] == ' ')
		o--;
	out[o] = '\0';
}

static int
fault(struct db_pgsql *b, const PGresult *r, struct err *e)
{
	const char *state = r == NULL ? NULL : PQresultErrorField(r, PG_DIAG_SQLSTATE);
	char text[600];
	int rc;

	one_line(r == NULL ? PQerrorMessage(b->c) : PQresultErrorMessage(r), text, sizeof(text));
	if (PQstatus(b->c) == CONNECTION_BAD)
		rc = ERR_STORE_BUSY;
	else
		rc = code_of(state);
	b->d.collided = state != NULL && strncmp(state, "40", 2) == 0;
	rc = err_set(e, rc, "%s: %s", b->d.where, text);
	if (state != NULL && strcmp(state, "53100") == 0)
		return err_hint(e, rc, "make room on the database's disk; nothing that was acknowledged is lost");
	return rc;
}

static int
prepare(struct db_pgsql *b, enum query q, struct err *e)
{
	BUF_AUTO struct buf sql = buf_init(KIB(16));
	const char *types = db_types(q);
	Oid oids[DB_PARAMS];
	char name[16];
	PGresult *r;
	int rc;

	if (b->prepared[q])
		return 0;
	if ((rc = db_sql(db_text(q), STORE_POSTGRESQL, &sql, e)) != 0)
		return rc;
	for (size_t i = 0; types[i] != '\0'; i++)
		oids[i] = types[i] == 'i' ? OID_INT8 : OID_BYTEA;
	(void)snprintf(name, sizeof(name), "q%u", (unsigned)q);
	r = PQprepare(b->c, name, buf_cstr(&sql), (int)strlen(types), oids);
	rc = PQresultStatus(r) == PGRES_COMMAND_OK ? 0 : fault(b, r, e);
	PQclear(r);
	b->prepared[q] = rc == 0;
	return rc == 0 ? 0 : err_ctx(e, rc, "statement \"%.60s...\"", db_text(q));
}

/* Parameters as libpq wants them. */
struct wire {
	const char *v[DB_PARAMS];
	int len[DB_PARAMS], format[DB_PARAMS];
	uint64_t ints[DB_PARAMS];
	int n;
};

static void
wire(const char *types, const struct db_value *params, struct wire *w)
{
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
}

/* libpq's lengths are int, a message has at most 1 GiB. */
static int
fits(struct db_pgsql *b, const char *types, const struct db_value *params, struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; types[i] != '\0'; i++)
		n += params[i].type == DB_BYTES ? params[i].s.n : 8;
	return n <= LIMIT_STORE_BLOB + MIB(1) ? 0
	    : err_set(e, ERR_LIMIT, "%s: a row of %zu bytes; at most %zu are stored", b->d.where, n,
		(size_t)LIMIT_STORE_BLOB);
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

static int
rows(struct db_pgsql *b, const PGresult *r, db_row_fn *fn, void *ctx, size_t item, struct err *e)
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

static bool
good(const PGresult *r)
{
	ExecStatusType s = PQresultStatus(r);

	return s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK;
}

static int
finish(struct db_pgsql *b, const PGresult *r, const struct db_many *m, size_t item, struct err *e)
{
	int rc;

	if (!good(r))
		return fault(b, r, e);
	rc = rows(b, r, m->row, m->ctx, item, e);
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
	size_t at = 0;
	int rc = 0;

	if (!PQpipelineSync(b->c))
		return fault(b, NULL, e);
	for (;;) {
		PGresult *r = PQgetResult(b->c);

		if (r == NULL) {
			/* One NULL ends each statement; a second one, the connection. */
			if (PQstatus(b->c) == CONNECTION_BAD)
				return rc != 0 ? rc : fault(b, NULL, e);
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
	if ((rc = fits(b, db_types(q), params, e)) != 0)
		return rc;
	wire(db_types(q), params, &w);
	return PQsendQueryPrepared(b->c, name, w.n, w.v, w.len, w.format, 1) ? 0 : fault(b, NULL, e);
}

static int
pipeline(struct db_pgsql *b, enum query q, const struct db_many *m, const char *name, struct err *e)
{
	size_t n = 0;
	int rc = 0, end;

	if (!PQenterPipelineMode(b->c))
		return fault(b, NULL, e);
	for (size_t i = 0; i < m->n && rc == 0; i++) {
		bool sent = false;

		b->window[n] = i;
		rc = send_one(b, q, m, name, i, &sent, e);
		n += rc == 0 && sent;
		if (n == WINDOW && rc == 0) {
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
		rc = fault(b, NULL, e);
	return rc;
}

static int
single(struct db_pgsql *b, enum query q, const struct db_many *m, const char *name, struct err *e)
{
	struct db_value params[DB_PARAMS];
	struct wire w;
	PGresult *r;
	int rc;

	if (!m->fill(m->ctx, 0, params))
		return 0;
	if ((rc = fits(b, db_types(q), params, e)) != 0)
		return rc;
	wire(db_types(q), params, &w);
	r = PQexecPrepared(b->c, name, w.n, w.v, w.len, w.format, 1);
	rc = finish(b, r, m, 0, e);
	PQclear(r);
	return rc;
}

static int
pgsql_many(struct db *d, enum query q, const struct db_many *m, struct err *e)
{
	struct db_pgsql *b = mine(d);
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
	struct db_pgsql *b = mine(d);
	BUF_AUTO struct buf text = buf_init(KIB(16));
	Oid oids[DB_PARAMS];
	struct wire w;
	PGresult *r;
	int rc;

	if ((rc = db_sql(sql, STORE_POSTGRESQL, &text, e)) != 0 || (rc = fits(b, types, params, e)) != 0)
		return rc;
	for (size_t i = 0; types[i] != '\0'; i++)
		oids[i] = types[i] == 'i' ? OID_INT8 : OID_BYTEA;
	wire(types, params, &w);
	r = PQexecParams(b->c, buf_cstr(&text), w.n, oids, w.v, w.len, w.format, 1);
	rc = good(r) ? rows(b, r, row, ctx, 0, e) : fault(b, r, e);
	PQclear(r);
	return rc;
}

static int
pgsql_exec(struct db *d, const char *sql, struct err *e)
{
	struct db_pgsql *b = mine(d);
	PGresult *r = PQexec(b->c, sql);
	int rc = good(r) ? 0 : fault(b, r, e);

	PQclear(r);
	return rc;
}

static int
pgsql_begin(struct db *d, bool snapshot, struct err *e)
{
	return pgsql_exec(d, snapshot ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	    : "BEGIN ISOLATION LEVEL READ COMMITTED", e);
}

static int
pgsql_commit(struct db *d, struct err *e)
{
	return pgsql_exec(d, "COMMIT", e);
}

static void
pgsql_rollback(struct db *d)
{
	if (PQstatus(mine(d)->c) == CONNECTION_OK && PQtransactionStatus(mine(d)->c) != PQTRANS_IDLE)
		(void)pgsql_exec(d, "ROLLBACK", NULL);
}

static bool
pgsql_lost(const struct db *d)
{
	const struct db_pgsql *b = (const struct db_pgsql *)d;

	return PQstatus(b->c) != CONNECTION_OK || PQpipelineStatus(b->c) != PQ_PIPELINE_OFF;
}

/* Notices: nothing prints here. */
static void
quiet(void *ctx, const PGresult *r)
{
	(void)ctx;
	(void)r;
}

/* What a session needs, as far as this database knows it.  A commit that is acknowledged
 * has been written, whatever the database's default; nothing waits for ever on a lock, or
 * on a server that died.  Every statement has its index: plans do not depend on statistics,
 * which a new database does not have, and are made once. */
#define TEXT_OF(n) #n
#define TEXT(n) TEXT_OF(n)
static const char settings[] =
    "SELECT set_config(s.name, w.v, false) FROM (VALUES"
    " ('lock_timeout', '" TEXT(LIMIT_STORE_WAIT_MS) "'),"
    " ('statement_timeout', '" TEXT(LIMIT_STORE_STATEMENT_MS) "'),"
    " ('idle_in_transaction_session_timeout', '" TEXT(LIMIT_STORE_IDLE_MS) "'),"
    " ('client_encoding', 'UTF8'), ('jit', 'off'), ('enable_seqscan', 'off'),"
    " ('enable_hashjoin', 'off'), ('enable_mergejoin', 'off'),"
    " ('plan_cache_mode', 'force_generic_plan')) w (n, v) JOIN pg_settings s ON s.name = w.n;"
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') = 'off'";

static int
pgsql_reopen(struct db *d, struct err *e)
{
	/* What stands before dbname, the URL may change. */
	static const char *const keys[] = { "connect_timeout", "application_name", "tcp_user_timeout",
		"keepalives_idle", "dbname", NULL };
	struct db_pgsql *b = mine(d);
	const char *values[] = { TEXT(LIMIT_STORE_CONNECT_S), "assay", TEXT(LIMIT_STORE_SILENCE_MS),
		"30", b->url, NULL };

	PQfinish(b->c);
	memset(b->prepared, 0, sizeof(b->prepared));
	if ((b->c = PQconnectdbParams(keys, values, 1)) == NULL)
		return err_set(e, ERR_NOMEM, "%s: connecting", d->where);
	PQsetNoticeReceiver(b->c, quiet, NULL);
	if (PQstatus(b->c) != CONNECTION_OK)
		return fault(b, NULL, e);
	return pgsql_exec(d, settings, e);
}

static void
pgsql_close(struct db *d)
{
	struct db_pgsql *b = mine(d);

	PQfinish(b->c);
	free(b->url);
	free(b);
}

static const struct db_ops ops = {
	.close = pgsql_close, .exec = pgsql_exec, .begin = pgsql_begin, .commit = pgsql_commit,
	.rollback = pgsql_rollback, .many = pgsql_many, .once = pgsql_once, .lost = pgsql_lost,
	.reopen = pgsql_reopen,
};

/* The URL for messages: its parts, but never a password. */
static int
name_it(struct db_pgsql *b, struct err *e)
{
	PQconninfoOption *o = PQconninfoParse(b->url, NULL);
	const char *host = NULL, *port = NULL, *name = NULL;

	if (o == NULL)
		return err_set(e, ERR_USAGE, "the URL of the database cannot be read");
	for (const PQconninfoOption *p = o; p->keyword != NULL; p++) {
		if (p->val == NULL)
			continue;
		if (strcmp(p->keyword, "host") == 0)
			host = p->val;
		else if (strcmp(p->keyword, "port") == 0)
			port = p->val;
		else if (strcmp(p->keyword, "dbname") == 0)
			name = p->val;
	}
	(void)snprintf(b->d.where, sizeof(b->d.where), "postgresql://%s%s%s/%s", host == NULL ? "" : host,
	    port == NULL ? "" : ":", port == NULL ? "" : port, name == NULL ? "" : name);
	PQconninfoFree(o);
	return 0;
}

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
	if ((rc = name_it(b, e)) != 0 || (rc = pgsql_reopen(&b->d, e)) != 0) {
		pgsql_close(&b->d);
		return rc;
	}
	*d = &b->d;
	return 0;
}
