/* gaps.h: what a host's list is known not to have, told to people.
 *
 * In a gap a file could run unseen.  Whether that speaks against the host is its policy's
 * to say (docs/formats/monitor-list.md); that it is told of is not.
 */
#ifndef SVC_SERVER_GAPS_H
#define SVC_SERVER_GAPS_H

#include "base/json.h"
#include "formats/ima_log.h"
#include "formats/monitor_list.h"
#include "svc/server/server_internal.h"

#define GAPS_SHOWN 100		/* one by one; the count is whole */

/** gap_of_entry(n, list_pcr): What the entry says, if it is a gap of a monitor's list; else NULL. */
json_t *gap_of_entry(const struct ima_entry *n, unsigned list_pcr);

/** gaps_add(w, h, j, e): Members "gaps" and "gaps_total", of the host's present boot. */
MUST_CHECK int gaps_add(struct worker *w, const struct store_host *h, json_t *j, struct err *e);

#endif
