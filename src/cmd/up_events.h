/* up_events.h: a server's events as lines for people.
 *
 * What happened before this start is not told again, but for the last verdict of before, so that
 * a start with nothing new still says how things stand.
 */
#ifndef CMD_UP_EVENTS_H
#define CMD_UP_EVENTS_H

#include <stdio.h>

#include "base/json.h"
#include "port/net/http_client.h"

struct up_events {
	char last[32];		/* id of the last event that was seen */
	int64_t began;		/* what is older (seconds since 1970) was told by an earlier start */
	json_t *before;		/* owned: the last verdict of those */
};

/** up_events_print(u, f, ev): One line, or some for a host that is not trusted; NULL when nothing
 * happens: the last verdict of before, once. */
void up_events_print(struct up_events *u, FILE *f, const struct http_event *ev);
void up_events_done(struct up_events *u);

#endif
