/* Hosts: reading one, changing what changes seldom, counting. */
#include "base/json.h"
#include "port/store/handle.h"
#include "port/store/host_rows.h"

static void
state_decode(struct row *r, struct store_host *h)
{
	struct store_state *st = &h->state;
	struct span tail;

	h->revision = row_u64(r);
	st->verdict = h->stored_verdict = (uint8_t)row_int(r);
	st->verdict_since = row_int(r);
	st->valid_until = row_int(r);
	st->last_seen = row_int(r);
	st->next_due = row_int(r);
	st->entries = row_u64(r);
	st->findings = row_u64(r);
	st->nonce_expires = row_int(r);
	h->boot = row_u64(r);
	h->count = row_u64(r);
	h->tail_first = row_u64(r);
	h->tail_at = row_int(r);
	h->tail_last = row_int(r);
	h->tail_n = (uint32_t)row_int(r);
	h->boot_id = row_bytes(r);
	tail = row_borrow(r);
	if (tail.n > STORE_TAIL)
		r->bad = true;
	else if (tail.n != 0)
		memcpy(h->tail, tail.p, tail.n);
	h->tail_size = (uint16_t)tail.n;
	st->policy_set = row_bytes(r);
	st->policy = row_bytes(r);
	st->nonce = row_bytes(r);
	st->resume = row_bytes(r);
	st->detail = row_bytes(r);
}

void
host_decode(struct row *r, void *out)
{
	struct store_host *h = out;
	int64_t registration;

	h->number = (uint32_t)row_int(r);
	row_copy(r, h->id, STORE_HOST_ID);
	h->id[STORE_HOST_ID] = '\0';
	h->name = row_bytes(r);
	registration = row_int(r);
	if (registration < STORE_PENDING || registration > STORE_FORGOTTEN)
		r->bad = true;
	h->registration = (enum store_registration)registration;
	h->made = row_int(r);
	h->identity = row_u64(r);
	h->labels = row_bytes(r);
	h->facts = row_bytes(r);
	h->facts_at = row_int(r);
	h->trust_mode = row_bytes(r);
	state_decode(r, h);
}

void
certificate_decode(struct row *r, void *out)
{
	struct store_certificate *c = out;

	row_copy(r, c->sha256, sizeof(c->sha256));
	c->host = (uint32_t)row_int(r);
	c->identity = row_u64(r);
	c->issued = row_int(r);
	c->expires = row_int(r);
	c->revoked = row_int(r);
}

/* Outputs stay as they are unless there is a row. */
static int
get_host(struct store *s, enum query q, const struct db_value *key, struct arena *a,
    struct store_host *out, struct err *e)
{
	struct store_host h = { 0 };
	struct one o = { .a = a, .decode = host_decode, .out = &h };
	int rc = rows_one(s->db, q, key, &o, e);

	if (rc == 0)
		*out = h;
	return rc;
}

int
store_host_by_id(struct store *s, const char *id, struct arena *a, struct store_host *h,
    struct err *e)
{
	struct db_value key = db_bytes(span_str(id));
	int rc = get_host(s, Q_HOST_BY_ID, &key, a, h, e);

	return rc == ERR_NOT_FOUND ? err_set(e, rc, "there is no host %.64s", id) : rc;
}

int
store_host_by_number(struct store *s, uint32_t number, struct arena *a, struct store_host *h,
    struct err *e)
{
	struct db_value key = db_int(number);
	int rc = get_host(s, Q_HOST_BY_NUMBER, &key, a, h, e);

	return rc == ERR_NOT_FOUND ? err_set(e, rc, "there is no host of number %u", number) : rc;
}

struct by_cert { struct store_host host; struct store_certificate cert; };

static void
by_cert_decode(struct row *r, void *out)
{
	struct by_cert *b = out;

	host_decode(r, &b->host);
	certificate_decode(r, &b->cert);
}

int
store_host_by_cert(struct store *s, const uint8_t sha256[32], struct arena *a, struct store_host *h,
    struct store_certificate *c, struct err *e)
{
	struct by_cert got = { 0 };
	struct one o = { .a = a, .decode = by_cert_decode, .out = &got };
	struct db_value key = db_bytes(span_of(sha256, 32));
	int rc = rows_one(s->db, Q_HOST_BY_CERT, &key, &o, e);

	if (rc == ERR_NOT_FOUND)
		return err_set(e, rc, "no host has this client certificate");
	if (rc == 0) {
		*h = got.host;
		*c = got.cert;
	}
	return rc;
}

int
state_check(const struct store_state *st, struct err *e)
{
	if (st->verdict >= STORE_VERDICTS)
		return err_set(e, ERR_RANGE, "verdict %u", st->verdict);
	return rows_name("the name of a policy set", st->policy_set, e);
}

int
host_text_check(const struct store_host *h, struct err *e)
{
	JSON_AUTO json_t *j = NULL;
	const char *key;
	json_t *v;
	int rc;

	if ((rc = rows_name("a host's name", h->name, e)) != 0)
		return rc;
	if (h->labels.n == 0)
		return 0;
	if ((rc = json_parse(h->labels, LIMIT_SMALL_FILE, &j, e)) != 0)
		return err_ctx(e, rc, "labels of a host");
	if (!json_is_object(j))
		return err_set(e, ERR_FORMAT, "the labels of a host are not a JSON object");
	json_object_foreach(j, key, v) {
		if (!json_is_string(v))
			return err_set(e, ERR_FORMAT, "the label \"%.100s\" is not a string", key);
		if ((rc = rows_name("a label", span_str(key), e)) != 0 ||
		    (rc = rows_name("a label's value", json_string_span(v), e)) != 0)
			return rc;
	}
	return 0;
}

int
labels_write(struct store *s, uint32_t number, struct span labels, bool replace, struct err *e)
{
	struct db_value params[3] = { [0] = db_int(number) };
	JSON_AUTO json_t *j = NULL;
	const char *key;
	json_t *v;
	int rc = 0;

	if (replace)
		rc = db_run(s->db, Q_LABEL_DELETE, params, NULL, NULL, NULL, e);
	if (rc != 0 || labels.n == 0)
		return rc;
	if ((rc = json_parse(labels, LIMIT_SMALL_FILE, &j, e)) != 0)
		return rc;
	params[2] = db_int(number);
	json_object_foreach(j, key, v) {
		params[0] = db_bytes(span_str(key));
		params[1] = db_bytes(json_string_span(v));
		if ((rc = db_run(s->db, Q_LABEL_ADD, params, NULL, NULL, NULL, e)) != 0)
			return rc;
	}
	return 0;
}

int
store_host_update(struct store *s, struct store_host *h, struct err *e)
{
	struct db_value touch[] = { db_int(h->number), db_int(h->revision), db_int(h->registration) };
	struct db_value params[] = { db_int(h->number), db_bytes(h->name), db_bytes(h->labels),
		db_bytes(h->facts), db_int((uint64_t)h->facts_at) };
	struct db_scope sc;
	uint64_t changed = 0;
	int rc = host_text_check(h, e);

	if (rc != 0 || (rc = db_scope_open(s->db, &sc, e)) != 0)
		return rc;
	rc = db_run(s->db, Q_STATE_TOUCH, touch, NULL, NULL, &changed, e);
	if (rc == 0 && changed == 0)
		rc = err_set(e, ERR_CONFLICT, "host %s was changed meanwhile", h->id);
	if (rc == 0)
		rc = db_run(s->db, Q_HOST_UPDATE, params, NULL, NULL, NULL, e);
	if (rc == 0)
		rc = labels_write(s, h->number, h->labels, true, e);
	if ((rc = db_scope_close(&sc, rc, e)) == 0)
		h->revision++;
	return rc;
}

static int
count_row(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	struct store_counts *c = ctx;
	uint64_t *const of[] = { [STORE_PENDING] = &c->pending, [STORE_ENROLLED] = &c->enrolled,
		[STORE_REMOVED] = &c->removed, [STORE_FORGOTTEN] = &c->forgotten };

	(void)item;
	if (n != 3 || row[0].i < 0 || row[0].i >= STORE_VERDICTS || row[1].i < 0 || row[1].i > STORE_FORGOTTEN)
		return err_set(e, ERR_STORE, "a count of the database is out of range");
	*of[row[1].i] += (uint64_t)row[2].i;
	if (row[1].i == STORE_ENROLLED)
		c->by_verdict[row[0].i] += (uint64_t)row[2].i;
	return 0;
}

int
store_host_counts(struct store *s, struct store_counts *c, struct err *e)
{
	struct store_counts got = { 0 };
	int rc = db_run(s->db, Q_HOST_COUNT, NULL, count_row, &got, NULL, e);

	if (rc == 0)
		*c = got;
	return rc;
}
