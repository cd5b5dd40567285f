/* evidence_boot.h: the boot's share of an appraisal of evidence.  Private to evidence.c. */
#ifndef ENGINE_EVIDENCE_BOOT_H
#define ENGINE_EVIDENCE_BOOT_H

#include "engine/evidence.h"

/** evidence_boot_replay(in, q, known, e): Add to ${known} the PCR values that the event log
 * replays to, for PCRs the quote selects and nobody gave. */
MUST_CHECK int evidence_boot_replay(const struct evidence_input *in, const struct quote_facts *q,
    struct tpm_pcrs *known, struct err *e);

/** evidence_boot(in, q, authentic, a, r, report, e): Event log, boot_aggregate and the
 * policies' boot demands. */
MUST_CHECK int evidence_boot(const struct evidence_input *in, const struct quote_facts *q,
    bool authentic, const struct appraiser *a, struct result *r, struct evidence_report *report,
    struct err *e);

#endif
