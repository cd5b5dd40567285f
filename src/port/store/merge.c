/* From the journal into the bitmaps.
 *
 * The journal says of each host which entries it newly has; a bitmap says of each entry
 * which hosts have it, in parts of 65,536 hosts.  A batch of rows is turned round by
 * sorting, so that each part is read and written once.  The hosts of a signing key are
 * kept in the same way, under the key's negative number, for all its entries together.
 */
#include <roaring/roaring.h>
#include <stdlib.h>

#include "port/store/handle.h"
#include "port/store/runs.h"

/* 32 MiB of pairs at once; 1,024 bitmaps of at most 8 KiB each. */
#define PAIRS_MAX (MIB(32) / sizeof(struct pair))
#define WINDOW 1024

struct pair {
	int32_t entry;		/* negative: of a signer */
	uint32_t host;
};

struct merge {
	struct store *s;
	struct pair *pairs;	/* owned */
	size_t n, cap;
	uint64_t *rows;		/* owned; journal rows taken */
	size_t n_rows, cap_rows;
	bool full;

	struct group *groups;	/* owned */
	size_t n_groups;
	size_t at;		/* first group of the window */
};

/* One part of the bitmap of one entry. */
struct group {
	int32_t entry;
	uint32_t part;
	size_t first, n;	/* its pairs */
	roaring_bitmap_t *bits;	/* owned; NULL: nothing changed */
	struct buf out;		/* owned */
};

static void
merge_free(struct merge *m)
{
	for (size_t i = 0; m->groups != NULL && i < m->n_groups; i++) {
		buf_free(&m->groups[i].out);
		if (m->groups[i].bits != NULL)
			roaring_bitmap_free(m->groups[i].bits);
	}
	free(m->groups);
	free(m->pairs);
	free(m->rows);
}

static int
grow(void **p, size_t n, size_t *cap, size_t size, struct err *e)
{
	size_t want = *cap == 0 ? 4096 : *cap * 2;
	void *q;

	if (n < *cap)
		return 0;
	if ((q = reallocarray(*p, want, size)) == NULL)
		return err_set(e, ERR_NOMEM, "memory for merging the journal");
	*p = q;
	*cap = want;
	return 0;
}

static int
add_pair(struct merge *m, int64_t entry, uint32_t host, struct err *e)
{
	void *p = m->pairs;
	int rc = grow(&p, m->n, &m->cap, sizeof(*m->pairs), e);

	m->pairs = p;
	if (rc == 0)
		m->pairs[m->n++] = (struct pair){ .entry = (int32_t)entry, .host = host };
	return rc;
}

static int
journal_row(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	struct merge *m = ctx;
	struct runs it = runs_init(row[n - 1].s, 0);
	void *p = m->rows;
	int rc;

	(void)item;
	if (m->n >= PAIRS_MAX)
		m->full = true;
	if (m->full)
		return 0;
	rc = grow(&p, m->n_rows, &m->cap_rows, sizeof(*m->rows), e);
	m->rows = p;
	while (rc == 0 && runs_next(&it))
		rc = it.entry == 0 || it.entry > INT32_MAX
		    ? err_set(e, ERR_LIMIT, "entry %llu is beyond what bitmaps hold", (unsigned long long)it.entry)
		    : add_pair(m, (int64_t)it.entry, (uint32_t)row[1].i, e);
	if (rc != 0 || (rc = runs_damaged(&it, e)) != 0)
		return rc;
	m->rows[m->n_rows++] = (uint64_t)row[0].i;
	return 0;
}

static int
by_entry(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->entry != y->entry)
		return x->entry < y->entry ? -1 : 1;
	return (x->host > y->host) - (x->host < y->host);
}

/* -- first holders and signers --------------------------------------------------------- */

struct origin {
	struct merge *m;
	size_t *first;		/* of the pairs of each distinct entry */
	size_t n;
	struct pair *more;	/* of signers; owned by the merge once added */
};

static bool
fill_origin(void *ctx, size_t item, struct db_value *params)
{
	const struct origin *o = ctx;

	params[0] = db_int((uint64_t)o->m->pairs[o->first[item]].entry);
	return true;
}

/* The first host of an entry stands in its row; host 0 marks a pair that is not needed. */
static int
origin_row(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	struct origin *o = ctx;
	size_t from = o->first[item], to = item + 1 < o->n ? o->first[item + 1] : o->m->n;
	int64_t signer = row[1].i;
	int rc = 0;

	(void)n;
	if (signer > INT32_MAX)
		return err_set(e, ERR_LIMIT, "signer %lld is beyond what bitmaps hold", (long long)signer);
	for (size_t i = from; i < to && rc == 0; i++) {
		uint32_t host = o->m->pairs[i].host;

		if (signer != 0)
			o->more[i] = (struct pair){ .entry = (int32_t)-signer, .host = host };
		if (host == (uint32_t)row[0].i)
			o->m->pairs[i].host = 0;
	}
	return rc;
}

static int
origins(struct merge *m, struct err *e)
{
	struct origin o = { .m = m };
	struct db_many get = { .ctx = &o, .fill = fill_origin, .row = origin_row };
	size_t n = m->n;
	int rc = 0;

	o.first = calloc(n + 1, sizeof(*o.first));
	o.more = calloc(n + 1, sizeof(*o.more));
	if (o.first == NULL || o.more == NULL)
		rc = err_set(e, ERR_NOMEM, "memory for merging the journal");
	for (size_t i = 0; i < n && rc == 0; i++)
		if (i == 0 || m->pairs[i].entry != m->pairs[i - 1].entry)
			o.first[o.n++] = i;
	get.n = o.n;
	if (rc == 0)
		rc = db_many(m->s->db, Q_ENTRY_ORIGIN, &get, e);
	for (size_t i = 0; i < n && rc == 0; i++)
		if (o.more[i].host != 0)
			rc = add_pair(m, o.more[i].entry, o.more[i].host, e);
	free(o.first);
	free(o.more);
	return rc;
}

/* -- bitmaps ---------------------------------------------------------------------------- */

static int
make_groups(struct merge *m, struct err *e)
{
	size_t cap = 0;

	for (size_t i = 0; i < m->n; i++) {
		const struct pair *p = &m->pairs[i];
		struct group *g = m->n_groups == 0 ? NULL : &m->groups[m->n_groups - 1];
		void *grown = m->groups;
		int rc;

		if (p->host == 0)
			continue;
		if (g != NULL && g->entry == p->entry && g->part == p->host >> 16) {
			g->n = i - g->first + 1;
			continue;
		}
		rc = grow(&grown, m->n_groups, &cap, sizeof(*m->groups), e);
		m->groups = grown;
		if (rc != 0)
			return rc;
		m->groups[m->n_groups++] = (struct group){ .entry = p->entry, .part = p->host >> 16,
			.first = i, .n = 1, .out = buf_init(KIB(64)) };
	}
	return 0;
}

static bool
fill_get(void *ctx, size_t item, struct db_value *params)
{
	const struct merge *m = ctx;
	const struct group *g = &m->groups[m->at + item];

	params[0] = db_int((uint64_t)(int64_t)g->entry);
	params[1] = db_int(g->part);
	return true;
}

static int
got_bits(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	struct merge *m = ctx;
	struct group *g = &m->groups[m->at + item];

	(void)n;
	g->bits = roaring_bitmap_portable_deserialize_safe((const char *)row[0].s.p, row[0].s.n);
	return g->bits != NULL ? 0 : err_set(e, ERR_STORE, "the bitmap of entry %d is damaged", g->entry);
}

/* With the new hosts; nothing is to be written if it had them all. */
static int
add_hosts(const struct merge *m, struct group *g, struct err *e)
{
	uint64_t had = 0, has;
	size_t size;

	if (g->bits != NULL)
		had = roaring_bitmap_get_cardinality(g->bits);
	else if ((g->bits = roaring_bitmap_create()) == NULL)
		return err_set(e, ERR_NOMEM, "memory for a bitmap");
	for (size_t i = g->first; i < g->first + g->n; i++)
		if (m->pairs[i].host != 0)
			roaring_bitmap_add(g->bits, m->pairs[i].host);
	has = roaring_bitmap_get_cardinality(g->bits);
	if (has != had) {
		roaring_bitmap_run_optimize(g->bits);
		size = roaring_bitmap_portable_size_in_bytes(g->bits);
		buf_zero(&g->out, size);
		if (g->out.why == 0)
			roaring_bitmap_portable_serialize(g->bits, (char *)g->out.p);
		g->n = (size_t)has;
	}
	roaring_bitmap_free(g->bits);
	g->bits = NULL;
	return buf_done(&g->out, e);
}

static bool
fill_put(void *ctx, size_t item, struct db_value *params)
{
	const struct merge *m = ctx;
	const struct group *g = &m->groups[m->at + item];

	if (g->out.n == 0)
		return false;
	params[0] = db_int((uint64_t)(int64_t)g->entry);
	params[1] = db_int(g->part);
	params[2] = db_int(g->n);
	params[3] = db_bytes(buf_view(&g->out));
	return true;
}

static int
merge_window(struct merge *m, size_t n, struct err *e)
{
	struct db_many get = { .n = n, .ctx = m, .fill = fill_get, .row = got_bits };
	struct db_many put = { .n = n, .ctx = m, .fill = fill_put };
	int rc = db_many(m->s->db, Q_HOLDERS_GET, &get, e);

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = add_hosts(m, &m->groups[m->at + i], e);
	if (rc == 0)
		rc = db_many(m->s->db, Q_HOLDERS_PUT, &put, e);
	for (size_t i = 0; i < n; i++)
		buf_free(&m->groups[m->at + i].out);
	return rc;
}

static bool
fill_delete(void *ctx, size_t item, struct db_value *params)
{
	params[0] = db_int(((const struct merge *)ctx)->rows[item]);
	return true;
}

static int
merge_rows(struct merge *m, uint64_t rows, struct err *e)
{
	struct db_value turn[] = { db_bytes(span_lit("merge")), db_int(1) }, limit = db_int(rows);
	struct db_many drop = { .ctx = m, .fill = fill_delete };
	int rc;

	/* One server at a time: two would each write the bitmap they read. */
	if ((rc = db_run(m->s->db, Q_COUNTER_NEXT, turn, NULL, NULL, NULL, e)) != 0 ||
	    (rc = db_run(m->s->db, Q_JOURNAL_READ, &limit, journal_row, m, NULL, e)) != 0)
		return rc;
	qsort(m->pairs, m->n, sizeof(*m->pairs), by_entry);
	if ((rc = origins(m, e)) != 0)
		return rc;
	qsort(m->pairs, m->n, sizeof(*m->pairs), by_entry);
	if ((rc = make_groups(m, e)) != 0)
		return rc;
	for (m->at = 0; m->at < m->n_groups && rc == 0; m->at += WINDOW)
		rc = merge_window(m, m->n_groups - m->at < WINDOW ? m->n_groups - m->at : WINDOW, e);
	drop.n = m->n_rows;
	return rc != 0 ? rc : db_many(m->s->db, Q_JOURNAL_DELETE, &drop, e);
}

int
store_merge(struct store *s, size_t rows, uint64_t *left, struct err *e)
{
	struct merge m = { .s = s };
	struct db_scope sc;
	int64_t n = 0;
	int rc = db_number(s->db, Q_JOURNAL_LEFT, NULL, &n, e);

	/* Most of the time there is nothing, and then nothing is locked. */
	if (rc != 0 || n == 0) {
		if (rc == 0)
			*left = 0;
		return rc;
	}
	if ((rc = db_scope_open(s->db, &sc, e)) != 0)
		return rc;
	if ((rc = merge_rows(&m, rows, e)) == 0)
		rc = db_number(s->db, Q_JOURNAL_LEFT, NULL, &n, e);
	merge_free(&m);
	if ((rc = db_scope_close(&sc, rc, e)) == 0)
		*left = (uint64_t)n;
	return rc;
}
