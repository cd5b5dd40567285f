/* The whole appraisal: on the recorded machine exactly the findings its README names;
 * TRUSTED once they are approved; and no flipped bit of quote, signature or nonce, and no
 * changed byte of the authenticated list, ever reads as TRUSTED. */
#include "tests/evidence_scene.h"
#include "tests/make_quote.h"

static void
test_facts(struct scene *s)
{
	static const struct { uint64_t entry; enum reason reason; } want[] = {
		{ 329, REASON_VIOLATION }, { 408, REASON_DIGEST_MISMATCH },
		{ 417, REASON_SIGNATURE_UNKNOWN_KEY }, { 418, REASON_SIGNATURE_INVALID },
		{ 420, REASON_NOT_IN_POLICY }, { 426, REASON_NOT_IN_POLICY },
		{ 427, REASON_NOT_IN_POLICY }, { 428, REASON_NOT_IN_POLICY },
		{ 430, REASON_NOT_IN_POLICY }, { 431, REASON_VIOLATION },
		{ 432, REASON_NOT_IN_POLICY }, { 547, REASON_NOT_IN_POLICY },
	};
	struct result r = result_init();
	struct evidence_report report;
	struct err e = { 0 };
	bool same = true;

	ok(evidence_appraise(&s->in, &r, &report, &e) == 0 && r.verdict == VERDICT_UNTRUSTED,
	    "the recorded machine is untrusted %s", e.message);
	same = is_int((int64_t)r.n_findings, sizeof(want) / sizeof(want[0]), "twelve findings");
	for (size_t i = 0; same && i < r.n_findings; i++)
		same = r.findings[i].entry == want[i].entry && r.findings[i].reason == want[i].reason &&
		    r.findings[i].authenticated && r.findings[i].decides;
	ok(same, "which are those its README names");
	ok(report.total == 559 && report.authenticated == 554 && report.trusted == 542 &&
	    report.findings == 12 && report.violations == 2, "counts");
	for (size_t i = 0; i < CHECK_COUNT; i++)
		if (i != CHECK_BOOT_POLICY && i != CHECK_POLICY)
			ok(r.checks[i].state == CHECK_PASS, "check %s passes", check_token((enum check_id)i));
	static const enum check_id always[] = { CHECK_SIGNATURE, CHECK_MAGIC, CHECK_TYPE, CHECK_NONCE,
	    CHECK_SELECTION, CHECK_DIGEST, CHECK_TRAILING_DATA, CHECK_TEMPLATE_DIGESTS, CHECK_REPLAY,
	    CHECK_POLICY, CHECK_AK_ATTRIBUTES, CHECK_EVENT_LOG, CHECK_BOOT_AGGREGATE };
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		ok(r.checks[always[i]].required, "and is required: %s", check_token(always[i]));
	ok(!report.has_state, "no state is kept of an untrusted machine");
	evidence_report_free(&report);
	result_free(&r);
}

static void
test_other_demands(struct scene *s)
{
	struct evidence_input in = s->in;

	in.has_quote = false;
	ok(verdict_of(&in) == VERDICT_UNDECIDED, "without a quote nothing is trusted");
	in = s->in;
	in.pcrs = NULL;
	ok(verdict_of(&in) == VERDICT_TRUSTED, "PCR values from the logs alone will do");
	in.has_event_log = false;
	ok(verdict_of(&in) == VERDICT_UNDECIDED, "without any source for PCRs 0 to 9: undecided");
	in = s->in;
	in.event_log = span_of(NULL, 0);
	struct result r = result_init();
	struct evidence_report report;
	struct err e = { 0 };
	ok(evidence_appraise(&in, &r, &report, &e) == ERR_FORMAT && r.verdict == VERDICT_UNDECIDED,
	    "an event log that is empty is not the same as none");
	evidence_report_free(&report);
	result_free(&r);
	in = s->in;
	in.require_all = true;
	ok(verdict_of(&in) == VERDICT_UNTRUSTED, "a tail, where all is required");
	in = s->in;
	in.bank = DIGEST_SHA1;
	ok(verdict_of(&in) == VERDICT_UNTRUSTED, "a bank that was not quoted");
}

/* Of the whole appraisal: verdict, entries authenticated, findings that decide. */
static void
is_outcome(const struct evidence_input *in, enum verdict v, uint64_t authenticated, size_t findings,
    const char *what)
{
	struct result r = result_init();
	struct evidence_report report;
	struct err e = { 0 };
	size_t n = 0;
	int rc = evidence_appraise(in, &r, &report, &e);

	for (size_t i = 0; i < r.n_findings; i++)
		n += r.findings[i].decides;
	if (!ok(rc == 0 && r.verdict == v && report.authenticated == authenticated && n == findings, "%s", what))
		diag("%s %s, %llu authenticated, %zu findings", e.message, verdict_token(r.verdict),
		    (unsigned long long)report.authenticated, n);
	evidence_report_free(&report);
	result_free(&r);
}

/* Offset of the digest column of entry ${number}. */
static size_t
column_of(struct span list, uint64_t number)
{
	struct ima_log log;
	struct ima_entry n = { 0 };
	struct err e = { 0 };

	if (ima_log_open(list, &log, &e) != 0)
		return 0;
	while (n.number < number && ima_log_next(&log, &n, &e) > 0)
		;
	ima_log_close(&log);
	return n.offset + 4;
}

static void
test_nothing_is_authentic(struct scene *s)
{
	struct evidence_input in = s->in;
	struct tpm_pcrs other = *s->pcrs;
	uint8_t nonce[20] = { 1 };

	in.nonce = span_of(nonce, sizeof(nonce));
	is_outcome(&in, VERDICT_UNTRUSTED, 0, 1, "behind another nonce no entry is authenticated");
	in = s->in;
	other.selection.banks[0].mask |= 1u << 11;
	in.pcrs = &other;
	is_outcome(&in, VERDICT_UNTRUSTED, 0, 1, "nor behind another selection");
}

static void
test_columns(struct scene *s)
{
	size_t covered = column_of(s->in.ima_log, 300), tail = column_of(s->in.ima_log, 558);
	struct tpm_pcrs early = *s->pcrs;
	struct evidence_input in = s->in;

	s->list.p[covered] ^= 1;
	is_outcome(&in, VERDICT_UNTRUSTED, 554, 1, "a wrong digest column");
	s->list.p[covered] ^= 1;
	s->list.p[tail] ^= 1;
	is_outcome(&in, VERDICT_TRUSTED, 554, 0, "one in the tail waits");
	s->list.p[tail] ^= 1;
	/* Without a quote nothing matches for certain, so that the whole list is judged. */
	in.has_quote = false;
	early.banks[0].v[10][0] ^= 1;
	in.pcrs = &early;
	s->list.p[tail] ^= 1;
	ok(verdict_of(&in) == VERDICT_UNTRUSTED, "but proves an alteration where nothing matches");
	s->list.p[tail] ^= 1;
}

static void
test_wrong_list(struct scene *s)
{
	struct file two = golden("debian12-vm/list2.bin");
	struct evidence_input in = s->in;
	struct result r = result_init();
	struct evidence_report report;
	struct err e = { 0 };

	in.ima_log = file_view(&two);
	ok(evidence_appraise(&in, &r, &report, &e) == 0 && r.verdict == VERDICT_UNDECIDED &&
	    r.n_findings > 0 && r.findings[0].reason == REASON_PCR_MISMATCH &&
	    report.authenticated == 0, "a list read too early: undecided, pcr-mismatch");
	evidence_report_free(&report);
	result_free(&r);
	file_free(&two);
}

/* Sampled over the whole recorded list: each byte in turn would take a minute. */
static void
test_list_bytes(struct scene *s)
{
	struct ima_log log;
	struct ima_entry n;
	struct err e = { 0 };
	size_t trusted = 0, tried = 0;

	if (ima_log_open(file_view(&s->list), &log, &e) != 0)
		return;
	while (ima_log_next(&log, &n, &e) > 0 && n.number <= 554) {
		if (n.violation || n.number % 37 != 0)
			continue;
		for (size_t at = n.offset; at < n.offset + n.size; at += 13) {
			s->list.p[at] ^= 0x20;
			trusted += verdict_of(&s->in) == VERDICT_TRUSTED;
			s->list.p[at] ^= 0x20;
			tried++;
		}
	}
	ima_log_close(&log);
	ok(trusted == 0 && tried > 100, "none of %zu changed bytes of the list is trusted", tried);
}

static size_t
count_trusted(const struct evidence_input *in, const uint8_t *bytes, size_t n)
{
	uint8_t *p = (uint8_t *)(uintptr_t)bytes;
	size_t trusted = 0;

	for (size_t bit = 0; bit < 8 * n; bit++) {
		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		trusted += verdict_of(in) == VERDICT_TRUSTED;
		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	return trusted;
}

/* Every bit of quote, signature, nonce and list, over a whole small list of a real
 * kernel; every bit of the recorded quotes is t_quote's. */
static void
test_every_bit(void)
{
	struct file list = golden("ima_log/ima-sig-6.12/list.bin"), pf = golden("ima_log/ima-sig-6.12/pcrs.json");
	struct tpm_pcrs *p = calloc(1, sizeof(*p));
	struct err e = { 0 };

	if (p == NULL || tpm_pcrs_parse(file_view(&pf), p, &e) != 0) {
		printf("Bail out! %s\n", e.message);
		exit(99);
	}
	struct made_quote q = make_quote(10, tpm_pcrs_get(p, DIGEST_SHA256, 10), 3, 1000);
	struct evidence_input in = { .ima_log = file_view(&list), .has_quote = true,
	    .quote = buf_view(&q.attest), .signature = buf_view(&q.signature), .ak = buf_view(&q.ak),
	    .nonce = span_of(q.nonce, sizeof(q.nonce)), .bank = DIGEST_SHA256, .integrity_only = true };

	ok(verdict_of(&in) == VERDICT_TRUSTED, "a quote of our own over a real list");
	ok(count_trusted(&in, q.attest.p, q.attest.n) == 0, "no flipped bit of the quote is trusted");
	ok(count_trusted(&in, q.signature.p, q.signature.n) == 0, "nor of the signature");
	ok(count_trusted(&in, q.nonce, sizeof(q.nonce)) == 0, "nor of the nonce");
	ok(count_trusted(&in, list.p, list.n) == 0, "nor of the list");
	made_quote_free(&q);
	free(p);
	file_free(&list);
	file_free(&pf);
}

/* Whether the whole list is judged although a state is given: all findings are found again. */
static bool
stays_with(const struct evidence_input *in, size_t findings)
{
	struct result r = result_init();
	struct evidence_report report;
	struct err e = { 0 };
	bool same = evidence_appraise(in, &r, &report, &e) == 0 && !report.resumed &&
	    r.n_findings == findings && report.authenticated == 554 && r.n_warnings > 0;

	evidence_report_free(&report);
	result_free(&r);
	return same;
}

/* What the replay check says: its state, and how many findings decide with which reason. */
static void
is_replay(const struct evidence_input *in, enum check_state state, size_t findings, enum reason reason,
    const char *what)
{
	struct result r = result_init();
	struct evidence_report report;
	struct err e = { 0 };
	size_t n = 0, same = 0;
	int rc = evidence_appraise(in, &r, &report, &e);

	for (size_t i = 0; i < r.n_findings; i++) {
		n += r.findings[i].decides;
		same += r.findings[i].decides && r.findings[i].reason == reason;
	}
	if (!ok(rc == 0 && r.checks[CHECK_REPLAY].state == state && n == findings && same == findings &&
	    r.verdict == (reason == REASON_LOG_TOO_SHORT ? VERDICT_UNTRUSTED : VERDICT_UNDECIDED), "%s", what))
		diag("%s %s, %zu findings, %zu as wanted", e.message,
		    check_state_token(r.checks[CHECK_REPLAY].state), n, same);
	evidence_report_free(&report);
	result_free(&r);
}

/* A list that is too short is said to be so where that is proven, and a mismatch where there
 * was something to compare with. */
static void
test_unknown_values(struct scene *later)
{
	struct evidence_input in = later->in;
	struct resume_state without_clock = *in.resume;

	in.event_log = span_of(NULL, 0);
	in.has_event_log = false;
	in.pcrs = NULL;
	in.resume = NULL;
	is_replay(&in, CHECK_NOT_RUN, 0, REASON_NONE, "quoted PCRs of unknown value: nothing to compare with");
	in.resume = later->in.resume;
	in.ima_log = span_head(in.ima_log, column_of(in.ima_log, 501) - 4);
	is_replay(&in, CHECK_FAIL, 1, REASON_LOG_TOO_SHORT, "but a list cut behind the state is too short");
	in.pcrs = later->in.pcrs;
	is_replay(&in, CHECK_FAIL, 1, REASON_LOG_TOO_SHORT, "as where they are known");
	in.has_quote = false;
	is_replay(&in, CHECK_FAIL, 1, REASON_PCR_MISMATCH, "not without a quote: it may be another boot");
	in.has_quote = true;
	without_clock.has_clock = false;
	in.resume = &without_clock;
	is_replay(&in, CHECK_FAIL, 1, REASON_PCR_MISMATCH, "nor behind a state without the TPM's counters");
}

static void
test_resume(struct scene *s)
{
	struct scene later;
	struct result r = result_init(), r2 = result_init();
	struct evidence_report a, b;
	struct err e = { 0 };
	struct buf text = buf_init(1 << 20);
	struct resume_state state = { 0 };

	ok(evidence_appraise(&s->in, &r, &a, &e) == 0 && a.has_state && a.state.count == 541 &&
	    resume_state_write(&a.state, &text, &e) == 0 &&
	    resume_state_parse(buf_view(&text), &state, &e) == 0, "a trusted machine leaves a state");
	scene_open(&later, 3);
	later.in.policies = s->in.policies;
	later.in.n_policies = s->in.n_policies;
	later.in.resume = &state;
	ok(evidence_appraise(&later.in, &r2, &b, &e) == 0 && b.resumed && b.authenticated == 554 &&
	    b.total == 559 && r2.verdict == VERDICT_UNTRUSTED && r2.n_findings == 1 &&
	    r2.findings[0].entry == 547, "the next appraisal goes on from it, and finds what is new");
	test_unknown_values(&later);
	state.ak.v[0] ^= 1;
	struct evidence_report c;
	ok(evidence_appraise(&later.in, &r2, &c, &e) == ERR_MISMATCH, "a state of another key is refused");
	evidence_report_free(&c);
	state.ak.v[0] ^= 1;
	state.how = IMA_EXTEND_PADDED_SHA1;
	ok(stays_with(&later.in, 1), "one of padded SHA-1 only where that is allowed");
	state.how = IMA_EXTEND_BANK;
	later.in.policy_id.v[0] ^= 1;
	ok(stays_with(&later.in, 1) && state.count == 541, "nor is it gone on from under other policies");
	state.policies = (struct digest){ 0 };
	ok(stays_with(&later.in, 1), "nor where it was written under none");
	evidence_report_free(&a);
	evidence_report_free(&b);
	result_free(&r);
	result_free(&r2);
	resume_state_free(&state);
	buf_free(&text);
	scene_close(&later);
}

int
main(void)
{
	struct scene s;

	scene_open(&s, 3);
	test_facts(&s);
	approve(&s);
	ok(verdict_of(&s.in) == VERDICT_TRUSTED, "with the findings approved: trusted");
	test_other_demands(&s);
	test_nothing_is_authentic(&s);
	test_columns(&s);
	test_wrong_list(&s);
	test_list_bytes(&s);
	scene_close(&s);

	scene_open(&s, 1);
	approve(&s);
	test_resume(&s);
	scene_close(&s);
	test_every_bit();
	return done();
}
