/* records.h: a file of IMA records that grows: the kernel's list, the monitor's, our spool.
 *
 * Knows where its entries stand without holding them: it reads what was added since it
 * looked last, counts, and remembers the place of each RECORDS_MARK-th entry.  Reading is
 * by pread at exact offsets, which the kernel's seq_file serves without going through
 * its list again as long as nobody else moves that descriptor.
 *
 * A record that is not all there yet (a writer is in the middle of it) is left for the
 * next look.  Something that is no record is an error and nothing behind it is counted.
 */
#ifndef SVC_AGENT_RECORDS_H
#define SVC_AGENT_RECORDS_H

#include "formats/ima_log.h"

#define RECORDS_MARK 1024

struct records_mark { uint64_t entry, offset; };

struct records {
	int fd;				/* owned; -1: not open */
	bool framed;			/* proto is known */
	struct ima_log proto;		/* byte order and bank, told from the first record */
	uint64_t n;			/* whole records seen */
	uint64_t end;			/* offset behind them */
	uint64_t last;			/* offset of the last one */
	uint8_t last_digest[32];	/* SHA-256 of it */
	struct records_mark *marks;	/* owned */
	size_t n_marks, cap_marks;
};

struct records records_none(void);
void records_close(struct records *r);

/** records_forget(r): As if nothing had been read; the descriptor stays. */
void records_forget(struct records *r);

/** Called for each new record; an error ends the look, before that record. */
typedef int records_fn(void *arg, uint64_t index, struct span record, struct err *e);

/** records_look(r, fn, arg, e): Read what was added.  ${fn} may be NULL. */
MUST_CHECK int records_look(struct records *r, records_fn *fn, void *arg, struct err *e);

/** records_same(r, same, e): Whether the last record seen still stands where it stood. */
MUST_CHECK int records_same(const struct records *r, bool *same, struct err *e);

/** records_offset(r, index, offset, e): Where entry ${index} (from 0, at most r->n) begins. */
MUST_CHECK int records_offset(const struct records *r, uint64_t index, uint64_t *offset,
    struct err *e);

/** records_copy(r, from, to, out, e): Bytes of entries [from, to) to the descriptor ${out}. */
MUST_CHECK int records_copy(const struct records *r, uint64_t from, uint64_t to, int out,
    struct err *e);

/** records_each(r, fn, arg, e): Each record that was seen; 1 from ${fn} ends it. */
typedef int records_each_fn(void *arg, uint64_t offset, struct span record, struct err *e);
MUST_CHECK int records_each(const struct records *r, records_each_fn *fn, void *arg, struct err *e);

/** copy_bytes(fd, from, to, out, e): Bytes [from, to) of ${fd}, all of them. */
MUST_CHECK int copy_bytes(int fd, uint64_t from, uint64_t to, int out, struct err *e);

#define RECORDS_AUTO __attribute__((cleanup(records_close)))

#endif
