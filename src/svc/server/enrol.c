/* POST /v1/agent/enrol and /activate: the rules are engine/enrolment.h's; here they meet the store. */
#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "crypto/digest.h"
#include "formats/attest_message.h"
#include "svc/server/enrol_claims.h"
#include "svc/server/enrol_room.h"
#include "svc/server/server_internal.h"
#include "svc/server/turn.h"

static const struct span *
chain_view(const struct attest_chain *c, size_t *n)
{
	*n = c->n;
	return c->der;
}

/* What the store knows about an EK, and of the device if that is known yet. */
static int
look_up(struct store *s, const char *id, const struct enrol_claims *claims, struct arena *a, struct store_host *h,
    struct enrol_known *k, struct err *e)
{
	struct store_identity who;
	int rc;

	*k = (struct enrol_known){ 0 };
	if ((rc = enrol_claims_look(claims, s, id, a, k, e)) != 0)
		return rc;
	rc = store_host_by_id(s, id, a, h, e);
	if (rc == ERR_NOT_FOUND) {
		*h = (struct store_host){ 0 };
		return 0;
	}
	if (rc == 0 && h->registration == STORE_FORGOTTEN)
		return 0;	/* nothing is known of it but its number */
	if (rc != 0 || (rc = store_identity_get(s, h->identity, a, &who, e)) != 0)
		return rc;
	k->state = h->registration == STORE_PENDING ? IDENTITY_PENDING :
	    h->registration == STORE_ENROLLED ? IDENTITY_ENROLLED : IDENTITY_BLOCKED;
	k->ak = span_from(who.ak_public, 2);	/* kept as a TPM2B */
	return 0;
}

static struct enrol_request
request_of(const struct attest_message *m)
{
	struct enrol_request q = { .keys = { .ek_public = m->s[ATTEST_EK_PUBLIC].bytes,
	    .ak_public = m->s[ATTEST_AK_PUBLIC].bytes }, .csr = m->s[ATTEST_CSR].bytes };

	q.keys.ek_certs = chain_view(&m->ek_chain, &q.keys.n_ek_certs);
	q.keys.iak_certs = chain_view(&m->iak_chain, &q.keys.n_iak_certs);
	q.keys.iak_attest = m->s[ATTEST_IAK_ATTEST].bytes;
	q.keys.iak_signature = m->s[ATTEST_IAK_SIGNATURE].bytes;
	q.keys.csr = q.csr;
	q.keys.idevid_certs = chain_view(&m->idevid_chain, &q.keys.n_idevid_certs);
	return q;
}

/* TPMT_PUBLIC as the TPM2B that commands and quotes' checks take. */
static int
tpm2b(struct span area, struct arena *a, struct span *out, struct err *e)
{
	uint8_t *p = arena_alloc(a, area.n + 2);

	if (p == NULL)
		return arena_err(a, e);
	p[0] = (uint8_t)(area.n >> 8);
	p[1] = (uint8_t)area.n;
	memcpy(p + 2, area.p, area.n);
	*out = span_of(p, area.n + 2);
	return 0;
}

static int
join_chain(const struct attest_chain *c, struct arena *a, struct span *out, struct err *e)
{
	BUF_AUTO struct buf b = buf_init(LIMIT_ATTEST_CHAIN * LIMIT_ATTEST_CERT);

	for (size_t i = 0; i < c->n; i++)
		buf_span(&b, c->der[i]);
	if (!arena_copy(a, buf_view(&b), out))
		return arena_err(a, e);
	return buf_done(&b, e);
}

static int
keep_begun(struct worker *w, struct http_request *r, const struct attest_message *m, const struct enrol_begun *b,
    int64_t now, struct err *e)
{
	struct arena *a = http_request_arena(r);
	BUF_AUTO struct buf record = buf_init(LIMIT_SMALL_FILE);
	struct store_enrolment v = { .made = now, .expires = (int64_t)b->record.expires * 1000,
	    .trust_mode = span_str(trust_mode_token(b->record.mode)), .csr = m->s[ATTEST_CSR].bytes,
	    .facts = m->s[ATTEST_FACTS].bytes };
	int rc;

	memcpy(v.token, b->record.token, sizeof(v.token));
	memcpy(v.host_id, b->record.host_id, sizeof(v.host_id));
	enrolment_write(&b->record, &record);
	v.detail = buf_view(&record);
	if ((rc = buf_done(&record, e)) != 0 || (rc = tpm2b(buf_view(&b->record.ek_area), a, &v.ek_public, e)) != 0 ||
	    (rc = tpm2b(buf_view(&b->record.ak_area), a, &v.ak_public, e)) != 0 ||
	    (rc = join_chain(&m->ek_chain, a, &v.ek_certs, e)) != 0)
		return rc;
	return store_enrolment_add(w->store, &v, LIMIT_ENROL_OPEN, now, e);
}

static int
answer_challenge(struct http_request *r, const struct enrol_begun *b, struct err *e)
{
	struct attest_message m = { .type = ATTEST_CHALLENGE };
	BUF_AUTO struct buf out = buf_init(LIMIT_SMALL_FILE);
	int rc;

	if (!attest_put(&m, ATTEST_ENROLMENT, span_of(b->record.token, sizeof(b->record.token))) ||
	    !attest_put(&m, ATTEST_CREDENTIAL, buf_view(&b->challenge.id_object)) ||
	    !attest_put(&m, ATTEST_SECRET, buf_view(&b->challenge.encrypted_secret)))
		return err_set(e, ERR_INTERNAL, "a challenge with too many parts");
	if ((rc = attest_message_write(&m, &out, e)) != 0)
		return rc;
	http_request_reply(r, &(struct http_answer){ .type = ATTEST_MESSAGE_TYPE, .body = buf_view(&out) });
	return 0;
}

/* The reasons are the operator's to read; the machine is told the one that decided. */
static void
refuse(struct http_request *r, const struct ek_trust *t)
{
	const struct trust_reason *why = ek_trust_refusal(t);
	const char *code = why == NULL ? "none" : trust_code_token(why->code);

	svc_log(LOG_LEVEL_WARNING, "enrolment of %s from %s refused: %s %s", t->host_id[0] == '\0' ? "a machine" :
	    t->host_id, http_request_peer(r)->address, code, why == NULL ? "no trust mode holds" : why->detail);
	http_request_problem(r, 403, "not-trusted", "%s", why == NULL ?
	    "nothing this server trusts vouches for this TPM" : trust_code_text(why->code));
}

static void
refuse_full(struct http_request *r, const char *why)
{
	svc_log(LOG_LEVEL_WARNING, "enrolment from %s refused: %s", http_request_peer(r)->address, why);
	http_request_problem(r, 429, "enrolments", "%s", why);
}

/* Whether a host may have what this enrolment writes; the answer is given if not. */
static int
has_room(struct worker *w, struct http_request *r, const struct store_host *h, bool pending, int64_t now,
    bool *room, struct err *e)
{
	int rc = enrol_room_certificate(w->store, h->number, LIMIT_HOST_ENROLMENTS, now, room, e);

	if (rc == 0 && !*room)
		refuse_full(r, "this host enrolled too often within an hour: try again later");
	if (rc != 0 || !*room || !pending || h->number != 0 || w->settings->approve_first_use)
		return rc;
	if ((rc = enrol_room_pending(w->store, room, e)) == 0 && !*room)
		refuse_full(r, "too many hosts wait for an operator: approve or remove some");
	return rc;
}

static struct enrol_claims
claims_of(const struct enrolment *rec)
{
	return enrol_claims_of(&rec->ek_key, &rec->iak_key, &rec->device);
}

/* ${open}: an enrolment has begun, and holds its place until it ends. */
static int
begin(struct worker *w, struct http_request *r, const struct attest_message *m, size_t place, bool *open,
    struct err *e)
{
	struct enrol_request q = request_of(m);
	ENROL_BEGUN_AUTO struct enrol_begun b = { 0 };
	uint8_t random[ENROL_RANDOM_SIZE];
	char id[HOST_ID_SIZE];
	struct digest ek_key, none = { 0 };
	struct enrol_claims claims;
	struct enrol_known known;
	struct store_host h;
	int64_t now = server_now();
	bool room;
	int rc;

	if ((rc = enrolment_host(&q, id, &ek_key, e)) != 0)
		return rc;
	claims = enrol_claims_of(&ek_key, &none, &none);
	if ((rc = look_up(w->store, id, &claims, http_request_arena(r), &h, &known, e)) != 0 ||
	    (rc = random_bytes(random, sizeof(random), e)) != 0)
		return rc;
	rc = enrolment_begin(&q, &w->settings->trust, &known, (time_t)(now / 1000), random, &b, e);
	explicit_bzero(random, sizeof(random));
	claims = claims_of(&b.record);
	if (rc != 0 || (rc = enrol_claims_look(&claims, w->store, id, http_request_arena(r), &known, e)) != 0)
		return rc;
	enrolment_meet_device(&known, &b);
	if (!b.accepted) {
		refuse(r, &b.trust);
		return 0;
	}
	if ((rc = has_room(w, r, &h, b.record.pending, now, &room, e)) != 0 || !room)
		return rc;
	if ((rc = keep_begun(w, r, m, &b, now, e)) != 0)
		return rc;
	*open = true;
	enrol_gate_name(w->server->enrol_gate, place, b.record.token);
	return answer_challenge(r, &b, e);
}

static int
parse(struct http_request *r, enum attest_type type, struct attest_message *m, struct err *e)
{
	int rc = attest_message_parse(http_request_body(r), m, e);

	if (rc == 0 && m->type != type)
		return err_set(e, ERR_FORMAT, "the message is of type \"%s\", not \"%s\"", attest_type_name(m->type),
		    attest_type_name(type));
	return rc;
}

/* Whether one more may begin; the answer is given if not. */
static bool
admitted(struct enrol_gate *gate, struct http_request *r, size_t *place)
{
	switch (enrol_gate_enter(gate, http_request_peer(r)->address, turn_clock(), place)) {
	case ENROL_ENTERED:
		return true;
	case ENROL_FULL_ADDRESS:
		refuse_full(r, "too many enrolments from this address wait for their proof: try again in some minutes");
		return false;
	case ENROL_FULL:
	default:
		refuse_full(r, "too many enrolments wait for their proof: try again in some minutes");
		return false;
	}
}

void
job_enrol(struct worker *w, struct http_request *r)
{
	struct enrol_gate *gate = w->server->enrol_gate;
	struct attest_message m;
	struct err e = { 0 };
	bool open = false;
	size_t place;
	int rc;

	if (parse(r, ATTEST_ENROL, &m, &e) != 0) {
		http_request_error(r, &e);
		return;
	}
	if (!admitted(gate, r, &place))
		return;
	rc = begin(w, r, &m, place, &open, &e);
	if (!open)
		enrol_gate_leave(gate, place);
	if (rc == ERR_LIMIT)
		refuse_full(r, "too many enrolments wait for their proof: try again in some minutes");
	else if (rc != 0)
		http_request_error(r, &e);
}

/* A name for people: what the host calls itself, until somebody gives it another. */
static struct span
host_name(struct span facts, json_t **j)
{
	struct err ignored;
	struct span name;

	if (json_parse(facts, LIMIT_ATTEST_FACTS, j, &ignored) != 0)
		return span_of(NULL, 0);
	name = json_string_span(json_object_get(*j, "hostname"));
	return span_head(name, 253);
}

static int
tell_enrolled(struct worker *w, const struct store_host *h, bool new_host, int64_t now, struct err *e)
{
	BUF_AUTO struct buf body = buf_init(LIMIT_SMALL_FILE);
	JSON_AUTO json_t *j = json_pack("{s:s, s:o, s:s, s:b}", "id", h->id, "name", json_escaped(h->name),
	    "registration", h->registration == STORE_PENDING ? "pending" : "enrolled", "new", new_host);
	struct store_event ev = { .at = now, .kind = span_lit("enrolment"), .host = h->number };

	json_write_compact(j, &body);
	ev.body = buf_view(&body);
	return store_event_add(w->store, &ev, 1, e);
}

static int
write_rows(struct worker *w, const struct store_enrolment *begun, const struct enrol_outcome *o,
    struct store_host *h, struct store_certificate *cert, int64_t now, struct err *e)
{
	JSON_AUTO json_t *facts = NULL;
	bool new_host = h->number == 0;
	struct store_identity who = { .made = now, .trust_mode = begun->trust_mode, .ek_public = begun->ek_public,
	    .ek_certs = begun->ek_certs, .ak_public = begun->ak_public, .csr = begun->csr };
	struct digest ak_name;
	int rc;

	if (!o->new_identity) {
		cert->host = h->number;
		cert->identity = h->identity;
		return store_certificate_add(w->store, cert, e);
	}
	/* The name within the store is the digest of the area, whatever its own hash is. */
	if ((rc = digest_of(DIGEST_SHA256, span_from(begun->ak_public, 2), &ak_name, e)) != 0)
		return rc;
	who.ak_name = digest_view(&ak_name);
	h->registration = o->result == ENROL_PENDING && !w->settings->approve_first_use ? STORE_PENDING : STORE_ENROLLED;
	if (!new_host)
		return (rc = store_identity_add(w->store, h, &who, cert, e)) != 0 ? rc :
		    tell_enrolled(w, h, false, now, e);
	memcpy(h->id, begun->host_id, sizeof(h->id));
	h->name = host_name(begun->facts, &facts);
	h->made = h->facts_at = now;
	h->facts = begun->facts;
	h->labels = span_lit("{}");
	return (rc = store_host_add(w->store, h, &who, cert, e)) != 0 ? rc : tell_enrolled(w, h, true, now, e);
}

static int
write_host(struct worker *w, const struct store_enrolment *begun, const struct enrol_outcome *o,
    const struct enrol_claims *claims, struct store_host *h, struct store_certificate *cert, int64_t now,
    struct err *e)
{
	int rc = store_begin(w->store, e);

	if (rc != 0)
		return rc;
	if ((rc = write_rows(w, begun, o, h, cert, now, e)) != 0 ||
	    (rc = enrol_claims_take(claims, w->store, h->id, e)) != 0 || (rc = store_commit(w->store, e)) != 0)
		store_rollback(w->store);
	return rc;
}

static int
answer_enrolled(struct worker *w, struct http_request *r, const struct store_host *h, struct span mode,
    const struct buf *leaf, struct err *e)
{
	const char *state = h->registration == STORE_PENDING ? "pending" : "enrolled";
	struct attest_message m = { .type = ATTEST_ENROLLED };
	BUF_AUTO struct buf out = buf_init(LIMIT_SMALL_FILE);
	int rc;

	svc_log(LOG_LEVEL_INFO, "host %s %s (%.*s)", h->id, h->registration == STORE_PENDING ? "waits for an operator" :
	    "is enrolled", (int)mode.n, (const char *)mode.p);
	if (!attest_put(&m, ATTEST_HOST_ID, span_str(h->id)) || !attest_put(&m, ATTEST_STATE, span_str(state)) ||
	    !attest_put(&m, ATTEST_CERTIFICATE, buf_view(leaf)) ||
	    !attest_put(&m, ATTEST_CERTIFICATE, issuer_cert(w->server->issuer)))
		return err_set(e, ERR_INTERNAL, "an answer with too many parts");
	if ((rc = attest_message_write(&m, &out, e)) != 0)
		return rc;
	http_request_reply(r, &(struct http_answer){ .type = ATTEST_MESSAGE_TYPE, .body = buf_view(&out) });
	return 0;
}

/* One answer for every proof that fails (CVE-2023-38201). */
static void
refuse_proof(struct http_request *r, const char *why)
{
	svc_log(LOG_LEVEL_WARNING, "activation from %s refused: %s", http_request_peer(r)->address, why);
	http_request_problem(r, 403, "proof", "the proof is not one of a registration that waits");
}

static int
finish(struct worker *w, struct http_request *r, const struct attest_message *m, struct err *e)
{
	struct arena *a = http_request_arena(r);
	ENROLMENT_AUTO struct enrolment record = { 0 };
	BUF_AUTO struct buf leaf = buf_init(LIMIT_ATTEST_CERT);
	struct store_certificate cert;
	struct store_enrolment begun;
	struct enrol_outcome o;
	struct enrol_known known = { 0 };
	struct enrol_claims claims = { 0 };
	struct store_host h = { 0 };
	int64_t now = server_now();
	bool found, room;
	int rc = store_enrolment_take(w->store, m->s[ATTEST_ENROLMENT].bytes.p, now, a, &begun, e);

	found = rc == 0;
	if (rc != 0 && rc != ERR_NOT_FOUND)
		return rc;
	if (found && (rc = enrolment_parse(begun.detail, &record, e)) != 0)
		return rc;
	claims = claims_of(&record);
	if (found && (rc = look_up(w->store, begun.host_id, &claims, a, &h, &known, e)) != 0)
		return rc;
	if ((rc = enrolment_finish(found ? &record : NULL, m->s[ATTEST_PROOF].bytes, &w->settings->trust, &known,
	    (time_t)(now / 1000), &o, e)) != 0)
		return rc;
	if (o.result == ENROL_REFUSED) {
		refuse_proof(r, o.why);
		return 0;
	}
	if ((rc = has_room(w, r, &h, o.result == ENROL_PENDING, now, &room, e)) != 0 || !room)
		return rc;
	if ((rc = authority_issue(w->server, begun.csr, begun.host_id, now, &leaf, &cert, e)) != 0)
		return rc;
	rc = write_host(w, &begun, &o, &claims, &h, &cert, now, e);
	if (rc == ERR_DUPLICATE)	/* another host took its keys or its device at this moment */
		refuse_proof(r, e->message);
	return rc != 0 ? rc == ERR_DUPLICATE ? 0 : rc : answer_enrolled(w, r, &h, begun.trust_mode, &leaf, e);
}

void
job_activate(struct worker *w, struct http_request *r)
{
	struct attest_message m;
	struct err e = { 0 };

	if (parse(r, ATTEST_ACTIVATE, &m, &e) != 0 || finish(w, r, &m, &e) != 0)
		http_request_error(r, &e);
	else
		enrol_gate_end(w->server->enrol_gate, m.s[ATTEST_ENROLMENT].bytes.p);
}
