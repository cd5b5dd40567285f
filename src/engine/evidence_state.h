/* evidence_state.h: from an appraisal to the resume state and back.  Private to evidence.c. */
#ifndef ENGINE_EVIDENCE_STATE_H
#define ENGINE_EVIDENCE_STATE_H

#include "engine/attest_key.h"
#include "engine/evidence.h"

/** evidence_state_keys(s, ring, e): The keys the kernel had loaded by then, judged again
 * by the policies of today. */
MUST_CHECK int evidence_state_keys(const struct resume_state *s, struct keyring *ring, struct err *e);

/** evidence_state_make(...): Fill report->state behind a trusted verdict. */
MUST_CHECK int evidence_state_make(const struct evidence_input *in, struct evidence_report *report,
    const struct attest_key *ak, const struct digest *boot_aggregate, struct keyring *ring,
    struct err *e);

#endif
