/* Reading logs: boots, and a list as it was. */
#include "port/store/entry.h"
#include "port/store/runs.h"

/* Records fetched at once. */
#define WINDOW 1024

struct reader {
	struct store *s;
	uint64_t boot, first, end;	/* index of the first one wanted, and behind the last */
	store_log_fn *fn;
	void *ctx;
	uint64_t next;			/* index expected; gaps are damage */
	struct store_log_item items[WINDOW];
	size_t n;
	bool bytes;			/* of the item being told were there */
};

static bool
fill_item(void *ctx, size_t item, struct db_value *params)
{
	params[0] = db_int(((const struct reader *)ctx)->items[item].entry);
	return true;
}

static int
item_bytes(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	struct reader *r = ctx;
	struct store_log_item told = r->items[item];

	(void)n;
	r->items[item].index = UINT64_MAX;
	told.bytes = row[0].s;
	return r->fn(r->ctx, &told, e);
}

static int
flush(struct reader *r, struct err *e)
{
	struct db_many get = { .n = r->n, .ctx = r, .fill = fill_item, .row = item_bytes };
	int rc = db_many(r->s->db, Q_ENTRY_BYTES, &get, e);

	for (size_t i = 0; i < r->n && rc == 0; i++)
		if (r->items[i].index != UINT64_MAX)
			rc = err_set(e, ERR_STORE, "entry %llu of a log is not stored",
			    (unsigned long long)r->items[i].entry);
	r->n = 0;
	return rc;
}

/* One row of a log, or its tail; only collected, as the database is not to be asked
 * anything within a row. */
struct piece { uint64_t first, n; int64_t at; struct span entries; };

static void
piece_decode(struct row *r, void *out)
{
	struct piece *p = out;

	p->first = row_u64(r);
	p->n = row_u64(r);
	p->at = row_int(r);
	p->entries = row_bytes(r);
}

static int
tell_piece(struct reader *r, const struct piece *p, struct err *e)
{
	struct runs it = runs_init(p->entries, p->at);
	uint64_t index = p->first;
	int rc = 0;

	while (rc == 0 && index < r->end && runs_next(&it)) {
		if (index++ < r->first)
			continue;
		if (index - 1 != r->next)
			return err_set(e, ERR_STORE, "a log has a gap at entry %llu", (unsigned long long)r->next);
		r->items[r->n++] = (struct store_log_item){ .index = r->next++, .at = it.at, .entry = it.entry };
		if (r->n == WINDOW)
			rc = flush(r, e);
	}
	if (rc != 0 || index >= r->end)
		return rc;
	if ((rc = runs_damaged(&it, e)) == 0 && index != p->first + p->n)
		rc = err_set(e, ERR_STORE, "a row of a log has %llu entries, not %llu",
		    (unsigned long long)(index - p->first), (unsigned long long)p->n);
	return rc;
}

static int
read_all(struct reader *r, struct err *e)
{
	ARENA_AUTO struct arena a = arena_init(LIMIT_STORE_SCRATCH);
	struct many rows = { .a = &a, .decode = piece_decode, .size = sizeof(struct piece) };
	struct db_value range[] = { db_int(r->boot), db_int(r->first), db_int(r->end) };
	struct piece tail = { 0 };
	struct one o = { .a = &a, .decode = piece_decode, .out = &tail };
	int rc;

	if ((rc = rows_many(r->s->db, Q_LOG_READ, range, &rows, e)) != 0)
		return rc;
	for (size_t i = 0; i < rows.n && rc == 0; i++)
		rc = tell_piece(r, (const struct piece *)rows.v + i, e);
	if (rc == 0 && (rc = rows_one(r->s->db, Q_LOG_TAIL, range, &o, e)) == ERR_NOT_FOUND)
		rc = 0;
	else if (rc == 0 && tail.n != 0 && tail.first < r->end)
		rc = tell_piece(r, &tail, e);
	return rc != 0 ? rc : flush(r, e);
}

int
store_log_read(struct store *s, uint64_t boot, uint64_t first, uint64_t max, store_log_fn *fn,
    void *ctx, struct err *e)
{
	struct reader r = { .s = s, .boot = boot, .first = first, .next = first, .fn = fn, .ctx = ctx };
	struct db_scope sc = { .d = s->db, .own = !s->db->in_tx };
	int rc;

	r.end = max > INT64_MAX - first ? INT64_MAX : first + max;
	if (first > INT64_MAX || max == 0)
		return 0;
	/* One moment: between its reads a tail may become a row. */
	if (sc.own && (rc = db_begin(s->db, true, e)) != 0)
		return rc;
	rc = read_all(&r, e);
	return db_scope_close(&sc, rc, e);
}

static void
boot_decode(struct row *r, void *out)
{
	struct store_boot *b = out;

	b->number = row_u64(r);
	b->host = (uint32_t)row_int(r);
	b->id = row_bytes(r);
	b->began = row_int(r);
	b->event_log = row_bytes(r);
	/* The newest counts in the host's state, the others in their rows. */
	b->count = 0;
	if (row_null(r))
		r->at++;
	else
		b->count = row_u64(r);
	if (row_null(r) || b->count != 0)
		r->at++;
	else
		b->count = row_u64(r);
}

int
store_boots(struct store *s, uint32_t host, struct arena *a, struct store_boot **v, size_t *n,
    struct err *e)
{
	struct many m = { .a = a, .decode = boot_decode, .size = sizeof(**v) };
	struct db_value key = db_int(host);
	int rc = rows_many(s->db, Q_BOOT_LIST, &key, &m, e);

	if (rc == 0) {
		*v = m.v;
		*n = m.n;
	}
	return rc;
}

int
store_boots_delete(struct store *s, uint32_t host, uint64_t keep, uint64_t *deleted, struct err *e)
{
	ARENA_AUTO struct arena a = arena_init(LIMIT_STORE_SCRATCH);
	struct store_boot *v = NULL;
	struct db_scope sc;
	uint64_t gone = 0;
	size_t n = 0;
	int rc = db_scope_open(s->db, &sc, e);

	if (rc != 0)
		return rc;
	rc = store_boots(s, host, &a, &v, &n, e);
	for (size_t i = keep == 0 ? 1 : keep; i < n && rc == 0; i++, gone++) {
		struct db_value key = db_int(v[i].number);

		if ((rc = db_run(s->db, Q_LOG_DELETE, &key, NULL, NULL, NULL, e)) == 0)
			rc = db_run(s->db, Q_BOOT_DELETE, &key, NULL, NULL, NULL, e);
	}
	if ((rc = db_scope_close(&sc, rc, e)) == 0)
		*deleted = gone;
	return rc;
}
