/* POST /v1/agent/attest: evidence in; when all of it is stored, the next challenge out. */
#include <stdlib.h>

#include "base/json.h"
#include "base/random.h"
#include "svc/server/attest_internal.h"
#include "svc/server/enrol_room.h"

/* Attestation keys, parsed; an identity never changes, so nothing here grows stale. */
#define KEYS 1024

struct key_cache {
	struct { uint64_t identity; struct attest_key key; struct buf ak; } slots[KEYS];
};

int
key_cache_new(struct key_cache **out, struct err *e)
{
	*out = calloc(1, sizeof(**out));
	return *out != NULL ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}

void
key_cache_free(struct key_cache *c)
{
	for (size_t i = 0; c != NULL && i < KEYS; i++) {
		if (c->slots[i].identity != 0)
			attest_key_free(&c->slots[i].key);
		buf_free(&c->slots[i].ak);
	}
	free(c);
}

static int
find_key(struct worker *w, struct attestation *a, const struct attest_key **key, struct err *e)
{
	size_t i = a->host.identity % KEYS;
	struct key_cache *c = w->keys;
	ARENA_AUTO struct arena tmp = arena_init(MIB(4));
	struct store_identity who;
	int rc;

	if (c->slots[i].identity != a->host.identity) {
		if ((rc = store_identity_get(w->store, a->host.identity, &tmp, &who, e)) != 0)
			return rc;
		if (c->slots[i].identity != 0)
			attest_key_free(&c->slots[i].key);
		c->slots[i].identity = 0;
		if ((rc = attest_key_parse(who.ak_public, &c->slots[i].key, e)) != 0)
			return err_ctx(e, rc, "the stored attestation key");
		buf_free(&c->slots[i].ak);
		c->slots[i].ak = buf_init(LIMIT_TPM_PUBLIC);
		buf_span(&c->slots[i].ak, who.ak_public);
		c->slots[i].identity = a->host.identity;
	}
	*key = &c->slots[i].key;
	a->ak = buf_view(&c->slots[i].ak);
	return buf_done(&c->slots[i].ak, e);
}

static void
attestation_free(struct attestation *a)
{
	host_outcome_free(&a->outcome);
	buf_free(&a->leaf);
	buf_free(&a->detail);
	buf_free(&a->reason);
	buf_free(&a->event_body);
	buf_free(&a->gaps_body);
	json_decref(a->gaps);
	buf_free(&a->bundle_bytes);
	free(a);
}

/* What the agent is told; its verdict is not among it. */
static int
write_ack(struct attestation *a, struct buf *out, struct err *e)
{
	struct attest_message m = { .type = ATTEST_ACK };
	uint8_t from[8], count[8], wait[4], deadline[4], want[4];

	if (!attest_put(&m, ATTEST_NONCE, span_of(a->nonce, sizeof(a->nonce))) ||
	    !attest_put_u64(&m, ATTEST_FROM, a->from, from) ||
	    !attest_put_u64(&m, ATTEST_ACKNOWLEDGED, a->host.count, count) ||
	    !attest_put_u32(&m, ATTEST_WAIT_MS, a->wait_ms, wait) ||
	    !attest_put_u32(&m, ATTEST_DEADLINE_MS, a->wait_ms * 3, deadline) ||
	    !attest_put_u32(&m, ATTEST_WANT, a->want, want) ||
	    (a->leaf.n > 0 && !attest_put(&m, ATTEST_CERTIFICATE, buf_view(&a->leaf))))
		return err_set(e, ERR_INTERNAL, "an answer with too many parts");
	return attest_message_write(&m, out, e);
}

static void
answer(struct attestation *a)
{
	BUF_AUTO struct buf out = buf_init(LIMIT_SMALL_FILE);
	struct err e = { 0 };

	if (write_ack(a, &out, &e) != 0)
		http_request_error(a->r, &e);
	else
		http_request_reply(a->r, &(struct http_answer){ .type = ATTEST_MESSAGE_TYPE, .body = buf_view(&out) });
	attestation_free(a);
}

static void
refuse(struct attestation *a, int rc, const struct err *e)
{
	if (rc == ERR_CONFLICT || rc == ERR_MISMATCH)
		http_request_problem(a->r, 409, "conflict", "the host has answered this challenge already: say hello");
	else
		http_request_error(a->r, e);
	attestation_free(a);
}

static void
written(struct keeper_write *w, int rc, const struct err *e)
{
	struct attestation *a = w->ctx;

	if (rc != 0) {
		struct err why = { 0 };

		/* What was wrong with this one alone has no sentence yet. */
		if (e->code == 0)
			(void)err_set(&why, rc, "the store does not take this evidence");
		refuse(a, rc, e->code == 0 ? &why : e);
		return;
	}
	if (a->from > a->host.count)	/* a boot's first log begins at 0 */
		a->from = a->host.count;
	answer(a);
}

/* A new challenge; whatever was out is void with it. */
static int
challenge(struct attestation *a, int64_t now, struct err *e)
{
	int rc = random_bytes(a->nonce, sizeof(a->nonce), e);

	a->host.state.nonce = span_of(a->nonce, sizeof(a->nonce));
	a->host.state.nonce_expires = now + (int64_t)a->wait_ms * 3;
	return rc;
}

bool
attest_detail(const struct store_host *h, struct attest_detail *out)
{
	struct rd r = rd_init(span_from(h->state.detail, 32));
	struct attest_detail d = { 0 };
	uint64_t seen;
	uint8_t pcr;

	if (h->state.detail.n < DETAIL_SIZE || !rd_le64(&r, &d.identity) || !rd_u8(&r, &pcr) ||
	    !rd_le32(&r, &d.reset_count) || !rd_le64(&r, &seen))
		return false;
	d.list_pcr = pcr & ~(unsigned)DETAIL_STALE;
	d.stale = (pcr & DETAIL_STALE) != 0;
	d.reset_seen = (int64_t)seen;
	if (rd_le64(&r, &d.base) && d.base <= h->count)
		d.base_id = span_from(h->state.detail, DETAIL_SIZE + 8);
	else
		d.base = 0;
	d.other_key = d.identity != h->identity;
	*out = d;
	return true;
}

/* Which list proves this host was settled by its first evidence: who holds the kernel's list
 * to be inconvenient must not be able to offer a monitor's instead, whose PCR root may extend
 * with what he likes.  Nor by another attestation key, which root makes when he wants, and which
 * only some servers let wait for an operator: until the host is forgotten, it is settled. */
static unsigned
settle_list(const struct store_host *h, const json_t *facts)
{
	const json_t *pcr = json_object_get(facts, "list_pcr");
	struct span kind = json_string_span(json_object_get(facts, "list"));
	struct attest_detail d;

	if (attest_detail(h, &d))
		return d.list_pcr;
	if (!span_is(kind, "monitor"))
		return IMA_PCR;
	return json_is_integer(pcr) && json_integer_value(pcr) > IMA_PCR && json_integer_value(pcr) < 16 ?
	    (unsigned)json_integer_value(pcr) : MONITOR_DEFAULT_PCR;
}

unsigned
attest_list_pcr(const struct store_host *h)
{
	JSON_AUTO json_t *facts = NULL;
	struct err ignored;

	if (h->facts.n > 0 && json_parse(h->facts, LIMIT_ATTEST_FACTS, &facts, &ignored) != 0)
		facts = NULL;
	return settle_list(h, facts);
}

static int
judge(struct worker *w, struct attestation *a, int64_t now, struct err *e)
{
	struct attest_reader reader = { w->store, a->host.boot };
	struct attest_detail d = { 0 };
	struct store_host *h = &a->host;
	JSON_AUTO json_t *facts = NULL;
	const struct attest_key *key = NULL;
	struct err ignored;
	struct host_known k = { .nonce = h->state.nonce_expires > now ? h->state.nonce : span_of(NULL, 0),
	    .resume = h->state.resume, .boot = h->boot_id, .count = h->count, .read = attest_read_list,
	    .ctx = &reader, .now = now / 1000 };
	int rc;

	if (h->facts.n > 0 && json_parse(h->facts, LIMIT_ATTEST_FACTS, &facts, &ignored) == 0)
		k.kernel_boot_id = json_string_span(json_object_get(facts, "boot_id"));
	/* A state is of one attestation key; another key has proved nothing yet.  When the boot was
	 * first seen, and where its last kernel's list begins, is so whatever key says it. */
	if (!attest_detail(h, &d) || d.other_key)
		k.resume = span_of(NULL, 0);
	k.stale = d.stale && !d.other_key;
	k.other_key = d.other_key;
	k.base = d.base;
	k.base_id = d.base_id;
	k.reset_count = d.reset_count;
	k.reset_seen = d.reset_seen;
	k.list_pcr = a->list_pcr = settle_list(h, facts);
	if ((rc = find_key(w, a, &key, e)) != 0 ||
	    (rc = policy_cache_choose(w->policies, w, h, now, &a->policy, e)) != 0)
		return rc;
	if (h->boot != 0 && (rc = store_event_log_get(w->store, h->boot, http_request_arena(a->r),
	    &k.event_log, e)) != 0 && rc != ERR_NOT_FOUND)
		return rc;
	a->had_event_log = k.event_log.n > 0;
	k.key = key;
	k.policies = a->policy.policies;
	return host_appraise(&a->m, &k, &a->outcome, e);
}

/* The certificate's key stays bound to this host: its request came over a connection that
 * the old one authenticated.  Who asks too often gets none, and asks again with its next message. */
static int
renew(struct worker *w, struct attestation *a, int64_t now, struct err *e)
{
	struct store_certificate cert;
	bool room;
	int rc;

	if (!a->m.s[ATTEST_CSR].present)
		return 0;
	if ((rc = enrol_room_certificate(w->store, a->host.number, LIMIT_HOST_RENEWALS, now, &room, e)) != 0 || !room)
		return rc;
	a->leaf = buf_init(LIMIT_ATTEST_CERT);
	if ((rc = authority_issue(w->server, a->m.s[ATTEST_CSR].bytes, a->host.id, now, &a->leaf, &cert, e)) != 0)
		return rc;
	cert.host = a->host.number;
	cert.identity = a->host.identity;
	return store_certificate_add(w->store, &cert, e);
}

static int
take_facts(struct attestation *a, int64_t now, struct err *e)
{
	JSON_AUTO json_t *facts = NULL;
	int rc;

	if (!a->m.s[ATTEST_FACTS].present)
		return 0;
	if ((rc = json_parse(a->m.s[ATTEST_FACTS].bytes, LIMIT_ATTEST_FACTS, &facts, e)) != 0)
		return err_ctx(e, rc, "the facts");
	if (!json_is_object(facts))
		return err_set(e, ERR_FORMAT, "the facts are not a JSON object");
	a->host.facts = a->m.s[ATTEST_FACTS].bytes;
	a->host.facts_at = now;
	a->write.advance.facts_new = true;
	return 0;
}

/* The hello, and the answer to evidence that begins elsewhere: a challenge and where to begin. */
static int
only_challenge(struct attestation *a, uint64_t from, int64_t now, struct err *e)
{
	a->from = from;
	/* Which kernel runs is among the facts: a kernel that kexec started is not to be seen by the
	 * TPM, but its agent begins with a hello. */
	a->want = ATTEST_WANT_FACTS;
	if (a->host.boot == 0 || from == 0)
		a->want |= ATTEST_WANT_EVENT_LOG;
	return challenge(a, now, e);
}

/* False: the request was answered, or nothing is to be written. */
static bool
attest(struct worker *w, struct attestation *a, int64_t now, struct err *e, int *rc)
{
	if ((*rc = take_facts(a, now, e)) != 0 || (*rc = renew(w, a, now, e)) != 0)
		return true;
	if (!a->m.s[ATTEST_QUOTE].present) {
		struct attest_detail d = { 0 };

		(void)attest_detail(&a->host, &d);
		*rc = only_challenge(a, a->host.count - d.base, now, e);
		return true;
	}
	if ((*rc = judge(w, a, now, e)) != 0)
		return true;
	if (a->outcome.answer == HOST_NONCE) {
		http_request_problem(a->r, 409, "nonce", "the evidence answers another nonce than the one that was"
		    " given out last, or one that has expired: say hello");
		attestation_free(a);
		return false;
	}
	if (a->outcome.answer == HOST_GO_ON) {
		*rc = only_challenge(a, a->outcome.from, now, e);
		return true;
	}
	a->from = a->outcome.from;
	/* Until it came: what started the machine may be all that is asked of it. */
	if (a->outcome.event_log.n == 0 || a->outcome.result.checks[CHECK_EVENT_LOG].state == CHECK_FAIL)
		a->want |= ATTEST_WANT_EVENT_LOG;
	if ((*rc = challenge(a, now, e)) == 0)
		*rc = attest_prepare(a, w, now, e);
	return true;
}

/* Who speaks is the certificate's host, if that still may. */
static bool
admitted(struct worker *w, struct http_request *r, struct store_host *h)
{
	const struct http_peer *peer = http_request_peer(r);
	struct store_certificate cert;
	struct err e = { 0 };
	int rc = store_host_by_cert(w->store, peer->cert.sha256, http_request_arena(r), h, &cert, &e);

	if (rc == ERR_NOT_FOUND || (rc == 0 && (cert.revoked != 0 || cert.identity != h->identity)))
		http_request_problem(r, 403, "certificate", "this certificate is no host's any more: enrol again");
	else if (rc != 0)
		http_request_error(r, &e);
	else if (h->registration == STORE_PENDING)
		http_request_problem(r, 403, "host-pending", "an operator has yet to approve this host");
	else if (h->registration != STORE_ENROLLED)
		http_request_problem(r, 403, "host-removed", "this host was removed or forgotten");
	else
		return true;
	return false;
}

void
job_attest(struct worker *w, struct http_request *r)
{
	struct attestation *a = calloc(1, sizeof(*a));
	struct err e = { 0 };
	int64_t now = server_now();
	int rc;

	if (a == NULL) {
		http_request_problem(r, 503, "memory", "out of memory");
		return;
	}
	a->r = r;
	a->server = w->server;
	a->wait_ms = w->settings->wait_ms;
	a->write = (struct keeper_write){ .advance = { .host = &a->host }, .done = written, .ctx = a };
	if ((rc = attest_message_parse(http_request_body(r), &a->m, &e)) == 0 && a->m.type != ATTEST_EVIDENCE)
		rc = err_set(&e, ERR_FORMAT, "the message is no evidence");
	if (rc != 0) {
		refuse(a, rc, &e);
		return;
	}
	if (!admitted(w, r, &a->host)) {
		attestation_free(a);
		return;
	}
	if (!attest(w, a, now, &e, &rc))
		return;
	if (rc != 0)
		refuse(a, rc, &e);
	else
		keeper_put(w->server->keeper, &a->write);
}
