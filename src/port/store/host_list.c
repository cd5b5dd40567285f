/* Pages of hosts.  Each order has its own statement, because the index decides. */
#include "port/store/handle.h"
#include "port/store/host_rows.h"

/* The first name behind all that begin with a prefix; empty if there is none. */
static bool
behind_prefix(struct span prefix, uint8_t *out, size_t *n)
{
	size_t k = prefix.n;

	while (k != 0 && prefix.p[k - 1] == 0xff)
		k--;
	if (k == 0)
		return false;
	memcpy(out, prefix.p, k);
	out[k - 1]++;
	*n = k;
	return true;
}

static enum query
by_name(const struct store_host_filter *f, const struct store_host_cursor *c,
    uint8_t *end, struct db_value *params)
{
	bool first = c->number == 0;
	size_t n;

	/* The first page begins at the name itself: number 0 is before all. */
	params[4] = db_bytes(first ? f->name : c->name);
	params[5] = db_int(c->number);
	if (f->name.n == 0)
		return Q_HOST_LIST_NAME;
	if (!f->name_prefix) {		/* the next name there can be */
		memcpy(end, f->name.p, f->name.n);
		end[f->name.n] = 0;
		params[6] = db_bytes(span_of(end, f->name.n + 1));
		return Q_HOST_LIST_PREFIX;
	}
	if (!behind_prefix(f->name, end, &n))
		return Q_HOST_LIST_NAME;
	params[6] = db_bytes(span_of(end, n));
	return Q_HOST_LIST_PREFIX;
}

static enum query
order(const struct store_host_filter *f, const struct store_host_cursor *c, uint8_t *end,
    struct db_value *params)
{
	params[4] = db_int(c->number);
	if (f->label.n != 0) {
		params[5] = db_bytes(f->label);
		params[6] = db_bytes(f->label_value);
		return Q_HOST_LIST_LABEL;
	}
	if (f->name.n != 0)
		return by_name(f, c, end, params);
	if (f->verdict >= 0)
		return Q_HOST_LIST_VERDICT;
	return f->by_number || f->due_before != 0 ? Q_HOST_LIST_NUMBER : by_name(f, c, end, params);
}

int
store_host_list(struct store *s, const struct store_host_filter *f, struct store_host_cursor *c,
    size_t max, struct arena *a, struct store_host **v, size_t *n, struct err *e)
{
	struct many m = { .a = a, .decode = host_decode, .size = sizeof(struct store_host) };
	uint8_t end[LIMIT_STORE_NAME + 1];
	struct db_value params[7] = { db_int((uint64_t)(int64_t)f->verdict),
		db_int((uint64_t)(int64_t)f->registration), db_int((uint64_t)f->due_before),
		db_int(rows_page(max)) };
	enum query q;
	int rc = rows_name("a host's name", f->name, e);

	if (rc != 0)
		return rc;
	q = order(f, c, end, params);
	if ((rc = rows_many(s->db, q, params, &m, e)) != 0)
		return rc;
	*v = m.v;
	*n = m.n;
	c->more = m.n != 0 && m.n == rows_page(max);
	if (m.n != 0) {
		c->number = (*v)[m.n - 1].number;
		c->name = (*v)[m.n - 1].name;
	}
	return 0;
}
