/* Promise: pages of hosts are complete, in order, and each host is on one page only. */
#include "tests/store/kit.h"

#define HOSTS 57

/* Walks all pages; tells how many hosts and whether the order held. */
static size_t
walk(struct store *s, const struct store_host_filter *f, size_t max, bool by_name, bool *ordered)
{
	struct store_host_cursor c = { 0 };
	struct store_host *v = NULL;
	struct span last = { 0 };
	uint32_t number = 0;
	struct err e = { 0 };
	size_t n = 0, all = 0;

	*ordered = true;
	do {
		must(store_host_list(s, f, &c, max, &kit_arena, &v, &n, &e), &e, "listing");
		for (size_t i = 0; i < n; i++) {
			int o = by_name ? span_cmp(last, v[i].name) : 0;

			if (o > 0 || (o == 0 && number >= v[i].number && all + i != 0))
				*ordered = false;
			last = v[i].name;
			number = v[i].number;
		}
		all += n;
	} while (c.more);
	return all;
}

static void
count(struct store *s, struct store_host_filter f, bool by_name, size_t want, const char *what)
{
	for (size_t max = 1; max <= 64; max *= 4) {
		bool ordered;
		size_t n = walk(s, &f, max, by_name, &ordered);

		if (!ok(n == want && ordered, "%s, pages of %zu", what, max))
			diag("%zu hosts, want %zu%s", n, want, ordered ? "" : ", out of order");
	}
}

static void
prepare(struct store *s)
{
	struct err e = { 0 };

	for (unsigned i = 0; i < HOSTS; i++) {
		struct store_host h;
		struct store_advance v = { .host = &h };

		kit_host(s, i, &h);
		h.state.verdict = (uint8_t)(i % 3);
		h.state.next_due = i < 10 ? 1000 + i : 0;
		must(store_advance(s, &v, 1, 1, &e), &e, "advancing");
		if (i >= 50) {		/* names alike: the number decides */
			h.name = span_lit("same");
			must(store_host_update(s, &h, &e), &e, "renaming");
		}
		if (i == 5) {
			h.registration = STORE_REMOVED;
			must(store_host_update(s, &h, &e), &e, "removing");
		}
	}
}

void
test_lists(void)
{
	STORE_AUTO struct store *s = kit_store(kit_url("lists"));
	struct store_host_filter all = { .verdict = -1, .registration = -1 }, f = all;
	struct store_counts counts = { 0 };
	struct err e = { 0 };

	prepare(s);
	count(s, all, true, HOSTS - 1, "all but the removed, by name");
	f.by_number = true;
	count(s, f, false, HOSTS - 1, "by number");
	f = all;
	f.registration = STORE_REMOVED;
	count(s, f, true, 1, "the removed one");
	f = all;
	f.verdict = 1;
	count(s, f, false, 19, "of a verdict");
	f = all;
	f.name = span_lit("same");
	count(s, f, true, 7, "of a name");
	f.name = span_lit("sam");
	count(s, f, true, 0, "of the beginning of a name: none");
	f.name_prefix = true;
	count(s, f, true, 7, "with a prefix");
	f.name = span_lit("host-0000");
	count(s, f, true, 9, "with another");
	f.name = span_lit("\xff\xff");
	count(s, f, true, 0, "with one that nothing is behind");
	f = all;
	f.label = span_lit("role");
	f.label_value = span_lit("web");
	count(s, f, false, 27, "of a label");
	f.verdict = 0;
	count(s, f, false, 9, "of a label and a verdict");
	f.label_value = span_lit("we");
	count(s, f, false, 0, "of the beginning of a label: none");
	f = all;
	f.due_before = 1005;
	count(s, f, false, 5, "that are due");
	good(store_host_counts(s, &counts, &e), &e, "counts");
	ok(counts.by_verdict[0] == 19 && counts.by_verdict[1] == 19 && counts.by_verdict[2] == 18 &&
	    counts.enrolled == HOSTS - 1 && counts.removed == 1 && counts.pending == 0,
	    "are of the enrolled ones");
}
