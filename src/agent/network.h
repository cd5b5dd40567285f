/* network.h: what "run" and "enrol" have in common: the network process, set up and confined. */
#ifndef AGENT_NETWORK_H
#define AGENT_NETWORK_H

#include "agent/places.h"
#include "svc/agent/run.h"

#define NETWORK_OPTIONS \
	{ .name = "server", .letter = 's', .arg = "URL", .help = "the server: https://name[:port]" }, \
	{ .name = "server-ca", .arg = "FILE", .complete = COMPLETE_FILE, .built_in = "/etc/assay/server-ca.pem", \
	    .help = "certificates (PEM) of which one vouches for the server" }, \
	{ .name = "server-name", .arg = "NAME", .help = "name in the server's certificate, if the URL has another" }, \
	PLACE_OPTIONS, \
	{ .name = "user", .letter = 'u', .arg = "USER", .help = "become this user, if started as root" }, \
	{ .name = "no-sandbox", .help = "keep all privileges" }

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
