/* Promise: a list can be written again byte for byte, however it came, with the time each
 * entry came; each record is kept once. */
#include "tests/store/kit.h"

struct rebuilt {
	struct buf bytes;
	uint64_t next;
	int64_t last_at;
	bool in_order;
};

static int
item(void *ctx, const struct store_log_item *i, struct err *e)
{
	struct rebuilt *r = ctx;

	(void)e;
	r->in_order = r->in_order && i->index == r->next++ && i->at >= r->last_at && i->entry != 0;
	r->last_at = i->at;
	buf_span(&r->bytes, i->bytes);
	return 0;
}

static struct rebuilt
rebuild(struct store *s, uint64_t boot, uint64_t first, uint64_t max)
{
	struct rebuilt r = { .bytes = buf_init(MIB(64)), .next = first, .in_order = true };
	struct err e = { 0 };

	must(store_log_read(s, boot, first, max, item, &r, &e), &e, "reading a log");
	return r;
}

/* Which record stands at place i of the lists made here: shared ones mixed with own. */
static uint64_t
nth(uint64_t i)
{
	return i % 7 == 0 ? 100000 + i : (i * 37) % 500;
}

static void
append_some(struct store *s, struct store_host *h, const char *boot, size_t n, int64_t now)
{
	struct store_record *v = kit_records(0, n);
	uint64_t from = span_is(h->boot_id, boot) ? h->count : 0;
	struct store_advance a = { .host = h, .boot_id = span_str(boot), .first = from, .records = v,
		.n_records = n };
	struct err e = { 0 };

	for (size_t i = 0; i < n; i++)
		v[i] = kit_record(nth(from + i));
	must(store_advance(s, &a, 1, now, &e), &e, "appending");
	if (a.rc != 0)
		ok(false, "appending %zu: %s", n, err_token(a.rc));
}

static bool
as_sent(struct rebuilt *r, uint64_t first, uint64_t n, const char *what)
{
	BUF_AUTO struct buf want = buf_init(MIB(64));
	bool same;

	for (uint64_t i = 0; i < n; i++)
		buf_span(&want, kit_record(nth(first + i)).bytes);
	same = ok(span_eq(buf_view(&r->bytes), buf_view(&want)) && r->next == first + n && r->in_order,
	    "%s", what);
	if (!same)
		diag("%zu bytes, want %zu; %llu entries%s", r->bytes.n, want.n,
		    (unsigned long long)(r->next - first), r->in_order ? "" : ", out of order");
	buf_free(&r->bytes);
	return same;
}

static void
whole_lists(struct store *s)
{
	static const size_t sizes[] = { 1, 1, 1, 5, 1, 100, 1, 2000, 3, 3, 1, 700, 1, 1, 239, 240, 241 };
	struct store_host h, read = { 0 };
	uint64_t total = 0, first_boot;
	struct store_boot *boots = NULL;
	struct rebuilt r;
	struct err e = { 0 };
	size_t n = 0;

	kit_host(s, 1, &h);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		append_some(s, &h, "first", sizes[i], (int64_t)(1000 * i));
		total += sizes[i];
		if (i % 3 == 0)		/* now and then from what is stored */
			must(store_host_by_number(s, h.number, &kit_arena, &h, &e), &e, "reading");
	}
	for (int i = 0; i < 300; i++, total++)
		append_some(s, &h, "first", 1, 100000 + i);
	ok(h.count == total, "a log counts what it was given");
	r = rebuild(s, h.boot, 0, UINT64_MAX);
	as_sent(&r, 0, total, "a list is the same, byte for byte and in order");
	r = rebuild(s, h.boot, 1234, 77);
	as_sent(&r, 1234, 77, "a part of it too");
	r = rebuild(s, h.boot, total - 1, 10);
	as_sent(&r, total - 1, 1, "the last one");
	r = rebuild(s, h.boot, total, 10);
	ok(r.next == total && r.bytes.n == 0, "behind the end there is nothing");
	buf_free(&r.bytes);
	first_boot = h.boot;
	append_some(s, &h, "second", 50, 200000);
	r = rebuild(s, first_boot, 0, UINT64_MAX);
	as_sent(&r, 0, total, "another boot leaves it as it is");
	r = rebuild(s, h.boot, 0, UINT64_MAX);
	as_sent(&r, 0, 50, "and begins its own");
	must(store_host_by_number(s, h.number, &kit_arena, &read, &e), &e, "reading");
	is_span(read.boot_id, span_lit("second"), "which the host is in");
	good(store_boots(s, h.number, &kit_arena, &boots, &n, &e), &e, "boots are listed");
	ok(n == 2 && boots[0].number == h.boot && boots[0].count == 50 && boots[1].count == total &&
	    boots[1].number == first_boot && boots[1].began == 0 && boots[0].began == 200000,
	    "newest first, with what they hold");
	is_span(boots[1].id, span_lit("first"), "and their names");
}

static void
odd_records(struct store *s)
{
	static const char odd[] = "/tmp/\n\0\xff\xc3\x28 \\x00\x1b]0;\x07";
	struct store_record v[3] = { kit_record(900001), kit_record(900002), kit_record(900003) };
	struct store_host h;
	struct store_advance a = { .host = &h, .boot_id = span_lit("boot\0\xff"), .records = v, .n_records = 3 };
	struct store_query q = { .by = STORE_BY_PATH, .value = span_of(odd, sizeof(odd)) };
	struct store_entry *found = NULL;
	struct rebuilt r;
	struct err e = { 0 };
	size_t n = 0;

	kit_host(s, 2, &h);
	v[0].path = v[0].bytes = q.value;
	v[1].path = span_of(NULL, 0);
	v[1].digest = (struct digest){ 0 };
	v[1].bytes = span_of(NULL, 0);
	v[2].key_id = q.value;
	must(store_advance(s, &a, 1, 1, &e), &e, "appending");
	is_code(a.rc, 0, "records with odd bytes are stored");
	r = rebuild(s, h.boot, 0, 9);
	ok(r.next == 3 && r.bytes.n == v[0].bytes.n + v[2].bytes.n &&
	    memcmp(r.bytes.p, odd, sizeof(odd)) == 0, "and read");
	buf_free(&r.bytes);
	good(store_find(s, &q, 0, 10, &kit_arena, &found, &n, &e), &e, "the path is found");
	ok(n == 1 && span_eq(found[0].record.path, q.value) && span_eq(found[0].record.bytes, q.value) &&
	    digest_eq(&found[0].record.digest, &v[0].digest) && memcmp(found[0].record.key, v[0].key, 32) == 0 &&
	    found[0].first_host == h.number && found[0].first_seen == 1 && found[0].record.key_id.n == 0,
	    "byte for byte");
	q.value = span_of(odd, 6);
	must(store_find(s, &q, 0, 10, &kit_arena, &found, &n, &e), &e, "finding");
	ok(n == 0, "a beginning of it is not");
	q = (struct store_query){ .by = STORE_BY_KEY, .value = v[2].key_id };
	must(store_find(s, &q, 0, 10, &kit_arena, &found, &n, &e), &e, "finding");
	ok(n == 1 && span_eq(found[0].record.key_id, v[2].key_id), "a key id is found");
}

static void
known(struct store *s)
{
	uint8_t keys[4][32];
	uint64_t numbers[4];
	struct store_entry *v = NULL;
	struct err e = { 0 };
	size_t n = 0;
	uint64_t after = 0, all = 0;
	bool ordered = true;

	for (int i = 0; i < 4; i++)
		memcpy(keys[i], kit_record(i == 2 ? 77777777 : nth((uint64_t)i + 1)).key, 32);
	good(store_entries_known(s, (const uint8_t (*)[32])keys, 4, numbers, &e), &e, "keys are looked up");
	ok(numbers[0] != 0 && numbers[1] != 0 && numbers[2] == 0 && numbers[3] != 0 && numbers[0] != numbers[1],
	    "what is there has a number");
	do {
		must(store_entries(s, after, 300, &kit_arena, &v, &n, &e), &e, "listing");
		for (size_t i = 0; i < n; i++) {
			ordered = ordered && v[i].number > after;
			after = v[i].number;
		}
		all += n;
	} while (n == 300);
	/* 500 shared ones, every seventh of the first host's own, those of odd_records. */
	ok(ordered && all > 500 && all < 2500, "each record is kept once (%llu)", (unsigned long long)all);
}

static void
retention(struct store *s)
{
	struct store_boot *boots = NULL;
	struct store_host h;
	uint64_t deleted = 0;
	struct rebuilt r;
	struct err e = { 0 };
	size_t n = 0;

	kit_host(s, 3, &h);
	for (int i = 0; i < 5; i++)
		append_some(s, &h, (const char *[]){ "a", "b", "c", "d", "e" }[i], 30, i);
	good(store_boots_delete(s, h.number, 2, &deleted, &e), &e, "old boots are deleted");
	must(store_boots(s, h.number, &kit_arena, &boots, &n, &e), &e, "listing");
	ok(deleted == 3 && n == 2 && boots[0].number == h.boot, "all but the newest");
	must(store_boots_delete(s, h.number, 0, &deleted, &e), &e, "deleting");
	must(store_boots(s, h.number, &kit_arena, &boots, &n, &e), &e, "listing");
	ok(n == 1, "the newest stays in any case");
	r = rebuild(s, h.boot, 0, 100);
	as_sent(&r, 0, 30, "whole");
}

static void
event_logs(struct store *s)
{
	struct store_boot *boots = NULL;
	struct store_host a, b;
	struct span got = { 0 };
	struct err e = { 0 };
	size_t n = 0;

	kit_host(s, 4, &a);
	kit_host(s, 5, &b);
	append_some(s, &a, "x", 1, 1);
	append_some(s, &b, "x", 1, 1);
	is_code(store_event_log_get(s, a.boot, &kit_arena, &got, &e), ERR_NOT_FOUND, "no event log yet");
	good(store_event_log_put(s, a.boot, span_lit("digest"), span_lit("log\0bytes"), 5, &e), &e,
	    "an event log is stored");
	good(store_event_log_put(s, b.boot, span_lit("digest"), span_lit("log\0bytes"), 5, &e), &e,
	    "of another host too");
	must(store_event_log_get(s, b.boot, &kit_arena, &got, &e), &e, "reading");
	is_span(got, span_lit("log\0bytes"), "and read");
	is_code(store_event_log_put(s, 999999, span_lit("digest"), span_lit("x"), 5, &e), ERR_NOT_FOUND,
	    "not of a boot that is not there");
	must(store_boots(s, b.number, &kit_arena, &boots, &n, &e), &e, "listing");
	is_span(boots[0].event_log, span_lit("digest"), "the boot names it");
}

void
test_logs(void)
{
	STORE_AUTO struct store *s = kit_store(kit_url("logs"));

	whole_lists(s);
	odd_records(s);
	known(s);
	retention(s);
	event_logs(s);
}
