/* No byte of a real list can be changed unseen: one bit of each of the 73,000 bytes of the
 * recorded machine's list is flipped in turn (t_evidence flips every bit of a small one), and
 * the verdict is TRUSTED only where the kernel extends nothing: in the data of a
 * violation, and in the tail that waits for the next quote. */
#include "tests/evidence_scene.h"

/* What may change without a word. */
struct ranges { struct { size_t from, to; } r[16]; size_t n; };

static void
add_range(struct ranges *x, size_t from, size_t to)
{
	if (x->n == sizeof(x->r) / sizeof(x->r[0])) {
		printf("Bail out! more violations than there is room for\n");
		exit(99);
	}
	x->r[x->n].from = from;
	x->r[x->n++].to = to;
}

static bool
in_ranges(const struct ranges *x, size_t at)
{
	for (size_t i = 0; i < x->n; i++)
		if (at >= x->r[i].from && at < x->r[i].to)
			return true;
	return false;
}

static struct ranges
open_ranges(struct span list, uint64_t authenticated)
{
	struct ranges x = { .n = 0 };
	struct ima_log log;
	struct ima_entry n;
	struct err e = { 0 };

	if (ima_log_open(list, &log, &e) != 0) {
		printf("Bail out! the list: %s\n", e.message);
		exit(99);
	}
	while (ima_log_next(&log, &n, &e) > 0) {
		size_t data = (size_t)(n.data.p - list.p);

		if (n.number > authenticated)
			add_range(&x, n.offset, n.offset + n.size);
		else if (n.violation)
			add_range(&x, data, data + n.data.n);
	}
	ima_log_close(&log);
	return x;
}

static void
test_every_byte(struct scene *s)
{
	struct ranges free_to_change = open_ranges(file_view(&s->list), 554);
	size_t wrongly = 0, elsewhere = 0;

	is_int((int64_t)free_to_change.n, 2 + 5, "two violations and five entries in the tail");
	for (size_t at = 0; at < s->list.n; at++) {
		bool trusted;

		s->list.p[at] ^= (uint8_t)(1u << (at % 8));
		trusted = verdict_of(&s->in) == VERDICT_TRUSTED;
		s->list.p[at] ^= (uint8_t)(1u << (at % 8));
		elsewhere += trusted && in_ranges(&free_to_change, at);
		if (trusted && !in_ranges(&free_to_change, at) && wrongly++ < 10)
			diag("trusted with byte %zu changed", at);
	}
	ok(wrongly == 0, "none of the %zu bytes can be changed where the quote covers them", s->list.n);
	ok(elsewhere > 0, "%zu can where it does not, so that the test can see trust", elsewhere);
}

int
main(void)
{
	struct scene s;
	struct appraiser *kept = NULL;
	struct attest_key key = { 0 };
	struct err e = { 0 };

	scene_open(&s, 3);
	approve(&s);
	/* As a server appraises: what is the same each time is made once. */
	ok(attest_key_parse(s.in.ak, &key, &e) == 0 && appraiser_new(s.in.policies, s.in.n_policies,
	    &s.in.ctx, &kept, &e) == 0, "key and policy are ready %s", e.message);
	s.in.key = &key;
	s.in.appraiser = kept;
	ok(verdict_of(&s.in) == VERDICT_TRUSTED, "unchanged, the machine is trusted");
	test_every_byte(&s);
	ok(verdict_of(&s.in) == VERDICT_TRUSTED, "and again behind all that");
	appraiser_free(kept);
	attest_key_free(&key);
	scene_close(&s);
	return done();
}
