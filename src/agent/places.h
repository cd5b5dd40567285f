/* places.h: where the agent's processes keep things and meet, from the options.
 *
 * Without --data as systemd's units have it: /var/lib/assay-agent and the socket in
 * /run/assay-agent.  With --data D everything is below D.  The privileged process has
 * D/priv, the network process D/net: neither needs the other's.
 */
#ifndef AGENT_PLACES_H
#define AGENT_PLACES_H

#include <sys/types.h>

#include "cmd/command.h"

#define AGENT_DATA "/var/lib/assay-agent"
#define AGENT_CONFIG "/etc/assay/agent.conf"
#define AGENT_RUN "/run/assay-agent"
#define AGENT_SOCKET AGENT_RUN "/priv.sock"

#define PLACE_OPTIONS \
	{ .name = "data", .letter = 'd', .arg = "DIR", .complete = COMPLETE_DIR, .help = "directory of the agent's data (" AGENT_DATA ")" }, \
	{ .name = "socket", .arg = "PATH", .complete = COMPLETE_FILE, \
	    .help = "where the two processes meet (DIR/priv.sock; without --data " AGENT_SOCKET ")" }

struct places {
	char data[3000], priv[3072], net[3072], socket[3072];
};

MUST_CHECK int places_find(const struct invocation *in, struct places *p, struct err *e);

/** places_make(p, sub, e): The data directory (0711: others pass, and see nothing) and the
 * one below it (0700). */
MUST_CHECK int places_make(const struct places *p, const char *sub, struct err *e);

/** places_meet(p, peer, e): The directory of the usual socket, if no service manager made it: for
 * root, and to be passed by the group of user ${peer}. */
MUST_CHECK int places_meet(const struct places *p, uid_t peer, struct err *e);

/** stop_on_signals(fd, e): From now on SIGTERM and SIGINT make ${*fd} readable and set
 * agent_stop.  SIGHUP is answered by a line that says that a restart is needed: the processes are
 * confined by what they were told at the start, and lose nothing by a restart. */
MUST_CHECK int stop_on_signals(int *fd, struct err *e);

#include <stdatomic.h>
extern atomic_bool agent_stop;

#endif
