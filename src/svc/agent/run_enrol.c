/* run_enrol.c: how a host becomes known: keys and request out, a credential back, the proof
 * that it was opened out, a certificate back. */
#include "crypto/digest.h"
#include "crypto/hmac.h"
#include "crypto/x509_issue.h"
#include "svc/agent/run_internal.h"
#include "svc/log.h"

#define ROUTE_ENROL "/v1/agent/enrol"
#define ROUTE_ACTIVATE "/v1/agent/activate"

/* What one enrolment holds. */
struct enrolment {
	struct priv_ek ek;
	struct priv_device device;
	struct buf ak, key, csr, facts, secret;
};

static void
wipe(struct buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->n);
	buf_free(b);
}

static void
enrolment_free(struct enrolment *n)
{
	buf_free(&n->ek.bytes);
	buf_free(&n->device.bytes);
	buf_free(&n->ak);
	buf_free(&n->csr);
	buf_free(&n->facts);
	wipe(&n->key);
	wipe(&n->secret);
}

/* The answer to ENROL is kept until the proof is sent: it borrows from ${reply}. */
static int
ask(struct agent *a, struct enrolment *n, struct agent_reply *reply, struct attest_message *challenge,
    struct err *e)
{
	struct attest_message m = { .type = ATTEST_ENROL };
	struct digest csr;
	int rc;

	if ((rc = priv_ask_ek(&a->priv, &n->ek, e)) != 0 ||
	    (rc = priv_call(&a->priv, PRIV_AK, span_of(NULL, 0), 180000, &n->ak, NULL, e)) != 0 ||
	    (rc = key_create(&n->key, e)) != 0 ||
	    (rc = csr_create(buf_view(&n->key), "assay-agent", &n->csr, e)) != 0 ||
	    (rc = agent_facts(a, &n->facts, e)) != 0 || (rc = digest_of(DIGEST_SHA256, buf_view(&n->csr), &csr, e)) != 0 ||
	    (rc = priv_ask_device(&a->priv, digest_view(&csr), &n->device, e)) != 0)
		return rc;
	(void)attest_put(&m, ATTEST_EK_PUBLIC, n->ek.public);
	(void)attest_put(&m, ATTEST_AK_PUBLIC, buf_view(&n->ak));
	(void)attest_put(&m, ATTEST_CSR, buf_view(&n->csr));
	(void)attest_put(&m, ATTEST_FACTS, buf_view(&n->facts));
	for (size_t i = 0; i < n->ek.n_certs; i++)
		if (!attest_put(&m, ATTEST_EK_CERT, n->ek.certs[i]))
			return err_set(e, ERR_LIMIT, "the EK's certificate has too long a chain");
	for (size_t i = 0; i < n->device.n_iak; i++)
		(void)attest_put(&m, ATTEST_IAK_CERT, n->device.iak[i]);
	for (size_t i = 0; i < n->device.n_idevid; i++)
		(void)attest_put(&m, ATTEST_IDEVID_CERT, n->device.idevid[i]);
	if (n->device.attest.n > 0) {
		(void)attest_put(&m, ATTEST_IAK_ATTEST, n->device.attest);
		(void)attest_put(&m, ATTEST_IAK_SIGNATURE, n->device.signature);
	}
	return agent_post(a, ROUTE_ENROL, &m, ATTEST_CHALLENGE, reply, challenge, e);
}

static int
prove(struct agent *a, struct enrolment *n, const struct attest_message *challenge,
    struct agent_reply *reply, struct attest_message *enrolled, struct err *e)
{
	struct attest_message m = { .type = ATTEST_ACTIVATE };
	struct digest csr, proof;
	struct span parts[3] = { span_of("assay enrolment 1", 18), challenge->s[ATTEST_ENROLMENT].bytes };
	int rc;

	if ((rc = priv_ask_activate(&a->priv, challenge->s[ATTEST_CREDENTIAL].bytes,
	    challenge->s[ATTEST_SECRET].bytes, &n->secret, e)) != 0 ||
	    (rc = digest_of(DIGEST_SHA256, buf_view(&n->csr), &csr, e)) != 0)
		return rc;
	parts[2] = digest_view(&csr);
	if ((rc = hmac_of(DIGEST_SHA256, buf_view(&n->secret), parts, 3, &proof, e)) != 0)
		return rc;
	(void)attest_put(&m, ATTEST_ENROLMENT, challenge->s[ATTEST_ENROLMENT].bytes);
	(void)attest_put(&m, ATTEST_PROOF, digest_view(&proof));
	return agent_post(a, ROUTE_ACTIVATE, &m, ATTEST_ENROLLED, reply, enrolled, e);
}

static int
keep(struct agent *a, const struct enrolment *n, const struct attest_message *m, struct err *e)
{
	char host_id[33], state[33];
	struct span id = m->s[ATTEST_HOST_ID].bytes, st = m->s[ATTEST_STATE].bytes;
	int rc;

	for (size_t i = 0; i < id.n; i++)
		if (strchr("0123456789abcdef", id.p[i]) == NULL || id.p[i] == 0)
			return err_set(e, ERR_NETWORK, "the server's name for this host is none");
	if (!span_is(st, "enrolled") && !span_is(st, "pending"))
		return err_set(e, ERR_NETWORK, "the server says neither \"enrolled\" nor \"pending\"");
	(void)snprintf(host_id, sizeof(host_id), "%.*s", (int)id.n, (const char *)id.p);
	(void)snprintf(state, sizeof(state), "%.*s", (int)st.n, (const char *)st.p);
	if ((rc = identity_save(a->o.dir, agent_server(a), buf_view(&n->key), &m->chain, host_id, state, &a->id, e)) != 0)
		return rc;
	return a->o.transport.identity(a->o.transport.arg, a->id.chain, a->id.key, e);
}

int
agent_step_enrol(struct agent *a, struct err *e)
{
	struct enrolment n = { .ek.bytes = buf_init(LIMIT_PRIV_PACKET),
	    .device.bytes = buf_init(LIMIT_PRIV_PACKET), .ak = buf_init(LIMIT_PRIV_PACKET),
	    .key = buf_init(KIB(16)), .csr = buf_init(LIMIT_ATTEST_CERT), .facts = buf_init(LIMIT_ATTEST_FACTS),
	    .secret = buf_init(KIB(1)) };
	AGENT_REPLY_AUTO struct agent_reply first = { 0 };
	AGENT_REPLY_AUTO struct agent_reply second = { 0 };
	struct attest_message challenge, enrolled;
	int rc;

	/* What may be asked of the other process once a connection may have been asked. */
	priv_client_close(&a->priv);
	/* Else the server would make a certificate each time, and nobody could keep it. */
	if ((rc = identity_writable(a->o.dir, e)) == 0 && (rc = a->o.transport.identity(a->o.transport.arg, span_of(NULL, 0), span_of(NULL, 0), e)) == 0 &&
	    (rc = ask(a, &n, &first, &challenge, e)) == 0 &&
	    (rc = prove(a, &n, &challenge, &second, &enrolled, e)) == 0)
		rc = keep(a, &n, &enrolled, e);
	enrolment_free(&n);
	if (rc != 0)
		return err_ctx(e, rc, "enrolling");
	a->counts.enrolments++;
	a->step = STEP_HELLO;
	svc_log(LOG_LEVEL_INFO, "this host is %s at %s (%s)", a->id.host_id, agent_server(a), a->id.state);
	return 0;
}
