/* turn.h: whose turn it is: of several servers that share a store, one does what time brings.
 *
 * Any server takes any host's evidence; the revision of the host's row sees to it that each
 * challenge counts once.  What is left is work that nobody asks for: telling that a host is
 * late, merging journals, letting old rows go.  That is done by whoever has the lease, for
 * TURN_LEASE_MS by the database's clock; the others ask for it every second, so that one
 * that dies is replaced within that time and a second.
 *
 * A server that was paused (a virtual machine that is moved, SIGSTOP) may believe that it
 * still is its turn.  So whatever is written under it is written in a transaction that began
 * with turn_hold(): that locks the lease's row, and fails if the row is another's.
 *
 * SQLite has one server, whose turn it always is: nothing is leased, nothing written.
 */
#ifndef SVC_SERVER_TURN_H
#define SVC_SERVER_TURN_H

#include "port/store/store.h"

#define TURN_LEASE_MS 10000

struct turn {
	struct store *store;		/* borrowed */
	char owner[64];			/* this process: a random number and the machine's name */
	bool alone;			/* nobody to share with */
	bool ours;
	int64_t asked;			/* when the lease was last asked for; turn_clock() */
};

/** turn_clock(): Milliseconds that pass whatever happens to the clock on the wall, and while
 * the machine sleeps. */
int64_t turn_clock(void);

MUST_CHECK int turn_open(struct store *store, struct turn *t, struct err *e);

/** turn_ask(t, e): Take or renew it when that is due; t->ours says the outcome. */
MUST_CHECK int turn_ask(struct turn *t, struct err *e);

/** turn_hold(t, e): Within a transaction: it is ours until the commit, or ERR_CONFLICT. */
MUST_CHECK int turn_hold(struct turn *t, struct err *e);

/** turn_give(t): Let another have it now. */
void turn_give(struct turn *t);

#endif
