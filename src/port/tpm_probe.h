/* tpm_probe.h: asks a TPM 2.0 about itself.
 *
 * Only TPM2_GetCapability is sent: nothing in the TPM changes, no PCR is extended,
 * no session or object is made, and any caller who may open the device may ask.
 * The device is opened for the questions and closed at once, because the kernel
 * gives /dev/tpmrm0 to several users but /dev/tpm0 to one.
 */
#ifndef PORT_TPM_PROBE_H
#define PORT_TPM_PROBE_H

#include "formats/tpm_caps.h"

/** tpm_probe(path, caps, e): ${path} is a character device (/dev/tpmrm0) or a socket
 * of the UNIX kind on which a TPM simulator takes commands (swtpm --server
 * type=unixio).  An answer that takes over ten seconds is an error. */
MUST_CHECK int tpm_probe(const char *path, struct tpm_caps *caps, struct err *e);

#endif
