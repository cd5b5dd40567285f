/* monitor_tpm.h: the execution monitor's extends, by way of port/tpm.
 *
 * The monitor does not know TPMs, nor TPMs the monitor; here the two meet.  Each record goes
 * into every active bank with that bank's own digest, in one command, as the kernel does.
 * A bank that is active but that we have no digest for (SM3, SHA-3) is an error at the start:
 * it would not replay.
 */
#ifndef SVC_MONITOR_MONITOR_TPM_H
#define SVC_MONITOR_MONITOR_TPM_H

#include "port/monitor/monitor.h"
#include "port/tpm/tpm.h"

struct monitor_tpm_banks {
	struct tpm *tpm;			/* borrowed */
	unsigned n;
	enum digest_alg algs[LIMIT_TPM_BANKS];	/* active for the PCR */
};

/** monitor_tpm_make(tpm, pcr, b, out, e): ${b} must outlive ${out}, and both the monitor. */
MUST_CHECK int monitor_tpm_make(struct tpm *tpm, unsigned pcr, struct monitor_tpm_banks *b,
    struct monitor_tpm *out, struct err *e);

#endif
