/* journal_read.h: what stands in a list and its sidecar, for whoever goes on from there: the
 * caller before it starts a monitor, and each monitor that is started.
 *
 * Both files are the monitor's own; yet nothing in them is believed beyond its form, and what
 * follows the last whole record is not there.
 */
#ifndef PORT_MONITOR_JOURNAL_READ_H
#define PORT_MONITOR_JOURNAL_READ_H

#include "formats/monitor_list.h"
#include "port/monitor/files.h"

struct journal_state {
	uint64_t list_size, sidecar_size;	/* what is whole; 0: no header either */
	uint64_t records;
	uint64_t unchained;			/* sidecar entries behind the last monitor_chain */
	uint8_t chain[MONITOR_CHAIN];
	bool sidecar_lost;			/* it lacks the list's last entries */
	bool has_start, stopped;		/* stopped: the last entry is monitor_stop */
	struct monitor_note start, stop;	/* the last of each */
};

/** journal_read(list, sidecar, seen, x, e): The files of these descriptors; ${seen} may be NULL. */
MUST_CHECK int journal_read(int list, int sidecar, struct seen_files *seen, struct journal_state *x,
    struct err *e);

/** journal_map(fd, max, s, e): The whole file, mapped; end with journal_unmap. */
MUST_CHECK int journal_map(int fd, size_t max, struct span *s, struct err *e);
void journal_unmap(struct span *s);
#define JOURNAL_MAP_AUTO __attribute__((cleanup(journal_unmap)))

/** journal_note_of(data, n): Whether template data are a note's, and which. */
MUST_CHECK bool journal_note_of(struct span data, struct monitor_note *n);

/** journal_fields(data, digest, name, text): The fields of template data; ${text} is of no bytes
 * for a file.  False if they are not the monitor's. */
MUST_CHECK bool journal_fields(struct span data, struct span *digest, struct span *name, struct span *text);

#endif
