/* Evidence bundles, and the firmware's event logs. */
#include "port/store/handle.h"

#define DELETE_AT_ONCE 1000

static void
bundle_decode(struct row *r, void *out)
{
	struct store_bundle *v = out;

	v->number = row_u64(r);
	v->host = (uint32_t)row_int(r);
	v->at = row_int(r);
	v->verdict = (uint8_t)row_int(r);
	v->size = row_u64(r);
	v->policy = row_bytes(r);
}

static void
bundle_whole(struct row *r, void *out)
{
	bundle_decode(r, out);
	((struct store_bundle *)out)->body = row_bytes(r);
}

static int
blob_check(const char *what, struct span s, struct err *e)
{
	return s.n <= LIMIT_STORE_BLOB ? 0 : err_set(e, ERR_LIMIT, "%s of %zu bytes; at most %zu are stored",
	    what, s.n, (size_t)LIMIT_STORE_BLOB);
}

int
store_bundle_add(struct store *s, struct store_bundle *v, struct err *e)
{
	struct db_value params[] = { db_int(v->host), db_int((uint64_t)v->at), db_int(v->verdict),
		db_int(v->body.n), db_bytes(v->policy), db_bytes(v->body) };
	int64_t number = 0;
	int rc = blob_check("a bundle", v->body, e);

	if (rc == 0 && (rc = db_number(s->db, Q_BUNDLE_ADD, params, &number, e)) == 0) {
		v->number = (uint64_t)number;
		v->size = v->body.n;
	}
	return rc;
}

int
store_bundle_get(struct store *s, uint64_t number, struct arena *a, struct store_bundle *v,
    struct err *e)
{
	struct store_bundle got = { 0 };
	struct one o = { .a = a, .decode = bundle_whole, .out = &got };
	struct db_value key = db_int(number);
	int rc = rows_one(s->db, Q_BUNDLE_GET, &key, &o, e);

	if (rc == ERR_NOT_FOUND)
		return err_set(e, rc, "there is no bundle %llu", (unsigned long long)number);
	if (rc == 0)
		*v = got;
	return rc;
}

int
store_bundles(struct store *s, uint32_t host, uint64_t before, size_t max, struct arena *a,
    struct store_bundle **v, size_t *n, struct err *e)
{
	struct many m = { .a = a, .decode = bundle_decode, .size = sizeof(**v) };
	struct db_value params[] = { db_int(host),
		db_int(before == 0 || before > INT64_MAX ? INT64_MAX : before), db_int(rows_page(max)) };
	int rc = rows_many(s->db, Q_BUNDLE_LIST, params, &m, e);

	if (rc == 0) {
		*v = m.v;
		*n = m.n;
	}
	return rc;
}

struct excess { uint64_t v[DELETE_AT_ONCE]; size_t n; };

static int
excess_row(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	struct excess *x = ctx;

	(void)item;
	(void)n;
	(void)e;
	if (x->n < DELETE_AT_ONCE)
		x->v[x->n++] = (uint64_t)row[0].i;
	return 0;
}

static bool
excess_fill(void *ctx, size_t item, struct db_value *params)
{
	params[0] = db_int(((const struct excess *)ctx)->v[item]);
	return true;
}

/* Found before anything is locked: it takes a look at all bundles. */
static int
delete_excess(struct store *s, uint64_t keep, uint64_t *deleted, struct err *e)
{
	struct db_value params[] = { db_int(keep), db_int(DELETE_AT_ONCE) };
	struct excess x = { .n = 0 };
	struct db_many drop = { .ctx = &x, .fill = excess_fill };
	struct db_scope sc;
	int rc = db_run(s->db, Q_BUNDLE_EXCESS, params, excess_row, &x, NULL, e);

	if (rc != 0 || x.n == 0 || (rc = db_scope_open(s->db, &sc, e)) != 0)
		return rc;
	drop.n = x.n;
	rc = db_scope_close(&sc, db_many(s->db, Q_BUNDLE_DELETE, &drop, e), e);
	if (rc == 0)
		*deleted += x.n;
	return rc;
}

int
store_bundles_delete(struct store *s, int64_t before, uint64_t keep, uint64_t *deleted,
    struct err *e)
{
	struct db_value age[] = { db_int((uint64_t)before), db_int(DELETE_AT_ONCE) };
	uint64_t n = 0;
	int rc = db_run(s->db, Q_BUNDLE_DELETE_AGE, age, NULL, NULL, &n, e);

	if (rc == 0 && keep != 0)
		rc = delete_excess(s, keep, &n, e);
	if (rc == 0)
		*deleted = n;
	return rc;
}

int
store_event_log_put(struct store *s, uint64_t boot, struct span digest, struct span body,
    int64_t now, struct err *e)
{
	struct db_value log[] = { db_bytes(digest), db_int((uint64_t)now), db_bytes(body) };
	struct db_value refer[] = { db_int(boot), db_bytes(digest) };
	struct db_scope sc;
	int64_t there = 0;
	uint64_t changed = 0;
	int rc = digest.n == 0 || digest.n > LIMIT_DIGEST
	    ? err_set(e, ERR_FORMAT, "an event log's digest of %zu bytes", digest.n)
	    : blob_check("an event log", body, e);

	if (rc != 0 || (rc = db_scope_open(s->db, &sc, e)) != 0)
		return rc;
	if ((rc = db_run(s->db, Q_BOOT_EVENT_LOG, refer, NULL, NULL, &changed, e)) == 0 && changed == 0)
		rc = err_set(e, ERR_NOT_FOUND, "there is no boot %llu", (unsigned long long)boot);
	/* Asked first: its bytes need not travel again for every boot. */
	if (rc == 0)
		rc = db_number(s->db, Q_EVENT_LOG_THERE, log, &there, e);
	if (rc == 0 && there == 0)
		rc = db_run(s->db, Q_EVENT_LOG_ADD, log, NULL, NULL, NULL, e);
	return db_scope_close(&sc, rc, e);
}

static void
body_decode(struct row *r, void *out)
{
	*(struct span *)out = row_bytes(r);
}

int
store_event_log_get(struct store *s, uint64_t boot, struct arena *a, struct span *body,
    struct err *e)
{
	struct span got = { 0 };
	struct one o = { .a = a, .decode = body_decode, .out = &got };
	struct db_value key = db_int(boot);
	int rc = rows_one(s->db, Q_EVENT_LOG_GET, &key, &o, e);

	if (rc == ERR_NOT_FOUND)
		return err_set(e, rc, "no event log of boot %llu is stored", (unsigned long long)boot);
	if (rc == 0)
		*body = got;
	return rc;
}
