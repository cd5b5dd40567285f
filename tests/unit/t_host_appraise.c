/* A host's evidence, message by message: the list crosses the wire once, findings stay until the
 * policy changes, a nonce counts for the message it was given for, and what cannot be read or
 * does not fit is never trusted. */
#include "svc/server/host_appraise.h"
#include "tests/evidence_scene.h"

/* What a store would keep. */
struct kept {
	struct buf list, state;
	uint64_t count, reads;
	char boot[HOST_BOOT_NAME];
};

static void
bail(const char *what, const struct err *e)
{
	printf("Bail out! %s: %s\n", what, e->message);
	exit(99);
}

/* Where record ${n} (from 0) begins. */
static size_t
at(struct span list, uint64_t n)
{
	struct ima_log log;
	struct ima_entry entry;
	struct err e = { 0 };
	size_t off = 0;

	if (ima_log_open(list, &log, &e) != 0)
		bail("list", &e);
	for (uint64_t i = 0; i < n && ima_log_next_frame(&log, &entry, &e) > 0; i++)
		off = entry.offset + entry.size;
	ima_log_close(&log);
	return off;
}

static int
read_kept(void *ctx, uint64_t first, uint64_t n, struct buf *out, struct err *e)
{
	struct kept *k = ctx;
	struct span all = buf_view(&k->list);
	size_t from = at(all, first);

	(void)e;
	k->reads += n;
	buf_span(out, span_of(all.p + from, at(all, first + n) - from));
	return 0;
}

/* One message of moment ${s}, with its list from entry ${from} on. */
static void
message(const struct scene *s, uint64_t from, struct attest_message *m, uint8_t store[static 16], bool event_log)
{
	struct span list = file_view(&s->list);

	*m = (struct attest_message){ .type = ATTEST_EVIDENCE };
	if (!attest_put(m, ATTEST_NONCE, span_of(s->nonce, sizeof(s->nonce))) ||
	    !attest_put(m, ATTEST_QUOTE, file_view(&s->quote)) || !attest_put(m, ATTEST_SIGNATURE, file_view(&s->signature)) ||
	    !attest_put(m, ATTEST_PCRS, file_view(&s->pcrs_file)) || !attest_put_u64(m, ATTEST_FROM, from, store) ||
	    !attest_put_u64(m, ATTEST_TOTAL, 559, store + 8) ||
	    !attest_put(m, ATTEST_IMA_LOG, span_from(list, at(list, from))) ||
	    (event_log && !attest_put(m, ATTEST_EVENT_LOG, file_view(&s->event_log))))
		printf("Bail out! message\n");
}

struct judge {
	struct attest_key key;
	struct host_policies policies;
	struct appraiser *appraiser;
	struct sig_context ctx;
};

static void
judge_open(struct judge *j, const struct scene *s, uint8_t version)
{
	struct err e = { 0 };

	*j = (struct judge){ .ctx = { .now = 1790000000 } };
	if (attest_key_parse(file_view(&s->ak), &j->key, &e) != 0 ||
	    appraiser_new(s->policies, s->in.n_policies, &j->ctx, &j->appraiser, &e) != 0)
		bail("policies", &e);
	j->policies = (struct host_policies){ .policies = s->policies, .n = s->in.n_policies,
	    .appraiser = j->appraiser };
	uint8_t id[32] = { version };
	if (!digest_make(DIGEST_SHA256, span_of(id, 32), &j->policies.id))
		printf("Bail out! digest\n");
}

static void
judge_close(struct judge *j)
{
	attest_key_free(&j->key);
	appraiser_free(j->appraiser);
}

static struct host_known
known(struct kept *k, const struct judge *j, const struct scene *s)
{
	return (struct host_known){ .key = &j->key, .nonce = span_of(s->nonce, sizeof(s->nonce)),
	    .resume = buf_view(&k->state), .boot = span_str(k->boot), .count = k->count,
	    .kernel_boot_id = span_lit("b00d"), .event_log = k->count > 0 ? file_view(&s->event_log) : span_of(NULL, 0),
	    .read = read_kept, .ctx = k, .policies = &j->policies, .now = 1790000000 };
}

/* What the store does with an outcome. */
static void
keep(struct kept *k, const struct host_outcome *o)
{
	if (o->new_boot) {
		k->list.n = 0;
		k->count = 0;
	}
	memcpy(k->boot, o->boot, sizeof(k->boot));
	buf_span(&k->list, o->records);
	k->count += o->n_new;
	if (o->state.n > 0) {
		k->state.n = 0;
		buf_span(&k->state, buf_view(&o->state));
	}
}

static enum verdict
send(struct kept *k, const struct judge *j, const struct scene *s, uint64_t from, enum host_answer want,
    uint64_t findings, const char *what)
{
	HOST_OUTCOME_AUTO struct host_outcome o;
	struct host_known h = known(k, j, s);
	struct attest_message m;
	struct err e = { 0 };
	uint8_t store[16];
	enum verdict v;

	message(s, from, &m, store, k->count == 0);
	if (host_appraise(&m, &h, &o, &e) != 0)
		bail(what, &e);
	ok(o.answer == want, "%s: %d %s", what, (int)o.answer, o.unreadable.message);
	ok(o.report.findings == findings, "with %llu findings, want %llu", (unsigned long long)o.report.findings,
	    (unsigned long long)findings);
	v = o.result.verdict;
	if (o.answer == HOST_JUDGED)
		keep(k, &o);
	return v;
}

static void
kept_free(struct kept *k)
{
	buf_free(&k->list);
	buf_free(&k->state);
}

static bool
is_prefix(const struct kept *k, const struct scene *s)
{
	return k->list.n == at(file_view(&s->list), k->count) && memcmp(k->list.p, s->list.p, k->list.n) == 0;
}

/* Three moments of one boot, approved: each sends only what is new. */
static void
test_trusted(struct scene s[3])
{
	struct kept k = { .list = buf_init(MIB(64)), .state = buf_init(MIB(4)) };
	struct judge j;
	uint64_t before;

	judge_open(&j, &s[2], 1);
	ok(send(&k, &j, &s[0], 5, HOST_GO_ON, 0, "a new boot must begin at 0") == VERDICT_UNDECIDED, "nothing is judged");
	ok(send(&k, &j, &s[0], 0, HOST_JUDGED, 0, "moment 1") == VERDICT_TRUSTED, "trusted");
	ok(k.count == 541 && is_prefix(&k, &s[0]), "541 entries are covered, and kept byte for byte: %llu", (unsigned long long)k.count);
	before = k.count;
	ok(send(&k, &j, &s[1], 0, HOST_GO_ON, 0, "moment 2 from 0") == VERDICT_UNDECIDED, "must go on from what is kept");
	ok(send(&k, &j, &s[1], before, HOST_JUDGED, 0, "moment 2") == VERDICT_TRUSTED && k.count == 548, "trusted, 548");
	ok(k.reads == 0, "nothing was read again");
	ok(send(&k, &j, &s[2], 548, HOST_JUDGED, 0, "moment 3") == VERDICT_TRUSTED && k.count == 554, "trusted, 554");
	ok(is_prefix(&k, &s[2]), "the kept list is the machine's");
	judge_close(&j);
	judge_open(&j, &s[2], 2);
	ok(send(&k, &j, &s[2], 554, HOST_JUDGED, 0, "the policies changed") == VERDICT_TRUSTED, "judged anew, trusted");
	ok(k.reads == 554 && k.count == 554, "over all that is kept");
	ok(send(&k, &j, &s[0], 554, HOST_JUDGED, 0, "an old quote") == VERDICT_UNTRUSTED, "is untrusted");
	ok(k.count == 554, "and stores nothing");
	judge_close(&j);
	kept_free(&k);
}

/* Findings do not go away because the wire brings only what is new. */
static void
test_findings(struct scene s[3])
{
	struct kept k = { .list = buf_init(MIB(64)), .state = buf_init(MIB(4)) };
	struct judge strict, lenient;
	struct scene base[3] = { s[0], s[1], s[2] };

	for (int i = 0; i < 3; i++)
		base[i].in.n_policies = 1;
	judge_open(&strict, &base[2], 1);
	judge_open(&lenient, &s[2], 2);
	ok(send(&k, &strict, &s[0], 0, HOST_JUDGED, 11, "moment 1") == VERDICT_UNTRUSTED, "untrusted");
	ok(k.count == 541 && k.state.n == 0, "what was covered is kept, and no state");
	ok(send(&k, &strict, &s[1], 541, HOST_JUDGED, 12, "moment 2") == VERDICT_UNTRUSTED, "still untrusted");
	ok(send(&k, &lenient, &s[2], 548, HOST_JUDGED, 0, "the policy is mended") == VERDICT_TRUSTED, "trusted again");
	ok(send(&k, &strict, &s[2], 554, HOST_JUDGED, 12, "and taken back") == VERDICT_UNTRUSTED, "untrusted");
	judge_close(&strict);
	judge_close(&lenient);
	kept_free(&k);
}

/* An outcome of a message that was changed by ${edit}. */
typedef void edit_fn(struct attest_message *m, struct host_known *h);

static void
refused(const struct scene *s, const struct judge *j, edit_fn *edit, enum host_answer want, enum verdict v, bool stored,
    const char *what)
{
	HOST_OUTCOME_AUTO struct host_outcome o;
	struct kept k = { .list = buf_init(1), .state = buf_init(1) };
	struct host_known h = known(&k, j, s);
	struct attest_message m;
	struct err e = { 0 };
	uint8_t store[16];

	message(s, 0, &m, store, true);
	edit(&m, &h);
	if (host_appraise(&m, &h, &o, &e) != 0)
		bail(what, &e);
	ok(o.answer == want && o.result.verdict == v && o.state.n == 0, "%s: %s %s", what,
	    verdict_token(o.result.verdict), o.unreadable.message);
	ok(o.n_new == (stored ? 541 : 0), "and %s is stored of it", stored ? "what was covered" : "nothing");
}

static void
no_nonce(struct attest_message *m, struct host_known *h)
{
	(void)m;
	h->nonce = span_of(NULL, 0);
}

static void
other_nonce(struct attest_message *m, struct host_known *h)
{
	(void)m;
	h->nonce = span_lit("another nonce of 21 b");
}

static void
cut_quote(struct attest_message *m, struct host_known *h)
{
	(void)h;
	m->s[ATTEST_QUOTE].bytes.n -= 40;
}

static void
cut_list(struct attest_message *m, struct host_known *h)
{
	(void)h;
	m->s[ATTEST_IMA_LOG].bytes.n -= 3;
}

static void
short_list(struct attest_message *m, struct host_known *h)
{
	(void)h;
	m->s[ATTEST_IMA_LOG].bytes.n = at(m->s[ATTEST_IMA_LOG].bytes, 300);
}

static void
no_list(struct attest_message *m, struct host_known *h)
{
	(void)h;
	m->s[ATTEST_IMA_LOG].bytes.n = 0;
}

static void
other_signature(struct attest_message *m, struct host_known *h)
{
	static uint8_t changed[4096];
	struct span sig = m->s[ATTEST_SIGNATURE].bytes;

	(void)h;
	memcpy(changed, sig.p, sig.n);
	changed[sig.n - 1] ^= 1;
	m->s[ATTEST_SIGNATURE].bytes = span_of(changed, sig.n);
}

static void
bad_pcrs(struct attest_message *m, struct host_known *h)
{
	(void)h;
	m->s[ATTEST_PCRS].bytes = span_lit("{\"sha256\":{\"10\":\"zz\"}}");
}

static void
bad_event_log(struct attest_message *m, struct host_known *h)
{
	(void)h;
	m->s[ATTEST_EVENT_LOG].bytes.n -= 7;
}

/* What a server of a later release kept, which the one before it cannot read: two share a store,
 * or one was downgraded. */
static void
test_state_of_later(struct scene s[3])
{
	struct kept k = { .list = buf_init(MIB(64)), .state = buf_init(MIB(4)) };
	struct judge j;
	char *version;

	judge_open(&j, &s[2], 1);
	ok(send(&k, &j, &s[0], 0, HOST_JUDGED, 0, "moment 1") == VERDICT_TRUSTED, "trusted");
	version = memmem(k.state.p, k.state.n, "assay_resume", 12);
	if (!ok(version != NULL && (version = memchr(version, '1', 20)) != NULL, "the state says its version"))
		return;
	*version = '9';
	ok(send(&k, &j, &s[1], 541, HOST_JUDGED, 0, "a state of version 9") == VERDICT_TRUSTED && k.count == 548,
	    "is as none: judged from the boot's beginning, trusted");
	ok(k.reads > 0, "for which the list was read again");
	k.reads = 0;
	ok(send(&k, &j, &s[2], 548, HOST_JUDGED, 0, "moment 3") == VERDICT_TRUSTED && k.reads == 0, "and then it goes on as ever");
	kept_free(&k);
	judge_close(&j);
}

/* Who has the host's TLS key and not its TPM says what he likes in a quote that nobody signed. */
static void
test_forged_boot(const struct scene *s, const struct judge *j)
{
	struct kept k = { .list = buf_init(MIB(64)), .state = buf_init(MIB(4)), .boot = "7fffffff:b00d", .count = 5 };
	struct host_known h = known(&k, j, s);
	HOST_OUTCOME_AUTO struct host_outcome o;
	struct attest_message m;
	struct err e = { 0 };
	uint8_t store[16];

	message(s, 0, &m, store, true);
	other_signature(&m, &h);
	ok(host_appraise(&m, &h, &o, &e) == 0 && o.answer == HOST_JUDGED && o.result.verdict == VERDICT_UNTRUSTED,
	    "another boot, by a quote that is not signed: untrusted %s", e.message);
	ok(!o.new_boot && strcmp(o.boot, k.boot) == 0 && o.entries == 5 && o.n_new == 0 && o.from == 5,
	    "and the boot that is stored stays");
	kept_free(&k);
}

static int
read_fails(void *ctx, uint64_t first, uint64_t n, struct buf *out, struct err *e)
{
	(void)ctx;
	(void)first;
	(void)n;
	(void)out;
	return err_set(e, ERR_IO, "the database is locked");
}

/* Veraison, 2023: a database that was busy read as a bad signature. */
static void
test_store_away(const struct scene *s)
{
	struct kept k = { .list = buf_init(MIB(16)), .state = buf_init(MIB(4)) };
	HOST_OUTCOME_AUTO struct host_outcome o = { 0 };
	struct attest_message m;
	struct host_known h;
	struct judge j, later;
	struct err e = { 0 };
	uint8_t store[16];

	judge_open(&j, s, 1);
	(void)send(&k, &j, &s[0], 0, HOST_JUDGED, 0, "a first message");
	judge_open(&later, s, 2);	/* other policies: the stored part is needed */
	h = known(&k, &later, &s[1]);
	h.read = read_fails;
	message(&s[1], k.count, &m, store, false);
	is_int(host_appraise(&m, &h, &o, &e), ERR_IO, "a store that cannot be read is an error of ours");
	ok(o.result.verdict == VERDICT_UNDECIDED && o.result.n_findings == 0, "and no word about the host");
	judge_close(&later);
	judge_close(&j);
	buf_free(&k.list);
	buf_free(&k.state);
}

int
main(void)
{
	struct scene s[3];
	struct judge j;

	for (int i = 0; i < 3; i++)
		scene_open(&s[i], i + 1);
	approve(&s[2]);
	for (int i = 0; i < 2; i++) {
		s[i].policies[1] = &s[2].approvals;
		s[i].in.n_policies = 2;
	}
	test_trusted(s);
	test_findings(s);
	test_state_of_later(s);
	test_store_away(s);
	judge_open(&j, &s[2], 1);
	refused(&s[0], &j, no_nonce, HOST_NONCE, VERDICT_UNDECIDED, false, "no nonce is out");
	refused(&s[0], &j, other_nonce, HOST_NONCE, VERDICT_UNDECIDED, false, "another nonce is out");
	refused(&s[0], &j, cut_quote, HOST_JUDGED, VERDICT_UNDECIDED, false, "a cut quote");
	refused(&s[0], &j, cut_list, HOST_JUDGED, VERDICT_UNDECIDED, false, "a list cut inside a record");
	refused(&s[0], &j, short_list, HOST_JUDGED, VERDICT_UNTRUSTED, false, "a list without what was quoted");
	refused(&s[0], &j, no_list, HOST_JUDGED, VERDICT_UNTRUSTED, false, "no list");
	refused(&s[0], &j, other_signature, HOST_JUDGED, VERDICT_UNTRUSTED, false, "another signature");
	refused(&s[0], &j, bad_pcrs, HOST_JUDGED, VERDICT_UNDECIDED, false, "PCR values that are none");
	refused(&s[0], &j, bad_event_log, HOST_JUDGED, VERDICT_UNTRUSTED, true, "a cut event log");
	test_forged_boot(&s[0], &j);
	judge_close(&j);
	for (int i = 0; i < 3; i++)
		scene_close(&s[i]);
	return done();
}
