/* run_internal.h: shared by svc/agent/run*.c alone. */
#ifndef SVC_AGENT_RUN_INTERNAL_H
#define SVC_AGENT_RUN_INTERNAL_H

#include "svc/agent/run.h"

/* What comes next. */
enum agent_step { STEP_ENROL = 0, STEP_HELLO, STEP_EVIDENCE };

struct agent {
	struct agent_options o;
	struct priv_client priv;
	struct identity id;
	enum agent_step step;
	bool pending;			/* told so at the last hello */

	/* The server's last answer. */
	uint8_t nonce[32];
	uint64_t from;
	uint32_t wait_ms, deadline_ms, want;
	uint64_t answered_ms;		/* when it came */
	uint64_t due_ms;		/* when the next evidence is sent although nothing is new */

	uint64_t sent_ms;		/* when the last message was sent */
	bool at_once;			/* the answer asks for more now */
	bool have_stamp;		/* stamp: of the list, before the last quote */
	uint64_t stamp;
	bool told_no_event_log;
	uint64_t renew_ms;		/* not before: the last one could not be kept */
	struct buf new_key;		/* renewal: key of a request that is on its way; PEM */

	unsigned faults_in_row;
	unsigned retry_after;		/* seconds, from the server */
	struct agent_counts counts;
};

uint64_t agent_now_ms(void);

/** agent_server(a): Whom the next message goes to. */
const char *agent_server(const struct agent *a);

/** agent_post(a, route, m, want, reply, answer, e): Write, send, read the answer of type
 * ${want}, which borrows from ${reply}.  ERR_NETWORK with reply->status != 200 for a
 * problem. */
MUST_CHECK int agent_post(struct agent *a, const char *route, const struct attest_message *m,
    enum attest_type want, struct agent_reply *reply, struct attest_message *answer, struct err *e);

/** agent_facts(a, out, e): JSON, with what this process adds. */
MUST_CHECK int agent_facts(struct agent *a, struct buf *out, struct err *e);

MUST_CHECK int agent_step_enrol(struct agent *a, struct err *e);
MUST_CHECK int agent_step_hello(struct agent *a, struct err *e);
MUST_CHECK int agent_step_evidence(struct agent *a, struct err *e);

#endif
