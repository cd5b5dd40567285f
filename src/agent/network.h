/* network.h: what "run" and "enrol" have in common: the network process, set up and confined. */
#ifndef AGENT_NETWORK_H
#define AGENT_NETWORK_H

#include "agent/places.h"
#include "svc/agent/run.h"

#define NETWORK_OPTIONS \
	{ "server", 's', "URL", true, COMPLETE_NONE, NULL, \
	    "the server: https://name[:port]; given again: others that share its database" }, \
	{ "server-ca", 0, "FILE", false, COMPLETE_FILE, NULL, \
	    "certificates (PEM) of which one vouches for the server" }, \
	{ "server-name", 0, "NAME", false, COMPLETE_NONE, NULL, "name in the server's certificate, if the URLs have another" }, \
	PLACE_OPTIONS, \
	{ "user", 'u', "USER", false, COMPLETE_NONE, NULL, "become this user, if started as root" }, \
	{ "no-sandbox", 0, NULL, false, COMPLETE_NONE, NULL, "keep all privileges" }

struct network {
	struct places places;
	struct transport_https *transport;	/* owned */
	struct agent *agent;			/* owned */
};
void network_done(struct network *n);

/** network_open(in, n, e): After it the process is confined. */
MUST_CHECK int network_open(const struct invocation *in, struct network *n, struct err *e);

#define NETWORK_AUTO __attribute__((cleanup(network_done)))

#endif
