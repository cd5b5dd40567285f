/* Which hosts had a file: entries, then their bitmaps and the journal, then logs. */
#include <roaring/roaring.h>

#include "port/store/entry.h"
#include "port/store/runs.h"

static void
bitmap_freep(roaring_bitmap_t **b)
{
	if (*b != NULL)
		roaring_bitmap_free(*b);
}
#define BITMAP_AUTO __attribute__((cleanup(bitmap_freep)))

static int
bitmap_new(roaring_bitmap_t **b, struct err *e)
{
	*b = roaring_bitmap_create();
	return *b != NULL ? 0 : err_set(e, ERR_NOMEM, "memory for a bitmap");
}

/* -- what is asked for ------------------------------------------------------------------ */

enum { FIND, MATCH };

/* The statement and its parameters; ERR_NOT_FOUND: nothing can match. */
static int
asked(struct store *s, const struct store_query *q, uint64_t after, uint64_t max, int how,
    enum query *out, struct db_value params[5], struct err *e)
{
	int64_t head = 0;
	struct db_value key = db_bytes(q->value);
	int rc = 0;

	params[0] = db_int(after);
	params[1] = db_int(max);
	switch (q->by) {
	case STORE_BY_DIGEST:
		*out = how == FIND ? Q_FIND_DIGEST : Q_MATCH_DIGEST;
		if ((rc = entry_digest_head(&q->digest, &head)) != 0)
			return err_set(e, ERR_NOT_FOUND, "there is no digest to look for");
		params[3] = db_bytes(digest_view(&q->digest));
		params[4] = db_int(digest_alg_ima(q->digest.alg));
		break;
	case STORE_BY_PATH:
		*out = how == FIND ? Q_FIND_PATH : Q_MATCH_PATH;
		rc = entry_path_head(q->value, &head, e);
		params[3] = db_bytes(q->value);
		break;
	case STORE_BY_KEY:
		*out = how == FIND ? Q_FIND_KEY : Q_MATCH_KEY;
		rc = db_number(s->db, Q_SIGNER_GET, &key, &head, e);
		break;
	case STORE_BY_ENTRY:
		*out = how == FIND ? Q_FIND_NUMBER : Q_MATCH_NUMBER;
		head = (int64_t)q->entry;
		break;
	}
	params[2] = db_int((uint64_t)head);
	return rc;
}

static int
find_all(struct store *s, enum query q, const struct db_value *params, struct arena *a,
    struct store_entry **v, size_t *n, struct err *e)
{
	struct many m = { .a = a, .decode = entry_decode, .size = sizeof(**v) };
	int rc = rows_many(s->db, q, params, &m, e);

	if (rc == 0) {
		*v = m.v;
		*n = m.n;
	}
	return rc;
}

int
store_find(struct store *s, const struct store_query *q, uint64_t after, size_t max,
    struct arena *a, struct store_entry **v, size_t *n, struct err *e)
{
	struct db_value params[5] = { 0 };
	enum query st = Q_FIND_NUMBER;
	int rc = asked(s, q, after, rows_page(max), FIND, &st, params, e);

	return rc != 0 ? rc : find_all(s, st, params, a, v, n, e);
}

int
store_entries(struct store *s, uint64_t after, size_t max, struct arena *a, struct store_entry **v,
    size_t *n, struct err *e)
{
	struct db_value params[] = { db_int(after), db_int(rows_page(max)) };

	return find_all(s, Q_ENTRY_LIST, params, a, v, n, e);
}

/* -- who has it -------------------------------------------------------------------------- */

struct holders {
	const uint64_t *entries;		/* or negative numbers of signers */
	roaring_bitmap_t *set;			/* of entries, for the journal */
	roaring_bitmap_t *hosts;
};

static bool
fill_entry(void *ctx, size_t item, struct db_value *params)
{
	params[0] = db_int(((const struct holders *)ctx)->entries[item]);
	return true;
}

static int
add_part(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	const struct holders *h = ctx;
	BITMAP_AUTO roaring_bitmap_t *part =
	    roaring_bitmap_portable_deserialize_safe((const char *)row[0].s.p, row[0].s.n);

	(void)item;
	(void)n;
	if (part == NULL)
		return err_set(e, ERR_STORE, "a bitmap of the database is damaged");
	roaring_bitmap_or_inplace(h->hosts, part);
	return 0;
}

static int
add_journal(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	const struct holders *h = ctx;
	struct runs it = runs_init(row[n - 1].s, 0);
	bool has = false;

	(void)item;
	while (runs_next(&it))
		has = has || roaring_bitmap_contains(h->set, (uint32_t)it.entry);
	if (has)
		roaring_bitmap_add(h->hosts, (uint32_t)row[0].i);
	return runs_damaged(&it, e);
}

/* The journal before the bitmaps: what moves from one to the other between the two reads
 * is then seen twice and not missed. */
static int
add_holders(struct store *s, const struct holders *h, size_t n, struct err *e)
{
	struct holders ctx = *h;
	struct db_many get = { .n = n, .ctx = &ctx, .fill = fill_entry, .row = add_part };
	int rc = db_run(s->db, Q_JOURNAL_ALL, NULL, add_journal, &ctx, NULL, e);

	return rc != 0 ? rc : db_many(s->db, Q_HOLDERS_ENTRY, &get, e);
}

static int
add_first(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	(void)item;
	(void)n;
	(void)e;
	roaring_bitmap_add(ctx, (uint32_t)row[0].i);
	return 0;
}

int
store_holders(struct store *s, const uint64_t *entries, size_t n, struct roaring_bitmap_s **hosts,
    struct err *e)
{
	BITMAP_AUTO roaring_bitmap_t *found = NULL, *set = NULL;
	struct holders h = { .entries = entries };
	int rc;

	if ((rc = bitmap_new(&found, e)) != 0 || (rc = bitmap_new(&set, e)) != 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		struct db_value key = db_int(entries[i]);

		if (entries[i] > UINT32_MAX)
			continue;
		roaring_bitmap_add(set, (uint32_t)entries[i]);
		if ((rc = db_run(s->db, Q_ENTRY_ORIGIN, &key, add_first, found, NULL, e)) != 0)
			return rc;
	}
	h.set = set;
	h.hosts = found;
	if ((rc = add_holders(s, &h, n, e)) != 0)
		return rc;
	*hosts = found;
	found = NULL;		/* transferred */
	return 0;
}

/* -- since when -------------------------------------------------------------------------- */

struct since {
	const roaring_bitmap_t *set;
	struct store_hit *hits;
	uint64_t *newest;	/* boot of each host */
};

static bool
fill_host(void *ctx, size_t item, struct db_value *params)
{
	params[0] = db_int(((const struct since *)ctx)->hits[item].host);
	return true;
}

/* A row of a log: boot, at, entries; oldest boot first. */
static int
look_in(struct since *w, size_t item, const struct db_value *row, struct err *e)
{
	struct store_hit *h = &w->hits[item];
	struct runs it = runs_init(row[2].s, row[1].i);
	uint64_t boot = (uint64_t)row[0].i;
	bool newest = boot == w->newest[item];

	/* Once it was found, only the newest boot can tell anything more. */
	if (h->boot != 0 && (!newest || h->now))
		return 0;
	while (runs_next(&it)) {
		if (!roaring_bitmap_contains(w->set, (uint32_t)it.entry))
			continue;
		if (h->boot == 0) {
			h->since = it.at;
			h->entry = it.entry;
			h->boot = boot;
		}
		h->now = newest;
		return 0;
	}
	return runs_damaged(&it, e);
}

static int
log_row(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	(void)n;
	return look_in(ctx, item, row, e);
}

static int
newest_row(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	(void)n;
	(void)e;
	((struct since *)ctx)->newest[item] = (uint64_t)row[0].i;
	return 0;
}

static int
find_since(struct store *s, const roaring_bitmap_t *set, struct arena *a, struct store_hits *hits,
    struct err *e)
{
	struct since w = { .set = set, .hits = hits->v, .newest = arena_array(a, hits->n, sizeof(*w.newest)) };
	struct db_many newest = { .n = hits->n, .ctx = &w, .fill = fill_host, .row = newest_row };
	struct db_many logs = { .n = hits->n, .ctx = &w, .fill = fill_host, .row = log_row };
	int rc;

	if (hits->n == 0)
		return 0;
	if (w.newest == NULL)
		return arena_err(a, e);
	if ((rc = db_many(s->db, Q_LOG_HOST_TAIL, &newest, e)) == 0 &&
	    (rc = db_many(s->db, Q_LOG_HOST, &logs, e)) == 0)
		rc = db_many(s->db, Q_LOG_HOST_TAIL, &logs, e);
	return rc;
}

/* -- the search -------------------------------------------------------------------------- */

struct matches {
	roaring_bitmap_t *set, *hosts;
	uint64_t *entries;
	size_t n;
	struct arena *a;
	size_t cap;
};

static int
match_row(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	struct matches *m = ctx;
	uint64_t *grown = arena_grow(m->a, m->entries, m->n, &m->cap, sizeof(*grown));

	(void)item;
	(void)n;
	if (grown == NULL)
		return arena_err(m->a, e);
	m->entries = grown;
	m->entries[m->n++] = (uint64_t)row[0].i;
	roaring_bitmap_add(m->set, (uint32_t)row[0].i);
	if (row[1].i != 0)
		roaring_bitmap_add(m->hosts, (uint32_t)row[1].i);
	return 0;
}

static int
match(struct store *s, const struct store_query *q, struct matches *m, struct store_hits *hits,
    struct err *e)
{
	struct db_value params[5] = { 0 };
	enum query st = Q_MATCH_NUMBER;
	uint64_t signer;
	struct holders h = { .set = m->set, .hosts = m->hosts };
	int rc = asked(s, q, 0, LIMIT_STORE_SEARCH + 1, MATCH, &st, params, e);

	if (rc != 0 || (rc = db_run(s->db, st, params, match_row, m, NULL, e)) != 0)
		return rc;
	hits->partial = m->n > LIMIT_STORE_SEARCH;
	m->n = hits->partial ? LIMIT_STORE_SEARCH : m->n;
	hits->entries = m->n;
	h.entries = m->entries;
	if (q->by != STORE_BY_KEY)
		return add_holders(s, &h, m->n, e);
	/* All entries of a key have one bitmap. */
	signer = (uint64_t)-params[2].i;
	h.entries = &signer;
	return add_holders(s, &h, params[2].i != 0, e);
}

static int
page(const roaring_bitmap_t *hosts, uint32_t after, size_t max, struct arena *a,
    struct store_hits *hits, struct err *e)
{
	roaring_uint32_iterator_t it;
	bool more;

	hits->hosts = roaring_bitmap_get_cardinality(hosts);
	if (max == 0 || after == UINT32_MAX)
		return 0;
	if ((hits->v = arena_array(a, max, sizeof(*hits->v))) == NULL)
		return arena_err(a, e);
	roaring_init_iterator(hosts, &it);
	more = roaring_move_uint32_iterator_equalorlarger(&it, after + 1);
	for (; more && hits->n < max; more = roaring_advance_uint32_iterator(&it))
		hits->v[hits->n++].host = it.current_value;
	hits->next = more ? hits->v[hits->n - 1].host : 0;
	return 0;
}

int
store_search(struct store *s, const struct store_query *q, uint32_t after, size_t max,
    struct arena *a, struct store_hits *out, struct err *e)
{
	BITMAP_AUTO roaring_bitmap_t *set = NULL, *hosts = NULL;
	struct store_hits hits = { 0 };
	struct matches m = { .a = a };
	int rc;

	if ((rc = bitmap_new(&set, e)) != 0 || (rc = bitmap_new(&hosts, e)) != 0)
		return rc;
	m.set = set;
	m.hosts = hosts;
	if ((rc = match(s, q, &m, &hits, e)) != 0 ||
	    (rc = page(hosts, after, rows_page(max), a, &hits, e)) != 0 ||
	    (rc = find_since(s, set, a, &hits, e)) != 0)
		return rc;
	*out = hits;
	return 0;
}
