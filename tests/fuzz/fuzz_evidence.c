/* The whole appraisal, of a real machine's evidence with edits: whatever is done to list,
 * quote, signature, nonce and PCR values, it ends, and says TRUSTED only if everything
 * that the quote authenticates is as it was recorded.
 *
 * The input is a byte that chooses the evidence and the options, then edits:
 *
 *	SIZE  MEANING
 *	   1  which part: list, quote, signature, PCR values, nonce, event log
 *	   1  what to do: overwrite, insert, delete, cut off
 *	   3  where, little-endian
 *	   1  n, how many bytes
 *	   n  the bytes (overwrite and insert)
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/rd.h"
#include "base/text.h"
#include "engine/evidence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EDITS 16

enum part { LIST = 0, QUOTE, SIGNATURE, PCRS, NONCE, EVENT_LOG, PARTS };
enum edit { OVERWRITE = 0, INSERT, DELETE, CUT, EDIT_KINDS };
enum flag { SET = 3, PADDED = 4, ALL = 8, NO_PCRS = 16, WITH_BOOT = 32 };

/* One recorded moment, and the list's entries, to compare with. */
struct moment {
	const char *list, *quote, *ak, *nonce;
	bool resumes;			/* its list is what follows the first moment */
	struct file files[PARTS], ak_file;
	struct span parts[PARTS];
	struct attest_key key;
	struct ima_entry *entries;
	uint64_t n;
};

static struct moment moments[] = {
	{ "list1.bin", "quote1", "ak.pub", "00112233445566778899aabbccddeeff0011223301", .resumes = false },
	{ "list1.bin", "quoteecc1", "akecc.pub", "00112233445566778899aabbccddeeff0011223301", .resumes = false },
	{ "list2.bin", "quote2", "ak.pub", "00112233445566778899aabbccddeeff0011223302", .resumes = true },
};
#define MOMENTS (sizeof(moments) / sizeof(moments[0]))

static struct runtime_policy policy;
static struct policy_violation_rule any_violation = { .path.regex = { (const uint8_t *)"", 0 },
    .action = POLICY_VIOLATION_IGNORE };
static struct appraiser *judge;
static struct resume_state state;
static struct digest policy_id = { .alg = DIGEST_SHA256, .size = 32 };

static void
must(int rc, const struct err *e)
{
	if (rc != 0) {
		fprintf(stderr, "fuzz_evidence: %s\n", e->message);
		abort();
	}
}

static struct span
load(const char *name, const char *ending, struct file *f)
{
	const char *dir = getenv("ASSAY_GOLDEN");
	char path[4096];
	struct err e = { 0 };

	(void)snprintf(path, sizeof(path), "%s/debian12-vm/%s%s", dir == NULL ? "tests/golden" : dir, name, ending);
	must(file_read(path, GIB(1), f, &e), &e);
	return file_view(f);
}

static void
read_entries(struct moment *m)
{
	struct ima_log log;
	struct err e = { 0 };

	m->entries = calloc(1024, sizeof(*m->entries));
	if (m->entries == NULL)
		abort();
	must(ima_log_open(m->parts[LIST], &log, &e), &e);
	while (m->n < 1024 && ima_log_next(&log, &m->entries[m->n], &e) > 0)
		m->n++;
	ima_log_close(&log);
}

static void
load_moment(struct moment *m)
{
	struct buf nonce = buf_init(64);
	struct err e = { 0 };

	m->parts[LIST] = load(m->list, "", &m->files[LIST]);
	m->parts[QUOTE] = load(m->quote, ".msg", &m->files[QUOTE]);
	m->parts[SIGNATURE] = load(m->quote, ".sig", &m->files[SIGNATURE]);
	m->parts[PCRS] = load(m->quote, ".pcrs", &m->files[PCRS]);
	m->parts[EVENT_LOG] = load("eventlog.bin", "", &m->files[EVENT_LOG]);
	if (!hex_decode(span_str(m->nonce), &nonce))
		abort();
	m->parts[NONCE] = buf_view(&nonce);
	must(attest_key_parse(load(m->ak, "", &m->ak_file), &m->key, &e), &e);
	read_entries(m);
}

/* A policy that approves what was recorded, each content under each of its names. */
static void
make_policy(void)
{
	struct policy_builder *b;
	struct policy_layer *layer;
	struct err e = { 0 };
	struct digest d;

	runtime_policy_init(&policy);
	layer = arena_array(&policy.arena, 1, sizeof(*layer));
	must(layer == NULL || policy_builder_new(&b, &e) != 0, &e);
	layer->name = span_lit("recorded");
	policy.layers = layer;
	policy.n_layers = 1;
	policy.violations = &any_violation;
	policy.n_violations = 1;
	for (size_t k = 0; k < MOMENTS; k++)
		for (uint64_t i = 0; i < moments[k].n; i++)
			if (digest_make(moments[k].entries[i].file_alg, moments[k].entries[i].file_digest, &d))
				must(policy_builder_add(b, moments[k].entries[i].path, &d, 0,
				    POLICY_NO_PACKAGE, &e), &e);
	must(runtime_policy_take(&policy, b, &e), &e);
	policy_builder_free(b);
}

static struct evidence_input
input_of(const struct moment *m, const struct span parts[static PARTS], const struct tpm_pcrs *pcrs,
    unsigned flags)
{
	return (struct evidence_input){ .ima_log = parts[LIST], .has_quote = true, .quote = parts[QUOTE],
	    .signature = parts[SIGNATURE], .nonce = parts[NONCE], .key = &m->key,
	    .pcrs = (flags & NO_PCRS) != 0 ? NULL : pcrs, .has_event_log = (flags & WITH_BOOT) != 0,
	    .event_log = parts[EVENT_LOG], .bank = DIGEST_SHA256, .policy_id = policy_id,
	    .allow_padded_sha1 = (flags & PADDED) != 0, .require_all = (flags & ALL) != 0,
	    .appraiser = judge, .resume = m->resumes ? &state : NULL };
}

static bool
same(struct span a, struct span b)
{
	return span_eq(a, b);
}

/* A covered entry must say what the recorded one says, however its template is called. */
static void
compare_entry(const struct ima_entry *got, const struct ima_entry *was)
{
	if (got->pcr != was->pcr || got->violation != was->violation)
		abort();
	if (got->violation)
		return;		/* the kernel extends nothing of their data */
	if (!same(got->data, was->data) || !same(got->path, was->path) ||
	    got->file_alg != was->file_alg || !same(got->file_digest, was->file_digest) ||
	    !same(got->sig, was->sig) || got->has_buf != was->has_buf)
		abort();
}

static void
compare_list(const struct moment *m, struct span list, const struct match *match)
{
	struct ima_log log;
	struct ima_entry n;
	struct err e = { 0 };

	must(ima_log_open(list, &log, &e), &e);
	while (ima_log_next(&log, &n, &e) > 0) {
		bool before = n.number <= match->skip;

		n.number += match->shift;
		if (before || !match_covers(match, &n))
			continue;
		if (n.number == 0 || n.number > m->n)
			abort();
		compare_entry(&n, &m->entries[n.number - 1]);
	}
	ima_log_close(&log);
}

static struct span
last(struct span s, size_t n)
{
	return n > s.n ? s : span_from(s, s.n - n);
}

/* What stands in parts was called trusted. */
static void
check_trust(const struct moment *m, const struct span parts[static PARTS],
    const struct evidence_report *report)
{
	/* The signature may come without the TPM's frame, as tpm2_quote -f plain has it. */
	size_t raw = pubkey_kind(m->key.key) == PUBKEY_RSA ? 256 : 32;

	if (!same(parts[QUOTE], m->parts[QUOTE]) || !same(parts[NONCE], m->parts[NONCE]) ||
	    !same(last(parts[SIGNATURE], raw), last(m->parts[SIGNATURE], raw)))
		abort();
	if (report->match.authenticated[IMA_PCR] == 0 ||
	    report->match.authenticated[IMA_PCR] > m->n)
		abort();
	compare_list(m, parts[LIST], &report->match);
}

static enum verdict
appraise(const struct moment *m, const struct span parts[static PARTS], unsigned flags, bool keep)
{
	static struct tpm_pcrs pcrs;
	RESULT_AUTO struct result r = result_init();
	EVIDENCE_REPORT_AUTO struct evidence_report report = { 0 };
	struct evidence_input in = input_of(m, parts, &pcrs, flags);
	struct err e = { 0 };

	if ((in.pcrs != NULL && tpm_pcrs_parse(parts[PCRS], &pcrs, &e) != 0) ||
	    evidence_appraise(&in, &r, &report, &e) != 0)
		return VERDICT_UNDECIDED;
	if (r.verdict == VERDICT_TRUSTED)
		check_trust(m, parts, &report);
	else if (report.has_state)
		abort();	/* nothing is gone on from what was not trusted */
	if (keep) {
		state = report.state;
		report.state = (struct resume_state){ 0 };
	}
	return r.verdict;
}

static void
prepare(void)
{
	static const struct sig_context ctx = { 0 };
	const struct runtime_policy *policies[] = { &policy };
	struct ima_entry *first;
	struct err e = { 0 };

	for (size_t k = 0; k < MOMENTS; k++)
		load_moment(&moments[k]);
	make_policy();
	must(appraiser_new(policies, 1, &ctx, &judge, &e), &e);
	if (appraise(&moments[0], moments[0].parts, 0, true) != VERDICT_TRUSTED)
		abort();	/* else nothing below would mean anything */
	/* From here on the third moment is only what followed the first. */
	first = &moments[2].entries[state.count];
	moments[2].parts[LIST] = span_from(moments[2].parts[LIST], first->offset);
	for (size_t k = 0; k < MOMENTS; k++)
		if (appraise(&moments[k], moments[k].parts, 0, false) != VERDICT_TRUSTED)
			abort();
}

static void
replace(struct buf *b, size_t at, size_t gone, struct span with)
{
	struct buf n = buf_init(MIB(1));

	buf_span(&n, span_head(buf_view(b), at));
	buf_span(&n, with);
	buf_span(&n, span_from(buf_view(b), at + gone));
	buf_free(b);
	*b = n;
}

static bool
apply_edit(struct rd *r, struct buf parts[static PARTS])
{
	uint8_t part, kind, n, high;
	uint16_t low;
	struct span with = { 0 };
	struct buf *b;
	size_t at;

	if (!(rd_u8(r, &part) && rd_u8(r, &kind) && rd_le16(r, &low) && rd_u8(r, &high) && rd_u8(r, &n)))
		return false;
	if (kind % EDIT_KINDS <= INSERT && !rd_bytes(r, n, &with))
		return false;
	b = &parts[part % PARTS];
	at = low | (size_t)high << 16;
	at = at > b->n ? at % (b->n + 1) : at;
	switch ((enum edit)(kind % EDIT_KINDS)) {
	case OVERWRITE:
		replace(b, at, n, with);
		break;
	case INSERT:
		replace(b, at, 0, with);
		break;
	case DELETE:
		replace(b, at, n, with);
		break;
	case CUT:
	case EDIT_KINDS:
	default:
		b->n = at;
	}
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_init(span_of(data, size));
	struct buf parts[PARTS];
	struct span views[PARTS];
	const struct moment *m;
	uint8_t flags;

	if (judge == NULL)
		prepare();
	if (!rd_u8(&r, &flags))
		return 0;
	m = &moments[(flags & SET) % MOMENTS];
	for (size_t i = 0; i < PARTS; i++) {
		parts[i] = buf_init(MIB(1));
		buf_span(&parts[i], m->parts[i]);
	}
	for (size_t i = 0; i < EDITS && apply_edit(&r, parts); i++)
		;
	for (size_t i = 0; i < PARTS; i++)
		views[i] = buf_view(&parts[i]);
	(void)appraise(m, views, flags, false);
	for (size_t i = 0; i < PARTS; i++)
		buf_free(&parts[i]);
	return 0;
}
