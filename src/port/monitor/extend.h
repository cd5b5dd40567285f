/* extend.h: the caller's side: from the list on disk to the PCR.
 *
 * The running value of the PCR is known at every record, because it began at zero.  So what
 * an extend that failed, or a crash between disk and TPM, left open is settled by reading
 * the PCR: it has the value before the record, or behind it, or one that the list does not
 * make (foreign: somebody else extends it, or the list was altered).
 */
#ifndef PORT_MONITOR_EXTEND_H
#define PORT_MONITOR_EXTEND_H

#include "crypto/digest.h"
#include "port/monitor/journal_read.h"
#include "port/monitor/monitor.h"

/* SHA-1, SHA-256, SHA-384, SHA-512: every bank that TPMs have. */
#define EXTEND_BANKS 4

struct extender {
	const struct monitor_tpm *tpm;	/* NULL: there is no PCR */
	unsigned pcr;
	struct hasher *h[EXTEND_BANKS];
	uint8_t value[32];		/* what the PCR should be now */
	uint64_t records, bytes;	/* of the list, that it covers */
	bool unsure;			/* the last extend failed: it may have happened */
	bool foreign;
};

MUST_CHECK int extender_init(struct extender *x, const struct monitor_tpm *tpm, unsigned pcr, struct err *e);
void extender_done(struct extender *x);

/** extender_begin(x, list, known, e): Where the PCR stands in ${list}; ${known}: false if it fits no
 * place in it (extender: as if it were behind all of it, and foreign if there is a list). */
MUST_CHECK int extender_begin(struct extender *x, struct span list, bool *known, struct err *e);

/** extender_add(x, pcr, data, record_size, e): Extend the next record. */
MUST_CHECK int extender_add(struct extender *x, struct span data, size_t record_size, struct err *e);

#endif
