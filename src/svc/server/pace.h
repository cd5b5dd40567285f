/* pace.h: how fast one host, or one address without a certificate, may ask for work.
 *
 * A bucket that leaks, for each name of 16 bytes: a message takes some of its owner's time, and who has taken
 * more than a minute or so ahead of the clock is told how long to wait.  What a message costs is known
 * only behind it, so a part of the bucket is held until then, which also bounds how many of one owner's
 * messages are worked on at once.  What has run off is forgotten, so the table is of one size, whoever comes;
 * if it is too small the one that owes least is let off.  Pure: the clock is a parameter.
 */
#ifndef SVC_SERVER_PACE_H
#define SVC_SERVER_PACE_H

#include "base/err.h"
#include "base/limits.h"

#define PACE_NAME 16

/* Microseconds. */
struct pace_rule {
	int64_t ahead;			/* how much may be taken in advance */
	int64_t hold;			/* at once, for one message */
};

struct pace;
MUST_CHECK int pace_new(struct pace **out, struct err *e);
void pace_free(struct pace *p);

/** pace_take(p, name, rule, now): 0: go on, ${rule}.hold is taken; else wait for so long. */
int64_t pace_take(struct pace *p, const uint8_t name[static PACE_NAME], const struct pace_rule *rule, int64_t now);

/** pace_settle(p, name, more): Behind the message: ${more} (or, negative, less) than was held. */
void pace_settle(struct pace *p, const uint8_t name[static PACE_NAME], int64_t more);

/** pace_cost(each, cpu): What a message costs that took ${cpu} of a processor: ${each}, or more if it was heavy. */
int64_t pace_cost(int64_t each, int64_t cpu);

#endif
