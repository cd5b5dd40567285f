/* http_url.h: the address of a server, "https://host[:port]", taken apart.  Pure. */
#ifndef PORT_NET_HTTP_URL_H
#define PORT_NET_HTTP_URL_H

#include "base/err.h"

struct http_url {
	bool tls;
	char host[256];		/* without the brackets of an IPv6 address; lower case as given */
	char field[300];	/* for "Host:" */
	uint16_t port;
};

/** http_url_parse(text, u, e): Nothing but scheme, host and port; one "/" may follow.
 * ERR_USAGE otherwise, and for "http" to anything but loopback. */
MUST_CHECK int http_url_parse(const char *text, struct http_url *u, struct err *e);

#endif
