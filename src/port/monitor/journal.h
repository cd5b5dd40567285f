/* journal.h: the list and its sidecar on disk, as the monitor writes them.
 *
 * Records go to the sidecar first, then to the list; each is written before the file it is
 * about is let go.  A thread brings both to the disk, the sidecar first, batch_ms after the
 * first record of a batch or when it is full, and then tells the caller, who extends.  So
 * what was extended is on disk, and what is on disk in the list has its sidecar entry.
 *
 * Not thread-safe, but for that thread of its own.
 */
#ifndef PORT_MONITOR_JOURNAL_H
#define PORT_MONITOR_JOURNAL_H

#include "port/monitor/files.h"
#include "port/monitor/shared.h"

#define JOURNAL_LIST "list"
#define JOURNAL_SIDECAR "sidecar"

struct journal;

/** journal_open(s, seen, j, e): Take up what is in the directory, cutting off a record that was
 * not written whole; what is listed goes into ${seen}. */
MUST_CHECK int journal_open(struct monitor_shared *s, struct seen_files *seen, struct journal **j, struct err *e);

/** journal_file(j, digest, path, body, listed): One file, unless the same was listed before
 * (*listed is then false).  body's number and path are filled in here.  False: it could not
 * be written, which is listed as a gap as soon as that can be. */
bool journal_file(struct journal *j, const uint8_t digest[32], struct span path, struct monitor_body *body,
    bool *listed);

void journal_note(struct journal *j, struct monitor_note *n);

/** journal_gap(j, why, from, from_uptime, count): A monitor_gap that ends now. */
void journal_gap(struct journal *j, enum monitor_why why, uint64_t from, uint64_t from_uptime, uint64_t count);

/** journal_tick(j, now): Write monitor_chain if it is time (${now}: CLOCK_BOOTTIME). */
void journal_tick(struct journal *j, uint64_t now);

/** journal_finish(j): A last note; everything is on disk when it returns. */
void journal_finish(struct journal *j);

uint64_t journal_records(const struct journal *j);

#endif
