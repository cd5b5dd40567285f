/* monitor_list.h: what the execution monitor writes: its list's notes, and the sidecar.
 *
 * The list is a measurement list as the kernel writes it (ima_log.h), with SHA-1 in its
 * digest column.  A file is an entry of template ima-ng; what the monitor says of itself is
 * an entry of template ima-buf, a note, whose buffer is text:
 *
 *   key=value;key=value;...		keys in the order of the table below, each once
 *
 *   NOTE           KEYS
 *   monitor_start  version boot_id time uptime pcr why chain
 *   monitor_stop   version time uptime chain
 *   monitor_gap    version from from_uptime to to_uptime why count
 *   monitor_chain  version entries chain
 *
 * version is 1; times are nanoseconds since the epoch, uptimes since the boot (CLOCK_BOOTTIME);
 * chain is the sidecar's chain value so far, in hex; entries is the number of the last entry
 * of the list that it covers.
 *
 * The sidecar, little-endian:
 *
 *   OFFSET  SIZE  MEANING
 *   0       8     magic 0x89 "AMS" CR LF 0x1a LF
 *   8       4     version: 1
 *   12      4     zero
 *   16      16    boot_id of the monitor_start that began the list
 *   32            entries
 *
 *   an entry: 0 4 n; 4 n body; 4+n 32 chain value
 *   a body:
 *   0       8     number of the list's entry, from 1; rises from one body to the next
 *   8       8     time, ns since the epoch
 *   16      8     uptime, ns since the boot
 *   24      4     process, 0: not known
 *   28      4     its user (effective uid), 0xffffffff: not known
 *   32      4     flags (enum monitor_flag)
 *   36      8     device: major, minor
 *   44      8     inode
 *   52      8     size of the file
 *   60            comm, cgroup, path: each u16 length, bytes; path is exact, where the list
 *                 has '_' for blanks
 *
 * chain value := SHA-256(chain value before || SHA-256(template data of entry number) || body),
 * the first before: SHA-256 of the header's 32 bytes.  Who changes a body, or ties it to
 * another entry, changes every later value, and with them the notes in the list.
 */
#ifndef FORMATS_MONITOR_LIST_H
#define FORMATS_MONITOR_LIST_H

#include "base/buf.h"
#include "base/digest_alg.h"
#include "base/rd.h"

#define MONITOR_CHAIN		32	/* bytes of a chain value */
#define MONITOR_HEADER		32	/* bytes of the sidecar's header */
#define MONITOR_BOOT_ID		16

enum monitor_flag {
	MONITOR_EXEC = 1,		/* opened to be executed; else opened, as libraries are */
	MONITOR_DELETED = 2,		/* had no name any more */
	MONITOR_WRITER = 4,		/* was open for writing when it was hashed */
	MONITOR_LATE = 8,		/* the digest came after the file had been let go */
	MONITOR_SLOW = 0x10,		/* let go with no digest: hashing took too long */
	MONITOR_STALLED = 0x20,		/* the same: reading it stood still */
	MONITOR_UNREADABLE = 0x40,	/* the same: it could not be read */
	MONITOR_GONE = 0x80,		/* the process was gone before it could be looked at */
	MONITOR_CHANGED = 0x100,	/* changed while it was hashed */
	MONITOR_FLAGS = 0x1ff
};

enum monitor_note_kind { MONITOR_NOTE_NONE = 0, MONITOR_NOTE_START, MONITOR_NOTE_STOP, MONITOR_NOTE_GAP,
	MONITOR_NOTE_CHAIN };

/* Why nothing, or not all, was seen for a time. */
enum monitor_why {
	MONITOR_WHY_NONE = 0,
#define WHY(sym, token, text) MONITOR_WHY_##sym,
#include "formats/monitor_why.tbl"
#undef WHY
	MONITOR_WHY_COUNT
};

const char *monitor_why_token(enum monitor_why why);
const char *monitor_why_text(enum monitor_why why);
enum monitor_why monitor_why_by_token(struct span token);	/* NONE if unknown */

struct monitor_note {
	enum monitor_note_kind kind;
	uint8_t boot_id[MONITOR_BOOT_ID];
	uint64_t time, uptime;			/* of a gap: its end */
	uint64_t from, from_uptime;
	uint64_t pcr, entries, count;		/* count: events lost, 0: not known */
	enum monitor_why why;
	uint8_t chain[MONITOR_CHAIN];
};

const char *monitor_note_name(enum monitor_note_kind kind);
enum monitor_note_kind monitor_note_by_name(struct span name);

void monitor_note_write(const struct monitor_note *n, struct buf *b);

/** monitor_note_parse(kind, text, n, e): Strict; the text of one note has one form. */
MUST_CHECK int monitor_note_parse(enum monitor_note_kind kind, struct span text, struct monitor_note *n,
    struct err *e);

/** Template data, as the kernel writes it: blanks of the name become '_' (ima_template_lib.c,
 * ima_write_template_field_data). */
void monitor_data_file(struct buf *b, struct span digest, struct span path);
void monitor_data_note(struct buf *b, struct span digest, struct span name, struct span text);

/** monitor_record(b, pcr, column, template, data): A record of the list. */
void monitor_record(struct buf *b, uint32_t pcr, const uint8_t column[20], const char *template,
    struct span data);

/** monitor_record_next(r, data): Step over one record of such a list; false at the end or
 * where it is not whole (r->why tells, r->off stays in front of it). */
MUST_CHECK bool monitor_record_next(struct rd *r, uint32_t *pcr, struct span *data);

struct monitor_body {
	uint64_t number, time, uptime, inode, size;
	uint32_t pid, uid, flags, major, minor;
	struct span comm, cgroup, path;
};

void monitor_header_write(const uint8_t boot_id[MONITOR_BOOT_ID], struct buf *b);
void monitor_body_write(const struct monitor_body *body, struct buf *b);	/* the body alone */

MUST_CHECK int monitor_header_parse(struct rd *r, uint8_t boot_id[MONITOR_BOOT_ID], struct err *e);

struct monitor_entry {
	size_t offset, size;			/* in the sidecar, whole */
	struct monitor_body body;
	struct span raw;			/* the body's bytes, for the chain */
	struct span chain;
};

/** monitor_entry_next(r, before, x, e): 1 and an entry, 0 at the end, or an error: the reader
 * then stands in front of the bad entry.  ${before}: number of the entry before, or 0. */
MUST_CHECK int monitor_entry_next(struct rd *r, uint64_t before, struct monitor_entry *x, struct err *e);

/** monitor_entry_dump(x, b): One line of stable text, names escaped. */
void monitor_entry_dump(const struct monitor_entry *x, struct buf *b);

/** monitor_flags_text(flags, b): "exec deleted late"; "open" for none. */
void monitor_flags_text(uint32_t flags, struct buf *b);

#endif
