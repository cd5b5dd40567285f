/* Policies, sets of them, and which hosts they are for: nothing is ever overwritten. */
#include "port/store/handle.h"

static void
policy_decode(struct row *r, void *out)
{
	struct store_policy *v = out;

	v->name = row_bytes(r);
	v->version = row_bytes(r);
	v->at = row_int(r);
	v->size = row_u64(r);
	v->signers = row_bytes(r);
	v->note = row_bytes(r);
	v->who = row_bytes(r);
}

static void
policy_whole(struct row *r, void *out)
{
	policy_decode(r, out);
	((struct store_policy *)out)->document = row_bytes(r);
}

int
store_policy_add(struct store *s, const struct store_policy *v, struct err *e)
{
	struct db_value params[] = { db_bytes(v->name), db_bytes(v->version), db_int((uint64_t)v->at),
		db_int(v->document.n), db_bytes(v->signers), db_bytes(v->note), db_bytes(v->who),
		db_bytes(v->document) };
	uint64_t changed = 0;
	int rc = rows_name("a policy's name", v->name, e);

	if (rc == 0)
		rc = rows_name("a policy's version", v->version, e);
	if (rc == 0 && v->document.n > LIMIT_STORE_BLOB)
		rc = err_set(e, ERR_LIMIT, "a policy of %zu bytes; at most %zu are stored", v->document.n,
		    (size_t)LIMIT_STORE_BLOB);
	if (rc == 0)
		rc = db_run(s->db, Q_POLICY_ADD, params, NULL, NULL, &changed, e);
	if (rc == 0 && changed == 0)
		return err_set(e, ERR_DUPLICATE, "this version of the policy is stored already");
	return rc;
}

int
store_policy_get(struct store *s, struct span name, struct span version, struct arena *a,
    struct store_policy *v, struct err *e)
{
	struct store_policy got = { 0 };
	struct one o = { .a = a, .decode = policy_whole, .out = &got };
	struct db_value params[] = { db_bytes(name), db_bytes(version) };
	int rc = rows_one(s->db, version.n == 0 ? Q_POLICY_NEWEST : Q_POLICY_GET, params, &o, e);

	if (rc == ERR_NOT_FOUND)
		return err_set(e, rc, "there is no such policy, or not this version");
	if (rc == 0)
		*v = got;
	return rc;
}

int
store_policies(struct store *s, struct span name, struct arena *a, struct store_policy **v,
    size_t *n, struct err *e)
{
	struct many m = { .a = a, .decode = policy_decode, .size = sizeof(**v) };
	struct db_value key = db_bytes(name);
	int rc = rows_many(s->db, name.n == 0 ? Q_POLICY_LIST : Q_POLICY_LIST_NAME, &key, &m, e);

	if (rc == 0) {
		*v = m.v;
		*n = m.n;
	}
	return rc;
}

static void
set_decode(struct row *r, void *out)
{
	struct store_policy_set *v = out;

	v->name = row_bytes(r);
	v->version = row_bytes(r);
	v->at = row_int(r);
	v->members = row_bytes(r);
	v->note = row_bytes(r);
	v->who = row_bytes(r);
}

int
store_policy_set_add(struct store *s, const struct store_policy_set *v, struct err *e)
{
	struct db_value params[] = { db_bytes(v->name), db_bytes(v->version), db_int((uint64_t)v->at),
		db_bytes(v->members), db_bytes(v->note), db_bytes(v->who) };
	uint64_t changed = 0;
	int rc = rows_name("a policy set's name", v->name, e);

	if (rc == 0)
		rc = rows_name("a policy set's version", v->version, e);
	if (rc == 0)
		rc = db_run(s->db, Q_SET_ADD, params, NULL, NULL, &changed, e);
	if (rc == 0 && changed == 0)
		return err_set(e, ERR_DUPLICATE, "this version of the policy set is stored already");
	return rc;
}

int
store_policy_set_get(struct store *s, struct span name, struct span version, struct arena *a,
    struct store_policy_set *v, struct err *e)
{
	struct store_policy_set got = { 0 };
	struct one o = { .a = a, .decode = set_decode, .out = &got };
	struct db_value params[] = { db_bytes(name), db_bytes(version) };
	int rc = rows_one(s->db, version.n == 0 ? Q_SET_NEWEST : Q_SET_GET, params, &o, e);

	if (rc == ERR_NOT_FOUND)
		return err_set(e, rc, "there is no such policy set, or not this version");
	if (rc == 0)
		*v = got;
	return rc;
}

int
store_policy_sets(struct store *s, struct arena *a, struct store_policy_set **v, size_t *n,
    struct err *e)
{
	struct many m = { .a = a, .decode = set_decode, .size = sizeof(**v) };
	int rc = rows_many(s->db, Q_SET_LIST, NULL, &m, e);

	if (rc == 0) {
		*v = m.v;
		*n = m.n;
	}
	return rc;
}

static void
assignment_decode(struct row *r, void *out)
{
	struct store_assignment *v = out;

	v->number = row_u64(r);
	v->rank = row_int(r);
	v->began = row_int(r);
	v->ended = row_int(r);
	v->holds_until = row_int(r);
	v->selector = row_bytes(r);
	v->set = row_bytes(r);
	v->version = row_bytes(r);
	v->who = row_bytes(r);
	v->ended_by = row_bytes(r);
}

int
store_assign(struct store *s, struct store_assignment *v, int64_t overlap_until, struct err *e)
{
	struct db_value end[] = { db_bytes(v->selector), db_int((uint64_t)v->rank),
		db_int((uint64_t)v->began), db_bytes(v->who), db_int((uint64_t)overlap_until) };
	struct db_value cut[] = { db_bytes(v->selector), db_int((uint64_t)v->rank),
		db_int((uint64_t)(overlap_until > v->began ? overlap_until : v->began)) };
	struct db_value add[] = { db_int((uint64_t)v->rank), db_int((uint64_t)v->began),
		db_bytes(v->selector), db_bytes(v->set), db_bytes(v->version), db_bytes(v->who) };
	struct db_scope sc;
	int64_t number = 0;
	int rc = db_scope_open(s->db, &sc, e);

	if (rc != 0)
		return rc;
	if ((rc = db_run(s->db, Q_ASSIGN_CUT, cut, NULL, NULL, NULL, e)) == 0 &&
	    (rc = db_run(s->db, Q_ASSIGN_END_SAME, end, NULL, NULL, NULL, e)) == 0)
		rc = db_number(s->db, Q_ASSIGN_ADD, add, &number, e);
	if ((rc = db_scope_close(&sc, rc, e)) == 0)
		v->number = (uint64_t)number;
	return rc;
}

int
store_unassign(struct store *s, uint64_t number, struct span who, int64_t now,
    int64_t overlap_until, struct err *e)
{
	struct db_value params[] = { db_int(number), db_int((uint64_t)now), db_bytes(who),
		db_int((uint64_t)overlap_until) };
	uint64_t changed = 0;
	int rc = db_run(s->db, Q_ASSIGN_END, params, NULL, NULL, &changed, e);

	if (rc == 0 && changed == 0)
		return err_set(e, ERR_NOT_FOUND, "there is no assignment %llu that holds",
		    (unsigned long long)number);
	return rc;
}

int
store_assignments(struct store *s, int64_t at, struct arena *a, struct store_assignment **v,
    size_t *n, struct err *e)
{
	struct many m = { .a = a, .decode = assignment_decode, .size = sizeof(**v) };
	struct db_value key = db_int((uint64_t)at);
	int rc = rows_many(s->db, Q_ASSIGN_LIST, &key, &m, e);

	if (rc == 0) {
		*v = m.v;
		*n = m.n;
	}
	return rc;
}
