/* The whole appraisal of lists that an attester with a genuine TPM made up: what the kernel
 * extends and the list does not show, or shows otherwise, is never trusted, in any
 * PCR, bank or boot; and the honest case next to each is. */
#include "tests/judged.h"

#define GOOD 0xaa
#define EVIL 0xee
#define PCR(n) (1u << (n))

static struct runtime_policy policy, second;
static const struct runtime_policy *policies[] = { &policy, &second };

static const char policy_text[] = "{\"assay_policy\":1,\"layers\":[{\"name\":\"l\",\"files\":{"
    "\"/good\":[\"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]}}],"
    "\"violations\":[{\"path\":\"/var/.*\",\"action\":\"ignore\"}]}";

/* ${n} findings that decide, the last of them for ${reason}. */
static bool
said(const struct judged *j, enum verdict v, size_t n, enum reason reason, const char *what)
{
	enum reason last = REASON_NONE;
	size_t found = 0;

	for (size_t i = 0; i < j->r.n_findings; i++) {
		if (!j->r.findings[i].decides)
			continue;
		last = j->r.findings[i].reason;
		found++;
	}
	if (ok(j->rc == 0 && j->r.verdict == v && found == n && last == reason, "%s", what))
		return true;
	diag("%s: %s, %zu findings, the last %s", j->rc == 0 ? "" : j->e.message, verdict_token(j->r.verdict),
	    found, reason_code(last));
	return false;
}

static bool
warned(const struct judged *j, const char *of)
{
	for (size_t i = 0; i < j->r.n_warnings; i++)
		if (strstr(j->r.warnings[i], of) != NULL)
			return true;
	return false;
}

/* Appraise ${m} with a quote of now over ${mask}. */
static struct judged
now(const struct machine *m, uint32_t mask, uint64_t clock, const struct resume_state *from)
{
	struct judged j = evidence_of(m, m, mask, clock, policies);

	j.in.resume = from;
	judge(&j);
	return j;
}

static struct machine
booted(void)
{
	struct machine m = machine_new();

	measure(&m, (struct measured){ "boot_aggregate", 0xbb });
	measure(&m, (struct measured){ "/good", GOOD });
	return m;
}

static void
test_plain(void)
{
	struct machine m = booted(), then;

	JUDGED_AUTO struct judged j = now(&m, PCR(10), 1000, NULL);
	said(&j, VERDICT_TRUSTED, 0, REASON_NONE, "an honest list is trusted");
	then = m;
	measure(&m, (struct measured){ "/evil", EVIL });
	JUDGED_AUTO struct judged tail = evidence_of(&m, &then, PCR(10), 1000, policies);
	judge(&tail);
	said(&tail, VERDICT_TRUSTED, 0, REASON_NONE, "what waits behind the quote does not decide");
	ok(tail.r.n_findings == 1 && !tail.r.findings[0].authenticated && tail.report.findings == 0 &&
	    tail.report.authenticated == 2 && tail.report.trusted == 2 && tail.report.total == 3, "nor count");
	JUDGED_AUTO struct judged seen = now(&m, PCR(10), 1000, NULL);
	said(&seen, VERDICT_UNTRUSTED, 1, REASON_NOT_IN_POLICY, "once it is quoted, it does");
	ok(seen.report.findings == 1 && seen.report.trusted == 2 && seen.report.authenticated == 3, "and counts");
	JUDGED_AUTO struct judged brought = evidence_of(&m, &m, PCR(10), 1000, policies);
	brought.in.brought_key = true;
	judge(&brought);
	ok(brought.report.authenticated == 0 && brought.report.trusted == 0 && !brought.r.findings[0].authenticated &&
	    brought.r.checks[CHECK_SIGNATURE].state == CHECK_NOT_RUN, "behind a key that came along nothing is authentic");
	buf_free(&m.list);
}

/* Entries by the name of boot_aggregate, which no policy is asked about. */
static void
test_aggregates(void)
{
	struct machine m = booted();

	measure(&m, (struct measured){ "boot_aggregate", 0xbb });
	JUDGED_AUTO struct judged carried = now(&m, PCR(10), 1000, NULL);
	said(&carried, VERDICT_TRUSTED, 0, REASON_NONE, "kexec repeats boot_aggregate");
	measure(&m, (struct measured){ "boot_aggregate", EVIL });
	JUDGED_AUTO struct judged other = now(&m, PCR(10), 1000, NULL);
	said(&other, VERDICT_UNTRUSTED, 1, REASON_BOOT_AGGREGATE_MISMATCH, "another content is not it");
	buf_free(&m.list);

	m = booted();
	measure(&m, (struct measured){ .path = "boot_aggregate", .digest = EVIL, .alg = "md-new" });
	JUDGED_AUTO struct judged unknown = now(&m, PCR(10), 1000, NULL);
	said(&unknown, VERDICT_UNTRUSTED, 1, REASON_BOOT_AGGREGATE_MISMATCH, "nor one of an algorithm that nobody knows");
	buf_free(&m.list);

	m = machine_new();
	measure(&m, (struct measured){ .path = "boot_aggregate", .digest = 0xbb, .alg = "md-new" });
	measure(&m, (struct measured){ "/good", GOOD });
	JUDGED_AUTO struct judged first = now(&m, PCR(10), 1000, NULL);
	said(&first, VERDICT_TRUSTED, 0, REASON_NONE, "but the first is written before anything can run");
	measure(&m, (struct measured){ "boot_aggregate", 0xbb });
	JUDGED_AUTO struct judged behind = now(&m, PCR(10), 1000, NULL);
	said(&behind, VERDICT_UNTRUSTED, 1, REASON_BOOT_AGGREGATE_MISMATCH, "and with it no other can be compared");
	buf_free(&m.list);
}

static void
test_other_pcrs(void)
{
	const struct measured good = { .path = "/good", .digest = GOOD, .pcr = 11 },
	    evil = { .path = "/evil", .digest = EVIL, .pcr = 11 };
	struct machine m = booted(), then;

	measure(&m, good);
	measure(&m, (struct measured){ "/good", GOOD });
	JUDGED_AUTO struct judged both = now(&m, PCR(10) | PCR(11), 1000, NULL);
	said(&both, VERDICT_TRUSTED, 0, REASON_NONE, "a list over two quoted PCRs");
	ok(both.report.authenticated == 4 && both.report.has_state && both.report.state.n_pcrs == 2, "all of it");
	JUDGED_AUTO struct judged one = now(&m, PCR(10), 1000, NULL);
	said(&one, VERDICT_TRUSTED, 0, REASON_NONE, "over one that is quoted and one that is not");
	ok(warned(&one, "entries extend PCR 11 too") && !one.report.has_state && one.report.authenticated == 3 &&
	    !warned(&both, "PCR 11"), "what is not quoted is warned of, and no state steps over it");

	/* Behind that state. */
	measure(&m, (struct measured){ "/good", GOOD });
	JUDGED_AUTO struct judged same = now(&m, PCR(10) | PCR(11), 2000, &both.report.state);
	said(&same, VERDICT_TRUSTED, 0, REASON_NONE, "a state of two PCRs is gone on from");
	ok(same.report.resumed && same.report.authenticated == 5, "with what is new");
	JUDGED_AUTO struct judged nothing = now(&m, PCR(10) | PCR(11), 2500, &same.report.state);
	said(&nothing, VERDICT_TRUSTED, 0, REASON_NONE, "or without anything new");
	ok(nothing.report.authenticated == 5 && nothing.report.has_state && nothing.report.state.n_pcrs == 2 &&
	    nothing.report.state.pcrs[0].index == 10, "and both stay in the state");
	measure(&m, (struct measured){ .path = "/evil", .digest = EVIL, .pcr = 11, .hidden = true });
	measure(&m, (struct measured){ "/good", GOOD });
	JUDGED_AUTO struct judged omitted = now(&m, PCR(10) | PCR(11), 3000, &same.report.state);
	said(&omitted, VERDICT_UNDECIDED, 1, REASON_PCR_MISMATCH, "what was left out of the second PCR is missed");
	buf_free(&m.list);

	m = booted();
	then = m;
	measure(&m, good);
	JUDGED_AUTO struct judged tail = evidence_of(&m, &then, PCR(10) | PCR(11), 1000, policies);
	judge(&tail);
	said(&tail, VERDICT_TRUSTED, 0, REASON_NONE, "its first entry may wait for the next quote");
	measure(&m, evil);
	measure(&m, (struct measured){ "/good", GOOD });
	JUDGED_AUTO struct judged seen = now(&m, PCR(10) | PCR(11), 1000, NULL);
	said(&seen, VERDICT_UNTRUSTED, 1, REASON_NOT_IN_POLICY, "what the second holds is judged");
	buf_free(&m.list);

	m = booted();
	memset(m.pcr[17], 0xff, 32);
	JUDGED_AUTO struct judged unused = now(&m, PCR(10) | PCR(12) | PCR(17), 1000, NULL);
	said(&unused, VERDICT_TRUSTED, 0, REASON_NONE, "PCRs that nothing extended, of zeros or of ones");
	ok(unused.r.n_warnings == 1 && !warned(&unused, "PCR 1"), "need no word");
	buf_free(&m.list);

	m = booted();
	measure(&m, good);
	measure(&m, (struct measured){ .path = "/evil", .digest = EVIL, .pcr = 11, .invented = true });
	measure(&m, (struct measured){ "/good", GOOD });
	JUDGED_AUTO struct judged invented = now(&m, PCR(10) | PCR(11), 1000, NULL);
	said(&invented, VERDICT_UNDECIDED, 1, REASON_PCR_MISMATCH, "what it never saw cannot stand before what was quoted");
	buf_free(&m.list);

	m = booted();
	measure(&m, (struct measured){ .path = "/evil", .digest = EVIL, .pcr = 11, .hidden = true });
	measure(&m, (struct measured){ "/good", GOOD });
	JUDGED_AUTO struct judged none = now(&m, PCR(10) | PCR(11), 1000, NULL);
	ok(warned(&none, "PCR 11 is quoted, but nothing"), "a list that shows nothing of it is warned of");
	measure(&m, good);
	measure(&m, (struct measured){ "/good", GOOD });
	JUDGED_AUTO struct judged front = now(&m, PCR(10) | PCR(11), 1000, NULL);
	said(&front, VERDICT_UNDECIDED, 1, REASON_PCR_MISMATCH, "one that shows only the last of it is not trusted");
	buf_free(&m.list);

	m = booted();
	measure(&m, good);
	measure(&m, (struct measured){ .path = "/evil", .digest = EVIL, .pcr = 11, .hidden = true });
	JUDGED_AUTO struct judged last = now(&m, PCR(10) | PCR(11), 1000, NULL);
	said(&last, VERDICT_UNDECIDED, 1, REASON_PCR_MISMATCH, "nor one that leaves the last of it out");
	buf_free(&m.list);
}

/* Another kernel, started without the TPM noticing. */
static void
test_kexec(void)
{
	struct machine m = booted();

	JUDGED_AUTO struct judged before = now(&m, PCR(10), 1000, NULL);
	ok(before.report.has_state && before.report.state.count == 2, "a state before");
	m.list.n = 0;
	measure(&m, (struct measured){ .path = "boot_aggregate", .digest = 0xbb, .invented = true });
	for (int i = 0; i < 3; i++) {
		measure(&m, (struct measured){ .path = i == 0 ? "/never" : "/good", .digest = GOOD, .invented = true });
		JUDGED_AUTO struct judged invented = now(&m, PCR(10), 2000, &before.report.state);
		said(&invented, VERDICT_UNDECIDED, 1, REASON_PCR_MISMATCH,
		    "behind the state's own value a list that was never measured fits nothing");
	}
	m.list.n = 0;
	measure(&m, (struct measured){ "boot_aggregate", 0xbb });
	measure(&m, (struct measured){ "/good", GOOD });
	JUDGED_AUTO struct judged after = now(&m, PCR(10), 2000, &before.report.state);
	said(&after, VERDICT_TRUSTED, 0, REASON_NONE, "the list of a kernel that kexec started goes on from the state");
	ok(warned(&after, "entry 3 begins the list of another kernel"), "which is said");
	ok(after.report.authenticated == 4 && after.report.state.count == 4, "and from where the next may go on");
	JUDGED_AUTO struct judged fresh = now(&m, PCR(10), 2000, NULL);
	said(&fresh, VERDICT_UNDECIDED, 1, REASON_PCR_MISMATCH, "without a state it reaches nothing");
	measure(&m, (struct measured){ .path = "/evil", .digest = EVIL, .hidden = true });
	m.list.n = 0;
	measure(&m, (struct measured){ "boot_aggregate", 0xbb });
	JUDGED_AUTO struct judged lost = evidence_of(&m, &m, PCR(10), 3000, policies);
	lost.in.new_kernel = lost.in.quote_first = true;
	lost.in.resume = &after.report.state;
	judge(&lost);
	said(&lost, VERDICT_UNTRUSTED, 1, REASON_KEXEC_WITHOUT_CARRY, "a third kernel's does not if something between is lost");
	m.list.n = 0;
	memset(m.pcr, 0, sizeof(m.pcr));
	measure(&m, (struct measured){ "boot_aggregate", 0xbb });
	measure(&m, (struct measured){ "/good", GOOD });
	measure(&m, (struct measured){ "/good", GOOD });
	JUDGED_AUTO struct judged copy = now(&m, PCR(10), 4000, &after.report.state);
	said(&copy, VERDICT_UNTRUSTED, 1, REASON_QUOTE_CLOCK, "nor does a list from zero, if no counter of the TPM says so");
	buf_free(&m.list);
}

/* A state and what may go on from it. */
static void
test_states(void)
{
	struct machine m = booted();
	JUDGED_AUTO struct judged before = now(&m, PCR(10), 1000, NULL);
	struct resume_state other = before.report.state;

	measure(&m, (struct measured){ "/good", GOOD });
	JUDGED_AUTO struct judged forged = evidence_of(&m, &m, PCR(10), 500, policies);
	forged.in.resume = &before.report.state;
	forged.q.attest.p[70] ^= 1;		/* in the digest's or the clock's neighbourhood */
	judge(&forged);
	ok(forged.rc == 0 && forged.r.verdict == VERDICT_UNTRUSTED &&
	    forged.r.checks[CHECK_SIGNATURE].state == CHECK_FAIL, "a quote that nobody signed");
	for (size_t i = 0; i < forged.r.n_findings; i++)
		ok(forged.r.findings[i].reason != REASON_QUOTE_CLOCK, "says nothing about the TPM's clock (%s)",
		    reason_code(forged.r.findings[i].reason));
	JUDGED_AUTO struct judged old = now(&m, PCR(10), 500, &before.report.state);
	said(&old, VERDICT_UNTRUSTED, 1, REASON_QUOTE_CLOCK, "a signed one that is older than the state does");

	/* The state's last record is not in this list: it is judged as of another. */
	other.last.v[0] ^= 1;
	JUDGED_AUTO struct judged whole = now(&m, PCR(10), 2000, &other);
	said(&whole, VERDICT_TRUSTED, 0, REASON_NONE, "a whole list is judged from its beginning");
	ok(!whole.report.resumed && whole.report.authenticated == 3, "where the state does not fit");
	buf_free(&m.list);
}

/* Keys that the kernel had loaded are in the state, and may sign what comes later. */
static void
test_state_keys(void)
{
	struct file list = golden("debian12-vm/list3.bin"), cert = golden("debian12-vm/ima-rsa.der");
	RUNTIME_POLICY_AUTO struct runtime_policy keyrings = { 0 };
	const struct runtime_policy *both[] = { &policy, &keyrings };
	struct buf text = buf_init(4096);
	struct machine m = booted();
	struct resume_key key = { span_lit(".ima"), file_view(&cert) };
	struct ima_log log;
	struct ima_entry n = { 0 };
	struct digest d = { 0 };
	struct err e = { 0 };

	if (digest_of(DIGEST_SHA256, file_view(&cert), &d, &e) != 0 || ima_log_open(file_view(&list), &log, &e) != 0)
		bail_out(e.message);
	while (n.number < 414 && ima_log_next(&log, &n, &e) > 0)
		;
	buf_str(&text, "{\"assay_policy\":1,\"keyrings\":{\".ima\":{\"trust\":true,\"digests\":[\"sha256:");
	buf_hex(&text, digest_view(&d));
	buf_str(&text, "\"]}}}");
	if (runtime_policy_parse(buf_view(&text), &keyrings, &e) != 0)
		bail_out(e.message);
	JUDGED_AUTO struct judged before = now(&m, PCR(10), 1000, NULL);
	struct resume_state with = before.report.state;
	with.keys = &key;
	with.n_keys = 1;
	measure(&m, (struct measured){ .template = "ima-sig", .data = n.data });
	JUDGED_AUTO struct judged known = evidence_of(&m, &m, PCR(10), 2000, policies);
	known.in.policies = both;
	known.in.n_policies = 2;
	known.in.resume = &with;
	judge(&known);
	said(&known, VERDICT_TRUSTED, 0, REASON_NONE, "a file signed by a key of the state");
	ok(known.report.state.n_keys == 1 && span_eq(known.report.state.keys[0].der, file_view(&cert)),
	    "which stays in the next state, as it was loaded");
	JUDGED_AUTO struct judged unknown = evidence_of(&m, &m, PCR(10), 2000, policies);
	unknown.in.policies = both;
	unknown.in.n_policies = 2;
	unknown.in.resume = &before.report.state;
	judge(&unknown);
	said(&unknown, VERDICT_UNTRUSTED, 1, REASON_SIGNATURE_UNKNOWN_KEY, "by a key that nothing loaded");
	text.n = 0;
	buf_str(&text, "{\"assay_policy\":1,\"keys\":[{\"scope\":{\"paths\":[\"/srv\"]},\"certificate\":\"");
	buf_base64(&text, file_view(&cert));
	buf_str(&text, "\"}]}");
	runtime_policy_free(&keyrings);
	if (runtime_policy_parse(buf_view(&text), &keyrings, &e) != 0)
		bail_out(e.message);
	JUDGED_AUTO struct judged scoped = evidence_of(&m, &m, PCR(10), 2000, policies);
	scoped.in.policies = both;
	scoped.in.n_policies = 2;
	judge(&scoped);
	said(&scoped, VERDICT_UNTRUSTED, 1, REASON_SIGNATURE_OUT_OF_SCOPE, "by a key that may not sign there");
	ima_log_close(&log);
	buf_free(&text);
	buf_free(&m.list);
	file_free(&list);
	file_free(&cert);
}

/* Kernels before 5.8: SHA-1 in the bank of SHA-256, followed only where that is allowed. */
static void
test_padded(void)
{
	struct machine m = machine_new();

	m.padded = true;
	measure(&m, (struct measured){ "boot_aggregate", 0xbb });
	measure(&m, (struct measured){ "/good", GOOD });
	JUDGED_AUTO struct judged refused = now(&m, PCR(10), 1000, NULL);
	said(&refused, VERDICT_UNDECIDED, 1, REASON_PCR_MISMATCH, "padded SHA-1 is not taken for SHA-256");
	JUDGED_AUTO struct judged allowed = evidence_of(&m, &m, PCR(10), 1000, policies);
	allowed.in.allow_padded_sha1 = true;
	judge(&allowed);
	said(&allowed, VERDICT_TRUSTED, 0, REASON_NONE, "but where it is allowed");
	ok(warned(&allowed, "zero-padded SHA-1") && allowed.report.state.how == IMA_EXTEND_PADDED_SHA1, "and named");
	measure(&m, (struct measured){ "/evil", EVIL });
	JUDGED_AUTO struct judged evil = evidence_of(&m, &m, PCR(10), 2000, policies);
	evil.in.allow_padded_sha1 = true;
	evil.in.resume = &allowed.report.state;
	judge(&evil);
	said(&evil, VERDICT_UNTRUSTED, 1, REASON_NOT_IN_POLICY, "its entries are judged, behind a state too");
	ok(evil.report.resumed && evil.report.authenticated == 3, "which goes on with it");
	buf_free(&m.list);
	m = booted();
	JUDGED_AUTO struct judged plain = evidence_of(&m, &m, PCR(10), 1000, policies);
	plain.in.allow_padded_sha1 = true;
	judge(&plain);
	said(&plain, VERDICT_TRUSTED, 0, REASON_NONE, "a bank of its own digests is preferred");
	ok(!warned(&plain, "zero-padded") && plain.report.state.how == IMA_EXTEND_BANK, "without a word");
	buf_free(&m.list);
}

/* The quote says that it covers two PCRs, and its digest covers one: no TPM writes that. */
static void
test_missing_value(void)
{
	struct machine m = booted();
	JUDGED_AUTO struct judged j = evidence_of(&m, &m, PCR(10), 1000, policies);

	made_quote_free(&j.q);
	j.q = make_quote_of(&(struct quote_spec){ PCR(10) | PCR(11), span_of(m.pcr[10], 32), 3, 1000 });
	j.in.quote = buf_view(&j.q.attest);
	j.in.signature = buf_view(&j.q.signature);
	j.in.ak = buf_view(&j.q.ak);
	judge(&j);
	ok(j.rc == 0 && j.r.verdict == VERDICT_UNDECIDED && j.r.checks[CHECK_DIGEST].state == CHECK_NOT_RUN &&
	    j.report.authenticated == 0, "a value that is missing is not nothing");
	buf_free(&m.list);
}

static void
test_min_digest(void)
{
	static const char weak[] = "{\"assay_policy\":1,\"layers\":[{\"name\":\"l\",\"files\":{\"/weak\":"
	    "[\"sha1:cccccccccccccccccccccccccccccccccccccccc\"]}}]}";
	static const char strict[] = "{\"assay_policy\":1,\"min_digest\":\"sha256\"}";
	struct machine m = booted();
	struct buf data = buf_init(256);
	RUNTIME_POLICY_AUTO struct runtime_policy p = { 0 };
	const struct runtime_policy *first[] = { &policy, &second, &p }, *last[] = { &p, &policy, &second };
	struct err e = { 0 };

	if (runtime_policy_parse(span_str(strict), &p, &e) != 0 || runtime_policy_parse(span_str(weak), &second, &e) != 0)
		bail_out(e.message);
	buf_le32(&data, 26);
	buf_put(&data, "sha1:", 6);
	for (int i = 0; i < 20; i++)
		buf_u8(&data, 0xcc);
	buf_le32(&data, 6);
	buf_put(&data, "/weak", 6);
	measure(&m, (struct measured){ .data = buf_view(&data) });
	for (size_t i = 0; i < 3; i++) {
		JUDGED_AUTO struct judged j = evidence_of(&m, &m, PCR(10), 1000, policies);

		j.in.policies = i == 1 ? last : first;
		j.in.n_policies = i == 0 ? 2 : 3;
		judge(&j);
		said(&j, i == 0 ? VERDICT_TRUSTED : VERDICT_UNTRUSTED, i != 0, i == 0 ? REASON_NONE : REASON_WEAK_DIGEST,
		    i == 0 ? "a listed SHA-1" : "not where any of the policies wants more");
	}
	buf_free(&data);
	buf_free(&m.list);
}

int
main(void)
{
	struct err e = { 0 };

	if (runtime_policy_parse(span_str(policy_text), &policy, &e) != 0)
		bail_out(e.message);
	test_plain();
	test_aggregates();
	test_other_pcrs();
	test_kexec();
	test_states();
	test_state_keys();
	test_padded();
	test_missing_value();
	test_min_digest();
	runtime_policy_free(&policy);
	runtime_policy_free(&second);
	return done();
}
