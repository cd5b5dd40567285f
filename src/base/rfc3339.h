/* rfc3339.h: points in time as text, "2026-07-01T12:00:00Z".
 *
 * Seconds since the epoch, without a clock and without the time zone of the
 * machine.  Reading takes RFC 3339 in full: a fraction of a second is dropped,
 * an offset is applied, a leap second counts as the next second; years 0001 to
 * 9999.  Writing is always UTC with a Z.
 */
#ifndef BASE_RFC3339_H
#define BASE_RFC3339_H

#include "base/buf.h"

/** rfc3339_parse(s, t): False for anything that is not one whole date and time. */
MUST_CHECK bool rfc3339_parse(struct span s, int64_t *t);

/** buf_rfc3339(b, t): The time, clamped to the years above. */
void buf_rfc3339(struct buf *b, int64_t t);

#endif
