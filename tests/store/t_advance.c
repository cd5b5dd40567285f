/* Promise: an attestation is written whole or not at all, against the revision it was
 * made from; one that cannot be written keeps no other from being written. */
#include "tests/store/kit.h"

static void
fill(struct store_host *h, uint8_t verdict, int64_t at)
{
	h->state = (struct store_state){ .verdict = verdict, .verdict_since = at, .valid_until = at + 60,
		.last_seen = at, .next_due = at + 30, .entries = 5, .findings = 1,
		.policy_set = span_lit("default"), .policy = span_lit("\x01\x00version"),
		.nonce = span_lit("next nonce"), .nonce_expires = at + 90,
		.resume = span_lit("{\"resume\":1}\0\xff"), .detail = span_lit("detail") };
}

static void
one(struct store *s)
{
	struct store_interval change = { .from = 100, .verdict = 2, .policy = span_lit("v1"),
		.reason = span_lit("an unapproved \xff file") };
	struct store_finding found[] = { { .code = span_lit("not-in-policy"), .entry = 3,
		.path = span_lit("/tmp/a\nb\0\xff"), .text = span_lit("{}") },
		{ .code = span_lit("pcr"), .entry = UINT64_MAX, .text = span_lit("{\"x\":1}") } };
	struct store_event event = { .at = 100, .kind = span_lit("verdict"), .body = span_lit("{}") };
	struct store_bundle bundle = { .at = 100, .verdict = 2, .policy = span_lit("v1"),
		.body = span_lit("evidence\0bytes") };
	struct store_host h, got = { 0 };
	struct store_advance v = { .host = &h, .facts_new = true, .boot_id = span_lit("boot 1"),
		.records = kit_records(1, 3), .n_records = 3, .change = &change, .findings_new = true,
		.findings = found, .n_findings = 2, .events = &event, .n_events = 1, .bundle = &bundle };
	struct store_interval *intervals = NULL;
	struct store_finding *findings = NULL;
	struct store_event *events = NULL;
	struct err e = { 0 };
	size_t n = 0;

	kit_host(s, 1, &h);
	fill(&h, 2, 100);
	h.facts = span_lit("{\"kernel\":\"6.12\"}");
	h.facts_at = 100;
	good(store_advance(s, &v, 1, 100, &e), &e, "an attestation is written");
	is_code(v.rc, 0, "this one");
	ok(h.revision == 2 && h.count == 3 && h.boot != 0 && bundle.number != 0 && bundle.host == h.number &&
	    event.sequence != 0, "the caller's structs are brought up to date");
	must(store_host_by_number(s, h.number, &kit_arena, &got, &e), &e, "reading");
	ok(got.revision == 2 && got.state.verdict == 2 && got.state.verdict_since == 100 &&
	    got.state.valid_until == 160 && got.state.last_seen == 100 && got.state.next_due == 130 &&
	    got.state.entries == 5 && got.state.findings == 1 && got.state.nonce_expires == 190 &&
	    got.boot == h.boot && got.count == 3 && got.facts_at == 100, "its numbers are read again");
	is_span(got.state.resume, h.state.resume, "its resume state");
	is_span(got.state.nonce, h.state.nonce, "its nonce");
	is_span(got.state.policy, h.state.policy, "its policy");
	is_span(got.state.policy_set, h.state.policy_set, "and set");
	is_span(got.state.detail, h.state.detail, "its detail");
	is_span(got.facts, h.facts, "its facts");
	is_span(got.boot_id, span_lit("boot 1"), "its boot");
	good(store_intervals(s, h.number, 0, 10, &kit_arena, &intervals, &n, &e), &e, "the interval is there");
	ok(n == 1 && intervals[0].from == 100 && intervals[0].to == 0 && intervals[0].verdict == 2 &&
	    intervals[0].bundle == bundle.number, "it holds, and names the bundle");
	is_span(intervals[0].reason, change.reason, "with its reason");
	good(store_findings(s, h.number, &kit_arena, &findings, &n, &e), &e, "the findings are there");
	ok(n == 2 && findings[0].entry == 3 && findings[1].entry == UINT64_MAX, "in order");
	is_span(findings[0].path, found[0].path, "with the path's bytes");
	good(store_events(s, event.sequence - 1, 0, 10, &kit_arena, &events, &n, &e), &e, "the event is there");
	ok(n == 1 && events[0].host == h.number, "of this host");
	/* The struct may go on without being read again. */
	v = (struct store_advance){ .host = &h, .boot_id = span_lit("boot 1"), .first = 3,
		.records = kit_records(10, 1), .n_records = 1 };
	good(store_advance(s, &v, 1, 101, &e), &e, "the next follows from the same struct");
	ok(v.rc == 0 && h.count == 4 && h.revision == 3, "which goes on counting");
}

static void
conflict(struct store *s)
{
	struct store_host a, b, c, d, got = { 0 };
	struct store_advance v[4];
	struct store_interval change = { .from = 5, .verdict = 1 }, *intervals = NULL;
	struct err e = { 0 };
	size_t n = 1;

	kit_host(s, 10, &a);
	kit_host(s, 11, &c);
	b = a;
	is_code(kit_append(s, &a, "boot", 100, 2, 7), 0, "of two servers with one nonce one is first");
	is_code(kit_append(s, &b, "boot", 200, 2, 7), ERR_CONFLICT, "the other is told");
	ok(b.revision == 1 && b.count == 0, "his struct stays as it was");
	d = c;
	d.number = 999999;
	v[0] = (struct store_advance){ .host = &b, .boot_id = span_lit("boot"), .change = &change };
	v[1] = (struct store_advance){ .host = &c, .boot_id = span_lit("boot"), .records = kit_records(300, 1),
		.n_records = 1 };
	v[2] = (struct store_advance){ .host = &d, .boot_id = span_lit("boot") };
	v[3] = (struct store_advance){ .host = &c, .boot_id = span_lit("boot") };
	good(store_advance(s, v, 4, 8, &e), &e, "in a batch");
	is_code(v[0].rc, ERR_CONFLICT, "the one that is late gets its code");
	is_code(v[1].rc, 0, "another is stored");
	is_code(v[2].rc, ERR_NOT_FOUND, "one of no host gets its code");
	is_code(v[3].rc, ERR_CONFLICT, "a second one of a host does too");
	must(store_host_by_number(s, a.number, &kit_arena, &got, &e), &e, "reading");
	ok(got.revision == a.revision && got.count == 2, "nothing of the late one was written");
	must(store_intervals(s, a.number, 0, 10, &kit_arena, &intervals, &n, &e), &e, "reading");
	ok(n == 0, "no interval either");
	c.revision--;
	is_code(kit_append(s, &c, "boot", 1, 1, 9), ERR_CONFLICT, "an older revision is late");
	must(store_host_by_number(s, c.number, &kit_arena, &got, &e), &e, "reading");
	got.registration = STORE_REMOVED;
	c = got;
	must(store_host_update(s, &got, &e), &e, "removing");
	is_code(kit_append(s, &c, "boot", 1, 1, 9), ERR_CONFLICT, "so is who did not see a host removed");
}

static void
refused(struct store *s)
{
	struct store_host h, good_one;
	struct store_record *r = kit_records(400, 1);
	struct store_advance v[2] = { { .host = &h, .boot_id = span_lit("boot"), .records = r, .n_records = 1 },
		{ .host = &good_one, .boot_id = span_lit("boot") } };
	uint8_t *big = calloc(1, LIMIT_PATH + 1);
	struct err e = { 0 };

	kit_host(s, 20, &h);
	kit_host(s, 21, &good_one);
	v[0].first = 1;
	good(store_advance(s, v, 2, 1, &e), &e, "a list that does not follow");
	is_code(v[0].rc, ERR_MISMATCH, "is refused");
	is_code(v[1].rc, 0, "alone");
	v[0].first = 0;
	r[0].path = span_of(big, LIMIT_PATH + 1);
	must(store_advance(s, v, 1, 1, &e), &e, "advancing");
	is_code(v[0].rc, ERR_LIMIT, "so is a path over the limit");
	r[0].path.n--;
	must(store_advance(s, v, 1, 1, &e), &e, "advancing");
	is_code(v[0].rc, 0, "but not the longest");
	h.state.verdict = STORE_VERDICTS;
	v[0].first = 1;
	v[0].n_records = 0;
	must(store_advance(s, v, 1, 1, &e), &e, "advancing");
	is_code(v[0].rc, ERR_RANGE, "and a verdict that there is not");
	free(big);
}

/* A verdict's row is written by another statement than a state that stays. */
static void
verdicts(struct store *s)
{
	struct store_counts before = { 0 }, after = { 0 };
	struct store_host h, got = { 0 };
	struct store_advance v = { .host = &h };
	struct err e = { 0 };

	kit_host(s, 30, &h);
	must(store_host_counts(s, &before, &e), &e, "counting");
	fill(&h, 1, 10);
	must(store_advance(s, &v, 1, 10, &e), &e, "advancing");
	must(store_host_counts(s, &after, &e), &e, "counting");
	ok(after.by_verdict[1] == before.by_verdict[1] + 1 && after.by_verdict[0] == before.by_verdict[0] - 1 &&
	    after.enrolled == before.enrolled, "a verdict that changes is counted");
	fill(&h, 1, 20);
	must(store_advance(s, &v, 1, 20, &e), &e, "advancing");
	fill(&h, 2, 30);
	must(store_advance(s, &v, 1, 30, &e), &e, "advancing");
	must(store_host_by_number(s, h.number, &kit_arena, &got, &e), &e, "reading");
	ok(got.state.verdict == 2 && got.revision == 4 && got.boot == 0, "without a boot no log is touched");
}

void
test_advance(void)
{
	STORE_AUTO struct store *s = kit_store(kit_url("advance"));

	one(s);
	conflict(s);
	refused(s);
	verdicts(s);
}
