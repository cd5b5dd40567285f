/* faulty_server.h: a server that judges with the engine's own rules, and answers message after
 * message with the fault it was told (faults()): what the network process must live with. */
#ifndef FAULTY_SERVER_H
#define FAULTY_SERVER_H

#include "base/random.h"
#include "engine/enrolment.h"
#include "formats/tpm_public.h"
#include "svc/agent/run.h"
#include "tests/quote_case.h"

/* What the server does with the next message. */
enum fault {
	WELL = 0, LOST_BEFORE, LOST_AFTER, STATUS_409, STATUS_403_PENDING, STATUS_403_CERTIFICATE, STATUS_503,
	GARBAGE, CUT, WRONG_TYPE, EMPTY, FAULTS,
	NEWER, VERSION_2,		/* a server of a later release */
	STATUS_429,			/* and Retry-After: 1 */
};

static struct {
	struct enrolment record;
	bool begun;
	struct issuer *issuer;
	struct buf ak;
	uint8_t nonce[32], used[512][32];
	size_t n_used, twice, bad_quotes, enrolled, attested, refused;
	uint64_t from;			/* answered next */
	uint32_t wait_ms, deadline_ms, want;
	bool has_facts, has_event_log, has_csr;
	uint64_t got_from, got_total;
	size_t got_list;
	time_t lifetime;		/* of certificates */
	struct buf identity;		/* chain in use */
	size_t identities;
	enum fault faults[64];		/* one for each message to come */
	size_t n_faults, at;
} server;

static uint64_t answered_429, answered_next;	/* ms */

static uint64_t
clock_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static struct trust_config trust = { .modes = 1u << TRUST_OPERATOR };

static int
issue(struct span csr_der, const char *cn, struct buf *der)
{
	CSR_AUTO struct csr *csr = NULL;
	struct err e = { 0 };
	struct cert_order o = { .kind = CERT_CLIENT, .cn = cn, .from = time(NULL) - 100, .to = time(NULL) - 100 + server.lifetime };

	if (csr_parse(csr_der, &csr, &e) != 0)
		return diag("csr: %s", e.message), -1;
	o.key = csr_key(csr);
	if (cert_issue(server.issuer, &o, der, &e) != 0)
		return diag("issue: %s", e.message), -1;
	return 0;
}

static int
on_enrol(const struct attest_message *m, struct attest_message *answer, struct enrol_begun *b)
{
	struct enrol_request q = { .keys = { .ek_public = m->s[ATTEST_EK_PUBLIC].bytes,
	    .ak_public = m->s[ATTEST_AK_PUBLIC].bytes, .ek_certs = m->ek_chain.der, .n_ek_certs = m->ek_chain.n },
	    .csr = m->s[ATTEST_CSR].bytes };
	struct enrol_known known = { .state = IDENTITY_NONE };
	uint8_t random[ENROL_RANDOM_SIZE];
	struct err e = { 0 };

	if (random_bytes(random, sizeof(random), &e) != 0 ||
	    enrolment_begin(&q, &trust, &known, time(NULL), random, b, &e) != 0 || !b->accepted)
		return diag("begin: %s", e.message), -1;
	server.ak.n = 0;
	buf_span(&server.ak, m->s[ATTEST_AK_PUBLIC].bytes);
	answer->type = ATTEST_CHALLENGE;
	(void)attest_put(answer, ATTEST_CREDENTIAL, buf_view(&b->challenge.id_object));
	(void)attest_put(answer, ATTEST_SECRET, buf_view(&b->challenge.encrypted_secret));
	if (server.begun)
		enrolment_free(&server.record);
	server.record = b->record;
	b->record = (struct enrolment){ 0 };	/* transferred */
	server.begun = true;
	(void)attest_put(answer, ATTEST_ENROLMENT, span_of(server.record.token, ENROL_TOKEN_SIZE));
	return 0;
}

static int
on_activate(const struct attest_message *m, struct attest_message *answer, struct buf *der)
{
	struct enrol_known known = { .state = IDENTITY_NONE };
	struct enrol_outcome out;
	struct err e = { 0 };

	if (enrolment_finish(&server.record, m->s[ATTEST_PROOF].bytes, &trust, &known, time(NULL), &out, &e) != 0 ||
	    out.result == ENROL_REFUSED || issue(buf_view(&server.record.csr), server.record.host_id, der) != 0)
		return diag("finish: %s %s", e.message, out.why), -1;
	server.enrolled++;
	answer->type = ATTEST_ENROLLED;
	(void)attest_put(answer, ATTEST_HOST_ID, span_str(server.record.host_id));
	(void)attest_put(answer, ATTEST_STATE, span_lit("enrolled"));
	(void)attest_put(answer, ATTEST_CERTIFICATE, buf_view(der));
	return 0;
}

static void
look_at_evidence(const struct attest_message *m)
{
	struct result r = result_init();
	struct attest_key ak;
	static struct quote_facts facts;
	struct tpm_pcrs pcrs;
	struct err e = { 0 };
	struct quote_input in = { .attest = m->s[ATTEST_QUOTE].bytes, .signature = m->s[ATTEST_SIGNATURE].bytes, .ak = &ak,
	    .nonce = span_of(server.nonce, 32), .bank = DIGEST_SHA256, .pcr = 10, .pcrs = &pcrs };
	struct span nonce = m->s[ATTEST_NONCE].bytes;

	for (size_t i = 0; i < server.n_used; i++)
		server.twice += memcmp(server.used[i], nonce.p, 32) == 0;
	if (server.n_used < 512)
		memcpy(server.used[server.n_used++], nonce.p, 32);
	if (attest_key_parse(buf_view(&server.ak), &ak, &e) != 0 ||
	    tpm_pcrs_parse(m->s[ATTEST_PCRS].bytes, &pcrs, &e) != 0 || quote_check(&in, &r, &facts, &e) != 0 ||
	    !quote_authentic(&r))
		server.bad_quotes++;
	attest_key_free(&ak);
	result_free(&r);
	server.got_from = attest_get_u64(m, ATTEST_FROM);
	server.got_total = attest_get_u64(m, ATTEST_TOTAL);
	server.got_list = m->s[ATTEST_IMA_LOG].bytes.n;
	server.has_facts = m->s[ATTEST_FACTS].present;
	server.has_event_log = m->s[ATTEST_EVENT_LOG].present;
	server.attested++;
}

static int
on_evidence(const struct attest_message *m, struct attest_message *answer, uint8_t store[6][8], struct buf *der)
{
	if (m->s[ATTEST_QUOTE].present)
		look_at_evidence(m);
	server.has_csr = m->s[ATTEST_CSR].present;
	if (server.has_csr && issue(m->s[ATTEST_CSR].bytes, "renewed", der) == 0)
		(void)attest_put(answer, ATTEST_CERTIFICATE, buf_view(der));
	if (random_bytes(server.nonce, 32, NULL) != 0)
		return -1;
	answer->type = ATTEST_ACK;
	(void)attest_put(answer, ATTEST_NONCE, span_of(server.nonce, 32));
	(void)attest_put_u64(answer, ATTEST_ACKNOWLEDGED, server.from, store[0]);
	(void)attest_put_u64(answer, ATTEST_FROM, server.from, store[1]);
	(void)attest_put_u32(answer, ATTEST_WAIT_MS, server.wait_ms, store[2]);
	(void)attest_put_u32(answer, ATTEST_DEADLINE_MS, server.deadline_ms, store[3]);
	(void)attest_put_u32(answer, ATTEST_WANT, server.want, store[4]);
	return 0;
}

static int
handle(const char *route, struct span body, struct buf *out)
{
	struct attest_message m, answer = { .type = ATTEST_ACK };
	struct enrol_begun b = { 0 };
	struct buf der = buf_init(KIB(16));
	uint8_t store[6][8];
	struct err e = { 0 };
	int rc = attest_message_parse(body, &m, &e);

	if (rc != 0)
		diag("message: %s", e.message);
	else if (strcmp(route, "/v1/agent/enrol") == 0)
		rc = on_enrol(&m, &answer, &b);
	else if (strcmp(route, "/v1/agent/activate") == 0)
		rc = on_activate(&m, &answer, &der);
	else
		rc = on_evidence(&m, &answer, store, &der);
	if (rc == 0 && (rc = attest_message_write(&answer, out, &e)) != 0)
		diag("answer: %s", e.message);
	enrol_begun_free(&b);
	buf_free(&der);
	return rc;
}

static void
spoil(enum fault f, struct agent_reply *r)
{
	struct attest_message wrong = { .type = ATTEST_ACTIVATE };
	uint8_t proof[32] = { 0 };

	if (f == GARBAGE)
		for (size_t i = 0; i < r->body.n; i += 7)
			r->body.p[i] ^= 0x55;
	if (f == CUT)
		r->body.n -= r->body.n > 9 ? 9 : 0;
	if (f == EMPTY)
		r->body.n = 0;
	if (f == NEWER) {		/* sections that are optional, and nobody knows yet */
		r->body.p[14]++;
		buf_le16(&r->body, 0x8001);
		buf_le16(&r->body, 0);
		buf_le32(&r->body, 5);
		buf_str(&r->body, "later");
	}
	if (f == VERSION_2)
		r->body.p[8] = 2;
	if (f == WRONG_TYPE) {
		r->body.n = 0;
		(void)attest_put(&wrong, ATTEST_ENROLMENT, span_of(proof, 16));
		(void)attest_put(&wrong, ATTEST_PROOF, span_of(proof, 32));
		if (attest_message_write(&wrong, &r->body, NULL) != 0)
			r->body.n = 0;
	}
}

static int
fake_post(void *arg, const char *route, struct span body, struct agent_reply *out, struct err *e)
{
	enum fault f = server.at < server.n_faults ? server.faults[server.at++] : WELL;

	(void)arg;
	if (f == LOST_BEFORE)
		return err_set(e, ERR_NETWORK, "the server cannot be reached");
	*out = (struct agent_reply){ .status = 200, .body = buf_init(MIB(1)) };
	if (f >= STATUS_409 && f <= STATUS_503) {
		out->status = f == STATUS_409 ? 409 : f == STATUS_503 ? 503 : 403;
		(void)snprintf(out->code, sizeof(out->code), "%s", f == STATUS_409 ? "nonce" : f == STATUS_503 ? "busy" :
		    f == STATUS_403_PENDING ? "host-pending" : "certificate");
		return 0;
	}
	if (answered_429 != 0 && answered_next == 0)
		answered_next = clock_ms();
	if (f == STATUS_429) {
		answered_429 = clock_ms();
		out->status = 429;
		out->retry_after = 1;
		(void)snprintf(out->code, sizeof(out->code), "pace");
		return 0;
	}
	if (handle(route, body, &out->body) != 0) {
		server.refused++;
		out->status = 400;
	}
	if (f == LOST_AFTER) {
		agent_reply_free(out);
		*out = (struct agent_reply){ 0 };
		return err_set(e, ERR_NETWORK, "the connection broke before the answer");
	}
	spoil(f, out);
	return 0;
}

static int
fake_identity(void *arg, struct span chain, struct span key, struct err *e)
{
	(void)arg;
	(void)e;
	server.identity.n = 0;
	buf_span(&server.identity, chain);
	server.identities += chain.n > 0 && key.n > 0;
	return 0;
}

static const char *
fake_where(void *arg)
{
	(void)arg;
	return "https://fake";
}

static void
faults(size_t n, const enum fault *f)
{
	server.at = 0;
	server.n_faults = n;
	for (size_t i = 0; i < n; i++)
		server.faults[i] = f[i];
}

static void
server_begin(void)
{
	BUF_AUTO struct buf key = buf_init(KIB(16)), cert = buf_init(KIB(16));
	struct err e = { 0 };

	server.wait_ms = 1000;
	server.deadline_ms = 5000;
	server.lifetime = 1000000;
	server.ak = buf_init(KIB(4));
	server.identity = buf_init(MIB(1));
	if (key_create(&key, &e) != 0 || ca_create(buf_view(&key), "test", time(NULL) - 1000, time(NULL) + 100000000, &cert, &e) != 0 ||
	    issuer_open(buf_view(&cert), buf_view(&key), &server.issuer, &e) != 0)
		printf("Bail out! %s\n", e.message);
}

static void
server_end(void)
{
	if (server.begun)
		enrolment_free(&server.record);
	issuer_free(server.issuer);
	buf_free(&server.ak);
	buf_free(&server.identity);
}

#endif
