/* Everything from one store to another.
 *
 * Pages of rows, by key, in one transaction of the target; then both sides are read and
 * compared.  A row in the checksum is, for each column, its type (one byte: 0 NULL, 1
 * number, 2 bytes), then 8 bytes little-endian: the number, or the length of the bytes
 * that follow.
 */
#include "crypto/digest.h"
#include "port/store/handle.h"

#define PAGE_SMALL 1000

struct table {
	const char *name;
	size_t columns, keys;
	enum { NONE, ID, ROW } numbers;
	bool big;
	enum query first, next, copy;
};

#define SMALL false
#define BIG true
static const struct table tables[] = {
#define T(table, nums, size, types, ktypes, cols, params, k, kparams) \
	{ .name = #table, .columns = sizeof(types) - 1, .keys = sizeof(ktypes) - 1, .numbers = nums, \
	    .big = size, .first = Q_FIRST_##table, .next = Q_NEXT_##table, .copy = Q_COPY_##table },
#include "port/store/tables.tbl"
#undef T
};

#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

struct sum { uint64_t rows; uint8_t sha256[32]; };

/* One page. */
struct page {
	const struct table *t;
	struct arena a;
	struct db_value *v;	/* columns of all rows */
	size_t n, cap;		/* rows */
	struct hasher *h;
};

static bool
hash_value(struct hasher *h, const struct db_value *v)
{
	uint8_t head[9] = { v->type };
	uint64_t x = v->type == DB_BYTES ? v->s.n : v->type == DB_INT ? (uint64_t)v->i : 0;

	for (int i = 0; i < 8; i++)
		head[1 + i] = (uint8_t)(x >> (8 * i));
	return hasher_add(h, span_of(head, sizeof(head))) &&
	    (v->type != DB_BYTES || hasher_add(h, v->s));
}

static int
page_row(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	struct page *p = ctx;
	struct db_value *grown, *to;

	(void)item;
	if (n != p->t->columns)
		return err_set(e, ERR_INTERNAL, "table %s has %zu columns, not %zu", p->t->name, n, p->t->columns);
	grown = arena_grow(&p->a, p->v, p->n, &p->cap, n * sizeof(*row));
	if (grown == NULL)
		return arena_err(&p->a, e);
	p->v = grown;
	to = p->v + p->n * n;
	for (size_t i = 0; i < n; i++) {
		to[i] = row[i];
		if (row[i].type == DB_BYTES && row[i].s.n != 0 && !arena_copy(&p->a, row[i].s, &to[i].s))
			return arena_err(&p->a, e);
		if (!hash_value(p->h, &row[i]))
			return err_set(e, ERR_CRYPTO, "hashing table %s", p->t->name);
	}
	p->n++;
	return 0;
}

static int
read_page(struct db *d, struct page *p, const struct db_value *key, struct err *e)
{
	struct db_value params[4] = { db_int(p->t->big ? 1 : PAGE_SMALL) };

	if (key != NULL)
		memcpy(params + 1, key, p->t->keys * sizeof(*key));
	p->n = p->cap = 0;
	p->v = NULL;
	return db_run(d, key == NULL ? p->t->first : p->t->next, params, page_row, p, NULL, e);
}

static bool
fill_copy(void *ctx, size_t item, struct db_value *params)
{
	const struct page *p = ctx;

	memcpy(params, p->v + item * p->t->columns, p->t->columns * sizeof(*params));
	return true;
}

struct moving {
	struct db *from, *to;
	struct store_move told;
	store_move_fn *progress;
	void *ctx;
};

/* The rows of a table of ${d} hashed, and (to not NULL) copied. */
static int
each_page(struct moving *m, struct db *d, struct db *to, const struct table *t, struct hasher *h,
    struct sum *sum, struct err *e)
{
	struct page a = { .t = t, .h = h, .a = arena_init(LIMIT_STORE_SCRATCH * 2) }, b = a;
	struct page *now = &a, *before = NULL;
	int rc;

	/* The key of the last page must live while the next is read. */
	do {
		struct db_many put = { .ctx = now, .fill = fill_copy };

		rc = read_page(d, now, before == NULL ? NULL : before->v + (before->n - 1) * t->columns, e);
		put.n = now->n;
		if (rc == 0 && to != NULL)
			rc = db_many(to, t->copy, &put, e);
		sum->rows += now->n;
		m->told.rows += now->n;
		if (m->progress != NULL)
			m->progress(m->ctx, &m->told);
		if (before != NULL)
			arena_free(&before->a);
		before = now;
		now = now == &a ? &b : &a;
		now->a = arena_init(LIMIT_STORE_SCRATCH * 2);
	} while (rc == 0 && before->n == (t->big ? 1 : PAGE_SMALL));
	arena_free(&a.a);
	arena_free(&b.a);
	return rc;
}

static int
sum_table(struct moving *m, struct db *d, struct db *to, const struct table *t, struct sum *sum,
    struct err *e)
{
	HASHER_AUTO struct hasher *h = NULL;
	int rc = hasher_new(DIGEST_SHA256, &h, e);

	m->told.table = t->name;
	if (rc == 0 && !hasher_start(h))
		rc = err_set(e, ERR_CRYPTO, "hashing table %s", t->name);
	if (rc == 0)
		rc = each_page(m, d, to, t, h, sum, e);
	if (rc == 0 && !hasher_finish(h, sum->sha256))
		rc = err_set(e, ERR_CRYPTO, "hashing table %s", t->name);
	return rc == 0 ? 0 : err_ctx(e, rc, "table %s", t->name);
}

/* Numbers that were given once must not be given again by the other database. */
static int
move_numbers(struct moving *m, const struct table *t, struct err *e)
{
	char sql[256];
	int64_t last = 0;
	int rc;

	(void)snprintf(sql, sizeof(sql), m->from->kind == STORE_SQLITE && t->numbers == ID
	    ? "SELECT seq FROM sqlite_sequence WHERE name = '%s'" : m->from->kind == STORE_SQLITE
	    ? "SELECT max(number) FROM %s" : "SELECT CASE WHEN is_called THEN last_value ELSE 0 END"
	    " FROM %s_number_seq", t->name);
	if ((rc = db_once_number(m->from, sql, &last, e)) != 0 || last == 0)
		return rc;
	if (m->to->kind == STORE_POSTGRESQL) {
		(void)snprintf(sql, sizeof(sql), "SELECT setval('%s_number_seq', %lld)", t->name, (long long)last);
		return db_once(m->to, sql, "", NULL, NULL, NULL, e);
	}
	if (t->numbers != ID)
		return 0;
	(void)snprintf(sql, sizeof(sql), "DELETE FROM sqlite_sequence WHERE name = '%s';"
	    "INSERT INTO sqlite_sequence (name, seq) VALUES ('%s', %lld)", t->name, t->name, (long long)last);
	return db_exec(m->to, sql, e);
}

static int
must_be_empty(struct moving *m, struct err *e)
{
	char sql[128];
	int rc;

	for (size_t i = 0; i < N_TABLES; i++) {
		int64_t n = 0;

		(void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM (SELECT 1 FROM %s%s LIMIT 1) x",
		    tables[i].name, strcmp(tables[i].name, "counter") == 0 ? " WHERE value <> 0" : "");
		if ((rc = db_once_number(m->to, sql, &n, e)) != 0)
			return rc;
		if (n != 0)
			return err_hint(e, err_set(e, ERR_DUPLICATE, "%s: there is something in it (table %s)",
			    m->to->where, tables[i].name), "move into a new, empty database");
	}
	/* Those that a new database is made with. */
	return db_exec(m->to, "DELETE FROM counter", e);
}

static int
move_all(struct moving *m, struct err *e)
{
	struct sum sums[N_TABLES] = { 0 };
	int rc = must_be_empty(m, e);

	for (size_t i = 0; i < N_TABLES && rc == 0; i++) {
		rc = sum_table(m, m->from, m->to, &tables[i], &sums[i], e);
		if (rc == 0 && tables[i].numbers != NONE)
			rc = move_numbers(m, &tables[i], e);
	}
	m->told = (struct store_move){ .checking = true };
	for (size_t i = 0; i < N_TABLES && rc == 0; i++) {
		struct sum got = { 0 };

		if ((rc = sum_table(m, m->to, NULL, &tables[i], &got, e)) == 0 &&
		    (got.rows != sums[i].rows || memcmp(got.sha256, sums[i].sha256, sizeof(got.sha256)) != 0))
			rc = err_set(e, ERR_MISMATCH, "table %s is not the same behind the move: %llu rows of %llu",
			    tables[i].name, (unsigned long long)got.rows, (unsigned long long)sums[i].rows);
	}
	return rc;
}

int
store_move(struct store *from, struct store *to, store_move_fn *progress, void *ctx, struct err *e)
{
	struct moving m = { .from = from->db, .to = to->db, .progress = progress, .ctx = ctx };
	/* One side waits while the other works. */
	static const char patient[] = "SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0";
	struct db_scope sc;
	int rc = 0;

	if (from->db->in_tx || to->db->in_tx)
		return err_set(e, ERR_INTERNAL, "moving a store within a transaction");
	if (m.from->kind == STORE_POSTGRESQL)
		rc = db_exec(m.from, patient, e);
	if (rc == 0 && m.to->kind == STORE_POSTGRESQL)
		rc = db_exec(m.to, patient, e);
	m.from->silence_ms = m.to->silence_ms = LIMIT_STORE_LONG_MS;
	if (rc != 0 || (rc = db_begin(m.from, true, e)) != 0)
		return rc;
	if ((rc = db_scope_open(m.to, &sc, e)) == 0) {
		sc.wrote = true;
		rc = db_scope_close(&sc, move_all(&m, e), e);
	}
	db_rollback(m.from);
	return rc;
}
