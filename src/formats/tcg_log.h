/* tcg_log.h: the firmware's event log, as the kernel shows it in
 * /sys/kernel/security/tpm0/binary_bios_measurements.
 *
 * Two formats (TCG PC Client Platform Firmware Profile 1.06, section 10), both
 * little-endian.  The first record is always a TCG_PCClientPCREvent:
 *
 *   OFFSET  SIZE  MEANING
 *   0       4     pcr
 *   4       4     type (formats/tcg_events.tbl)
 *   8       20    SHA-1 digest
 *   28      4     n: bytes of event data
 *   32      n     event data
 *
 * If its type is EV_NO_ACTION and its data the structure below, the log is
 * crypto-agile; else every record has that form (TPM 1.2's format).
 *
 *   0       16    "Spec ID Event03" NUL
 *   16      4     platform class: 0 client, 1 server
 *   20      4     specification minor, major, errata; size of UINTN (1: 4 bytes, 2: 8)
 *   24      4     a: count of algorithms
 *   28      4*a   each: u16 TPM_ALG_ID, u16 size of its digests
 *   28+4*a  1+v   v: size of the vendor's information, and that
 *
 * Every further record of a crypto-agile log is a TCG_PCR_EVENT2:
 *
 *   0       4     pcr
 *   4       4     type
 *   8       4     c: count of digests
 *   12      ...   each: u16 TPM_ALG_ID, digest; sizes are those of the first record
 *   +0      4     n: bytes of event data
 *   +4      n     event data
 *
 * A digest of an algorithm that the first record does not name is fatal, because
 * nothing tells its size.  An algorithm that we do not know but the log names is
 * kept under its number.  Unknown event types are normal (vendors have their own).
 * Bytes behind the last record that are all 0x00 or all 0xff are padding, which is
 * counted; anything else that is no record is an error that names its offset.
 * What the data means is formats/tcg_event.h's; what is authentic, engine/boot.h's.
 *
 * Events are numbered from 1, the Spec ID event included.
 */
#ifndef FORMATS_TCG_LOG_H
#define FORMATS_TCG_LOG_H

#include "base/buf.h"
#include "base/digest_alg.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/rd.h"

enum tcg_event_type {
#define EVENT(sym, value, cover) EV_##sym = (value),
#include "formats/tcg_events.tbl"
#undef EVENT
};

enum tcg_cover {
	TCG_COVER_UNKNOWN = 0,	/* a type that is not in the table */
	TCG_COVER_NOTHING, TCG_COVER_DATA, TCG_COVER_MAYBE, TCG_COVER_OTHER,
	TCG_COVER_SEPARATOR, TCG_COVER_VARIABLE, TCG_COVER_IPL,
};

enum tcg_log_kind { TCG_LOG_SHA1 = 1, TCG_LOG_AGILE };

struct tcg_log_alg {
	uint16_t id;			/* TPM_ALG_ID */
	uint16_t size;			/* bytes of a digest */
	enum digest_alg alg;		/* DIGEST_NONE: not one we know */
};

struct tcg_log {
	struct rd r;
	enum tcg_log_kind kind;
	uint32_t platform_class;
	uint8_t spec_minor, spec_major, spec_errata;
	uint8_t uintn_size;		/* bytes: 4 or 8 */
	struct span vendor_info;
	size_t n_algs;
	struct tcg_log_alg algs[LIMIT_TPM_BANKS];
	uint64_t next_number;
	size_t padding;			/* bytes behind the last record, when the end was met */
};

struct tcg_digest {
	uint16_t id;			/* TPM_ALG_ID */
	enum digest_alg alg;		/* DIGEST_NONE: not one we know */
	struct span bytes;
};

struct tcg_event {
	uint64_t number;		/* from 1 */
	size_t offset, size;		/* the record in the log */
	uint32_t pcr, type;
	size_t n_digests;
	struct tcg_digest digests[LIMIT_TPM_BANKS];
	struct span data;
};

/** tcg_log_open(in, log, e): Tell the format and read the first record's head; it is
 * handed out by tcg_log_next like any other.  ${in} must outlive ${log}; nothing is
 * to be freed.  An empty log is ERR_FORMAT: it says nothing about a boot. */
MUST_CHECK int tcg_log_open(struct span in, struct tcg_log *log, struct err *e);

/** tcg_log_next(log, event, e): 1 and the next event, 0 at the end (log->padding is then
 * known), or an error: the reader then stands on the first byte of the bad record.
 * Spans point into the input. */
MUST_CHECK int tcg_log_next(struct tcg_log *log, struct tcg_event *event, struct err *e);

/** tcg_event_digest(event, alg): Empty if the event has none of that algorithm. */
struct span tcg_event_digest(const struct tcg_event *event, enum digest_alg alg);

/** tcg_log_has(log, alg): Whether the log declares the bank. */
bool tcg_log_has(const struct tcg_log *log, enum digest_alg alg);

/** tcg_type_name(type): "EV_SEPARATOR", ...; NULL for a type that is not in the table. */
const char *tcg_type_name(uint32_t type);

/** tcg_type_put(type, b): The name, or "0x00008401" for an unknown one. */
void tcg_type_put(uint32_t type, struct buf *b);
enum tcg_cover tcg_type_cover(uint32_t type);

/** tcg_log_dump(event, b): One stable line of text: framing only, data in hex. */
void tcg_log_dump(const struct tcg_event *event, struct buf *b);

#endif
