#include "engine/evidence.h"

#include <stdlib.h>

#include "engine/boot_clock.h"
#include "engine/evidence_boot.h"
#include "engine/evidence_internal.h"
#include "engine/evidence_state.h"
#include "engine/read_ahead.h"
#include "engine/verdict.h"

static void
run_done(struct evidence_run *x)
{
	attest_key_free(&x->own_ak);
	appraiser_free(x->own_appraiser);
	free(x->known);
}
#define RUN_AUTO __attribute__((cleanup(run_done)))

/* What trust needs, before anything is looked at. */
static void
require(const struct evidence_input *in, struct result *r)
{
	static const enum check_id always[] = { CHECK_SIGNATURE, CHECK_MAGIC, CHECK_TYPE, CHECK_NONCE,
	    CHECK_SELECTION, CHECK_DIGEST, CHECK_TRAILING_DATA, CHECK_TEMPLATE_DIGESTS, CHECK_REPLAY };

	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		check_require(r, always[i]);
	if (!in->integrity_only)
		check_require(r, CHECK_POLICY);
	r->integrity_only = in->integrity_only;
	r->quote_first = in->quote_first;
}

static int
ready_appraiser(struct evidence_run *x, struct err *e)
{
	const struct evidence_input *in = x->in;
	int rc;

	if (in->integrity_only)
		return 0;
	if (in->appraiser == NULL && (rc = appraiser_new(in->policies, in->n_policies, &in->ctx,
	    &x->own_appraiser, e)) != 0)
		return rc;
	x->appraiser = in->appraiser != NULL ? in->appraiser : x->own_appraiser;
	return appraiser_begin(x->appraiser, in->ctx.now, x->r, e);
}

/* Name the part that an error is about, by its file if there is one. */
static int
named(struct err *e, int rc, const char *file, const char *part)
{
	return file != NULL ? err_file(e, rc, file) : err_ctx(e, rc, "%s", part);
}

static int
check_quote(struct evidence_run *x, struct err *e)
{
	const struct evidence_input *in = x->in;
	struct quote_input q = { .attest = in->quote, .signature = in->signature,
	    .nonce = in->nonce, .bank = in->bank, .pcr = evidence_list_pcr(x), .pcrs = in->pcrs,
	    .least = in->least_pcrs, .attest_name = in->names.quote, .signature_name = in->names.signature };
	int rc;

	if (!in->has_quote)
		return 0;
	if (in->key == NULL && (rc = attest_key_parse(in->ak, &x->own_ak, e)) != 0)
		return named(e, rc, in->names.ak, "the attestation key");
	q.ak = x->ak = in->key != NULL ? in->key : &x->own_ak;
	if ((rc = quote_check(&q, x->r, &x->report->quote, e)) != 0)
		return named(e, rc, in->names.quote, "the quote");
	x->authentic = quote_authentic(x->r) && x->r->checks[CHECK_SELECTION].state == CHECK_PASS &&
	    x->r->checks[CHECK_DIGEST].state != CHECK_FAIL;
	return 0;
}

/* What was allowed then need not be allowed now: the weaker digests of a padded bank; and
 * what was approved under other policies may be revoked under these, and what was replayed
 * under none was never judged. */
static int
check_state_terms(struct evidence_run *x, struct err *e)
{
	const struct digest *then = &x->in->resume->policies;

	if (x->in->resume->how != IMA_EXTEND_BANK && !x->in->allow_padded_sha1) {
		x->resume = NULL;
		return result_warn(x->r, e, "the resume state goes on with zero-padded SHA-1, which is not"
		    " allowed (--allow-padded-sha1): the list is judged from its beginning");
	}
	if (x->in->integrity_only || (then->alg != DIGEST_NONE && digest_eq(then, &x->in->policy_id)))
		return 0;
	x->resume = NULL;
	return result_warn(x->r, e, then->alg == DIGEST_NONE ? "the resume state was written without a"
	    " policy: the list is judged from its beginning" : "the policies are not those under which"
	    " the resume state was written: the list is judged from its beginning");
}

static int
rebooted(struct evidence_run *x, const struct tpm_clock *before, struct err *e)
{
	int rc;

	x->resume = NULL;
	if (boot_clock_contradicts(before, &x->report->quote.clock) && (rc = result_warn(x->r, e,
	    "the TPM's clock went back by %llu ms over a reset, and is said to be safe: a software TPM that"
	    " lost power, or whose stored state was put back", (unsigned long long)(before->clock -
	    x->report->quote.clock.clock))) != 0)
		return rc;
	return result_warn(x->r, e, "the machine was started anew since the resume state was"
	    " written: the list is judged from its beginning");
}

/* Whether the earlier state is of this boot; what speaks against it is a finding. */
static int
check_boot_clock(struct evidence_run *x, struct err *e)
{
	const struct resume_state *s = x->in->resume;
	const struct tpm_clock *now = &x->report->quote.clock;
	struct tpm_clock before;

	x->resume = s;
	if (s == NULL)
		return 0;
	if (s->bank != x->in->bank)
		return err_set(e, ERR_MISMATCH, "the resume state is of bank %s, not %s",
		    digest_alg_name(s->bank), digest_alg_name(x->in->bank));
	if (!x->in->has_quote || !s->has_clock || !x->authentic)
		return 0;
	if (s->ak.alg != DIGEST_NONE && !digest_eq(&s->ak, pubkey_fingerprint(x->ak->key)))
		return err_hint(e, err_set(e, ERR_MISMATCH, "the resume state is of another attestation key"),
		    "each host has a state of its own; if the key was replaced, start without a state");
	before = (struct tpm_clock){ s->clock, s->reset_count, s->restart_count, s->safe };
	switch (boot_clock_step(&before, now)) {
	case BOOT_WENT_BACK:
		/* Nothing of another boot fits; that would only be said twice. */
		if (before.reset_count != now->reset_count)
			x->resume = NULL;
		return result_finding(x->r, &(struct finding){ .reason = REASON_QUOTE_CLOCK,
		    .authenticated = true, .decides = true }, e,
		    "the TPM's counters are behind those of the resume state: an old quote, a cleared"
		    " TPM, or another one");
	case BOOT_REBOOTED:
		return rebooted(x, &before, e);
	case BOOT_SAME_MOMENT:
	case BOOT_CONTINUED:
		x->no_restart = true;
		return 0;
	case BOOT_RESUMED:
	default:
		return 0;
	}
}

/* Values to try for the quote's digest: those given, and those the event log replays to. */
static int
gather_known(struct evidence_run *x, struct err *e)
{
	if ((x->known = calloc(1, sizeof(*x->known))) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (x->in->pcrs != NULL)
		*x->known = *x->in->pcrs;
	return evidence_boot_replay(x->in, &x->report->quote, x->known, e);
}

static void
target_from(const struct tpm_pcrs *values, enum digest_alg bank, struct match_target *t)
{
	for (unsigned i = 0; i < LIMIT_PCRS; i++) {
		struct span v = tpm_pcrs_get(values, bank, i);

		if (v.n == 0)
			continue;
		t->covered |= (uint64_t)1 << i;
		memcpy(t->v[i], v.p, v.n);
	}
}

/* With values that the quote covers, compare values.  With only its digest, try the
 * digest.  Without a quote, compare with what was given, for what that is worth. */
static int
make_target(struct evidence_run *x, struct match_target *t, struct buf *before, struct buf *after,
    bool *have, struct err *e)
{
	const struct quote_facts *q = &x->report->quote;
	bool complete;
	int rc;

	*have = true;
	if (q->covered.n_banks > 0 || (!x->in->has_quote && x->in->pcrs != NULL)) {
		target_from(q->covered.n_banks > 0 ? &q->covered : x->in->pcrs, x->in->bank, t);
		return 0;
	}
	*have = false;
	if (!x->in->has_quote || q->pcr_digest.alg == DIGEST_NONE)
		return 0;
	if ((rc = quote_digest_parts(q, x->known, x->in->bank, evidence_list_pcr(x), before, after, &complete, e)) != 0)
		return rc;
	if (!complete) {
		x->r->checks[CHECK_DIGEST].detail = "the quote covers PCRs whose values are not known;"
		    " give --pcrs, or --event-log for the boot's";
		return 0;
	}
	t->by_digest = true;
	t->digest = q->pcr_digest;
	t->before = buf_view(before);
	t->after = buf_view(after);
	*have = true;
	return 0;
}

/* A prefix was found by the digest alone: now its value is what the quote covers. */
static int
settle(struct evidence_run *x, struct err *e)
{
	const struct match *m = &x->report->match;
	bool settled;

	if (!tpm_pcrs_set(x->known, x->in->bank, evidence_list_pcr(x),
	    pcr_value(&m->at_match, evidence_list_pcr(x))))
		return err_set(e, ERR_INTERNAL, "no room for the replayed PCR");
	return quote_settle(&x->report->quote, x->known, x->r, &settled, e);
}

static int
match(struct evidence_run *x, struct err *e)
{
	struct match_target t = { 0 };
	BUF_AUTO struct buf before = buf_init(MIB(1)), after = buf_init(MIB(1));
	struct match_input in = { .list = x->in->ima_log, .bank = x->in->bank,
	    .allow_padded_sha1 = x->in->allow_padded_sha1, .pcr = x->in->list_pcr, .resume = x->resume,
	    .exact = x->in->exact, .whole = x->in->whole };
	int rc;

	if ((rc = make_target(x, &t, &before, &after, &x->had_target, e)) != 0)
		return rc;
	in.target = x->had_target ? &t : NULL;
	if ((rc = match_list(&in, &x->report->match, e)) != 0)
		return named(e, rc, x->in->names.ima_log, "the measurement list");
	x->report->resumed = x->report->match.from_state;
	if (t.by_digest && (x->report->match.kind == MATCH_PREFIX || x->report->match.kind == MATCH_KEXEC))
		return settle(x, e);
	return 0;
}

/* kexec repeats the entry, and the boot PCRs are the same; anything else by that name is
 * not it.  What it must be is judged with the boot. */
static int
note_aggregate(struct evidence_run *x, const struct ima_entry *n, bool covered, struct err *e)
{
	struct digest *list = arena_grow(&x->r->arena, x->aggregates, x->n_aggregates,
	    &x->cap_aggregates, sizeof(*list));
	struct digest d;

	if (list == NULL)
		return arena_err(&x->r->arena, e);
	x->aggregates = list;
	/* An algorithm we do not know proves nothing: the check stays open.  But only the
	 * first of a boot is written before anything else can run. */
	if (n->file_alg == DIGEST_NONE || !digest_make(n->file_alg, n->file_digest, &d)) {
		if (n->number == 1)
			return 0;
		d = (struct digest){ 0 };
	}
	if (x->n_aggregates == 0 && n->number == 1)
		x->aggregates_covered = covered;
	else if (x->n_aggregates == 0 || !digest_eq(&d, &list[0]))
		return result_finding(x->r, &(struct finding){ .reason = REASON_BOOT_AGGREGATE_MISMATCH,
		    .entry = n->number, .path_authenticated = true, .path = n->path, .seen = d }, e,
		    "is named boot_aggregate, but differs from the first of this boot");
	list[x->n_aggregates++] = d;
	x->new_aggregates += x->resume != NULL && n->number > x->resume->count;
	return 0;
}

static int
appraise_one(struct evidence_run *x, const struct ima_entry *n, bool covered, struct err *e)
{
	size_t before = x->r->n_findings;
	bool sound;
	int rc;

	if (ima_entry_is_boot_aggregate(n) && n->well_formed && !n->ambiguous && !n->violation) {
		if ((rc = note_aggregate(x, n, covered, e)) != 0)
			return rc;
		if (covered || !x->in->has_quote)
			evidence_new_kernel_ima(x);
	}
	if ((rc = evidence_note_ima(x, n, covered, e)) != 0)
		return rc;
	rc = x->appraiser != NULL ? appraise_entry(x->appraiser, n, covered, x->r, e) :
	    appraise_form(n, x->r, &sound, e);
	if (rc != 0)
		return rc;
	for (size_t i = before; i < x->r->n_findings; i++) {
		x->r->findings[i].authenticated = covered;
		/* Without a quote there is no next one to wait for. */
		x->r->findings[i].decides = covered || !x->in->has_quote;
	}
	x->report->authenticated += covered;
	x->report->violations += n->violation && (covered || !evidence_matched(x));
	if (covered && x->r->n_findings == before)
		x->report->trusted++;
	return rc;
}

static int
appraise_list(struct evidence_run *x, struct err *e)
{
	const struct match *m = &x->report->match;
	READ_AHEAD_AUTO struct read_ahead list = { 0 };
	struct ima_entry *n;
	int rc;

	if ((rc = read_ahead_open(x->in->ima_log, x->appraiser, &list, e)) != 0)
		return rc;
	while ((rc = read_ahead_next(&list, &n, e)) > 0) {
		bool seen_before = n->number <= m->skip;

		n->number += m->shift;
		if (seen_before)
			continue;
		if ((rc = appraise_one(x, n, evidence_matched(x) && match_covers(m, n), e)) != 0)
			return rc;
	}
	return rc;
}

static int
judge_tail(struct evidence_run *x, struct err *e)
{
	const struct match *m = &x->report->match;
	uint64_t tail = x->report->total - x->report->authenticated;

	if (!evidence_matched(x) || tail == 0 || !x->in->require_all)
		return 0;
	return result_finding(x->r, &(struct finding){ .reason = REASON_TAIL_UNAUTHENTICATED,
	    .entry = m->authenticated[evidence_list_pcr(x)] + 1, .decides = true }, e,
	    "%llu entr%s not covered by the quote, and all must be", (unsigned long long)tail,
	    tail == 1 ? "y is" : "ies are");
}

/* Each kernel's first entry is a boot_aggregate.  (A monitor's list has none.) */
static int
judge_kernel(struct evidence_run *x, struct err *e)
{
	const struct match *m = &x->report->match;

	if (!x->in->new_kernel || !x->no_restart || !evidence_matched(x) || !(m->from_state || m->passed_state) ||
	    evidence_list_pcr(x) != IMA_PCR || x->new_aggregates > 0)
		return 0;
	return result_finding(x->r, &(struct finding){ .reason = REASON_QUOTE_CLOCK, .decides = true }, e,
	    "the host says that another kernel runs, but neither the TPM's counters nor the list show that one was"
	    " started: the TPM's state was put back, or it is a copy");
}

static int
judge_entries(struct evidence_run *x, struct err *e)
{
	size_t before = x->r->n_findings;
	bool bad = false;
	int rc;

	x->report->total = x->report->match.total;
	/* What an earlier run authenticated, it also approved: only then was a state kept. */
	if (x->report->match.from_state && evidence_matched(x))
		x->report->authenticated = x->report->trusted = x->resume->count;
	if (x->report->match.from_state && x->resume->boot_aggregate.alg != DIGEST_NONE) {
		x->aggregates = arena_grow(&x->r->arena, NULL, 0, &x->cap_aggregates, sizeof(*x->aggregates));
		if (x->aggregates == NULL)
			return arena_err(&x->r->arena, e);
		x->aggregates[x->n_aggregates++] = x->resume->boot_aggregate;
		x->aggregates_covered = evidence_matched(x);
	}
	if ((rc = evidence_resume_ima(x, e)) != 0 || (rc = appraise_list(x, e)) != 0 || (rc = judge_tail(x, e)) != 0 ||
	    (rc = evidence_judge_ima(x, e)) != 0)
		return rc;
	for (size_t i = 0; i < x->r->n_findings; i++) {
		if (x->r->findings[i].entry != 0 && x->r->findings[i].decides)
			x->report->findings++;
		bad |= i >= before && x->r->findings[i].decides;
	}
	if ((rc = judge_kernel(x, e)) != 0 || x->in->integrity_only)
		return rc;
	if (bad)
		x->r->checks[CHECK_POLICY].state = CHECK_FAIL;
	else if (evidence_matched(x))
		return check_pass(x->r, CHECK_POLICY);
	return 0;
}

/* A key that came with what it signed, and a nonce that came with its answer, agree with
 * themselves whoever made them.  Behind such a key nothing is authenticated. */
static void
withdraw_brought(const struct evidence_input *in, struct result *r, struct evidence_report *report)
{
	if (in->has_quote && in->brought_nonce)
		check_withdraw(r, CHECK_NONCE);
	if (!in->has_quote || !in->brought_key)
		return;
	check_withdraw(r, CHECK_SIGNATURE);
	report->authenticated = report->trusted = 0;
	for (size_t i = 0; i < r->n_findings; i++)
		r->findings[i].authenticated = false;
}

int
evidence_appraise(const struct evidence_input *in, struct result *r,
    struct evidence_report *report, struct err *e)
{
	RUN_AUTO struct evidence_run x = { .in = in, .r = r, .report = report };
	int rc;

	*report = (struct evidence_report){ 0 };
	require(in, r);
	if ((rc = ready_appraiser(&x, e)) != 0)
		return err_ctx(e, rc, "the policy");
	if ((rc = check_quote(&x, e)) != 0 || (rc = check_boot_clock(&x, e)) != 0 ||
	    (x.resume != NULL && (rc = check_state_terms(&x, e)) != 0) || (rc = gather_known(&x, e)) != 0)
		return rc;
	if (x.resume != NULL && x.appraiser != NULL &&
	    (rc = evidence_state_keys(x.resume, appraiser_keyring(x.appraiser), e)) != 0)
		return rc;
	if ((rc = match(&x, e)) != 0 || (rc = evidence_judge_replay(&x, e)) != 0 ||
	    (rc = judge_entries(&x, e)) != 0 ||
	    (rc = evidence_boot(in, &(struct evidence_boot){ .q = &report->quote, .authentic = x.authentic,
	    .aggregates = x.aggregates, .n_aggregates = x.n_aggregates,
	    .aggregates_covered = x.aggregates_covered,
	    .demands = x.appraiser == NULL ? NULL : appraiser_boot(x.appraiser) }, r, report, e)) != 0)
		return rc;
	match_done(&report->match);
	withdraw_brought(in, r, report);
	result_decide(r);
	/* What is not quoted was not judged, and must not be stepped over next time. */
	if (r->verdict == VERDICT_TRUSTED && (report->match.at_match.used & ~evidence_quoted_pcrs(&x)) == 0)
		return evidence_state_make(in, report, x.ak, x.n_aggregates > 0 ? &x.aggregates[0] : NULL,
		    x.appraiser == NULL ? NULL : appraiser_keyring(x.appraiser), e);
	return 0;
}

void
evidence_report_free(struct evidence_report *report)
{
	match_done(&report->match);
	json_decref(report->boot);
	resume_state_free(&report->state);
	report->boot = NULL;
}
