/* Promise: a search finds every host that ever had an entry, and since when, at every
 * moment: before the journal is merged, between and after. */
#include <roaring/roaring.h>

#include "tests/store/kit.h"

#define HOSTS 40
#define SHARED 900000		/* a record that every host but the last has */
#define OWN 800000		/* + host: one of its own */
#define SIGNED 700000		/* + host % 3: signed by one key */

static struct store_host hosts[HOSTS + 1];

static void
append(struct store *s, struct store_host *h, const char *boot, uint64_t record, const char *key,
    int64_t now)
{
	struct store_record r = kit_record(record);
	struct store_advance a = { .host = h, .boot_id = span_str(boot), .records = &r, .n_records = 1,
		.first = span_is(h->boot_id, boot) ? h->count : 0 };
	struct err e = { 0 };

	if (key != NULL)
		r.key_id = span_str(key);
	must(store_advance(s, &a, 1, now, &e), &e, "appending");
	if (a.rc != 0)
		ok(false, "appending: %s", err_token(a.rc));
}

static struct store_hits
search(struct store *s, struct store_query q, uint32_t after, size_t max)
{
	struct store_hits h = { 0 };
	struct err e = { 0 };

	must(store_search(s, &q, after, max, &kit_arena, &h, &e), &e, "searching");
	return h;
}

static struct store_query
by_path(uint64_t record)
{
	return (struct store_query){ .by = STORE_BY_PATH, .value = kit_record(record).path };
}

static struct store_query
by_digest(uint64_t record)
{
	return (struct store_query){ .by = STORE_BY_DIGEST, .digest = kit_record(record).digest };
}

static void
all_found(struct store *s, const char *when)
{
	struct store_query key = { .by = STORE_BY_KEY, .value = span_lit("key one") };
	struct store_hits h = search(s, by_digest(SHARED), 0, 1000), p = search(s, by_path(SHARED), 0, 1000);
	bool since = h.n == HOSTS - 1, pages = true;
	uint32_t after = 0;
	size_t n = 0;

	ok(h.hosts == HOSTS - 1 && h.entries == 1 && !h.partial && h.next == 0, "%s: by digest, all hosts", when);
	for (size_t i = 0; i < h.n; i++)
		since = since && h.v[i].host == hosts[i].number && h.v[i].since == 1000 + (int64_t)i && h.v[i].now;
	ok(since, "%s: and since when", when);
	ok(p.hosts == HOSTS - 1 && p.n == HOSTS - 1, "%s: by path too", when);
	do {
		h = search(s, by_path(SHARED), after, 7);
		for (size_t i = 0; i < h.n; i++, n++)
			pages = pages && h.v[i].host == hosts[n].number;
		after = h.next;
	} while (after != 0);
	ok(pages && n == HOSTS - 1, "%s: in pages, each once", when);
	h = search(s, by_digest(OWN + 5), 0, 10);
	ok(h.hosts == 1 && h.n == 1 && h.v[0].host == hosts[5].number, "%s: one that one host has", when);
	h = search(s, key, 0, 1000);
	ok(h.hosts == 30 && h.n == 30 && h.entries == 3, "%s: by the signing key", when);
	h = search(s, by_path(123), 0, 10);
	ok(h.hosts == 0 && h.n == 0 && h.entries == 0 && h.next == 0, "%s: nothing of what nobody had", when);
}

static void
merge_all(struct store *s, size_t rows)
{
	uint64_t left = 1;
	struct err e = { 0 };

	for (int i = 0; left != 0 && i < 1000; i++)
		must(store_merge(s, rows, &left, &e), &e, "merging");
	ok(left == 0, "the journal is merged, %zu rows at a time", rows);
}

static void
fill(struct store *s)
{
	for (unsigned i = 0; i < HOSTS; i++) {
		kit_host(s, i, &hosts[i]);
		append(s, &hosts[i], "boot", OWN + i, NULL, 500);
		if (i < HOSTS - 1)
			append(s, &hosts[i], "boot", SHARED, NULL, 1000 + (int64_t)i);
		if (i < 30)
			append(s, &hosts[i], "boot", SIGNED + i % 3, "key one", 2000);
	}
}

static void
other_boots(struct store *s)
{
	struct store_hits h;
	uint64_t deleted = 0;
	struct err e = { 0 };

	append(s, &hosts[3], "next", OWN + 3, NULL, 9000);
	h = search(s, by_digest(SHARED), hosts[3].number - 1, 1);
	ok(h.n == 1 && h.v[0].host == hosts[3].number && h.v[0].since == 1003 && !h.v[0].now,
	    "what only an earlier boot had is found, and told so");
	h = search(s, by_digest(OWN + 3), 0, 10);
	ok(h.n == 1 && h.v[0].since == 500 && h.v[0].now && h.v[0].boot != hosts[3].boot,
	    "what both had, since the earlier");
	must(store_boots_delete(s, hosts[3].number, 1, &deleted, &e), &e, "deleting");
	h = search(s, by_digest(SHARED), hosts[3].number - 1, 1);
	ok(h.n == 1 && h.v[0].host == hosts[3].number && h.v[0].since == 0 && h.v[0].boot == 0,
	    "also when its log is gone: since before those that are kept");
}

/* Many records at once: what an earlier boot had is not written into the journal again. */
static void
reboot(struct store *s)
{
	struct store_host *h = &hosts[HOSTS];
	uint64_t left = 9, entries[2];
	struct roaring_bitmap_s *bits = NULL;
	uint8_t keys[2][32];
	struct store_hits hits;
	struct err e = { 0 };

	kit_host(s, HOSTS, h);
	is_code(kit_append(s, h, "one", 1000, 500, 1), 0, "a whole list");
	is_code(kit_append(s, h, "two", 1000, 500, 2), 0, "and after a reboot again");
	must(store_merge(s, 1, &left, &e), &e, "merging");
	is_code(kit_append(s, h, "three", 1000, 501, 3), 0, "and again, with one more");
	merge_all(s, 100);
	hits = search(s, by_path(1400), 0, 10);
	ok(hits.n == 1 && hits.v[0].host == h->number && hits.v[0].since == 1 && hits.v[0].now,
	    "is found since the first boot");
	hits = search(s, by_path(1500), 0, 10);
	ok(hits.n == 1 && hits.v[0].since == 3, "the new one since the last");
	is_code(kit_append(s, &hosts[7], "two", 1400, 1, 9), 0, "another host has it too");
	memcpy(keys[0], kit_record(1400).key, 32);
	memcpy(keys[1], kit_record(1401).key, 32);
	must(store_entries_known(s, (const uint8_t (*)[32])keys, 2, entries, &e), &e, "looking up");
	good(store_holders(s, entries, 2, &bits, &e), &e, "holders of two entries");
	ok(roaring_bitmap_get_cardinality(bits) == 2 && roaring_bitmap_contains(bits, h->number) &&
	    roaring_bitmap_contains(bits, hosts[7].number), "are both hosts");
	roaring_bitmap_free(bits);
}

void
test_search(void)
{
	STORE_AUTO struct store *s = kit_store(kit_url("search"));

	fill(s);
	all_found(s, "from the journal");
	uint64_t left = 0;
	struct err e = { 0 };

	must(store_merge(s, 20, &left, &e), &e, "merging");
	ok(left != 0, "a part of the journal is merged");
	all_found(s, "half merged");
	merge_all(s, 3);
	all_found(s, "merged");
	other_boots(s);
	reboot(s);
}
