/* Verdict intervals, findings, events. */
#include "port/store/handle.h"

/* Rows that one call deletes: a transaction that others need not wait for. */
#define DELETE_AT_ONCE 10000

static uint64_t
before_or_newest(uint64_t before)
{
	return before == 0 || before > INT64_MAX ? INT64_MAX : before;
}

static void
interval_decode(struct row *r, void *out)
{
	struct store_interval *v = out;

	v->number = row_u64(r);
	v->host = (uint32_t)row_int(r);
	v->from = row_int(r);
	v->to = row_int(r);
	v->verdict = (uint8_t)row_int(r);
	v->policy = row_bytes(r);
	v->reason = row_bytes(r);
	v->bundle = row_u64(r);
}

int
store_intervals(struct store *s, uint32_t host, uint64_t before, size_t max, struct arena *a,
    struct store_interval **v, size_t *n, struct err *e)
{
	struct many m = { .a = a, .decode = interval_decode, .size = sizeof(**v) };
	struct db_value params[] = { db_int(host), db_int(before_or_newest(before)),
		db_int(rows_page(max)) };
	int rc = rows_many(s->db, Q_HISTORY_LIST, params, &m, e);

	if (rc == 0) {
		*v = m.v;
		*n = m.n;
	}
	return rc;
}

int
store_intervals_delete(struct store *s, int64_t before, uint64_t *deleted, struct err *e)
{
	struct db_value params[] = { db_int((uint64_t)before), db_int(DELETE_AT_ONCE) };

	return db_run(s->db, Q_HISTORY_DELETE, params, NULL, NULL, deleted, e);
}

static void
finding_decode(struct row *r, void *out)
{
	struct store_finding *v = out;

	v->code = row_bytes(r);
	v->entry = row_u64(r);
	v->path = row_bytes(r);
	v->text = row_bytes(r);
}

int
store_findings(struct store *s, uint32_t host, struct arena *a, struct store_finding **v,
    size_t *n, struct err *e)
{
	struct many m = { .a = a, .decode = finding_decode, .size = sizeof(**v) };
	struct db_value key = db_int(host);
	int rc = rows_many(s->db, Q_FINDING_LIST, &key, &m, e);

	if (rc == 0) {
		*v = m.v;
		*n = m.n;
	}
	return rc;
}

int
store_findings_first(struct store *s, uint32_t host, size_t max, struct arena *a,
    struct store_finding **v, size_t *n, struct err *e)
{
	struct many m = { .a = a, .decode = finding_decode, .size = sizeof(**v) };
	struct db_value params[] = { db_int(host), db_int(rows_page(max)) };
	int rc = rows_many(s->db, Q_FINDING_FIRST, params, &m, e);

	if (rc == 0) {
		*v = m.v;
		*n = m.n;
	}
	return rc;
}

/* -- events ------------------------------------------------------------------------------ */

static bool
fill_event(void *ctx, size_t item, struct db_value *params)
{
	const struct store_event *v = (const struct store_event *)ctx + item;

	params[0] = db_int(v->sequence);
	params[1] = db_int((uint64_t)v->at);
	params[2] = db_int(v->host);
	params[3] = db_bytes(v->kind);
	params[4] = db_bytes(v->body);
	return true;
}

int
store_event_add(struct store *s, struct store_event *v, size_t n, struct err *e)
{
	struct db_value take[] = { db_bytes(span_lit("event")), db_int(n) };
	struct db_many add = { .n = n, .ctx = v, .fill = fill_event };
	struct db_scope sc;
	int64_t last = 0;
	int rc;

	if (n == 0)
		return 0;
	if ((rc = db_scope_open(s->db, &sc, e)) != 0)
		return rc;
	if ((rc = db_number(s->db, Q_COUNTER_NEXT, take, &last, e)) == 0) {
		for (size_t i = 0; i < n; i++)
			v[i].sequence = (uint64_t)last - n + 1 + i;
		rc = db_many(s->db, Q_EVENT_ADD, &add, e);
	}
	return db_scope_close(&sc, rc, e);
}

static void
event_decode(struct row *r, void *out)
{
	struct store_event *v = out;

	v->sequence = row_u64(r);
	v->at = row_int(r);
	v->host = (uint32_t)row_int(r);
	v->kind = row_bytes(r);
	v->body = row_bytes(r);
}

int
store_events(struct store *s, uint64_t after, uint32_t host, size_t max, struct arena *a,
    struct store_event **v, size_t *n, struct err *e)
{
	struct many m = { .a = a, .decode = event_decode, .size = sizeof(**v) };
	struct db_value params[] = { db_int(after), db_int(rows_page(max)), db_int(host) };
	int rc = rows_many(s->db, host == 0 ? Q_EVENT_LIST : Q_EVENT_LIST_HOST, params, &m, e);

	if (rc == 0) {
		*v = m.v;
		*n = m.n;
	}
	return rc;
}

int
store_event_last(struct store *s, uint64_t *sequence, struct err *e)
{
	struct db_value name = db_bytes(span_lit("event"));
	int64_t v = 0;
	int rc = db_number(s->db, Q_COUNTER_GET, &name, &v, e);

	if (rc == 0)
		*sequence = (uint64_t)v;
	return rc;
}

int
store_events_delete(struct store *s, int64_t before, uint64_t *deleted, struct err *e)
{
	struct db_value params[] = { db_int((uint64_t)before), db_int(DELETE_AT_ONCE) };

	return db_run(s->db, Q_EVENT_DELETE, params, NULL, NULL, deleted, e);
}
