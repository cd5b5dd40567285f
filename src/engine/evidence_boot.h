/* evidence_boot.h: the boot's share of an appraisal of evidence.  Private to evidence.c. */
#ifndef ENGINE_EVIDENCE_BOOT_H
#define ENGINE_EVIDENCE_BOOT_H

#include "engine/evidence.h"

/** evidence_boot_replay(in, q, known, e): Add to ${known} the PCR values that the event log
 * replays to, for PCRs the quote selects and nobody gave. */
MUST_CHECK int evidence_boot_replay(const struct evidence_input *in, const struct quote_facts *q,
    struct tpm_pcrs *known, struct err *e);

/* What the appraisal of list and quote found that the boot's needs. */
struct evidence_boot {
	const struct quote_facts *q;
	bool authentic;				/* the quote can be believed */
	const struct digest *aggregates;	/* of the boot_aggregate entries */
	size_t n_aggregates;
	bool aggregates_covered;
	const json_t *const *demands;		/* of the policies, NULL at the end; or NULL */
};

/** evidence_boot(in, b, r, report, e): Event log, boot_aggregate and boot demands. */
MUST_CHECK int evidence_boot(const struct evidence_input *in, const struct evidence_boot *b,
    struct result *r, struct evidence_report *report, struct err *e);

#endif
