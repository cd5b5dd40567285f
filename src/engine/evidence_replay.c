/* What the replay of the list says: how much of it the quote covers, and what speaks against
 * it where nothing fits. */
#include "engine/evidence_internal.h"

/* Whoever recorded the list counted its entries; a list that has fewer was cut after
 * that.  A count can be made up, but only to speak against a list, never for one. */
static int
judge_length(struct evidence_run *x, struct err *e)
{
	const struct match *m = &x->report->match;
	uint64_t listed = m->total - m->shift;

	if (listed >= x->in->recorded_entries)
		return 0;
	x->too_short = true;
	return check_fail(x->r, CHECK_REPLAY, REASON_LOG_TOO_SHORT, e,
	    "the list has %llu entries, but %llu were counted when it was recorded",
	    (unsigned long long)listed, (unsigned long long)x->in->recorded_entries);
}

static int
no_match(struct evidence_run *x, struct err *e)
{
	const struct match *m = &x->report->match;

	if (x->too_short)
		return 0;	/* its cause is known */
	if (x->in->has_quote && !x->authentic) {
		/* What the quote is wrong about has been said; a mismatch would only repeat it. */
		x->r->checks[CHECK_REPLAY].detail = "not judged: the quote itself cannot be believed";
		return 0;
	}
	if (x->in->new_kernel && m->begins_boot)
		return check_fail(x->r, CHECK_REPLAY, REASON_KEXEC_WITHOUT_CARRY, e,
		    "another kernel was started and the TPM saw no reset: its list does not go on from what was"
		    " shown before, so entries of the old kernel are lost, or this list was cut or altered");
	/* Only the TPM's counters prove that it is the same boot. */
	if (m->kind == MATCH_TOO_SHORT && x->in->has_quote && x->resume->has_clock)
		return check_fail(x->r, CHECK_REPLAY, REASON_LOG_TOO_SHORT, e,
		    "the list has %llu entries, but %llu were authenticated before in this boot",
		    (unsigned long long)m->total, (unsigned long long)x->resume->count);
	if (!x->had_target) {
		if (x->in->has_quote)
			x->r->checks[CHECK_REPLAY].detail = "not judged: the value of the quoted PCR is not known";
		return 0;
	}
	if (m->untouched && m->total > 0)
		return check_fail(x->r, CHECK_REPLAY, REASON_PCR_MISMATCH, e,
		    "PCR %u is quoted as zero: this kernel extended nothing into this TPM, or the list"
		    " is of another machine", evidence_list_pcr(x));
	if (x->resume == NULL && !m->begins_boot && m->total > 0)
		return check_fail(x->r, CHECK_REPLAY, REASON_PCR_MISMATCH, e,
		    "no part of the list reproduces the quoted PCR %u, and it does not begin with"
		    " boot_aggregate: it was trimmed or cut in front; give the state it goes on from"
		    " (--resume)", evidence_list_pcr(x));
	if (x->in->quote_first)
		return check_fail(x->r, CHECK_REPLAY, REASON_PCR_MISMATCH, e,
		    "no part of the list reproduces the quoted PCR %u, though it was read after the quote: entries"
		    " were cut or altered (or another kernel was started by kexec)", evidence_list_pcr(x));
	return check_fail(x->r, CHECK_REPLAY, REASON_PCR_MISMATCH, e,
	    "no part of the list reproduces the quoted PCR %u: either it was read before the quote"
	    " was made, or entries were cut or altered (or another kernel was started by kexec);"
	    " quote first, then read the list", evidence_list_pcr(x));
}

/* The PCRs of the bank whose values are the quote's (or, without one, given). */
uint64_t
evidence_quoted_pcrs(const struct evidence_run *x)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < LIMIT_PCRS; i++)
		if (x->in->has_quote ? tpm_selection_has(&x->report->quote.selection, x->in->bank, i) :
		    x->in->pcrs != NULL && tpm_pcrs_get(x->in->pcrs, x->in->bank, i).n != 0)
			mask |= (uint64_t)1 << i;
	return mask;
}

/* Whether a quoted PCR still has the value that the replay began with. */
static bool
as_begun(const struct evidence_run *x, uint32_t pcr)
{
	struct span v = tpm_pcrs_get(x->in->has_quote ? &x->report->quote.covered : x->in->pcrs, x->in->bank, pcr);

	for (size_t i = 0; x->report->match.from_state && i < x->resume->n_pcrs; i++)
		if (x->resume->pcrs[i].index == pcr)
			return span_eq(v, digest_view(&x->resume->pcrs[i].value));
	return span_zero(v);
}

/* A quoted PCR into which entries go, now or by the state, and whose value nothing in the list
 * reproduces; else REPLAY_PCRS. */
static uint32_t
unexplained(const struct evidence_run *x)
{
	const struct match *m = &x->report->match;
	uint64_t quoted = evidence_quoted_pcrs(x) & m->used;

	for (uint32_t i = 0; i < REPLAY_PCRS; i++)
		if (i != evidence_list_pcr(x) && ((quoted >> i) & 1) != 0 && m->authenticated[i] == 0 && !as_begun(x, i))
			return i;
	return REPLAY_PCRS;
}

/* A list from which all entries of a PCR were left out looks like one that never had any.  What
 * the firmware's log can explain is told with the boot. */
static int
warn_of_unlisted(struct evidence_run *x, struct err *e)
{
	/* Of a list on another PCR the kernel's own is not here to explain anything. */
	uint64_t quoted = x->in->has_quote && x->in->list_pcr == 0 ?
	    evidence_quoted_pcrs(x) & ~x->report->match.used : 0;
	int rc;

	for (uint32_t i = x->in->has_event_log ? 16 : IMA_PCR + 1; i < LIMIT_PCRS; i++) {
		struct span v = tpm_pcrs_get(&x->report->quote.covered, x->in->bank, i);
		bool reset = v.n == 0 || span_zero(v);

		/* 17 to 22 begin with ones (PC Client Profile, 4.6.4). */
		for (size_t k = 0; !reset && k < v.n && v.p[k] == 0xff; k++)
			reset = k + 1 == v.n;
		if (((quoted >> i) & 1) != 0 && !reset && (rc = result_warn(x->r, e, "PCR %u is quoted, but"
		    " nothing given explains its value: if rules with pcr= measure into it, their entries were"
		    " left out of the list", i)) != 0)
			return rc;
	}
	return 0;
}

/* Rules with pcr= spread the list over several PCRs: what one of them lacks must not hide
 * behind another that fits. */
static int
judge_other_pcrs(struct evidence_run *x, struct err *e)
{
	const struct match *m = &x->report->match;
	uint32_t bad = match_contradiction(m, evidence_quoted_pcrs(x));
	int rc;

	if (bad < REPLAY_PCRS)
		return check_fail(x->r, CHECK_REPLAY, REASON_PCR_MISMATCH, e,
		    "entry %llu extends PCR %u and stands before entries that were quoted, but the quoted"
		    " PCR %u lacks it: entries of that PCR were cut or altered, or something else extends"
		    " it too", (unsigned long long)m->behind[bad], bad, bad);
	if ((bad = unexplained(x)) < REPLAY_PCRS)
		return check_fail(x->r, CHECK_REPLAY, REASON_PCR_MISMATCH, e,
		    "entries extend PCR %u, whose quoted value no part of the list reproduces: entries of that"
		    " PCR were cut or altered, or something else extends it too", bad);
	for (unsigned i = 0; i < REPLAY_PCRS; i++)
		if (i != evidence_list_pcr(x) && ((m->used >> i) & 1) != 0 && m->authenticated[i] == 0 &&
		    (rc = result_warn(x->r, e, "entries extend PCR %u too, which the quote does not"
		    " confirm: they are not authenticated, and no state is kept to go on from", i)) != 0)
			return rc;
	if ((rc = warn_of_unlisted(x, e)) != 0)
		return rc;
	return check_pass(x->r, CHECK_REPLAY);
}

static int
judge_replay(struct evidence_run *x, struct err *e)
{
	const struct match *m = &x->report->match;
	int rc;

	if (m->kind == MATCH_NONE || m->kind == MATCH_TOO_SHORT)
		return no_match(x, e);
	if (m->how != IMA_EXTEND_BANK && (rc = result_warn(x->r, e, "bank %s holds zero-padded SHA-1"
	    " digests, as kernels before 5.8 and those without its algorithm extend them: it is worth"
	    " no more than SHA-1",
	    digest_alg_name(x->in->bank))) != 0)
		return rc;
	if (m->kind == MATCH_KEXEC && (rc = result_warn(x->r, e, "entry %llu begins the list of another"
	    " kernel, though the TPM saw no restart: it was started by kexec.  The list goes on from the state's"
	    " values, so nothing was lost between", (unsigned long long)m->shift + 1)) != 0)
		return rc;
	if (m->kind == MATCH_PREFIX && x->resume != NULL && x->no_restart && !m->from_state && !m->passed_state)
		return check_fail(x->r, CHECK_REPLAY, REASON_QUOTE_CLOCK, e,
		    "the list and PCR %u begin anew, but by its counters the TPM was not reset since the resume state"
		    " was written: its state was put back, or it is a copy", evidence_list_pcr(x));
	return judge_other_pcrs(x, e);
}

/* Whether anything of the list is tied to the quote. */
bool
evidence_matched(const struct evidence_run *x)
{
	return x->authentic && (x->report->match.kind == MATCH_PREFIX ||
	    x->report->match.kind == MATCH_KEXEC);
}

/* Entries with a wrong digest column.  Where a prefix matched, what lies behind it waits;
 * where nothing matched, a wrong digest is proof of tampering all the same. */
static int
judge_columns(struct evidence_run *x, struct err *e)
{
	const struct match *m = &x->report->match;
	bool bad = false;
	int rc;

	for (size_t i = 0; i < m->n_wrong; i++) {
		bool covered = evidence_matched(x) && m->wrong[i].number <= m->authenticated[m->wrong[i].pcr];
		struct finding f = { .reason = REASON_TEMPLATE_DIGEST_MISMATCH, .entry = m->wrong[i].number,
		    .authenticated = covered, .path_authenticated = covered,
		    .decides = covered || !evidence_matched(x) };

		bad |= f.decides;
		if ((rc = result_finding(x->r, &f, e, "the list's digest of this entry is not that of its"
		    " data: the list was altered")) != 0)
			return rc;
	}
	if (!bad)
		return check_pass(x->r, CHECK_TEMPLATE_DIGESTS);
	x->r->checks[CHECK_TEMPLATE_DIGESTS].state = CHECK_FAIL;
	return 0;
}

int
evidence_judge_replay(struct evidence_run *x, struct err *e)
{
	int rc;

	if ((rc = judge_length(x, e)) != 0 || (rc = judge_replay(x, e)) != 0)
		return rc;
	return judge_columns(x, e);
}
