#include "svc/agent/run_internal.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/random.h"
#include "svc/log.h"

#define PUSH_MS 1000u
#define BACKOFF_MS 1000u
#define BACKOFF_MAX_MS 60000u
#define PENDING_MS 5000u
#define RENEW_MS 3600000u
/* How long nobody looks whether the process shall end. */
#define NAP_MS 1000u
/* A server that is told to wait longer than this was told nonsense. */
#define RETRY_AFTER_MAX_S 3600u

/* The clock that goes on while the machine sleeps: a deadline does too. */
uint64_t
agent_now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

const char *
agent_server(const struct agent *a)
{
	return a->o.transport.where(a->o.transport.arg);
}

static void
set_default(unsigned *v, unsigned by)
{
	if (*v == 0)
		*v = by;
}

int
agent_new(const struct agent_options *o, struct agent **out, struct err *e)
{
	struct agent *a = calloc(1, sizeof(*a));
	int rc;

	if (a == NULL)
		return err_set(e, ERR_NOMEM, "no memory for the agent");
	a->o = *o;
	set_default(&a->o.push_ms, PUSH_MS);
	set_default(&a->o.backoff_ms, BACKOFF_MS);
	set_default(&a->o.backoff_max_ms, BACKOFF_MAX_MS);
	set_default(&a->o.pending_ms, PENDING_MS);
	set_default(&a->o.renew_ms, RENEW_MS);
	a->priv = priv_client_init(o->priv_socket);
	if (mkdir(o->dir, 0700) != 0 && errno != EEXIST)
		rc = err_errno(e, "cannot make the directory %s", o->dir);
	else
		rc = identity_load(o->dir, &a->id, e);
	if (rc == 0 && a->id.pem.n > 0) {
		a->step = STEP_HELLO;
		rc = o->transport.identity(o->transport.arg, a->id.chain, a->id.key, e);
	}
	if (rc != 0) {
		agent_free(a);
		return rc;
	}
	*out = a;
	return 0;
}

void
agent_free(struct agent *a)
{
	if (a == NULL)
		return;
	priv_client_close(&a->priv);
	identity_free(&a->id);
	if (a->new_key.p != NULL)
		explicit_bzero(a->new_key.p, a->new_key.n);
	buf_free(&a->new_key);
	free(a);
}

const struct identity *
agent_identity(const struct agent *a)
{
	return &a->id;
}

struct agent_counts
agent_counts(const struct agent *a)
{
	return a->counts;
}

/* What a refusal means for what comes next. */
static int
take_problem(struct agent *a, const char *server, const struct agent_reply *r, const char *route, struct err *e)
{
	int rc = err_set(e, ERR_NETWORK, "%s %s: status %u%s%s%s%s", server, route, r->status,
	    r->code[0] == '\0' ? "" : ", ", r->code, r->detail[0] == '\0' ? "" : ": ", r->detail);

	a->retry_after = r->retry_after < RETRY_AFTER_MAX_S ? r->retry_after : RETRY_AFTER_MAX_S;
	a->pending = r->status == 403 && strcmp(r->code, "host-pending") == 0;
	/* The server knows the certificate no longer: what it knew is gone or was revoked.  The
	 * TPM is the same, so enrolling again gives the same host, if the server still agrees. */
	if (r->status == 401 || (r->status == 403 && strcmp(r->code, "certificate") == 0)) {
		struct err inner = { 0 };

		a->step = STEP_ENROL;
		if (identity_forget(a->o.dir, &a->id, &inner) != 0)
			svc_log_err(LOG_LEVEL_ERROR, "certificate", &inner);
	}
	return rc;
}

int
agent_post(struct agent *a, const char *route, const struct attest_message *m, enum attest_type want,
    struct agent_reply *reply, struct attest_message *answer, struct err *e)
{
	BUF_AUTO struct buf body = buf_init(LIMIT_ATTEST_LIST + LIMIT_EVENT_LOG + MIB(1));
	const char *server = agent_server(a);
	int rc = attest_message_write(m, &body, e);

	if (rc != 0)
		return rc;
	a->sent_ms = agent_now_ms();
	if ((rc = a->o.transport.post(a->o.transport.arg, route, buf_view(&body), reply, e)) != 0)
		return rc;
	if (reply->status != 200)
		return take_problem(a, server, reply, route, e);
	if ((rc = attest_message_parse(buf_view(&reply->body), answer, e)) != 0)
		return err_ctx(e, rc, "the server's answer");
	if (answer->type != want)
		return err_set(e, ERR_NETWORK, "the server answered with \"%s\" where \"%s\" was due",
		    attest_type_name(answer->type), attest_type_name(want));
	return 0;
}

int
agent_round(struct agent *a, struct err *e)
{
	switch (a->step) {
	case STEP_ENROL: return agent_step_enrol(a, e);
	case STEP_HELLO: return agent_step_hello(a, e);
	case STEP_EVIDENCE: return agent_step_evidence(a, e);
	}
	return err_set(e, ERR_INTERNAL, "an unknown step");
}

int
agent_enrol(struct agent *a, struct err *e)
{
	return a->step == STEP_ENROL ? agent_step_enrol(a, e) : 0;
}

static void
nap_until(uint64_t when, const atomic_bool *stop)
{
	uint64_t now;

	while (!atomic_load(stop) && (now = agent_now_ms()) < when) {
		uint64_t ms = when - now < NAP_MS ? when - now : NAP_MS;
		struct timespec ts = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };

		(void)nanosleep(&ts, NULL);
	}
}

/* After a fault: between half and all of a pause that doubles; what the server said counts
 * if it is longer. */
static void
back_off(struct agent *a, const atomic_bool *stop)
{
	uint64_t pause = a->o.backoff_ms, half;
	uint32_t r = 0;

	for (unsigned i = 1; i < a->faults_in_row && pause < a->o.backoff_max_ms; i++)
		pause *= 2;
	if (a->pending)
		pause = a->o.pending_ms;
	else if (pause > a->o.backoff_max_ms)
		pause = a->o.backoff_max_ms;
	if (pause < a->retry_after * 1000u)
		pause = a->retry_after * 2000u;
	half = pause / 2;
	if (random_bytes(&r, sizeof(r), NULL) != 0)
		r = (uint32_t)agent_now_ms();
	a->retry_after = 0;
	nap_until(agent_now_ms() + half + (half == 0 ? 0 : r % half), stop);
}

/* Until evidence is due: something new in the list, or the time the server set. */
static void
wait_due(struct agent *a, const atomic_bool *stop)
{
	uint64_t soonest = a->sent_ms + a->o.push_ms, now, stamp = a->stamp;
	struct err e = { 0 };

	nap_until(soonest, stop);
	while (!atomic_load(stop) && !a->at_once && (now = agent_now_ms()) < a->due_ms) {
		uint64_t left = a->due_ms - now;

		if (!a->have_stamp || priv_ask_watch(&a->priv, a->stamp, (unsigned)(left < NAP_MS ? left : NAP_MS), &stamp, &e) != 0)
			nap_until(now + (left < NAP_MS ? left : NAP_MS), stop);
		else if (stamp != a->stamp)
			return;
	}
	/* The nonce does not outlive its deadline (the machine may have slept). */
	if (agent_now_ms() >= a->answered_ms + a->deadline_ms)
		a->step = STEP_HELLO;
}

void
agent_run(struct agent *a, const atomic_bool *stop)
{
	while (!atomic_load(stop)) {
		struct err e = { 0 };

		if (a->step == STEP_EVIDENCE)
			wait_due(a, stop);
		if (atomic_load(stop))
			return;
		if (agent_round(a, &e) == 0) {
			if (a->faults_in_row > 0)
				svc_log(LOG_LEVEL_INFO, "%s answers again", agent_server(a));
			a->faults_in_row = 0;
			continue;
		}
		a->counts.faults++;
		/* The first of a row, and then each that doubles their number. */
		a->faults_in_row++;
		if ((a->faults_in_row & (a->faults_in_row - 1)) == 0)
			svc_log_err(a->pending ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "no evidence was taken", &e);
		back_off(a, stop);
	}
}
