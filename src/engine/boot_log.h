/* boot_log.h: a firmware event log, loaded, replayed and bound to its digests.
 *
 * Replay (TCG PC Client Platform Firmware Profile 1.06, 10.4.5): each PCR starts as
 * zeros (17 to 22: ones) and becomes H(PCR || digest) with each event, but for
 * EV_NO_ACTION.  PCR 0 starts with the locality in its last byte if the log has a
 * StartupLocality event, and with 4 if an H-CRTM measured before the TPM's start-up.
 *
 * What a log proves: once a replayed PCR equals a quoted one, the sequence of
 * DIGESTS in that PCR and bank is authentic.  Event types are covered by nothing, and
 * event data only where the digest is that of the data (enum boot_bind tells).
 * Whoever judges by an event must ask for both: see boot_facts.h.
 *
 * A record that does not parse ends the log, with the error kept in ${tail}: what
 * stands before it can still be proven by the quote, so it is not thrown away.
 */
#ifndef ENGINE_BOOT_LOG_H
#define ENGINE_BOOT_LOG_H

#include "base/arena.h"
#include "base/err.h"
#include "formats/tcg_event.h"
#include "formats/tcg_log.h"

/* How an event's data relate to its digest in the bank that was asked for. */
enum boot_bind {
	BOOT_BIND_NONE = 0,	/* the digest covers something that is not in the log */
	BOOT_BIND_DATA,		/* it is H(data) */
	BOOT_BIND_CONTENT,	/* H(content of the variable), without GUID and name */
	BOOT_BIND_TEXT,		/* H(text), without the loader's prefix and the NUL */
	BOOT_BIND_ERROR,	/* a separator that reports an error */
	BOOT_BIND_NOT_EXTENDED,	/* EV_NO_ACTION */
	BOOT_BIND_NO_DIGEST,	/* the event has no digest in this bank */
	BOOT_BIND_MISMATCH,	/* the type says what it covers, and that is not so */
};

struct boot_event {
	struct tcg_event ev;
	struct tcg_data data;
	enum boot_bind bind;
};

struct boot_bank {
	enum digest_alg alg;
	bool computed;			/* every event had its digest, and we know the algorithm */
	uint64_t gap;			/* the first event without a digest in this bank, or 0 */
	uint32_t touched;		/* bit n: PCR n was extended */
	uint8_t v[LIMIT_PCRS][LIMIT_DIGEST];
};

struct boot_log {
	struct arena arena;
	struct tcg_log log;
	struct boot_event *events;
	size_t n_events, cap_events;
	size_t n_banks;
	struct boot_bank banks[LIMIT_TPM_BANKS];
	enum digest_alg bound;		/* bank that the events' ${bind} speaks of */
	bool has_locality;
	uint8_t locality;		/* of the TPM's start-up; 0 if the log does not say */
	struct err tail;		/* code 0, or why the bytes at tail.offset are no event */
};

/** boot_log_load(in, log, e): Parse and replay every bank, bind to the strongest.
 * ${in} must outlive ${log}; end with boot_log_free. */
MUST_CHECK int boot_log_load(struct span in, struct boot_log *log, struct err *e);
void boot_log_free(struct boot_log *log);

/** boot_log_bank(log, alg): The replayed bank, or NULL if the log lacks it or an event
 * lacks its digest. */
const struct boot_bank *boot_log_bank(const struct boot_log *log, enum digest_alg alg);

/** boot_log_strongest(log): The strongest bank that was replayed; DIGEST_NONE: none. */
enum digest_alg boot_log_strongest(const struct boot_log *log);

/** boot_log_bind(log, alg, e): Compare data with digests in another bank. */
MUST_CHECK int boot_log_bind(struct boot_log *log, enum digest_alg alg, struct err *e);

/* Four bytes: zeros from UEFI firmware, ones from a BIOS, 1 where it met an error. */
enum boot_separator { BOOT_SEPARATOR_NONE = 0, BOOT_SEPARATOR_UEFI, BOOT_SEPARATOR_BIOS, BOOT_SEPARATOR_ERROR };

/** boot_separator(log, ev): Whether the event's digest in the bound bank is that of a
 * separator, whatever its type claims. */
enum boot_separator boot_separator(const struct boot_log *log, const struct boot_event *ev);

/** boot_event_proven(ev): The digest covers the data: once the PCR is authentic, so are they. */
bool boot_event_proven(const struct boot_event *ev);

const char *boot_bind_token(enum boot_bind b);	/* "data", "content", ..., "mismatch" */

#define BOOT_LOG_AUTO __attribute__((cleanup(boot_log_free)))

#endif
