/* simulate.h: what hosts would be under policies that are not assigned (yet).
 *
 * Each host is appraised again from what is stored: the bundle behind its verdict, which
 * has quote, event log and list as they were then, and the entries that later quotes
 * covered.  That is what a server would do if the policies were assigned now and the
 * host sent nothing new.  Nothing is written.
 */
#ifndef SVC_SERVER_SIMULATE_H
#define SVC_SERVER_SIMULATE_H

#include "svc/server/api.h"

/* What one host would be. */
struct simulated {
	bool judged;			/* false: nothing is kept to judge */
	enum host_verdict verdict;
	struct result result;		/* of the engine; empty where the evidence cannot be read */
	struct err unreadable;		/* code != 0: why it cannot */
	uint64_t findings;		/* that decide */
};

/** simulate_host(w, h, p, out, e): End with simulated_free. */
MUST_CHECK int simulate_host(struct worker *w, const struct store_host *h, const struct host_policies *p,
    struct simulated *out, struct err *e);
void simulated_free(struct simulated *s);
#define SIMULATED_AUTO __attribute__((cleanup(simulated_free)))

/* What is asked: spans are copied. */
struct simulation_order {
	struct store_policy_set set;	/* need not be stored */
	struct span selector;
	int64_t rank;
};

/** simulator_add(m, order, out, e): ERR_LIMIT if too many wait.  ${out} is the caller's JSON. */
MUST_CHECK int simulator_add(struct simulator *m, const struct simulation_order *order, json_t **out,
    struct err *e);
/** simulator_get(m, number, out, e): ERR_NOT_FOUND if it is not (or no more) kept. */
MUST_CHECK int simulator_get(struct simulator *m, uint64_t number, json_t **out, struct err *e);
MUST_CHECK int simulator_cancel(struct simulator *m, uint64_t number, struct err *e);

#endif
