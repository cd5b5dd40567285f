/* run.h: the network process: enrols the host once, then proves its state for ever.
 *
 * It has no privileges: what it sends comes from the other process (priv_client.h), what it
 * holds is a TLS key.  The server decides how often (wait, deadline) and from which entry;
 * the agent decides to send at once when there are new entries, at most once in
 * ${push_ms}.  Each round: quote with the server's nonce, then read the list, then send.
 * A nonce that may have been used is never used again: after any fault the agent says
 * hello and is given another.
 *
 * Nothing ends it but the caller.  A server or TPM that is away is asked again with
 * growing, jittered pauses, so that a fleet does not come back in one moment.
 */
#ifndef SVC_AGENT_RUN_H
#define SVC_AGENT_RUN_H

#include <stdatomic.h>

#include "svc/agent/identity.h"
#include "svc/agent/priv_client.h"
#include "svc/agent/transport.h"

struct agent_options {
	const char *dir;		/* identity.pem, state.json; made 0700 */
	const char *priv_socket;
	struct agent_transport transport;	/* its where() is for state.json and the log */
	int landlock;			/* for the facts: version of the kernel's Landlock in use */
	bool seccomp;
	unsigned push_ms;		/* 0: 1000: least time between two messages */
	unsigned backoff_ms;		/* 0: 1000: first pause after a fault */
	unsigned backoff_max_ms;	/* 0: 60000 */
	unsigned renew_ms;		/* 0: an hour: until a certificate that could not be kept is asked for again */
	unsigned pending_ms;		/* 0: 5000: between questions whether the host is approved */
};

struct agent;
MUST_CHECK int agent_new(const struct agent_options *o, struct agent **a, struct err *e);
void agent_free(struct agent *a);

/** agent_enrol(a, e): Once, now.  0 also if the host waits for approval. */
MUST_CHECK int agent_enrol(struct agent *a, struct err *e);

/** agent_round(a, e): One exchange of whatever is due (enrolment, hello, evidence), now. */
MUST_CHECK int agent_round(struct agent *a, struct err *e);

/** agent_run(a, stop): Until ${*stop}. */
void agent_run(struct agent *a, const atomic_bool *stop);

/** agent_identity(a): Borrowed. */
const struct identity *agent_identity(const struct agent *a);

/* What was done so far. */
struct agent_counts {
	uint64_t hellos, evidence, enrolments, faults;
	uint64_t acknowledged;		/* entries, in the last answer */
};
struct agent_counts agent_counts(const struct agent *a);

#endif
