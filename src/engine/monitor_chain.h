/* monitor_chain.h: the execution monitor's list and its sidecar, read side by side.
 *
 * The list is what a quote covers; the sidecar is tied to it by the chain values that the
 * list's notes hold (formats/monitor_list.h).  So an entry of the sidecar is worth as much
 * as the list once a later note of the list holds the chain value behind it: it is "tied".
 * Whether the list itself is worth anything is match.h's to say.
 *
 * What is wrong is a result: an entry of the list without one in the sidecar (LACKS), one
 * whose body is not what its chain value says, or a note that holds another chain value
 * (ALTERED).  After the latter the chain goes on from the note's value, so that one fault is
 * one finding.
 */
#ifndef ENGINE_MONITOR_CHAIN_H
#define ENGINE_MONITOR_CHAIN_H

#include "crypto/digest.h"
#include "formats/ima_log.h"
#include "formats/monitor_list.h"

enum monitor_fault { MONITOR_FINE = 0, MONITOR_LACKS, MONITOR_ALTERED };

struct monitor_item {
	struct ima_entry entry;
	bool is_note, has_body;
	struct monitor_note note;
	struct monitor_body body;
	enum monitor_fault fault;
};

struct monitor_chain {
	uint64_t entries, files, lacking, altered;
	uint64_t tied;			/* number of the last entry whose sidecar entry is tied in */
	uint8_t boot_id[MONITOR_BOOT_ID];	/* of the sidecar */

	/* Private. */
	struct ima_log log;
	struct rd sidecar;
	bool has_sidecar, have_next, sidecar_over;
	uint64_t before;
	struct monitor_entry next;
	uint8_t value[MONITOR_CHAIN];
	struct hasher *sha256;
};

/** monitor_chain_open(list, sidecar, c, e): Both must outlive ${c}; end with monitor_chain_close. */
MUST_CHECK int monitor_chain_open(struct span list, struct span sidecar, struct monitor_chain *c, struct err *e);
void monitor_chain_close(struct monitor_chain *c);

/** monitor_chain_next(c, item, e): 1 and the next entry of the list, 0 at the end, or an error. */
MUST_CHECK int monitor_chain_next(struct monitor_chain *c, struct monitor_item *item, struct err *e);

#define MONITOR_CHAIN_AUTO __attribute__((cleanup(monitor_chain_close)))

#endif
