/* Registrations, identities and certificates. */
#include "port/store/handle.h"
#include "port/store/host_rows.h"

static void
identity_decode(struct row *r, void *out)
{
	struct store_identity *v = out;

	v->number = row_u64(r);
	v->host = (uint32_t)row_int(r);
	v->made = row_int(r);
	v->trust_mode = row_bytes(r);
	v->ek_public = row_bytes(r);
	v->ek_certs = row_bytes(r);
	v->ak_public = row_bytes(r);
	v->ak_name = row_bytes(r);
	v->csr = row_bytes(r);
	v->detail = row_bytes(r);
}

static int
get_identity(struct store *s, enum query q, const struct db_value *key, struct arena *a,
    struct store_identity *v, struct err *e)
{
	struct store_identity got = { 0 };
	struct one o = { .a = a, .decode = identity_decode, .out = &got };
	int rc = rows_one(s->db, q, key, &o, e);

	if (rc == ERR_NOT_FOUND)
		return err_set(e, rc, "there is no such identity");
	if (rc == 0)
		*v = got;
	return rc;
}

int
store_identity_get(struct store *s, uint64_t number, struct arena *a, struct store_identity *v,
    struct err *e)
{
	struct db_value key = db_int(number);

	return get_identity(s, Q_IDENTITY_GET, &key, a, v, e);
}

int
store_identity_by_ak(struct store *s, struct span ak_name, struct arena *a,
    struct store_identity *v, struct err *e)
{
	struct db_value key = db_bytes(ak_name);

	return get_identity(s, Q_IDENTITY_AK, &key, a, v, e);
}

int
store_identities(struct store *s, uint32_t host, struct arena *a, struct store_identity **v,
    size_t *n, struct err *e)
{
	struct many m = { .a = a, .decode = identity_decode, .size = sizeof(**v) };
	struct db_value key = db_int(host);
	int rc = rows_many(s->db, Q_IDENTITY_HOST, &key, &m, e);

	if (rc == 0) {
		*v = m.v;
		*n = m.n;
	}
	return rc;
}

/* What would make an enrolment fail half-way is asked first. */
static int
may_enrol(struct store *s, const char *host_id, const struct store_identity *who,
    const struct store_certificate *cert, struct err *e)
{
	struct db_value ak[] = { db_bytes(who->ak_name), db_bytes(span_str(host_id)) };
	struct db_value turn[] = { db_bytes(span_lit("enrol")), db_int(1) };
	int64_t n = 0;
	int rc;

	/* One enrolment at a time, on all servers: two hosts must not bring the same AK. */
	if ((rc = rows_name("the name of an AK", who->ak_name, e)) != 0 ||
	    (rc = db_run(s->db, Q_COUNTER_NEXT, turn, NULL, NULL, NULL, e)) != 0 ||
	    (rc = db_number(s->db, Q_IDENTITY_AK_OTHER, ak, &n, e)) != 0)
		return rc;
	if (who->ak_name.n != 0 && n != 0)
		return err_set(e, ERR_DUPLICATE, "the attestation key of host %s is another host's", host_id);
	if (cert == NULL)
		return 0;

	struct db_value sha256 = db_bytes(span_of(cert->sha256, sizeof(cert->sha256)));

	n = 0;
	if ((rc = db_number(s->db, Q_CERTIFICATE_THERE, &sha256, &n, e)) != 0)
		return rc;
	return n == 0 ? 0 : err_set(e, ERR_DUPLICATE, "this client certificate is stored already");
}

static int
certificate_add(struct store *s, const struct store_certificate *c, uint32_t host,
    uint64_t identity, struct err *e)
{
	struct db_value params[] = { db_bytes(span_of(c->sha256, sizeof(c->sha256))), db_int(host),
		db_int(identity), db_bytes(c->der), db_int((uint64_t)c->issued),
		db_int((uint64_t)c->expires) };
	uint64_t changed = 0;
	int rc = db_run(s->db, Q_CERTIFICATE_ADD, params, NULL, NULL, &changed, e);

	if (rc == 0 && changed == 0)
		return err_set(e, ERR_DUPLICATE, "this client certificate is stored already");
	return rc;
}

static int
certificates_trim(struct store *s, const struct store_certificate *c, uint32_t host, struct err *e)
{
	struct db_value params[] = { db_int(host), db_bytes(span_of(c->sha256, sizeof(c->sha256))),
		db_int(LIMIT_HOST_CERTIFICATES) };

	return db_run(s->db, Q_CERTIFICATE_TRIM, params, NULL, NULL, NULL, e);
}

/* The identity, its certificate, and the host's row referring to it. */
static int
enrol(struct store *s, uint32_t number, const struct store_identity *who,
    const struct store_certificate *cert, uint64_t *identity, struct err *e)
{
	struct db_value params[] = { db_int(number), db_int((uint64_t)who->made),
		db_bytes(who->trust_mode), db_bytes(who->ek_public), db_bytes(who->ek_certs),
		db_bytes(who->ak_public), db_bytes(who->ak_name), db_bytes(who->csr), db_bytes(who->detail) };
	int64_t got = 0;
	int rc = db_number(s->db, Q_IDENTITY_ADD, params, &got, e);

	if (rc == 0 && cert != NULL && (rc = certificate_add(s, cert, number, (uint64_t)got, e)) == 0)
		rc = certificates_trim(s, cert, number, e);
	if (rc != 0)
		return rc;

	struct db_value refer[] = { db_int(number), db_int((uint64_t)got) };
	struct db_value trim[] = { db_int(number), db_int(LIMIT_HOST_IDENTITIES) };

	if ((rc = db_run(s->db, Q_HOST_IDENTITY, refer, NULL, NULL, NULL, e)) == 0 &&
	    (rc = db_run(s->db, Q_IDENTITY_TRIM, trim, NULL, NULL, NULL, e)) == 0)
		*identity = (uint64_t)got;
	return rc;
}

static int
host_rows_add(struct store *s, const struct store_host *h, int64_t *number, struct err *e)
{
	const struct store_state *st = &h->state;
	struct db_value host[] = { db_bytes(span_str(h->id)), db_bytes(h->name),
		db_int((uint64_t)h->made), db_bytes(h->labels), db_bytes(h->facts),
		db_int((uint64_t)h->facts_at) };
	int rc = db_number(s->db, Q_HOST_ADD, host, number, e);

	if (rc != 0)
		return rc;
	if (*number == 0)
		return err_set(e, ERR_DUPLICATE, "there is a host %s already", h->id);
	if (*number > UINT32_MAX)
		return err_set(e, ERR_LIMIT, "more than %u hosts", UINT32_MAX);

	struct db_value state[] = { db_int((uint64_t)*number), db_int(st->verdict),
		db_int((uint64_t)st->verdict_since), db_int((uint64_t)st->valid_until),
		db_int((uint64_t)st->last_seen), db_int((uint64_t)st->next_due), db_int(st->entries),
		db_int(st->findings), db_int((uint64_t)st->nonce_expires), db_bytes(st->policy_set),
		db_bytes(st->policy), db_bytes(st->nonce), db_bytes(st->resume), db_bytes(st->detail),
		db_int(h->registration) };

	return db_run(s->db, Q_STATE_ADD, state, NULL, NULL, NULL, e);
}

int
store_host_add(struct store *s, struct store_host *h, const struct store_identity *who,
    const struct store_certificate *cert, struct err *e)
{
	struct db_scope sc;
	uint64_t identity = 0;
	int64_t number = 0;
	int rc;

	if (strlen(h->id) != STORE_HOST_ID)
		return err_set(e, ERR_FORMAT, "\"%s\" is not the id of a host", h->id);
	if ((rc = host_text_check(h, e)) != 0 || (rc = state_check(&h->state, e)) != 0 ||
	    (rc = db_scope_open(s->db, &sc, e)) != 0)
		return rc;
	if ((rc = may_enrol(s, h->id, who, cert, e)) == 0 &&
	    (rc = host_rows_add(s, h, &number, e)) == 0) {
		sc.wrote = true;
		rc = labels_write(s, (uint32_t)number, h->labels, false, e);
		if (rc == 0)
			rc = enrol(s, (uint32_t)number, who, cert, &identity, e);
	}
	if ((rc = db_scope_close(&sc, rc, e)) != 0)
		return rc;
	h->number = (uint32_t)number;
	h->revision = 1;
	h->identity = identity;
	h->trust_mode = who->trust_mode;
	h->stored_verdict = h->state.verdict;
	h->boot = h->count = 0;
	h->boot_id = (struct span){ 0 };
	h->tail_size = 0;
	h->tail_n = 0;
	return 0;
}

int
store_identity_add(struct store *s, struct store_host *h, const struct store_identity *who,
    const struct store_certificate *cert, struct err *e)
{
	struct db_value touch[] = { db_int(h->number), db_int(h->revision), db_int(h->registration) };
	struct db_scope sc;
	uint64_t changed = 0, identity = 0;
	int rc = db_scope_open(s->db, &sc, e);

	if (rc != 0)
		return rc;
	if ((rc = may_enrol(s, h->id, who, cert, e)) == 0 &&
	    (rc = db_run(s->db, Q_STATE_TOUCH, touch, NULL, NULL, &changed, e)) == 0) {
		sc.wrote = changed != 0;
		rc = changed == 0 ? err_set(e, ERR_CONFLICT, "host %s was changed meanwhile", h->id)
		    : enrol(s, h->number, who, cert, &identity, e);
	}
	if ((rc = db_scope_close(&sc, rc, e)) != 0)
		return rc;
	h->revision++;
	h->identity = identity;
	h->trust_mode = who->trust_mode;
	return 0;
}

int
store_hosts_pending(struct store *s, uint64_t max, uint64_t *n, struct err *e)
{
	struct db_value most = db_int(max);
	int64_t got = 0;
	int rc = db_number(s->db, Q_HOSTS_PENDING, &most, &got, e);

	if (rc == 0)
		*n = (uint64_t)got;
	return rc;
}

int
store_certificates_within(struct store *s, uint32_t host, int64_t since, int64_t until, uint64_t *n,
    struct err *e)
{
	struct db_value params[] = { db_int(host), db_int((uint64_t)since), db_int((uint64_t)until) };
	int64_t got = 0;
	int rc = db_number(s->db, Q_CERTIFICATE_RECENT, params, &got, e);

	if (rc == 0)
		*n = (uint64_t)got;
	return rc;
}

int
store_certificate_add(struct store *s, const struct store_certificate *c, struct err *e)
{
	struct db_value key = db_int(c->identity);
	ARENA_AUTO struct arena a = arena_init(LIMIT_SMALL_FILE * 4);
	struct store_identity who = { 0 };
	struct db_scope sc;
	int rc = get_identity(s, Q_IDENTITY_GET, &key, &a, &who, e);

	if (rc == 0 && who.host != c->host)
		rc = err_set(e, ERR_NOT_FOUND, "identity %llu is not of host %u",
		    (unsigned long long)c->identity, c->host);
	if (rc != 0 || (rc = db_scope_open(s->db, &sc, e)) != 0)
		return rc;
	if ((rc = certificate_add(s, c, c->host, c->identity, e)) == 0) {
		sc.wrote = true;
		rc = certificates_trim(s, c, c->host, e);
	}
	return db_scope_close(&sc, rc, e);
}

int
store_certificate_revoke(struct store *s, const uint8_t sha256[32], int64_t now, struct err *e)
{
	struct db_value params[] = { db_bytes(span_of(sha256, 32)), db_int((uint64_t)now) };
	uint64_t changed = 0;
	int rc = db_run(s->db, Q_CERTIFICATE_REVOKE, params, NULL, NULL, &changed, e);

	if (rc == 0 && changed == 0)
		return err_set(e, ERR_NOT_FOUND, "there is no such certificate that is not revoked");
	return rc;
}

static void
certificate_whole(struct row *r, void *out)
{
	certificate_decode(r, out);
	((struct store_certificate *)out)->der = row_bytes(r);
}

int
store_certificate_get(struct store *s, const uint8_t sha256[32], struct arena *a,
    struct store_certificate *c, struct err *e)
{
	struct store_certificate got = { 0 };
	struct one o = { .a = a, .decode = certificate_whole, .out = &got };
	struct db_value key = db_bytes(span_of(sha256, 32));
	int rc = rows_one(s->db, Q_CERTIFICATE_GET, &key, &o, e);

	if (rc == ERR_NOT_FOUND)
		return err_set(e, rc, "there is no such certificate");
	if (rc == 0)
		*c = got;
	return rc;
}
