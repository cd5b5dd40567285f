/* swtpm.h: a TPM in software for machines that have none.
 *
 * Such a TPM proves nothing: who is root on the machine can make it say anything.
 * It lets the rest of the program run, and whoever shows a host with one has to
 * say so.
 *
 * Starts the program swtpm (Debian: swtpm) as a child that dies with us, with all
 * it keeps in one directory (0700):
 *
 *   state/       the TPM's NV memory; made by swtpm_setup where it is installed
 *                (swtpm-tools), with an EK certificate of a CA of its own in ca/
 *   sock         where commands go; sock.ctrl beside it
 *   swtpm.log    what it says
 *
 * A simulator of the same directory that runs already (ours of before, whose parent
 * was killed) is used and not ended.  A socket that nobody serves is removed.
 */
#ifndef PORT_TPM_SWTPM_H
#define PORT_TPM_SWTPM_H

#include "base/err.h"

struct swtpm;

/** swtpm_start(dir, s, e): ${dir} is made if it does not exist. */
MUST_CHECK int swtpm_start(const char *dir, struct swtpm **s, struct err *e);

/** swtpm_tcti(s): For tpm_open; lives as long as ${s}. */
const char *swtpm_tcti(const struct swtpm *s);

/** swtpm_watch(s, restarted, e): Look after it: one that died is started again, at most
 * SWTPM_RESTARTS times in a row within SWTPM_RESTART_WINDOW_S. */
#define SWTPM_RESTARTS 5
#define SWTPM_RESTART_WINDOW_S 60
MUST_CHECK int swtpm_watch(struct swtpm *s, bool *restarted, struct err *e);

/** swtpm_pid(s): 0 if it is not ours. */
int swtpm_pid(const struct swtpm *s);

/** swtpm_stop(s): End it (if we started it) and free ${s}. */
void swtpm_stop(struct swtpm *s);

static inline void
swtpm_stopp(struct swtpm **s)
{
	swtpm_stop(*s);
}
#define SWTPM_AUTO __attribute__((cleanup(swtpm_stopp)))

#endif
