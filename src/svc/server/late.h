/* late.h: hosts whose evidence did not come, each told of once, whoever tells it.
 *
 * Up to which moment hosts were told of is kept in the store (setting "late": the moment up to
 * which all is done, the moment that is being worked on and the host reached in it), in the
 * transaction that writes the events.  So a server that dies in the middle, is replaced or
 * was paused leaves no host out and tells of none twice.
 *
 * Hosts get the time to come back before anybody says that they are late: behind a start,
 * and behind a time in which the store could not be reached (then no server could take
 * their evidence).
 *
 * If the clock is set back, hosts that were seen "in the future" and stay silent are told of
 * too; their verdict has run out at once (api_hosts.c).
 */
#ifndef SVC_SERVER_LATE_H
#define SVC_SERVER_LATE_H

#include "svc/server/turn.h"

/* What is kept: hosts due before ${done} were told of, and of those due before ${until} the ones
 * up to number ${host}. */
struct late_progress { int64_t done, until; uint32_t host; };

struct late {
	struct turn *turn;		/* borrowed, with its store */
	int64_t patience;		/* ms: three times the interval */
	struct late_progress p;		/* if ${known} */
	bool known;
	int64_t next;			/* no look before; turn_clock() */
	int64_t watched;		/* turn_clock() of the last look */
	int64_t quiet;			/* nothing is told before; turn_clock() */
	int64_t wall;			/* the last look's time on the wall */
	int64_t doubt;			/* the clock was set forward: nothing is deleted before; turn_clock() */
	int64_t back_at;		/* look for hosts of the future then; turn_clock(), 0: no need */
};

/** late_round(l, now, e): If it is our turn, tell of those that are late. */
MUST_CHECK int late_round(struct late *l, int64_t now, struct err *e);

#endif
