/* up_events.h: a server's events as lines for people. */
#ifndef CMD_UP_EVENTS_H
#define CMD_UP_EVENTS_H

#include <stdio.h>

#include "port/net/http_client.h"

struct up_events {
	char last[32];		/* id of the last event that was seen */
};

/** up_events_print(u, f, ev): One line, or some for a host that is not trusted. */
void up_events_print(struct up_events *u, FILE *f, const struct http_event *ev);

#endif
