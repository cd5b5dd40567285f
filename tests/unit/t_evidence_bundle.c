/* A bundle gives back byte for byte what was put in; a cut or changed one is refused, with
 * its place, before anything in it is judged; and with hashes put right by an attacker, no
 * changed bit of it reads as TRUSTED, nor a list with fewer entries than were counted. */
#include "crypto/digest.h"
#include "engine/evidence.h"
#include "engine/evidence_bundle_check.h"
#include "tests/golden.h"
#include "tests/make_quote.h"

/* A bundle of a real kernel's short list, with a quote of our own over it. */
struct small {
	struct file list, pcrs_file;
	struct tpm_pcrs pcrs;
	struct made_quote q;
	struct evidence_bundle b;
	struct buf bytes;
};

static void
bail(const struct err *e)
{
	printf("Bail out! %s\n", e->message);
	exit(99);
}

static void
put(struct evidence_bundle *b, enum evidence_section s, struct span bytes)
{
	b->parts[s].present = true;
	b->parts[s].bytes = bytes;
}

static void
small_open(struct small *s)
{
	struct err e = { 0 };

	*s = (struct small){ .list = golden("ima_log/ima-sig-6.12/list.bin"),
	    .pcrs_file = golden("ima_log/ima-sig-6.12/pcrs.json"), .bytes = buf_init(MIB(1)) };
	if (tpm_pcrs_parse(file_view(&s->pcrs_file), &s->pcrs, &e) != 0)
		bail(&e);
	s->q = make_quote(10, tpm_pcrs_get(&s->pcrs, DIGEST_SHA256, 10), 3, 1000);
	s->b = (struct evidence_bundle){ .created = 1782907200, .generator = span_lit("test"),
	    .bank = DIGEST_SHA256, .entries = 1 };
	put(&s->b, EVIDENCE_IMA_LOG, file_view(&s->list));
	put(&s->b, EVIDENCE_QUOTE, buf_view(&s->q.attest));
	put(&s->b, EVIDENCE_SIGNATURE, buf_view(&s->q.signature));
	put(&s->b, EVIDENCE_AK, buf_view(&s->q.ak));
	put(&s->b, EVIDENCE_NONCE, span_of(s->q.nonce, sizeof(s->q.nonce)));
	if (evidence_bundle_seal(&s->b, &s->bytes, &e) != 0)
		bail(&e);
}

static void
small_close(struct small *s)
{
	file_free(&s->list);
	file_free(&s->pcrs_file);
	made_quote_free(&s->q);
	buf_free(&s->bytes);
}

/* Parsed, checked and appraised for its integrity. */
static int
judge(struct span in, enum verdict *v, enum reason *first, struct err *e)
{
	EVIDENCE_BUNDLE_AUTO struct evidence_bundle b = { 0 };
	EVIDENCE_REPORT_AUTO struct evidence_report report = { 0 };
	RESULT_AUTO struct result r = result_init();
	int rc;

	if ((rc = evidence_bundle_parse(in, &b, e)) != 0 || (rc = evidence_bundle_check(&b, e)) != 0)
		return rc;
	struct evidence_input x = { .ima_log = b.parts[EVIDENCE_IMA_LOG].bytes,
	    .has_quote = b.parts[EVIDENCE_QUOTE].present, .quote = b.parts[EVIDENCE_QUOTE].bytes,
	    .signature = b.parts[EVIDENCE_SIGNATURE].bytes, .ak = b.parts[EVIDENCE_AK].bytes,
	    .nonce = b.parts[EVIDENCE_NONCE].bytes, .recorded_entries = b.entries,
	    .bank = DIGEST_SHA256, .integrity_only = true };
	if ((rc = evidence_appraise(&x, &r, &report, e)) != 0)
		return rc;
	*v = r.verdict;
	*first = r.n_findings == 0 ? REASON_NONE : r.findings[0].reason;
	return 0;
}

static void
test_golden(void)
{
	struct file f = golden("evidence/bundle-v1.bin"), want = golden("evidence/bundle-v1.want");
	static const struct { enum evidence_section s; const char *file; } files[] = {
		{ EVIDENCE_IMA_LOG, "debian12-vm/list1.bin" }, { EVIDENCE_QUOTE, "debian12-vm/quote1.msg" },
		{ EVIDENCE_SIGNATURE, "debian12-vm/quote1.sig" }, { EVIDENCE_AK, "debian12-vm/ak.pub" },
		{ EVIDENCE_PCRS, "debian12-vm/quote1.pcrs" }, { EVIDENCE_EVENT_LOG, "debian12-vm/eventlog.bin" },
	};
	BUF_AUTO struct buf text = buf_init(MIB(1)), again = buf_init(MIB(1)), sealed = buf_init(MIB(1));
	EVIDENCE_BUNDLE_AUTO struct evidence_bundle b = { 0 };
	struct err e = { 0 };

	if (!ok(evidence_bundle_parse(file_view(&f), &b, &e) == 0 && evidence_bundle_check(&b, &e) == 0,
	    "version 1 is read %s", e.message))
		bail(&e);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct file part = golden(files[i].file);

		ok(span_eq(b.parts[files[i].s].bytes, file_view(&part)), "%s is in it, byte for byte", files[i].file);
		file_free(&part);
	}
	evidence_bundle_dump(&b, &text);
	ok(span_eq(buf_view(&text), file_view(&want)), "it says what it said when it was made");
	ok(evidence_bundle_write(&b, &again, &e) == 0 && span_eq(buf_view(&again), file_view(&f)),
	    "written again, the same bytes");
	ok(evidence_bundle_seal(&b, &sealed, &e) == 0 && span_eq(buf_view(&sealed), file_view(&f)),
	    "made anew from its parts and facts, the same bytes");
	file_free(&f);
	file_free(&want);
}

static void
test_truncation(void)
{
	struct file f = golden("evidence/bundle-v1.bin");
	size_t parsed = 0, silent = 0;

	for (size_t n = 0; n < f.n; n++) {
		EVIDENCE_BUNDLE_AUTO struct evidence_bundle b = { 0 };
		struct err e = { 0 };
		uint8_t *copy = malloc(n + 1);

		memcpy(copy, f.p, n);
		parsed += evidence_bundle_parse(span_of(copy, n), &b, &e) == 0;
		silent += e.message[0] == '\0' || e.place != ERR_AT_OFFSET;
		free(copy);
	}
	ok(parsed == 0 && silent == 0, "cut at each of %zu bytes it is refused, with its place", f.n);
	file_free(&f);
}

/* Each bit of a small bundle, header and table included; of the recorded one, some. */
static size_t
flips_accepted(uint8_t *p, size_t n, size_t step)
{
	size_t accepted = 0;

	for (size_t bit = 0; bit < 8 * n; bit += step) {
		EVIDENCE_BUNDLE_AUTO struct evidence_bundle b = { 0 };
		struct err e = { 0 };

		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		if (evidence_bundle_parse(span_of(p, n), &b, &e) == 0 && evidence_bundle_check(&b, &e) == 0)
			accepted++;
		else if (e.message[0] == '\0' || e.place != ERR_AT_OFFSET)
			accepted++;
		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	return accepted;
}

static void
test_flips(struct small *s)
{
	struct file f = golden("evidence/bundle-v1.bin");

	ok(flips_accepted(s->bytes.p, s->bytes.n, 1) == 0, "none of %zu flipped bits is accepted", 8 * s->bytes.n);
	ok(flips_accepted(f.p, f.n, 211) == 0, "nor any tried of the recorded bundle's");
	file_free(&f);
}

/* An attacker who writes the bundle writes its hashes too. */
static size_t
resealed_trusted(struct small *s, enum evidence_section which)
{
	const struct span bytes = s->b.parts[which].bytes;
	uint8_t *p = (uint8_t *)(uintptr_t)bytes.p;
	size_t trusted = 0;

	for (size_t bit = 0; bit < 8 * bytes.n; bit += 3) {
		BUF_AUTO struct buf out = buf_init(MIB(1));
		struct err e = { 0 };
		enum verdict v = VERDICT_UNDECIDED;
		enum reason first;

		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		if (evidence_bundle_seal(&s->b, &out, &e) == 0 && judge(buf_view(&out), &v, &first, &e) == 0)
			trusted += v == VERDICT_TRUSTED;
		p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	return trusted;
}

static void
test_resealed(struct small *s)
{
	static const enum evidence_section covered[] = { EVIDENCE_IMA_LOG, EVIDENCE_QUOTE,
		EVIDENCE_SIGNATURE, EVIDENCE_NONCE };
	struct err e = { 0 };
	enum verdict v = VERDICT_UNDECIDED;
	enum reason first;

	ok(judge(buf_view(&s->bytes), &v, &first, &e) == 0 && v == VERDICT_TRUSTED, "a whole bundle is trusted %s",
	    e.message);
	for (size_t i = 0; i < sizeof(covered) / sizeof(covered[0]); i++)
		ok(resealed_trusted(s, covered[i]) == 0, "with the hashes put right, no changed bit of %s is trusted",
		    evidence_section_name(covered[i]));
}

static void
judge_count(struct small *s, uint64_t entries, enum verdict want, enum reason reason, const char *what)
{
	BUF_AUTO struct buf out = buf_init(MIB(1));
	struct evidence_bundle b = s->b;
	struct err e = { 0 };
	enum verdict v = VERDICT_UNDECIDED;
	enum reason first = REASON_NONE;

	b.entries = entries;
	if (!ok(evidence_bundle_seal(&b, &out, &e) == 0 && judge(buf_view(&out), &v, &first, &e) == 0 &&
	    v == want && first == reason, "%s %s", what, e.message))
		diag("verdict %s, first finding %s", verdict_token(v), reason_code(first));
}

static void
test_too_short(struct small *s)
{
	struct small bare = *s;
	struct ima_log log;
	struct ima_entry n;
	struct err e = { 0 };
	uint64_t entries = 0;

	if (ima_log_open(file_view(&s->list), &log, &e) != 0)
		bail(&e);
	while (ima_log_next(&log, &n, &e) > 0)
		entries = n.number;
	ima_log_close(&log);
	judge_count(s, entries, VERDICT_TRUSTED, REASON_NONE, "as many entries as were counted");
	judge_count(s, 0, VERDICT_TRUSTED, REASON_NONE, "more: the list grew before it was read");
	judge_count(s, entries + 1, VERDICT_UNTRUSTED, REASON_LOG_TOO_SHORT, "fewer, though the quote fits");
	for (enum evidence_section p = EVIDENCE_QUOTE; p < EVIDENCE_SECTIONS; p++)
		bare.b.parts[p] = (struct evidence_part){ 0 };
	judge_count(&bare, entries + 1, VERDICT_UNTRUSTED, REASON_LOG_TOO_SHORT, "fewer, without a quote");
	judge_count(&bare, entries, VERDICT_UNDECIDED, REASON_NONE, "a list alone is undecided in a bundle too");
}

/* Header and table: change some bytes, expect this refusal at this place. */
static void
test_headers(struct small *s)
{
	/* Rows of the table: manifest 56, ima-log 88, quote 120, signature 152, ak 184, nonce 216. */
	static const struct { size_t at; const char *bytes; size_t n; int code; uint64_t place; const char *what; } bad[] = {
		{ 0, "\x88", 1, ERR_FORMAT, 0, "another magic" },
		{ 8, "\x02", 1, ERR_VERSION, 8, "a newer version" },
		{ 8, "\x00", 1, ERR_VERSION, 8, "version 0" },
		{ 12, "\x01", 1, ERR_RANGE, 12, "one section" },
		{ 12, "\x09", 1, ERR_RANGE, 12, "nine sections" },
		{ 12, "\x05", 1, ERR_FORMAT, 72, "a section that its number leaves out" },
		{ 23, "\x01", 1, ERR_TRUNCATED, 16, "a size over the file's" },
		{ 88, "ima-lo\0", 7, ERR_FORMAT, 88, "a name that version 1 does not have" },
		{ 103, "x", 1, ERR_FORMAT, 88, "bytes behind a name" },
		{ 120, "ima-log\0", 8, ERR_DUPLICATE, 120, "a section twice" },
		{ 120, "nonce\0", 6, ERR_LIMIT, 144, "a nonce as long as a quote" },
		{ 120, "ak\0\0\0", 5, ERR_FORMAT, 152, "sections in another order" },
		{ 56, "pcrs\0\0\0\0", 8, ERR_FORMAT, 88, "no manifest in front" },
		{ 111, "\x01", 1, ERR_FORMAT, 104, "an offset that leaves a gap" },
		{ 119, "\xff", 1, ERR_LIMIT, 112, "a size over the ceiling" },
		{ 115, "\x40", 1, ERR_TRUNCATED, 112, "a size over the end" },
		{ 232 + 8, "\0", 1, ERR_FORMAT, 240, "an empty nonce" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EVIDENCE_BUNDLE_AUTO struct evidence_bundle b = { 0 };
		BUF_AUTO struct buf copy = buf_init(MIB(1));
		struct err e = { 0 };
		int rc;

		buf_span(&copy, buf_view(&s->bytes));
		memcpy(copy.p + bad[i].at, bad[i].bytes, bad[i].n);
		rc = evidence_bundle_parse(buf_view(&copy), &b, &e);
		if (!ok(rc == bad[i].code && e.place == ERR_AT_OFFSET && e.offset == bad[i].place, "%s: %s",
		    bad[i].what, e.message))
			diag("got %s at %llu", err_token(rc), (unsigned long long)e.offset);
	}
	buf_u8(&s->bytes, 0);
	struct err e = { 0 };
	struct evidence_bundle b;
	ok(evidence_bundle_parse(buf_view(&s->bytes), &b, &e) == ERR_TRAILING, "a byte behind the end: %s", e.message);
	s->bytes.n--;
}

/* The manifest with ${from} replaced by ${to}, and the header's hash of it put right. */
static void
manifest_case(struct small *s, const char *from, const char *to, int code, const char *what)
{
	BUF_AUTO struct buf text = buf_init(MIB(1)), manifest = buf_init(MIB(1)), out = buf_init(MIB(1));
	EVIDENCE_BUNDLE_AUTO struct evidence_bundle parsed = { 0 };
	struct evidence_bundle b = s->b;
	struct err e = { 0 };
	const char *all, *at;
	int rc;

	if (evidence_manifest_write(&s->b, &text, &e) != 0)
		bail(&e);
	all = buf_cstr(&text);
	if ((at = strstr(all, from)) == NULL)
		bail(&(struct err){ .message = "the manifest lacks what is to be changed" });
	buf_put(&manifest, all, (size_t)(at - all));
	buf_str(&manifest, to);
	buf_str(&manifest, at + strlen(from));
	put(&b, EVIDENCE_MANIFEST, buf_view(&manifest));
	if (digest_of(DIGEST_SHA256, buf_view(&manifest), &b.parts[EVIDENCE_MANIFEST].sha256, &e) != 0 ||
	    evidence_bundle_write(&b, &out, &e) != 0)
		bail(&e);
	rc = evidence_bundle_parse(buf_view(&out), &parsed, &e);
	if (rc == 0)
		rc = evidence_bundle_check(&parsed, &e);
	if (!ok(rc == code && (rc == 0 || e.place == ERR_AT_OFFSET), "manifest: %s: %s", what, e.message))
		diag("got %s", err_token(rc));
}

static void
test_manifests(struct small *s)
{
	manifest_case(s, "\"test\"", "\"other\"", 0, "another generator is another generator");
	manifest_case(s, "bundle\": 1", "bundle\": 2", ERR_VERSION, "a newer version than the bundle's");
	manifest_case(s, "\"bank\"", "\"unknown\"", ERR_FORMAT, "an unknown member");
	manifest_case(s, "\"entries\": 1,", "", ERR_FORMAT, "a member missing");
	manifest_case(s, "\"entries\": 1,", "\"entries\": -1,", ERR_RANGE, "a negative count");
	manifest_case(s, "\"entries\": 1,", "\"entries\": 1, \"entries\": 1,", ERR_DUPLICATE, "a member twice");
	manifest_case(s, "\"entries\": 1,", "\"entries\": 1, \"verdict\": \"fine\",", ERR_FORMAT, "an unknown verdict");
	manifest_case(s, "\"entries\": 1,", "\"entries\": 1, \"policies\": [1],", ERR_FORMAT, "a policy that is no text");
	manifest_case(s, "\"entries\": 1,", "\"entries\": 1, \"policies\": [\"00\"],", ERR_ENCODING, "a policy's hash cut");
	manifest_case(s, "\"sha256\",", "\"sha257\",", ERR_FORMAT, "an unknown bank");
	manifest_case(s, "2026-07-01", "2026-17-01", ERR_FORMAT, "no such month");
	manifest_case(s, "\"size\": 1446", "\"size\": 1447", ERR_MISMATCH, "a size that is not the table's");
	manifest_case(s, "\"quote\"", "\"pcrs\"", ERR_MISMATCH, "a section that is not in the table");
	manifest_case(s, "\"quote\"", "\"qoute\"", ERR_FORMAT, "a section of an unknown name");
	manifest_case(s, "\"sha256\": \"", "\"sha256\": \"A", ERR_ENCODING, "a hash that is not one");
	manifest_case(s, "}", "} x", ERR_FORMAT, "no JSON");
}

int
main(void)
{
	struct small s;

	test_golden();
	test_truncation();
	small_open(&s);
	test_headers(&s);
	test_manifests(&s);
	test_flips(&s);
	test_resealed(&s);
	test_too_short(&s);
	small_close(&s);
	return done();
}
