/* Promise: history only grows, events are read in the order they became visible, and
 * retention never takes what the present verdict rests on. */
#include "tests/store/kit.h"

static void
change(struct store *s, struct store_host *h, int64_t at, uint8_t verdict, bool bundled)
{
	struct store_interval c = { .from = at, .verdict = verdict, .reason = span_lit("reason") };
	struct store_bundle b = { .at = at, .verdict = verdict, .body = span_lit("bundle") };
	struct store_advance v = { .host = h, .change = &c, .bundle = bundled ? &b : NULL };
	struct err e = { 0 };

	h->state.verdict = verdict;
	must(store_advance(s, &v, 1, at, &e), &e, "advancing");
}

static void
intervals(struct store *s)
{
	struct store_interval *v = NULL;
	struct store_host h, other;
	uint64_t deleted = 0, before = 0;
	struct err e = { 0 };
	size_t n = 0, all = 0;

	kit_host(s, 1, &h);
	kit_host(s, 2, &other);
	change(s, &other, 5, 1, false);
	for (int i = 0; i < 10; i++)
		change(s, &h, 100 + i, (uint8_t)(i % 2), false);
	must(store_intervals(s, h.number, 0, 100, &kit_arena, &v, &n, &e), &e, "reading");
	ok(n == 10 && v[0].to == 0 && v[0].from == 109 && v[9].from == 100 && v[9].to == 101, "intervals join, newest first");
	do {
		must(store_intervals(s, h.number, before, 3, &kit_arena, &v, &n, &e), &e, "reading");
		all += n;
		before = n == 0 ? 0 : v[n - 1].number;
	} while (n == 3);
	ok(all == 10, "in pages too");
	good(store_intervals_delete(s, 105, &deleted, &e), &e, "old ones are deleted");
	must(store_intervals(s, h.number, 0, 100, &kit_arena, &v, &n, &e), &e, "reading");
	ok(deleted == 4 && n == 6, "those that ended before");
	must(store_intervals_delete(s, INT64_MAX, &deleted, &e), &e, "deleting");
	must(store_intervals(s, other.number, 0, 100, &kit_arena, &v, &n, &e), &e, "reading");
	ok(n == 1 && v[0].to == 0, "one that holds stays");
}

static void
events(struct store *s)
{
	struct store_event in[3] = { { .at = 1, .kind = span_lit("a"), .host = 1, .body = span_lit("{}") },
		{ .at = 2, .kind = span_lit("b\0\xff"), .body = span_lit("\n") }, { .at = 3, .kind = span_lit("c"), .host = 1 } };
	struct store_event *v = NULL;
	uint64_t last = 9, deleted = 0;
	struct err e = { 0 };
	size_t n = 0;

	must(store_event_last(s, &last, &e), &e, "last");
	good(store_event_add(s, in, 3, &e), &e, "events are added");
	ok(in[0].sequence == last + 1 && in[2].sequence == last + 3, "numbered in order");
	must(store_events(s, in[0].sequence, 0, 10, &kit_arena, &v, &n, &e), &e, "reading");
	ok(n == 2 && v[0].sequence == in[1].sequence && v[0].host == 0, "those behind one are read");
	is_span(v[0].kind, in[1].kind, "as they were");
	must(store_events(s, 0, 1, 10, &kit_arena, &v, &n, &e), &e, "reading");
	ok(n == 2 && v[1].sequence == in[2].sequence, "those of a host");
	must(store_events(s, in[2].sequence, 0, 10, &kit_arena, &v, &n, &e), &e, "reading");
	ok(n == 0, "behind the last there is none");
	must(store_events_delete(s, 3, &deleted, &e), &e, "deleting");
	must(store_events(s, 0, 0, 10, &kit_arena, &v, &n, &e), &e, "reading");
	ok(deleted == 2 && n == 1, "old ones are deleted");
	must(store_events_delete(s, 4, &deleted, &e), &e, "deleting");
	must(store_event_add(s, in, 1, &e), &e, "adding");
	must(store_event_last(s, &last, &e), &e, "last");
	ok(in[0].sequence == in[2].sequence + 1 && last == in[0].sequence, "numbers are never given again");
}

static void
findings(struct store *s)
{
	static const char *const paths[] = { "/a", "/b\n", "/c" };
	struct store_finding in[3] = { 0 }, *v = NULL;
	struct store_host h;
	struct store_advance a = { .host = &h, .findings_new = true, .findings = in, .n_findings = 3 };
	struct err e = { 0 };
	size_t n = 0;

	kit_host(s, 20, &h);
	for (size_t i = 0; i < 3; i++)
		in[i] = (struct store_finding){ .code = span_lit("code"), .entry = i, .path = span_str(paths[i]),
		    .text = span_lit("{}") };
	must(store_advance(s, &a, 1, 1, &e), &e, "advancing");
	must(store_findings(s, h.number, &kit_arena, &v, &n, &e), &e, "reading");
	ok(n == 3 && span_is(v[2].path, "/c"), "findings are read in their order");
	must(store_findings_first(s, h.number, 2, &kit_arena, &v, &n, &e), &e, "reading");
	ok(n == 2 && span_is(v[0].path, "/a") && span_is(v[1].path, "/b\n"), "or the first of them");
	must(store_findings_first(s, h.number, 100, &kit_arena, &v, &n, &e), &e, "reading");
	ok(n == 3, "as far as there are");
	a.n_findings = 1;
	must(store_advance(s, &a, 1, 2, &e), &e, "advancing");
	must(store_findings(s, h.number, &kit_arena, &v, &n, &e), &e, "reading");
	ok(n == 1, "the next ones replace them");
}

static void
bundles(struct store *s)
{
	struct store_host h, other;
	struct store_bundle *v = NULL, got = { 0 };
	uint64_t deleted = 0, first;
	struct err e = { 0 };
	size_t n = 0;

	kit_host(s, 10, &h);
	kit_host(s, 11, &other);
	for (int i = 0; i < 6; i++)
		change(s, &h, 1000 + i, (uint8_t)(i % 2), true);
	change(s, &other, 1000, 1, true);	/* old, but it holds */
	must(store_bundles(s, h.number, 0, 10, &kit_arena, &v, &n, &e), &e, "listing");
	ok(n == 6 && v[0].at == 1005 && v[0].size == 6 && v[0].body.n == 0, "bundles are listed, newest first, without bodies");
	first = v[5].number;
	good(store_bundle_get(s, first, &kit_arena, &got, &e), &e, "one is read");
	is_span(got.body, span_lit("bundle"), "whole");
	must(store_bundles_delete(s, 1002, 0, &deleted, &e), &e, "deleting");
	ok(deleted == 2, "old ones are deleted, not the one that holds");
	is_code(store_bundle_get(s, first, &kit_arena, &got, &e), ERR_NOT_FOUND, "they are gone");
	must(store_bundles_delete(s, 0, 2, &deleted, &e), &e, "deleting");
	must(store_bundles(s, h.number, 0, 10, &kit_arena, &v, &n, &e), &e, "listing");
	ok(deleted == 2 && n == 2 && v[0].at == 1005, "all but the newest of a host");
	must(store_bundles_delete(s, INT64_MAX, 0, &deleted, &e), &e, "deleting");
	must(store_bundles(s, other.number, 0, 10, &kit_arena, &v, &n, &e), &e, "listing");
	ok(n == 1, "what a verdict rests on stays");
	got = (struct store_bundle){ .host = h.number, .at = 1, .body = span_of(NULL, 0) };
	good(store_bundle_add(s, &got, &e), &e, "an empty one is stored");
	ok(got.number > v[0].number, "numbers go on");
	got.body = span_of("", LIMIT_STORE_BLOB + 1);
	is_code(store_bundle_add(s, &got, &e), ERR_LIMIT, "one over the limit is refused before it is read");
}

static void
large(struct store *s)
{
	struct store_bundle b = { .host = 1, .at = 1 }, got = { 0 };
	uint8_t *p = malloc(MIB(20));
	struct err e = { 0 };

	for (size_t i = 0; i < MIB(20); i++)
		p[i] = (uint8_t)(i * 2654435761u >> 13);
	b.body = span_of(p, MIB(20));
	good(store_bundle_add(s, &b, &e), &e, "20 MiB are stored");
	must(store_bundle_get(s, b.number, &kit_arena, &got, &e), &e, "reading");
	ok(span_eq(got.body, b.body), "and read");
	free(p);
}

void
test_history(void)
{
	STORE_AUTO struct store *s = kit_store(kit_url("history"));

	intervals(s);
	events(s);
	findings(s);
	bundles(s);
	large(s);
}
