/* places.h: where the agent's processes keep things and meet, from the options.
 *
 * Without --data as systemd's units have it: /var/lib/assay-agent and the socket in
 * /run/assay-agent.  With --data D everything is below D.  The privileged process has
 * D/priv, the network process D/net: neither needs the other's.
 */
#ifndef AGENT_PLACES_H
#define AGENT_PLACES_H

#include "cmd/command.h"

#define AGENT_DATA "/var/lib/assay-agent"
#define AGENT_SOCKET "/run/assay-agent/priv.sock"

#define PLACE_OPTIONS \
	{ "data", 'd', "DIR", false, COMPLETE_DIR, NULL, "directory of the agent's data (" AGENT_DATA ")" }, \
	{ "socket", 0, "PATH", false, COMPLETE_FILE, NULL, \
	    "where the two processes meet (DIR/priv.sock; without --data " AGENT_SOCKET ")" }

struct places {
	char data[3000], priv[3072], net[3072], socket[3072];
};

MUST_CHECK int places_find(const struct invocation *in, struct places *p, struct err *e);

/** places_make(p, sub, e): The data directory (0711: others pass, and see nothing) and the
 * one below it (0700). */
MUST_CHECK int places_make(const struct places *p, const char *sub, struct err *e);

/** number_option(in, name, otherwise, most, out, e): A decimal number. */
MUST_CHECK int number_option(const struct invocation *in, const char *name, uint64_t otherwise,
    uint64_t most, uint64_t *out, struct err *e);

/** stop_on_signals(fd, e): From now on SIGTERM and SIGINT make ${*fd} readable and set
 * agent_stop. */
MUST_CHECK int stop_on_signals(int *fd, struct err *e);

#include <stdatomic.h>
extern atomic_bool agent_stop;

#endif
