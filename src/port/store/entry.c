/* Entries: each record once for the fleet. */
#include "port/store/entry.h"

#include <endian.h>
#include <stdlib.h>

#include "crypto/digest.h"

/* Records that the cache did not know, sorted by key; the same one may be wanted often. */
struct missing {
	struct entry_want **v;
	size_t n;
	int64_t now;
	int64_t *signers;	/* for each to be made */
	int64_t (*heads)[2];	/* of digest and path; 0 where there is none */
	size_t *order;		/* places in v of those to be made, as they came */
	size_t to_make;
};

static int64_t
head8(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return (int64_t)be64toh(v);
}

int
entry_digest_head(const struct digest *d, int64_t *head)
{
	if (d->alg == DIGEST_NONE || d->size < 8)
		return ERR_NOT_FOUND;
	*head = head8(d->v);
	return 0;
}

int
entry_path_head(struct span path, int64_t *head, struct err *e)
{
	struct digest d;
	int rc = digest_of(DIGEST_SHA256, path, &d, e);

	if (rc == 0)
		*head = head8(d.v);
	return rc;
}

static int
by_key(const void *a, const void *b)
{
	const struct entry_want *const *x = a, *const *y = b;
	int c = memcmp((*x)->record->key, (*y)->record->key, 32);

	/* Of equal ones the first that came stands first. */
	return c != 0 ? c : (*x > *y) - (*x < *y);
}

static bool
same_key(const struct missing *m, size_t i)
{
	return i != 0 && memcmp(m->v[i]->record->key, m->v[i - 1]->record->key, 32) == 0;
}

static bool
fill_key(void *ctx, size_t item, struct db_value *params)
{
	const struct missing *m = ctx;

	if (same_key(m, item) || m->v[item]->number != 0)
		return false;
	params[0] = db_bytes(span_of(m->v[item]->record->key, 32));
	return true;
}

static int
take_number(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	const struct missing *m = ctx;

	if (n != 1 || row[0].type != DB_INT || row[0].i <= 0 || row[0].i > UINT32_MAX)
		return err_set(e, ERR_LIMIT, "the number of an entry is beyond what bitmaps hold");
	m->v[item]->number = (uint64_t)row[0].i;
	return 0;
}

static bool
fill_new(void *ctx, size_t item, struct db_value *params)
{
	const struct missing *m = ctx;
	const struct entry_want *w = m->v[m->order[item]];
	const struct store_record *r = w->record;

	params[0] = db_bytes(span_of(r->key, 32));
	params[1] = db_int((uint64_t)m->now);
	params[2] = db_int(w->host);
	params[3] = db_int((uint64_t)m->signers[item]);
	params[4] = db_int(r->digest.alg == DIGEST_NONE ? UINT64_MAX : digest_alg_ima(r->digest.alg));
	params[5] = r->digest.alg == DIGEST_NONE ? (struct db_value){ 0 } : db_int((uint64_t)m->heads[item][0]);
	params[6] = r->path.n == 0 ? (struct db_value){ 0 } : db_int((uint64_t)m->heads[item][1]);
	params[7] = db_bytes(digest_view(&r->digest));
	params[8] = db_bytes(r->path);
	params[9] = db_bytes(r->bytes);
	return true;
}

static int
made_number(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	const struct missing *m = ctx;

	m->v[m->order[item]]->made = true;
	return take_number(ctx, m->order[item], row, n, e);
}

static int
signer_of(struct store *s, struct span key_id, int64_t *number, struct err *e)
{
	struct db_value key = db_bytes(key_id);
	int rc = rows_name("the id of a key", key_id, e);

	*number = 0;
	if (rc != 0 || (rc = db_number(s->db, Q_SIGNER_GET, &key, number, e)) != 0 || *number != 0)
		return rc;
	if ((rc = db_run(s->db, Q_SIGNER_ADD, &key, NULL, NULL, NULL, e)) == 0)
		rc = db_number(s->db, Q_SIGNER_GET, &key, number, e);
	return rc;
}

/* What a row of an entry needs beside the record itself. */
static int
prepare_new(struct store *s, struct missing *m, struct err *e)
{
	struct span last = { 0 };
	int64_t number = 0;
	int rc = 0;

	for (size_t i = 0; i < m->to_make && rc == 0; i++) {
		const struct store_record *r = m->v[m->order[i]]->record;

		if (r->path.n > LIMIT_PATH || r->bytes.n > LIMIT_STORE_RECORD)
			return err_set(e, ERR_LIMIT, "a record of %zu bytes with a path of %zu", r->bytes.n,
			    r->path.n);
		if (r->digest.alg != DIGEST_NONE && entry_digest_head(&r->digest, &m->heads[i][0]) != 0)
			return err_set(e, ERR_FORMAT, "a digest of %u bytes", r->digest.size);
		if (r->path.n != 0)
			rc = entry_path_head(r->path, &m->heads[i][1], e);
		if (rc == 0 && r->key_id.n != 0 && !span_eq(r->key_id, last))
			rc = signer_of(s, last = r->key_id, &number, e);
		m->signers[i] = r->key_id.n == 0 ? 0 : number;
	}
	return rc;
}

static int
in_order(const void *a, const void *b, void *ctx)
{
	const struct missing *m = ctx;
	const size_t *x = a, *y = b;

	return (m->v[*x] > m->v[*y]) - (m->v[*x] < m->v[*y]);
}

static int
make_new(struct store *s, struct missing *m, struct arena *a, struct err *e)
{
	struct db_many add = { .ctx = m, .fill = fill_new, .row = made_number };
	struct db_many again = { .n = m->n, .ctx = m, .fill = fill_key, .row = take_number };
	int rc;

	m->order = arena_array(a, m->n, sizeof(*m->order));
	m->signers = arena_array(a, m->n, sizeof(*m->signers));
	m->heads = arena_array(a, m->n, sizeof(*m->heads));
	if (m->order == NULL || m->signers == NULL || m->heads == NULL)
		return arena_err(a, e);
	for (size_t i = 0; i < m->n; i++)
		if (!same_key(m, i) && m->v[i]->number == 0)
			m->order[m->to_make++] = i;
	/* As they came: numbers of one list are then near each other. */
	qsort_r(m->order, m->to_make, sizeof(*m->order), in_order, m);
	if ((rc = prepare_new(s, m, e)) != 0)
		return rc;
	add.n = m->to_make;
	if ((rc = db_many(s->db, Q_ENTRY_ADD, &add, e)) != 0)
		return rc;
	/* Another server may have made some of them meanwhile. */
	return db_many(s->db, Q_ENTRY_NUMBER, &again, e);
}

static int
look_up(struct store *s, struct missing *m, struct arena *a, struct err *e)
{
	struct db_many get = { .n = m->n, .ctx = m, .fill = fill_key, .row = take_number };
	bool all = true;
	int rc;

	qsort(m->v, m->n, sizeof(*m->v), by_key);
	if ((rc = db_many(s->db, Q_ENTRY_NUMBER, &get, e)) != 0)
		return rc;
	for (size_t i = 0; i < m->n; i++)
		all = all && (same_key(m, i) || m->v[i]->number != 0);
	if (!all && (rc = make_new(s, m, a, e)) != 0)
		return rc;
	for (size_t i = 0; i < m->n; i++) {
		if (same_key(m, i)) {
			m->v[i]->number = m->v[i - 1]->number;
			/* Twice in one list: still this host's. */
			m->v[i]->made = m->v[i - 1]->made && m->v[i]->host == m->v[i - 1]->host;
		}
		if (m->v[i]->number == 0)
			return err_set(e, ERR_STORE, "an entry that was stored is not there");
		entry_cache_put(&s->cache, s->db->generation, m->v[i]->record->key, m->v[i]->number);
	}
	return 0;
}

int
entry_resolve(struct store *s, struct entry_want *v, size_t n, int64_t now, struct err *e)
{
	ARENA_AUTO struct arena a = arena_init(LIMIT_STORE_SCRATCH);
	struct missing m = { .now = now };

	for (size_t i = 0; i < n; i++) {
		v[i].number = entry_cache_get(&s->cache, s->db->generation, v[i].record->key);
		m.n += v[i].number == 0;
	}
	if (m.n == 0)
		return 0;
	if ((m.v = arena_array(&a, m.n, sizeof(*m.v))) == NULL)
		return arena_err(&a, e);
	for (size_t i = 0, k = 0; i < n; i++)
		if (v[i].number == 0)
			m.v[k++] = &v[i];
	return look_up(s, &m, &a, e);
}

struct known { const uint8_t (*keys)[32]; uint64_t *numbers; };

static bool
known_fill(void *ctx, size_t item, struct db_value *params)
{
	const struct known *k = ctx;

	if (k->numbers[item] != 0)
		return false;
	params[0] = db_bytes(span_of(k->keys[item], 32));
	return true;
}

static int
known_row(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	(void)n;
	(void)e;
	((struct known *)ctx)->numbers[item] = (uint64_t)row[0].i;
	return 0;
}

int
store_entries_known(struct store *s, const uint8_t (*keys)[32], size_t n, uint64_t *numbers,
    struct err *e)
{
	struct known k = { .keys = keys, .numbers = numbers };
	struct db_many get = { .n = n, .ctx = &k, .fill = known_fill, .row = known_row };

	for (size_t i = 0; i < n; i++)
		numbers[i] = entry_cache_get(&s->cache, s->db->generation, keys[i]);
	return db_many(s->db, Q_ENTRY_NUMBER, &get, e);
}

void
entry_decode(struct row *r, void *out)
{
	struct store_entry *v = out;
	struct store_record *rec = &v->record;
	enum digest_alg alg = DIGEST_NONE;
	struct span digest;
	int64_t ima;

	v->number = row_u64(r);
	row_copy(r, rec->key, sizeof(rec->key));
	v->first_seen = row_int(r);
	v->first_host = (uint32_t)row_int(r);
	ima = row_int(r);
	if (ima >= 0)
		alg = digest_alg_by_ima((unsigned)ima);
	digest = row_borrow(r);
	rec->digest = (struct digest){ 0 };
	if (ima >= 0 && (alg == DIGEST_NONE || !digest_make(alg, digest, &rec->digest)))
		r->bad = true;
	rec->path = row_bytes(r);
	rec->bytes = row_bytes(r);
	if (row_null(r))
		r->at++;
	else
		rec->key_id = row_bytes(r);
}
