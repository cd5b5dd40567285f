/* Principals, leases, settings. */
#include "port/store/handle.h"

static void
principal_decode(struct row *r, void *out)
{
	struct store_principal *v = out;

	v->number = row_u64(r);
	v->made = row_int(r);
	v->expires = row_int(r);
	v->revoked = row_int(r);
	v->digest = row_bytes(r);
	v->name = row_bytes(r);
	v->kind = row_bytes(r);
	v->role = row_bytes(r);
	v->who = row_bytes(r);
}

int
store_principal_add(struct store *s, struct store_principal *v, struct err *e)
{
	struct db_value params[] = { db_int((uint64_t)v->made), db_int((uint64_t)v->expires),
		db_bytes(v->digest), db_bytes(v->name), db_bytes(v->kind), db_bytes(v->role),
		db_bytes(v->who) };
	int64_t number = 0;
	int rc = rows_name("the digest of a principal", v->digest, e);

	/* An empty one would be everybody's. */
	if (rc == 0 && v->digest.n < 32)
		rc = err_set(e, ERR_FORMAT, "the digest of a principal has %zu bytes, not 32 or more", v->digest.n);
	if (rc == 0)
		rc = db_number(s->db, Q_PRINCIPAL_ADD, params, &number, e);
	if (rc == 0 && number == 0)
		return err_set(e, ERR_DUPLICATE, "this token or certificate is stored already");
	if (rc == 0)
		v->number = (uint64_t)number;
	return rc;
}

int
store_principal_by_digest(struct store *s, struct span digest, struct arena *a,
    struct store_principal *v, struct err *e)
{
	struct store_principal got = { 0 };
	struct one o = { .a = a, .decode = principal_decode, .out = &got };
	struct db_value key = db_bytes(digest);
	int rc = rows_one(s->db, Q_PRINCIPAL_GET, &key, &o, e);

	if (rc == ERR_NOT_FOUND)
		return err_set(e, rc, "there is no such principal");
	if (rc == 0)
		*v = got;
	return rc;
}

int
store_principals(struct store *s, struct arena *a, struct store_principal **v, size_t *n,
    struct err *e)
{
	struct many m = { .a = a, .decode = principal_decode, .size = sizeof(**v) };
	int rc = rows_many(s->db, Q_PRINCIPAL_LIST, NULL, &m, e);

	if (rc == 0) {
		*v = m.v;
		*n = m.n;
	}
	return rc;
}

int
store_principal_revoke(struct store *s, uint64_t number, int64_t now, struct err *e)
{
	struct db_value params[] = { db_int(number), db_int((uint64_t)now) };
	uint64_t changed = 0;
	int rc = db_run(s->db, Q_PRINCIPAL_REVOKE, params, NULL, NULL, &changed, e);

	if (rc == 0 && changed == 0)
		return err_set(e, ERR_NOT_FOUND, "there is no principal %llu that is not revoked",
		    (unsigned long long)number);
	return rc;
}

/* -- leases ------------------------------------------------------------------------------ */

struct leasing {
	struct span owner;
	const uint32_t *shards;
	int64_t ms;
	bool *got;
};

static bool
fill_lease(void *ctx, size_t item, struct db_value *params)
{
	const struct leasing *l = ctx;

	params[0] = db_int(l->shards[item]);
	params[1] = db_bytes(l->owner);
	params[2] = db_int((uint64_t)l->ms);
	return true;
}

static int
lease_taken(void *ctx, size_t item, uint64_t changed, struct err *e)
{
	(void)e;
	((struct leasing *)ctx)->got[item] = changed == 1;
	return 0;
}

static int
shards_check(const uint32_t *shards, size_t n, bool *got, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (shards[i] >= STORE_SHARDS)
			return err_set(e, ERR_RANGE, "shard %u; there are %u", shards[i], STORE_SHARDS);
		if (got != NULL)
			got[i] = false;		/* an error is no lease */
	}
	return 0;
}

int
store_lease_take(struct store *s, struct span owner, const uint32_t *shards, size_t n, int64_t ms,
    bool *got, struct err *e)
{
	struct leasing l = { .owner = owner, .shards = shards, .ms = ms, .got = got };
	struct db_many take = { .n = n, .ctx = &l, .fill = fill_lease, .done = lease_taken };
	struct db_scope sc;
	int rc = shards_check(shards, n, got, e);

	if (rc != 0 || (rc = db_scope_open(s->db, &sc, e)) != 0)
		return rc;
	rc = db_scope_close(&sc, db_many(s->db, Q_LEASE_TAKE, &take, e), e);
	for (size_t i = 0; i < n && rc != 0; i++)
		got[i] = false;
	return rc;
}

static int
lease_left(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	(void)item;
	(void)n;
	(void)e;
	*(int64_t *)ctx = row[0].i;
	return 0;
}

int
store_lease_hold(struct store *s, struct span owner, uint32_t shard, struct err *e)
{
	struct db_value params[] = { db_int(shard), db_bytes(owner) };
	int64_t left = 0;
	int rc = db_run(s->db, Q_LEASE_HOLD, params, lease_left, &left, NULL, e);

	return rc != 0 || left > 0 ? rc : err_set(e, ERR_CONFLICT, "shard %u is leased to another", shard);
}

int
store_lease_release(struct store *s, struct span owner, const uint32_t *shards, size_t n,
    struct err *e)
{
	struct leasing l = { .owner = owner, .shards = shards };
	struct db_many give = { .n = n, .ctx = &l, .fill = fill_lease };
	struct db_scope sc;
	int rc = shards_check(shards, n, NULL, e);

	if (rc != 0 || (rc = db_scope_open(s->db, &sc, e)) != 0)
		return rc;
	return db_scope_close(&sc, db_many(s->db, Q_LEASE_RELEASE, &give, e), e);
}

static void
lease_decode(struct row *r, void *out)
{
	struct store_lease *v = out;

	v->shard = (uint32_t)row_int(r);
	v->owner = row_bytes(r);
	v->until = row_int(r);
}

int
store_leases(struct store *s, struct arena *a, struct store_lease **v, size_t *n, int64_t *now,
    struct err *e)
{
	struct many m = { .a = a, .decode = lease_decode, .size = sizeof(**v) };
	int64_t t = 0;
	int rc;

	if ((rc = store_now(s, &t, e)) != 0 || (rc = rows_many(s->db, Q_LEASE_LIST, NULL, &m, e)) != 0)
		return rc;
	*v = m.v;
	*n = m.n;
	*now = t;
	return 0;
}

/* -- settings ---------------------------------------------------------------------------- */

static void
value_decode(struct row *r, void *out)
{
	*(struct span *)out = row_bytes(r);
}

int
store_setting_get(struct store *s, struct span name, struct arena *a, struct span *value,
    struct err *e)
{
	struct span got = { 0 };
	struct one o = { .a = a, .decode = value_decode, .out = &got };
	struct db_value key = db_bytes(name);
	int rc = rows_one(s->db, Q_SETTING_GET, &key, &o, e);

	if (rc == ERR_NOT_FOUND)
		return err_set(e, rc, "there is no setting \"%.*s\"", (int)name.n, (const char *)name.p);
	if (rc == 0)
		*value = got;
	return rc;
}

static int
put(struct store *s, enum query q, struct span name, struct span value, uint64_t *changed,
    struct err *e)
{
	struct db_value params[] = { db_bytes(name), db_bytes(value) };
	int rc = rows_name("the name of a setting", name, e);

	return rc != 0 ? rc : db_run(s->db, q, params, NULL, NULL, changed, e);
}

int
store_setting_put(struct store *s, struct span name, struct span value, struct err *e)
{
	return put(s, Q_SETTING_PUT, name, value, NULL, e);
}

int
store_setting_add(struct store *s, struct span name, struct span value, struct err *e)
{
	uint64_t changed = 0;
	int rc = put(s, Q_SETTING_ADD, name, value, &changed, e);

	if (rc == 0 && changed == 0)
		return err_set(e, ERR_DUPLICATE, "the setting \"%.*s\" is made already", (int)name.n,
		    (const char *)name.p);
	return rc;
}

int
store_setting_swap(struct store *s, struct span name, struct span from, struct span to, struct err *e)
{
	struct db_value params[] = { db_bytes(name), db_bytes(from), db_bytes(to) };
	uint64_t changed = 0;
	int rc = db_run(s->db, Q_SETTING_SWAP, params, NULL, NULL, &changed, e);

	if (rc == 0 && changed == 0)
		return err_set(e, ERR_CONFLICT, "the setting \"%.*s\" is another already", (int)name.n,
		    (const char *)name.p);
	return rc;
}

int
store_setting_delete(struct store *s, struct span name, struct err *e)
{
	struct db_value key = db_bytes(name);

	return db_run(s->db, Q_SETTING_DELETE, &key, NULL, NULL, NULL, e);
}
