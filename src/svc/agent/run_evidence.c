/* run_evidence.c: one round of attestation: quote first, then the list, then what was asked
 * for; and what the answer means. */
#include "base/json.h"
#include "base/random.h"
#include "crypto/x509_issue.h"
#include "svc/agent/run_internal.h"
#include "svc/log.h"

#define ROUTE_ATTEST "/v1/agent/attest"
/* A server that asks for less gets this; one that asks for more than a day is not one. */
#define WAIT_LEAST_MS 100u
#define WAIT_MOST_MS 86400000u

int
agent_facts(struct agent *a, struct buf *out, struct err *e)
{
	BUF_AUTO struct buf text = buf_init(LIMIT_PRIV_PACKET);
	JSON_AUTO json_t *j = NULL;
	int rc;

	if ((rc = priv_call(&a->priv, PRIV_FACTS, span_of(NULL, 0), 60000, &text, NULL, e)) != 0 ||
	    (rc = json_parse(buf_view(&text), LIMIT_PRIV_PACKET, &j, e)) != 0)
		return err_ctx(e, rc, "facts");
	(void)json_object_set_new(j, "sandbox", json_pack("{s:b,s:i}", "seccomp", a->o.seccomp, "landlock",
	    a->o.landlock));
	json_write_compact(j, out);
	return buf_done(out, e);
}

/* Milliseconds from ${least} to ${most}, at random. */
static uint32_t
between(uint32_t least, uint32_t most)
{
	uint32_t r = 0;

	if (random_bytes(&r, sizeof(r), NULL) != 0 || most <= least)
		return most;
	return least + r % (most - least + 1);
}

/* When the next regular evidence goes out: about wait_ms from now, in any case so early
 * that an answer can be back before the deadline. */
static void
plan(struct agent *a)
{
	uint32_t wait = a->wait_ms < WAIT_LEAST_MS ? WAIT_LEAST_MS : a->wait_ms > WAIT_MOST_MS ? WAIT_MOST_MS : a->wait_ms;
	uint32_t spread = wait / 10, latest = a->deadline_ms / 4 * 3, due = between(wait - spread, wait + spread);

	a->due_ms = a->answered_ms + (latest > 0 && due > latest ? latest : due);
}

/* One that cannot be kept (a disk that is full, or can only be read) is asked for again later: the one in use
 * is good for a third of its time yet, and what was sent was taken. */
static int
take_certificate(struct agent *a, const struct attest_message *m, struct err *e)
{
	struct err why = { 0 };
	int rc;

	if (!m->s[ATTEST_CERTIFICATE].present || a->new_key.n == 0)
		return 0;
	if (identity_save(a->o.dir, agent_server(a), buf_view(&a->new_key), &m->chain, NULL, NULL, &a->id, &why) != 0) {
		svc_log_err(LOG_LEVEL_WARNING, "the certificate was not renewed", &why);
		a->renew_ms = agent_now_ms() + a->o.renew_ms;
		return 0;
	}
	if ((rc = a->o.transport.identity(a->o.transport.arg, a->id.chain, a->id.key, e)) != 0)
		return rc;
	explicit_bzero(a->new_key.p, a->new_key.n);
	a->new_key.n = 0;
	svc_log(LOG_LEVEL_INFO, "the certificate was renewed");
	return 0;
}

static int
take_ack(struct agent *a, const struct attest_message *m, struct err *e)
{
	struct span nonce = m->s[ATTEST_NONCE].bytes;

	memcpy(a->nonce, nonce.p, sizeof(a->nonce));	/* 32 bytes: attest_message.tbl */
	a->from = attest_get_u64(m, ATTEST_FROM);
	a->wait_ms = attest_get_u32(m, ATTEST_WAIT_MS);
	a->deadline_ms = attest_get_u32(m, ATTEST_DEADLINE_MS);
	a->want = attest_get_u32(m, ATTEST_WANT);
	a->counts.acknowledged = attest_get_u64(m, ATTEST_ACKNOWLEDGED);
	a->answered_ms = agent_now_ms();
	a->step = STEP_EVIDENCE;
	a->pending = false;
	plan(a);
	return take_certificate(a, m, e);
}

int
agent_step_hello(struct agent *a, struct err *e)
{
	AGENT_REPLY_AUTO struct agent_reply reply = { 0 };
	struct attest_message m = { .type = ATTEST_EVIDENCE }, answer;
	struct err why = { 0 };
	int rc = agent_post(a, ROUTE_ATTEST, &m, ATTEST_ACK, &reply, &answer, e);

	if (rc != 0)
		return rc;
	a->counts.hellos++;
	if ((rc = take_ack(a, &answer, e)) != 0)
		return rc;
	/* For "assay-agent status" alone. */
	if (identity_state(a->o.dir, agent_server(a), &a->id, "enrolled", &why) != 0)
		svc_log_err(LOG_LEVEL_WARNING, "state", &why);
	a->at_once = true;
	return 0;
}

/* A request for the next certificate, under a key that is made once. */
static int
put_renewal(struct agent *a, struct attest_message *m, struct buf *csr, struct err *e)
{
	int rc;

	if (!identity_ends(&a->id, (int64_t)time(NULL)) || agent_now_ms() < a->renew_ms)
		return 0;
	if (a->new_key.n == 0) {
		a->new_key = buf_init(KIB(16));
		if ((rc = key_create(&a->new_key, e)) != 0)
			return rc;
	}
	if ((rc = csr_create(buf_view(&a->new_key), "assay-agent", csr, e)) != 0)
		return rc;
	(void)attest_put(m, ATTEST_CSR, buf_view(csr));
	return 0;
}

/* What was read for one message. */
struct evidence_parts {
	struct priv_quote quote;
	struct priv_list_part list;
	struct file event_log;
	struct buf facts, csr;
	uint8_t from[8], total[8];
};

static void
parts_free(struct evidence_parts *p)
{
	buf_free(&p->quote.bytes);
	file_free(&p->list.records);
	file_free(&p->event_log);
	buf_free(&p->facts);
	buf_free(&p->csr);
}

/* The event log, if there is one: a machine without (old firmware, no vTPM log) still
 * attests what runs. */
static void
put_event_log(struct agent *a, struct attest_message *m, struct evidence_parts *p)
{
	struct err e = { 0 };

	if (priv_ask_event_log(&a->priv, &p->event_log, &e) == 0)
		(void)attest_put(m, ATTEST_EVENT_LOG, file_view(&p->event_log));
	else if (!a->told_no_event_log)
		svc_log_err(LOG_LEVEL_WARNING, "no event log is sent", &e);
	a->told_no_event_log = p->event_log.p == NULL;
}

static int
gather(struct agent *a, struct attest_message *m, struct evidence_parts *p, struct err *e)
{
	struct err ignored = { 0 };
	int rc;

	/* Before the quote: what comes after this look is not sure to be covered by it. */
	a->have_stamp = priv_ask_watch(&a->priv, 0, 0, &a->stamp, &ignored) == 0;
	if ((rc = priv_ask_quote(&a->priv, span_of(a->nonce, sizeof(a->nonce)), &p->quote, e)) != 0)
		return err_ctx(e, rc, "quote");
	if ((rc = priv_ask_list(&a->priv, a->from, &p->list, e)) != 0)
		return err_ctx(e, rc, "measurement list");
	(void)attest_put(m, ATTEST_NONCE, span_of(a->nonce, sizeof(a->nonce)));
	(void)attest_put(m, ATTEST_QUOTE, p->quote.attest);
	(void)attest_put(m, ATTEST_SIGNATURE, p->quote.signature);
	(void)attest_put(m, ATTEST_PCRS, p->quote.pcrs);
	(void)attest_put_u64(m, ATTEST_FROM, p->list.from, p->from);
	(void)attest_put_u64(m, ATTEST_TOTAL, p->list.total, p->total);
	(void)attest_put(m, ATTEST_IMA_LOG, file_view(&p->list.records));
	if ((a->want & ATTEST_WANT_FACTS) != 0) {
		if ((rc = agent_facts(a, &p->facts, e)) != 0)
			return rc;
		(void)attest_put(m, ATTEST_FACTS, buf_view(&p->facts));
	}
	if ((a->want & ATTEST_WANT_EVENT_LOG) != 0)
		put_event_log(a, m, p);
	return put_renewal(a, m, &p->csr, e);
}

int
agent_step_evidence(struct agent *a, struct err *e)
{
	struct evidence_parts p = { .quote.bytes = buf_init(LIMIT_PRIV_PACKET), .facts = buf_init(LIMIT_ATTEST_FACTS),
	    .csr = buf_init(LIMIT_ATTEST_CERT) };
	AGENT_REPLY_AUTO struct agent_reply reply = { 0 };
	struct attest_message m = { .type = ATTEST_EVIDENCE }, answer;
	uint64_t from = 0;
	uint32_t wanted = a->want;
	int rc;

	a->at_once = false;
	/* Whatever comes of it, this nonce has been used. */
	a->step = STEP_HELLO;
	if ((rc = gather(a, &m, &p, e)) == 0) {
		from = p.list.from;
		rc = agent_post(a, ROUTE_ATTEST, &m, ATTEST_ACK, &reply, &answer, e);
	}
	parts_free(&p);
	if (rc != 0)
		return rc;
	a->counts.evidence++;
	if ((rc = take_ack(a, &answer, e)) != 0)
		return rc;
	/* It wants entries from before those that were sent, or what it did not say before. */
	a->at_once = a->from < from || (a->want & ~wanted) != 0;
	return 0;
}
