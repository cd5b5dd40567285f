/* The records of a batch: numbers, logs, the journal. */
#include <roaring/roaring.h>
#include <stdlib.h>

#include "port/store/advance.h"
#include "port/store/runs.h"

/* From here on it pays to ask what the host had in earlier boots: a journal of what it
 * had before would be a bitmap's work for nothing. */
#define MANY_RECORDS 64

static int
resolve(struct batch *b, struct err *e)
{
	struct entry_want *want;
	size_t n = 0, k = 0;

	for (size_t i = 0; i < b->n; i++)
		n += plan_logs(&b->plans[i]) ? b->plans[i].v->n_records : 0;
	if (n == 0)
		return 0;
	if ((want = arena_array(b->a, n, sizeof(*want))) == NULL)
		return arena_err(b->a, e);
	for (size_t i = 0; i < b->n; i++) {
		struct plan *p = &b->plans[i];

		if (!plan_logs(p))
			continue;
		p->want = &want[k];
		for (size_t j = 0; j < p->v->n_records; j++)
			want[k++] = (struct entry_want){ .record = &p->v->records[j], .host = p->v->host->number };
	}
	return entry_resolve(b->s, want, n, b->now, e);
}

/* -- boots ---------------------------------------------------------------------------- */

static bool
fill_boot(void *ctx, size_t item, struct db_value *params)
{
	const struct batch *b = ctx;
	const struct plan *p = &b->plans[item];

	if (!plan_new_boot(p))
		return false;
	params[0] = db_int(p->v->host->number);
	params[1] = db_bytes(p->v->boot_id);
	params[2] = db_int((uint64_t)b->now);
	return true;
}

static int
boot_made(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	(void)n;
	(void)e;
	((struct batch *)ctx)->plans[item].end.boot = (uint64_t)row[0].i;
	return 0;
}

/* -- logs ----------------------------------------------------------------------------- */

static int
add_row(struct batch *b, const struct log_row *row, struct err *e)
{
	void *grown = arena_grow(b->a, b->rows, b->n_rows, &b->cap_rows, sizeof(*b->rows));

	if (grown == NULL)
		return arena_err(b->a, e);
	b->rows = grown;
	b->rows[b->n_rows++] = *row;
	return 0;
}

static int
flush_tail(struct batch *b, uint64_t boot, struct log_end *end, struct err *e)
{
	struct log_row row = { .boot = boot, .first = end->tail_first, .n = end->tail_n, .at = end->tail_at };

	if (end->tail_n == 0)
		return 0;
	if (!arena_copy(b->a, span_of(end->bytes, end->size), &row.entries))
		return arena_err(b->a, e);
	end->tail_n = 0;
	end->size = 0;
	return add_row(b, &row, e);
}

/* The last number in the tail, from which the next is counted. */
static int
tail_last_entry(const struct log_end *end, uint64_t *entry, struct err *e)
{
	struct runs it = runs_init(span_of(end->bytes, end->size), end->tail_at);

	while (runs_next(&it))
		;
	*entry = it.entry;
	return runs_damaged(&it, e);
}

static void
begin_tail(struct log_end *end, int64_t now)
{
	end->tail_first = end->count;
	end->tail_at = end->tail_last = now;
}

/* All into the tail, if they fit there. */
static int
into_tail(struct log_end *end, int64_t now, const uint64_t *ids, size_t n, bool *done, struct err *e)
{
	BUF_AUTO struct buf out = buf_init(STORE_TAIL);
	uint64_t before = 0;
	int rc = 0;

	if (end->tail_n != 0)
		rc = tail_last_entry(end, &before, e);
	if (rc != 0)
		return rc;
	runs_put(&out, end->tail_n == 0 ? 0 : now - end->tail_last, ids, n, before);
	*done = out.why == 0 && out.n <= STORE_TAIL - end->size;
	if (out.why == ERR_NOMEM)
		return buf_done(&out, e);
	if (!*done)
		return 0;
	if (end->tail_n == 0)
		begin_tail(end, now);
	memcpy(end->bytes + end->size, out.p, out.n);
	end->size += out.n;
	end->tail_n += (uint32_t)n;
	end->tail_last = now;
	end->count += n;
	return 0;
}

static int
into_rows(struct batch *b, struct log_end *end, const uint64_t *ids, size_t n, struct err *e)
{
	int rc = 0;

	while (n != 0 && rc == 0) {
		BUF_AUTO struct buf out = buf_init(2 * RUNS_ROW);
		struct log_row row = { .boot = end->boot, .first = end->count, .at = b->now };

		row.n = runs_fit(ids, n, 0, RUNS_ROW);
		runs_put(&out, 0, ids, row.n, 0);
		if ((rc = buf_done(&out, e)) != 0)
			return rc;
		if (!arena_copy(b->a, buf_view(&out), &row.entries))
			return arena_err(b->a, e);
		rc = add_row(b, &row, e);
		ids += row.n;
		n -= row.n;
		end->count += row.n;
	}
	return rc;
}

static int
append(struct batch *b, struct plan *p, const uint64_t *ids, struct err *e)
{
	size_t n = p->v->n_records;
	bool done = n == 0;
	int rc = 0;

	if (n == 0)
		return 0;
	if (n < STORE_TAIL)
		rc = into_tail(&p->end, b->now, ids, n, &done, e);
	if (rc != 0 || done)
		return rc;
	if ((rc = flush_tail(b, p->end.boot, &p->end, e)) != 0)
		return rc;
	if (n < STORE_TAIL)
		rc = into_tail(&p->end, b->now, ids, n, &done, e);
	return rc != 0 || done ? rc : into_rows(b, &p->end, ids, n, e);
}

/* -- the journal ---------------------------------------------------------------------- */

static int
had_row(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	struct runs it = runs_init(row[n - 1].s, 0);

	(void)item;
	while (runs_next(&it))
		roaring_bitmap_add(ctx, (uint32_t)it.entry);
	return runs_damaged(&it, e);
}

/* What the logs of the host say it had before. */
static int
had_before(struct store *s, uint32_t host, roaring_bitmap_t *had, struct err *e)
{
	struct db_value key = db_int(host);
	int rc = db_run(s->db, Q_LOG_HOST, &key, had_row, had, NULL, e);

	return rc != 0 ? rc : db_run(s->db, Q_LOG_HOST_TAIL, &key, had_row, had, NULL, e);
}

static int
compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int
write_journal(struct batch *b, struct plan *p, const roaring_bitmap_t *had, struct err *e)
{
	BUF_AUTO struct buf out = buf_init(LIMIT_STORE_BLOB);
	uint64_t *ids = arena_array(b->a, p->v->n_records, sizeof(*ids));
	size_t n = 0;
	int rc;

	if (ids == NULL)
		return arena_err(b->a, e);
	for (size_t i = 0; i < p->v->n_records; i++) {
		const struct entry_want *w = &p->want[i];

		/* The first holder stands in the entry itself; not that of a key. */
		if (w->made && w->record->key_id.n == 0)
			continue;
		if (had == NULL || !roaring_bitmap_contains(had, (uint32_t)w->number))
			ids[n++] = w->number;
	}
	if (n == 0)
		return 0;
	qsort(ids, n, sizeof(*ids), compare);
	runs_put(&out, 0, ids, n, 0);
	if ((rc = buf_done(&out, e)) != 0)
		return rc;
	return arena_copy(b->a, buf_view(&out), &p->journal) ? 0 : arena_err(b->a, e);
}

static int
plan_journal(struct batch *b, struct plan *p, struct err *e)
{
	roaring_bitmap_t *had;
	int rc;

	if (p->v->n_records < MANY_RECORDS || p->v->host->boot == 0)
		return write_journal(b, p, NULL, e);
	if ((had = roaring_bitmap_create()) == NULL)
		return err_set(e, ERR_NOMEM, "memory for a bitmap");
	if ((rc = had_before(b->s, p->v->host->number, had, e)) == 0)
		rc = write_journal(b, p, had, e);
	roaring_bitmap_free(had);
	return rc;
}

/* -- all of it ------------------------------------------------------------------------ */

static void
begin(struct plan *p)
{
	const struct store_host *h = p->v->host;
	struct log_end *end = &p->end;

	*end = (struct log_end){ .boot = h->boot, .count = h->count, .boot_id = h->boot_id,
		.tail_first = h->tail_first, .tail_at = h->tail_at, .tail_last = h->tail_last,
		.tail_n = h->tail_n, .size = h->tail_size };
	memcpy(end->bytes, h->tail, h->tail_size);
}

static int
plan_log(struct batch *b, struct plan *p, struct err *e)
{
	uint64_t *ids = arena_array(b->a, p->v->n_records, sizeof(*ids));
	int rc;

	if (p->v->n_records == 0)
		return 0;
	if (ids == NULL)
		return arena_err(b->a, e);
	for (size_t i = 0; i < p->v->n_records; i++)
		ids[i] = p->want[i].number;
	if ((rc = append(b, p, ids, e)) != 0)
		return rc;
	return plan_journal(b, p, e);
}

static bool
fill_row(void *ctx, size_t item, struct db_value *params)
{
	const struct log_row *r = &((struct batch *)ctx)->rows[item];

	params[0] = db_int(r->boot);
	params[1] = db_int(r->first);
	params[2] = db_int(r->n);
	params[3] = db_int((uint64_t)r->at);
	params[4] = db_bytes(r->entries);
	return true;
}

static bool
fill_journal(void *ctx, size_t item, struct db_value *params)
{
	const struct plan *p = &((struct batch *)ctx)->plans[item];

	params[0] = db_int(p->v->host->number);
	params[1] = db_bytes(p->journal);
	return p->rc == 0 && p->journal.n != 0;
}

static int
begin_boots(struct batch *b, struct err *e)
{
	struct db_many boots = { .n = b->n, .ctx = b, .fill = fill_boot, .row = boot_made };
	int rc = 0;

	for (size_t i = 0; i < b->n && rc == 0; i++) {
		struct plan *p = &b->plans[i];

		begin(p);
		if (!plan_new_boot(p))
			continue;
		rc = flush_tail(b, p->end.boot, &p->end, e);
		p->end.count = p->end.tail_first = 0;
		p->end.boot_id = p->v->boot_id;
	}
	return rc != 0 ? rc : db_many(b->s->db, Q_BOOT_ADD, &boots, e);
}

int
batch_append(struct batch *b, struct err *e)
{
	struct db_many rows = { .ctx = b, .fill = fill_row };
	struct db_many journal = { .n = b->n, .ctx = b, .fill = fill_journal };
	int rc;

	if ((rc = resolve(b, e)) != 0 || (rc = begin_boots(b, e)) != 0)
		return rc;
	for (size_t i = 0; i < b->n && rc == 0; i++)
		if (plan_logs(&b->plans[i]))
			rc = plan_log(b, &b->plans[i], e);
	rows.n = b->n_rows;
	if (rc == 0 && (rc = db_many(b->s->db, Q_LOG_ADD, &rows, e)) == 0)
		rc = db_many(b->s->db, Q_JOURNAL_ADD, &journal, e);
	return rc;
}
