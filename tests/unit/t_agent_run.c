/* t_agent_run.c: the network process against a server that does everything wrong there is: no
 * nonce is ever used twice, nothing is enrolled twice, and as soon as the server is well again
 * so is the agent.  The TPM and the privileged process are real; the server judges with the
 * engine's own rules. */
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "base/random.h"
#include "engine/enrolment.h"
#include "formats/tpm_public.h"
#include "svc/agent/priv.h"
#include "svc/agent/run.h"
#include "svc/log.h"
#include "tests/quote_case.h"
#include "tests/swtpm_kit.h"

static struct swtpm_kit kit;
static char securityfs[128], data[128], net[128], sock[128];
static struct priv_options priv_options;
static struct file golden_list;

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

static struct agent *
new_agent(struct err *e)
{
	struct agent_options o = { .dir = net, .priv_socket = sock,
	    .transport = { NULL, fake_post, fake_identity, fake_where }, .push_ms = 20, .backoff_ms = 5, .backoff_max_ms = 20,
	    .pending_ms = 10, .renew_ms = 500, .landlock = 4, .seccomp = true };
	struct agent *a = NULL;

	return agent_new(&o, &a, e) == 0 ? a : NULL;
}

static void
faults(size_t n, const enum fault *f)
{
	server.at = 0;
	server.n_faults = n;
	for (size_t i = 0; i < n; i++)
		server.faults[i] = f[i];
}

/* Rounds until one goes well, at most ${most}; how many were needed. */
static int
rounds(struct agent *a, int most)
{
	struct err e = { 0 };

	for (int i = 1; i <= most; i++) {
		e = (struct err){ 0 };
		if (agent_round(a, &e) == 0)
			return i;
	}
	diag("%s", e.message);
	return -1;
}

static void
test_enrolment(void)
{
	struct err e = { 0 };
	struct agent *a = new_agent(&e);
	struct identity kept = { 0 };
	static const enum fault bad[] = { LOST_BEFORE, GARBAGE, WELL, CUT, WELL, LOST_AFTER, WRONG_TYPE, STATUS_503, WELL, WELL };

	if (!ok(a != NULL, "an agent %s", e.message))
		return;
	faults(sizeof(bad) / sizeof(bad[0]), bad);
	is_int(rounds(a, 12), 7, "enrolling is tried until it is answered");
	ok(strlen(agent_identity(a)->host_id) == 32 && strcmp(agent_identity(a)->state, "enrolled") == 0, "the host has a name");
	ok(identity_load(net, &kept, &e) == 0 && kept.pem.n > 500 && strcmp(kept.host_id, agent_identity(a)->host_id) == 0,
	    "which is kept, with its key %s", e.message);
	ok(span_eq(kept.chain, buf_view(&server.identity)), "the connection uses the certificate");
	is_int((int64_t)agent_counts(a).enrolments, 1, "it knows of one enrolment");
	identity_free(&kept);
	agent_free(a);
	a = new_agent(&e);
	is_int(rounds(a, 1), 1, "a second start");
	ok(agent_counts(a).hellos == 1 && agent_counts(a).enrolments == 0, "says hello, and does not enrol again");
	agent_free(a);
}

static void
test_evidence(void)
{
	struct err e = { 0 };
	struct agent *a = new_agent(&e);

	server.from = 0;
	server.want = ATTEST_WANT_EVENT_LOG | ATTEST_WANT_FACTS;
	is_int(rounds(a, 1), 1, "hello");
	is_int(rounds(a, 1), 1, "evidence");
	ok(server.bad_quotes == 0, "whose quote is this nonce's and this key's");
	ok(server.got_from == 0 && server.got_list == golden_list.n, "with the whole list");
	ok(server.has_facts && server.has_event_log, "and what was wanted");
	server.want = 0;
	is_int(rounds(a, 1), 1, "evidence");
	server.from = server.got_total;
	ok(server.has_facts && server.has_event_log, "what was wanted is sent until it is not");
	is_int(rounds(a, 1), 1, "evidence");
	is_int(rounds(a, 1), 1, "evidence");
	ok(server.got_from == server.got_total && server.got_list == 0, "from where the server said, which is the end");
	ok(!server.has_facts && !server.has_event_log, "and nothing else");
	server.from = 3;
	is_int(rounds(a, 2), 1, "the server wants to go back");
	is_int(rounds(a, 2), 1, "evidence");
	ok(server.got_from == 3, "and gets it");
	agent_free(a);
}

/* Every fault, and every pair of them, while evidence is sent. */
static void
test_faults(void)
{
	struct err e = { 0 };
	struct agent *a = new_agent(&e);
	int slow = 0, lost = 0, rounds_failed = 0;

	for (enum fault f = WELL; f < FAULTS; f++)
		for (enum fault g = WELL; g < FAULTS; g++) {
			enum fault two[] = { f, g };
			size_t before = server.attested;

			faults(2, two);
			for (int i = 0; i < 12 && server.attested < before + 2; i++)
				if (agent_round(a, &e) != 0)
					rounds_failed++;
			lost += server.attested < before + 2;
			slow += rounds(a, 4) < 0;
		}
	faults(0, NULL);
	ok(rounds_failed > FAULTS, "faults were noticed");
	is_int(lost, 0, "after any two faults, evidence goes on");
	is_int(slow, 0, "at once");
	is_int((int64_t)server.twice, 0, "no nonce is used twice");
	is_int((int64_t)server.bad_quotes, 0, "no quote is of another nonce");
	is_int((int64_t)server.refused, 0, "no message is one that the server cannot take");
	ok(server.enrolled >= (size_t)FAULTS, "who is told that its certificate is gone enrols again");
	agent_free(a);
}

/* A server one release ahead: what it adds is let pass, what it changes is named. */
static void
test_newer_server(void)
{
	struct err e = { 0 }, why = { 0 };
	struct agent *a;
	enum fault f[32];

	for (size_t i = 0; i < 32; i++)
		f[i] = NEWER;
	if (identity_forget(net, &(struct identity){ 0 }, &e) != 0)
		diag("%s", e.message);
	a = new_agent(&e);
	server.want = 0xfffffff0u;	/* what later releases want */
	faults(32, f);
	is_int(rounds(a, 1), 1, "it enrols at a server that says more than is known");
	is_int(rounds(a, 1), 1, "says hello");
	is_int(rounds(a, 1), 1, "and attests");
	is_int(rounds(a, 1), 1, "again");
	server.want = 0;
	f[0] = VERSION_2;
	faults(1, f);
	ok(agent_round(a, &why) != 0 && strstr(why.message, "version 2") != NULL && strstr(why.message, "update it") != NULL,
	    "a message of a later version is not taken, and says why: %s", why.message);
	is_int(rounds(a, 3), 1, "once the server speaks as before, it goes on");
	agent_free(a);
}

static void
test_renewal(void)
{
	struct err e = { 0 };
	struct agent *a = new_agent(&e);
	enum fault lost[] = { LOST_AFTER };
	BUF_AUTO struct buf before = buf_init(MIB(1));
	size_t identities;

	/* A certificate of which most is over. */
	server.lifetime = 140;
	if (identity_forget(net, &(struct identity){ 0 }, &e) != 0)
		diag("%s", e.message);
	agent_free(a);
	a = new_agent(&e);
	is_int(rounds(a, 1), 1, "enrolled with a certificate that ends soon");
	buf_span(&before, agent_identity(a)->key);
	is_int(rounds(a, 1), 1, "hello");
	server.lifetime = 1000000;
	faults(1, lost);
	is_int(rounds(a, 1), -1, "evidence with a request, whose answer is lost");
	ok(server.has_csr, "it had the request");
	ok(span_eq(agent_identity(a)->key, buf_view(&before)), "nothing is renewed");
	is_int(rounds(a, 1), 1, "hello");
	identities = server.identities;
	is_int(rounds(a, 1), 1, "evidence with a request");
	ok(server.has_csr && server.identities == identities + 1 && !span_eq(agent_identity(a)->key, buf_view(&before)),
	    "renewed: key and certificate are others");
	ok(agent_identity(a)->to > time(NULL) + 900000, "for longer");
	is_int(rounds(a, 1), 1, "evidence");
	ok(!server.has_csr, "and then there is no request");
	agent_free(a);
}

/* Nobody can write a file in place of a directory that is not empty. */
static void
obstruct(const char *name, bool on)
{
	char path[300], aside[300], in[310];

	(void)snprintf(path, sizeof(path), "%s/%s", net, name);
	(void)snprintf(aside, sizeof(aside), "%s/%s.aside", net, name);
	(void)snprintf(in, sizeof(in), "%s/x", path);
	if (on) {
		(void)rename(path, aside);
		if (mkdir(path, 0700) != 0 || mkdir(in, 0700) != 0)
			diag("cannot make %s", path);
		return;
	}
	(void)rmdir(in);
	(void)rmdir(path);
	(void)rename(aside, path);
}

static void
test_read_only(void)
{
	struct err e = { 0 };
	struct agent *a;
	size_t identities, enrolled;

	server.lifetime = 140;
	if (identity_forget(net, &(struct identity){ 0 }, &e) != 0)
		diag("%s", e.message);
	a = new_agent(&e);
	is_int(rounds(a, 2), 1, "enrolled with a certificate that ends soon");
	is_int(rounds(a, 1), 1, "hello");
	obstruct("identity.pem", true);
	server.lifetime = 1000000;
	identities = server.identities;
	is_int(rounds(a, 1), 1, "its directory cannot be written: evidence is sent all the same");
	ok(server.has_csr && server.identities == identities, "with the certificate it has");
	is_int(rounds(a, 1), 1, "again");
	ok(!server.has_csr, "and for a while asks for none that it could not keep");
	obstruct("identity.pem", false);
	(void)usleep(600000);
	is_int(rounds(a, 1), 1, "it can be written again");
	ok(server.has_csr && server.identities == identities + 1, "renewed");
	if (identity_forget(net, &(struct identity){ 0 }, &e) != 0)
		diag("%s", e.message);
	agent_free(a);
	obstruct("writable", true);
	a = new_agent(&e);
	enrolled = server.enrolled;
	is_int(rounds(a, 3), -1, "where nothing can be kept");
	ok(server.enrolled == enrolled, "no server is asked for a certificate");
	obstruct("writable", false);
	is_int(rounds(a, 1), 1, "until it can");
	ok(server.enrolled == enrolled + 1, "then it is");
	agent_free(a);
}

static atomic_bool stopping;

/* The loop itself: in time, at most so often, at once when there is something new. */
static void
test_loop(void)
{
	struct err e = { 0 };
	struct agent *a = new_agent(&e);
	struct agent_counts c;
	char path[256];
	pid_t child;

	server.wait_ms = 60000;
	server.deadline_ms = 180000;
	server.from = server.got_total;
	faults(0, NULL);
	(void)snprintf(path, sizeof(path), "%s/integrity/ima/runtime_measurements_count", securityfs);
	child = fork();
	if (child == 0) {
		for (int i = 0; i < 4; i++) {
			int fd;

			(void)usleep(500000);
			fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
			(void)dprintf(fd, "%d\n", 700 + i);
			(void)close(fd);
		}
		(void)usleep(500000);
		(void)kill(getppid(), SIGUSR1);
		_exit(0);
	}
	atomic_store(&stopping, false);
	agent_run(a, &stopping);
	(void)waitpid(child, NULL, 0);
	c = agent_counts(a);
	ok(c.hellos == 1 && c.evidence >= 2 && c.evidence <= 6, "news are sent when they come, long before the time the server set (%llu)",
	    (unsigned long long)c.evidence);
	agent_free(a);

	a = new_agent(&e);
	server.wait_ms = 300;
	server.deadline_ms = 900;
	child = fork();
	if (child == 0) {
		(void)usleep(3000000);
		(void)kill(getppid(), SIGUSR1);
		_exit(0);
	}
	atomic_store(&stopping, false);
	agent_run(a, &stopping);
	(void)waitpid(child, NULL, 0);
	c = agent_counts(a);
	ok(c.evidence >= 2 && c.evidence <= 13 && c.hellos == 1, "without news: each time the server set (%llu in 3 s)", (unsigned long long)c.evidence);
	agent_free(a);
}

/* The pauses of this agent are milliseconds: what the server says counts. */
static void
test_pace(void)
{
	static const enum fault bad[] = { WELL, STATUS_429, WELL, WELL };
	struct err e = { 0 };
	struct agent *a = new_agent(&e);
	uint64_t begun = clock_ms();
	pid_t child;

	server.wait_ms = 300;
	server.deadline_ms = 900;
	faults(sizeof(bad) / sizeof(bad[0]), bad);
	if ((child = fork()) == 0) {
		(void)usleep(4000000);
		(void)kill(getppid(), SIGUSR1);
		_exit(0);
	}
	atomic_store(&stopping, false);
	answered_429 = answered_next = 0;
	agent_run(a, &stopping);
	(void)waitpid(child, NULL, 0);
	ok(answered_429 >= begun && answered_next >= answered_429 + 1000, "told to wait a second, the agent waits a second (%llu ms)",
	    (unsigned long long)(answered_next - answered_429));
	ok(agent_counts(a).evidence >= 1 && agent_counts(a).faults == 1, "and goes on");
	agent_free(a);
}

static void
on_usr1(int sig)
{
	(void)sig;
	atomic_store(&stopping, true);
}

static void
test_damaged(void)
{
	struct err e = { 0 };
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/identity.pem", net);
	if (file_write(path, span_lit("-----BEGIN CERTIFICATE-----\nnothing\n"), 0600, &e) != 0)
		diag("%s", e.message);
	ok(new_agent(&e) == NULL, "a damaged identity is an error, not a new enrolment: %s", e.message);
}

static pid_t
start_priv(int *stop)
{
	int p[2];
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) != 0)
		return -1;
	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		struct priv *priv = NULL;
		struct err e = { 0 };
		int rc;

		(void)close(p[1]);
		if ((rc = priv_open(&priv_options, &priv, &e)) == 0)
			rc = priv_run(priv, p[0], &e);
		priv_close(priv);
		_exit(rc == 0 ? 0 : 1);
	}
	(void)close(p[0]);
	*stop = p[1];
	for (int i = 0; i < 500 && access(sock, F_OK) != 0; i++)
		(void)usleep(10000);
	return pid;
}

static void
make_files(void)
{
	static const char *const dirs[] = { "", "/integrity", "/integrity/ima", "/tpm0" };
	struct file log = golden("debian12-vm/eventlog.bin");
	struct err e = { 0 };
	char path[256];

	golden_list = golden("debian12-vm/list1.bin");
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", securityfs, dirs[i]);
		(void)mkdir(path, 0700);
	}
	(void)snprintf(path, sizeof(path), "%s/integrity/ima/binary_runtime_measurements", securityfs);
	if (file_write(path, file_view(&golden_list), 0600, &e) != 0)
		diag("%s", e.message);
	(void)snprintf(path, sizeof(path), "%s/integrity/ima/runtime_measurements_count", securityfs);
	if (file_write(path, span_lit("614\n"), 0600, &e) != 0)
		diag("%s", e.message);
	(void)snprintf(path, sizeof(path), "%s/tpm0/binary_bios_measurements", securityfs);
	if (file_write(path, file_view(&log), 0600, &e) != 0)
		diag("%s", e.message);
	file_free(&log);
}

static void
make_issuer(void)
{
	BUF_AUTO struct buf key = buf_init(KIB(16)), cert = buf_init(KIB(16));
	struct err e = { 0 };

	if (key_create(&key, &e) != 0 || ca_create(buf_view(&key), "test", time(NULL) - 1000, time(NULL) + 100000000, &cert, &e) != 0 ||
	    issuer_open(buf_view(&cert), buf_view(&key), &server.issuer, &e) != 0)
		printf("Bail out! %s\n", e.message);
}

int
main(void)
{
	int stop = -1, status = 0;
	pid_t pid;

	if (!kit_start(&kit))
		return done();
	(void)signal(SIGUSR1, on_usr1);
	svc_log_level(LOG_LEVEL_ERROR);
	tpm_release(kit.t);
	(void)snprintf(securityfs, sizeof(securityfs), "%s/security", kit.dir);
	(void)snprintf(data, sizeof(data), "%s/priv", kit.dir);
	(void)snprintf(net, sizeof(net), "%s/net", kit.dir);
	(void)snprintf(sock, sizeof(sock), "%s/priv.sock", kit.dir);
	make_files();
	make_issuer();
	priv_options = (struct priv_options){ .socket = sock, .peer = geteuid(), .dir = data, .tcti = swtpm_tcti(kit.s),
	    .software_tpm = true, .root = "", .securityfs = securityfs, .bank = DIGEST_SHA256, .mask = 0x47ff,
	    .quotes_per_s = 1000 };
	server.wait_ms = 1000;
	server.deadline_ms = 5000;
	server.lifetime = 1000000;
	server.ak = buf_init(KIB(4));
	server.identity = buf_init(MIB(1));
	pid = start_priv(&stop);
	test_enrolment();
	test_evidence();
	test_faults();
	test_newer_server();
	test_renewal();
	test_read_only();
	test_loop();
	test_pace();
	test_damaged();
	(void)close(stop);
	(void)waitpid(pid, &status, 0);
	is_int(status, 0, "the privileged process ends well");
	if (server.begun)
		enrolment_free(&server.record);
	issuer_free(server.issuer);
	buf_free(&server.ak);
	buf_free(&server.identity);
	file_free(&golden_list);
	kit_end(&kit);
	return done();
}
