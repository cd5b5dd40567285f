/* journal.h: the list and its sidecar on disk, as the monitor writes them.
 *
 * The dispatcher hands over what is to be listed, and lets a file go when it was written
 * (journal_result).  One thread writes: the sidecar's entry first, then the record.  Another
 * brings both to the disk, the sidecar first, batch_ms after the first record of a batch or
 * when it is full, and then tells the caller, who extends.  So what was extended is on disk,
 * and what is on disk in the list has its sidecar entry.  A disk that hangs stops these two.
 *
 * Its functions are the dispatcher's alone.
 */
#ifndef PORT_MONITOR_JOURNAL_H
#define PORT_MONITOR_JOURNAL_H

#include "port/monitor/files.h"
#include "port/monitor/shared.h"

#define JOURNAL_LIST "list"
#define JOURNAL_SIDECAR "sidecar"

enum journal_result {
	JOURNAL_WAITS = 0,
	JOURNAL_NEW,		/* it is in the list now */
	JOURNAL_KNOWN,		/* the same entry was there before */
	JOURNAL_LOST		/* it could not be written: a gap is listed as soon as that can be */
};

struct journal;

/** journal_open(s, done_fd, j, e): Take up what is in the directory, cutting off a record that was
 * not written whole.  The eventfd ${done_fd} becomes readable when there are results. */
MUST_CHECK int journal_open(struct monitor_shared *s, int done_fd, struct journal **j, struct err *e);

/** journal_file(j, digest, path, body): One file; its number for journal_result (0: lost at once).  body's number
 * and path are filled in later; everything is copied. */
uint64_t journal_file(struct journal *j, const uint8_t digest[32], struct span path, const struct monitor_body *body);
enum journal_result journal_result(const struct journal *j, uint64_t number);

void journal_note(struct journal *j, const struct monitor_note *n);

/** journal_gap(j, why, from, from_uptime, count): A monitor_gap that ends now. */
void journal_gap(struct journal *j, enum monitor_why why, uint64_t from, uint64_t from_uptime, uint64_t count);

/** journal_finish(j): A last note; everything is on disk when it returns, or two seconds are over. */
void journal_finish(struct journal *j);

#endif
