/* tpm_pcrs_read.h: the readers behind tpm_pcrs_parse, one for each format.
 * Private to formats/tpm_pcrs*.c. */
#ifndef FORMATS_TPM_PCRS_READ_H
#define FORMATS_TPM_PCRS_READ_H

#include "formats/tpm_pcrs.h"

/* Each fills a zeroed ${out}; what is in it after a failure does not matter. */
MUST_CHECK int tpm_pcrs_read_tools(struct span in, struct tpm_pcrs *out, struct err *e);
MUST_CHECK int tpm_pcrs_read_text(struct span in, struct tpm_pcrs *out, struct err *e);
MUST_CHECK int tpm_pcrs_read_json(struct span in, struct tpm_pcrs *out, struct err *e);

#endif
