/* evidence_internal.h: one appraisal under way, and the parts it is made of.
 *
 * evidence.c holds the order of things and judges the entries; evidence_replay.c what the
 * replay says of the list as a whole; evidence_boot.c the boot; evidence_state.c what is
 * kept for the next time. */
#ifndef ENGINE_EVIDENCE_INTERNAL_H
#define ENGINE_EVIDENCE_INTERNAL_H

#include "engine/attest_key.h"
#include "engine/evidence.h"

/* One appraisal under way. */
struct evidence_run {
	const struct evidence_input *in;
	struct result *r;
	struct evidence_report *report;
	const struct attest_key *ak;		/* NULL without a quote */
	struct attest_key own_ak;		/* owned; unused if the caller has the key ready */
	struct tpm_pcrs *known;			/* owned: values to try, none of them trusted yet */
	const struct resume_state *resume;	/* of this very boot, or NULL */
	bool no_restart;			/* by the TPM's counters nothing reset a PCR since then */
	struct appraiser *appraiser, *own_appraiser;	/* the second owned; NULL for integrity only */
	struct digest *aggregates;		/* of the boot_aggregate entries; in the result's arena */
	size_t n_aggregates, cap_aggregates;
	size_t new_aggregates;			/* of those, behind the state */
	bool aggregates_covered;
	size_t cap_ima_policies;
	uint64_t ima_allowed;			/* entries of IMA policies that meet the demand */
	bool authentic;				/* what the quote says can be believed */
	bool had_target;			/* there was a value to compare the replayed PCR with */
	bool too_short;				/* the list lacks entries that were recorded */
};

/** evidence_list_pcr(x): The PCR that the list extends, unless an entry says another. */
static inline unsigned
evidence_list_pcr(const struct evidence_run *x)
{
	return x->in->list_pcr == 0 ? IMA_PCR : x->in->list_pcr;
}

/** evidence_judge_replay(x, e): CHECK_REPLAY and CHECK_TEMPLATE_DIGESTS, from the match. */
MUST_CHECK int evidence_judge_replay(struct evidence_run *x, struct err *e);

/** evidence_resume_ima, evidence_new_kernel_ima, evidence_note_ima, evidence_judge_ima (evidence_ima.c):
 * The IMA policies of the resumed part; that another kernel begins, which has none of them; those of an
 * entry; and whether the demand of one is met. */
MUST_CHECK int evidence_resume_ima(struct evidence_run *x, struct err *e);
void evidence_new_kernel_ima(struct evidence_run *x);
MUST_CHECK int evidence_note_ima(struct evidence_run *x, const struct ima_entry *n, bool covered, struct err *e);
MUST_CHECK int evidence_judge_ima(struct evidence_run *x, struct err *e);

/** evidence_matched(x): Whether anything of the list is tied to the quote. */
bool evidence_matched(const struct evidence_run *x);

/** evidence_quoted_pcrs(x): The PCRs of the bank whose values are the quote's (or, without one,
 * given). */
uint64_t evidence_quoted_pcrs(const struct evidence_run *x);

#endif
