/* machine_read.h: collects what can be known about a machine.
 *
 * Reads files of /proc, /sys and /boot below a root; with the root "" the mounts
 * are also tried out (mount_probe.h) and the TPM is asked (tpm_probe.h).  Another
 * root is a recorded tree: only its files count, and nothing of the machine on
 * which this runs.
 *
 * What is missing or may not be read is unknown, not an error: on some machine
 * each of these files is missing.  An error means that a file was there and could
 * not be understood, or memory ran out.
 */
#ifndef PORT_SYS_MACHINE_READ_H
#define PORT_SYS_MACHINE_READ_H

#include "base/arena.h"
#include "formats/machine.h"

struct machine_source {
	const char *root;	/* "" for the running machine, else a folder */
	const char *tpm;	/* device or socket to ask; NULL: /dev/tpmrm0, /dev/tpm0 */
	bool try_mounts;	/* make unnamed files in them to see what they can take */
};

/** machine_read(from, a, m, e): Everything in ${m} lives in ${a}. */
MUST_CHECK int machine_read(const struct machine_source *from, struct arena *a, struct machine *m,
    struct err *e);

#endif
