/* Registrations that wait for their proof. */
#include "port/store/handle.h"

int
store_enrolment_add(struct store *s, const struct store_enrolment *v, uint64_t max_pending,
    int64_t now, struct err *e)
{
	struct db_value expired = db_int((uint64_t)now);
	struct db_value params[] = { db_bytes(span_of(v->token, sizeof(v->token))),
		db_int((uint64_t)v->made), db_int((uint64_t)v->expires), db_bytes(span_str(v->host_id)),
		db_bytes(v->trust_mode), db_bytes(v->ek_public), db_bytes(v->ek_certs),
		db_bytes(v->ak_public), db_bytes(v->ak_name), db_bytes(v->csr), db_bytes(v->facts),
		db_bytes(v->secret), db_bytes(v->detail) };
	struct db_scope sc;
	uint64_t changed = 0;
	int64_t n = 0;
	int rc = db_scope_open(s->db, &sc, e);

	if (rc != 0)
		return rc;
	if ((rc = db_run(s->db, Q_ENROLMENT_EXPIRE, &expired, NULL, NULL, NULL, e)) == 0 &&
	    (rc = db_number(s->db, Q_ENROLMENT_COUNT, NULL, &n, e)) == 0 && (uint64_t)n >= max_pending)
		rc = err_set(e, ERR_LIMIT, "%lld registrations wait for their proof already", (long long)n);
	if (rc == 0 && (rc = db_run(s->db, Q_ENROLMENT_ADD, params, NULL, NULL, &changed, e)) == 0 &&
	    changed == 0)
		rc = err_set(e, ERR_DUPLICATE, "there is a registration of this token");
	return db_scope_close(&sc, rc, e);
}

static void
enrolment_decode(struct row *r, void *out)
{
	struct store_enrolment *v = out;
	struct span id;

	row_copy(r, v->token, sizeof(v->token));
	v->made = row_int(r);
	v->expires = row_int(r);
	id = row_borrow(r);
	if (id.n > STORE_HOST_ID)
		r->bad = true;
	else if (id.n != 0)
		memcpy(v->host_id, id.p, id.n);
	v->trust_mode = row_bytes(r);
	v->ek_public = row_bytes(r);
	v->ek_certs = row_bytes(r);
	v->ak_public = row_bytes(r);
	v->ak_name = row_bytes(r);
	v->csr = row_bytes(r);
	v->facts = row_bytes(r);
	v->secret = row_bytes(r);
	v->detail = row_bytes(r);
}

int
store_enrolment_take(struct store *s, const uint8_t token[16], int64_t now, struct arena *a,
    struct store_enrolment *v, struct err *e)
{
	struct store_enrolment got = { 0 };
	struct one o = { .a = a, .decode = enrolment_decode, .out = &got };
	struct db_value key = db_bytes(span_of(token, 16));
	int rc = rows_one(s->db, Q_ENROLMENT_TAKE, &key, &o, e);

	if (rc == ERR_NOT_FOUND || (rc == 0 && got.expires <= now))
		return err_set(e, ERR_NOT_FOUND, "no registration waits under this token, or no longer");
	if (rc == 0)
		*v = got;
	return rc;
}
