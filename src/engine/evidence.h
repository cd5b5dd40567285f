/* evidence.h: the whole appraisal of recorded evidence, from bytes to a verdict.
 *
 * Order: quote, then boot, then how much of the measurement list the quote covers,
 * then each entry under the policies, then the verdict.  PCR values come from
 * replayed logs and, as far as the quote's digest covers them, from the PCR values
 * given beside it; never from them alone: without a quote the verdict is at best
 * undecided.
 *
 * Pure: no file, no clock, no globals.  An error means that it could not be decided
 * at all; everything wrong with the evidence itself is in the result.
 */
#ifndef ENGINE_EVIDENCE_H
#define ENGINE_EVIDENCE_H

#include "engine/appraise.h"
#include "engine/attest_key.h"
#include "engine/match.h"
#include "engine/quote.h"
#include "engine/result.h"
#include "formats/resume_state.h"
#include "formats/tpm_pcrs.h"

/* What the parts are called, for errors; each may be NULL. */
struct evidence_names { const char *ima_log, *quote, *signature, *ak, *event_log; };

struct evidence_input {
	struct evidence_names names;
	struct span ima_log;
	bool has_quote;
	struct span quote, signature, ak, nonce;
	bool brought_key, brought_nonce;	/* whoever made the evidence chose it: what it
						 * proves is left open, so no trust comes of it */
	const struct tpm_pcrs *pcrs;		/* NULL: none given */
	bool has_event_log;
	struct span event_log;
	enum digest_alg bank;
	uint32_t least_pcrs;			/* that must be quoted beside the list's, a bit each:
						 * or an attester chooses what is looked at */
	unsigned list_pcr;			/* 0: IMA_PCR; the execution monitor's list has another */
	bool allow_padded_sha1;			/* follow zero-padded SHA-1 too, named as such */
	bool require_all;			/* a tail is a finding */
	bool integrity_only;			/* policies are not asked */
	bool quote_first;			/* who asks knows that the list was read after the quote:
						 * a list that fits nowhere was then altered */
	const struct runtime_policy *const *policies;
	size_t n_policies;
	struct digest policy_id;		/* stands for them; none: no state can be gone on from */
	struct sig_context ctx;			/* time and mounts */
	int64_t boot_began;			/* seconds: when this boot was first seen; 0: not known */
	const struct resume_state *resume;	/* NULL: from the start of the boot */
	bool exact;				/* the list is known to begin right behind it: not searched for */
	bool whole;				/* the list is kept: none of it is stepped over because of the state */
	bool new_kernel;			/* the host says that another kernel runs than at the state,
						 * and the TPM saw no reset: names what is missing, no more */
	uint64_t recorded_entries;		/* the list had at least that many, by a bundle; or 0 */

	/* What who appraises again and again makes once: each NULL, or used instead of what
	 * it is made of: policies and the mounts of ctx, and ak. */
	struct appraiser *appraiser;
	const struct attest_key *key;
};

/* Beside the result: what was seen.  Borrows from the input and the result's arena. */
struct evidence_report {
	struct quote_facts quote;		/* zero without a quote */
	struct match match;			/* match.wrong is freed by then */
	struct ima_policy_seen *ima_policies;	/* the kernel's, as measured; in the result's arena */
	size_t n_ima_policies;
	uint64_t total, authenticated, trusted, findings, violations;
	int64_t boot_expires;			/* when a demand on the boot's age fails; 0: there is none */
	json_t *boot;				/* owned; what the boot engine saw, or NULL */
	bool resumed;				/* the state was of this boot and was used */
	bool has_state;				/* no check failed: state may be kept */
	struct resume_state state;
};

/** evidence_appraise(in, result, report, e): Nothing of ${in} is changed, but that its
 * appraiser forgets the keys of an earlier appraisal, and learns those of this one. */
MUST_CHECK int evidence_appraise(const struct evidence_input *in, struct result *r,
    struct evidence_report *report, struct err *e);
void evidence_report_free(struct evidence_report *report);

#define EVIDENCE_REPORT_AUTO __attribute__((cleanup(evidence_report_free)))

#endif
