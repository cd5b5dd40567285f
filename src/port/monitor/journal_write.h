/* journal_write.h: records into the list and the sidecar, in the thread that writes them. */
#ifndef PORT_MONITOR_JOURNAL_WRITE_H
#define PORT_MONITOR_JOURNAL_WRITE_H

#include "base/buf.h"
#include "crypto/digest.h"
#include "port/monitor/journal.h"

struct writer {
	struct monitor_shared *s;
	struct seen_files *seen;		/* what is listed */
	struct hasher *sha1, *sha256;
	int list, sidecar;
	uint64_t list_size, sidecar_size, records;
	uint8_t chain[MONITOR_CHAIN];
	uint64_t unchained, last_file;		/* entries behind the last monitor_chain, and when */
	struct buf record, body, data;		/* used again for each */
	bool full;				/* the list's ceiling is reached: only notes from now on */
	uint64_t lost, lost_from, lost_from_uptime;	/* what could not be written */
};

/** writer_open(w, s, e): The files of the directory, where they end.  A fault leaves ${w} to the
 * end of the process. */
MUST_CHECK int writer_open(struct writer *w, struct monitor_shared *s, struct err *e);

enum journal_result writer_file(struct writer *w, const uint8_t digest[32], struct span path,
    struct monitor_body *body);
enum journal_result writer_note(struct writer *w, struct monitor_note *n);

/** writer_lost(w, n): ${n} records never came so far. */
void writer_lost(struct writer *w, uint64_t n);

/** writer_tick(w, now): What is due: monitor_chain, or a gap that could not be written before. */
void writer_tick(struct writer *w, uint64_t now);

#endif
