/* How much of a list a quote covers: on the recorded machine exactly what its README
 * says; resumption from any point gives the same; what cannot match does not. */
#include "engine/match.h"
#include "tests/golden.h"

static struct match
match_of(struct span list, const struct match_target *t, const struct resume_state *from)
{
	struct match_input in = { .list = list, .target = t, .bank = DIGEST_SHA256, .resume = from };
	struct match m = { 0 };
	struct err e = { 0 };

	if (match_list(&in, &m, &e) != 0)
		diag("error: %s", e.message);
	match_done(&m);
	return m;
}

/* PCR 10 of the recorded PCR file. */
static struct match_target
target_of(const char *name)
{
	struct file f = golden(name);
	struct match_target t = { 0 };
	struct tpm_pcrs *p = calloc(1, sizeof(*p));
	struct err e = { 0 };

	if (p != NULL && tpm_pcrs_parse(file_view(&f), p, &e) == 0 &&
	    tpm_pcrs_get(p, DIGEST_SHA256, 10).n == 32) {
		t.covered = (uint64_t)1 << 10;
		memcpy(t.v[10], tpm_pcrs_get(p, DIGEST_SHA256, 10).p, 32);
	} else {
		ok(false, "%s: %s", name, e.message);
	}
	free(p);
	file_free(&f);
	return t;
}

static void
test_recorded(void)
{
	static const struct { const char *list, *pcrs; uint64_t after, total; } cases[] = {
		{ "debian12-vm/list1.bin", "debian12-vm/quote1.pcrs", 541, 546 },
		{ "debian12-vm/list2.bin", "debian12-vm/quote2.pcrs", 548, 553 },
		{ "debian12-vm/list3.bin", "debian12-vm/quote3.pcrs", 554, 559 },
		{ "debian12-vm/list1.bin", "debian12-vm/quoteecc1.pcrs", 544, 546 },
		{ "debian12-vm/list2.bin", "debian12-vm/quoteecc2.pcrs", 551, 553 },
		{ "debian12-vm/list3.bin", "debian12-vm/quoteecc3.pcrs", 557, 559 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct file f = golden(cases[i].list);
		struct match_target t = target_of(cases[i].pcrs);
		struct match m = match_of(file_view(&f), &t, NULL);

		ok(m.kind == MATCH_PREFIX && m.authenticated[10] == cases[i].after && m.total == cases[i].total &&
		    m.n_wrong == 0 && m.begins_boot, "%s with %s", cases[i].list, cases[i].pcrs);
		file_free(&f);
	}
	struct file f = golden("debian12-vm/list2.bin");
	struct match_target t = target_of("debian12-vm/quote3.pcrs");

	ok(match_of(file_view(&f), &t, NULL).kind == MATCH_NONE, "quote 3 fits no prefix of list 2");
	t = target_of("debian12-vm/quote2.pcrs");
	t.v[10][31] ^= 1;
	ok(match_of(file_view(&f), &t, NULL).kind == MATCH_NONE, "nor does a value that differs in its last bit");
	file_free(&f);
}

static struct resume_state
state_after(const struct match *m)
{
	struct resume_state s = { .bank = DIGEST_SHA256, .count = m->count_at_match, .last = m->last };

	s.pcrs[0].index = 10;
	(void)!digest_make(DIGEST_SHA256, pcr_value(&m->at_match, 10), &s.pcrs[0].value);
	s.n_pcrs = 1;
	return s;
}

/* Byte offset behind entry ${n}. */
static size_t
offset_after(struct span list, uint64_t n)
{
	struct ima_log log;
	struct ima_entry x;
	struct err e;
	size_t at = 0;

	if (ima_log_open(list, &log, &e) != 0)
		return 0;
	while (n-- > 0 && ima_log_next(&log, &x, &e) > 0)
		at = x.offset + x.size;
	ima_log_close(&log);
	return at;
}

static void
test_resume(void)
{
	struct file one = golden("debian12-vm/list1.bin"), three = golden("debian12-vm/list3.bin");
	struct match_target t1 = target_of("debian12-vm/quote1.pcrs"), t3 = target_of("debian12-vm/quote3.pcrs");
	struct match a = match_of(file_view(&one), &t1, NULL), m;
	struct resume_state s = state_after(&a);

	m = match_of(file_view(&three), &t3, &s);
	ok(m.kind == MATCH_PREFIX && m.authenticated[10] == 554 && m.skip == 541 && !m.continuation,
	    "the whole list, from entry 541 on");
	m = match_of(span_from(file_view(&three), offset_after(file_view(&three), 541)), &t3, &s);
	ok(m.kind == MATCH_PREFIX && m.authenticated[10] == 554 && m.continuation && m.total == 559,
	    "only what is new");
	m = match_of(span_from(file_view(&three), offset_after(file_view(&three), 300)), &t3, &s);
	ok(m.kind == MATCH_PREFIX && m.authenticated[10] == 554 && m.shift == 300 && m.skip == 241,
	    "a list trimmed by 300 entries");
	m = match_of(span_head(file_view(&three), offset_after(file_view(&three), 500)), &t3, &s);
	ok(m.kind == MATCH_TOO_SHORT, "fewer entries than were seen is proof of a cut");
	m = match_of(span_from(file_view(&three), offset_after(file_view(&three), 542)), &t3, &s);
	ok(m.kind == MATCH_NONE, "a missing entry between state and list");
	m = match_of(span_of(NULL, 0), &t1, &s);
	ok(m.kind == MATCH_PREFIX && m.authenticated[10] == 541 && m.total == 541,
	    "nothing new, and the quote says so");
	file_free(&one);
	file_free(&three);
}

int
main(void)
{
	test_recorded();
	test_resume();
	return done();
}
