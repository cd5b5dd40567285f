/* What is remembered is remembered of exactly that key, digest and signature: who makes
 * the places collide gets nothing but the work done again; memory is bounded. */
#include "engine/sig_cache.h"
#include "tests/tap.h"

static struct digest
digest(enum digest_alg alg, unsigned n)
{
	struct digest d = { .alg = alg, .size = (uint8_t)digest_alg_size(alg) };

	memcpy(d.v, &n, sizeof(n));
	return d;
}

/* A signature that differs from its like only where the hash does not look. */
static struct span
sig(uint8_t *room, unsigned n)
{
	memset(room, 0x5a, 256);
	memcpy(room + 100, &n, sizeof(n));
	return span_of(room, 256);
}

static void
test_exact(struct sig_cache *c)
{
	const struct digest key = digest(DIGEST_SHA256, 1), other = digest(DIGEST_SHA256, 2);
	const struct digest d = digest(DIGEST_SHA256, 3), e = digest(DIGEST_SHA256, 4);
	const struct digest same_bytes = digest(DIGEST_SM3_256, 3);
	uint8_t room[257], flipped[257];
	struct span s = sig(room, 5);
	size_t hits = 0;
	bool good = false;

	ok(!sig_cache_get(c, &key, &d, s, &good), "empty: knows nothing");
	ok(sig_cache_put(c, &key, &d, s, true, NULL) == 0 && sig_cache_get(c, &key, &d, s, &good) && good,
	    "what was put is there");
	ok(!sig_cache_get(c, &other, &d, s, &good), "not for another key");
	ok(!sig_cache_get(c, &key, &e, s, &good), "nor for another digest");
	ok(!sig_cache_get(c, &key, &same_bytes, s, &good), "nor for the same bytes of another algorithm");
	ok(!sig_cache_get(c, &key, &d, span_of(s.p, 255), &good) &&
	    !sig_cache_get(c, &key, &d, span_of(s.p + 1, 255), &good), "nor for a part of the signature");
	for (size_t i = 0; i < 256 * 8; i++) {
		memcpy(flipped, room, 256);
		flipped[i / 8] ^= (uint8_t)(1u << i % 8);
		hits += sig_cache_get(c, &key, &d, span_of(flipped, 256), &good);
	}
	ok(hits == 0, "nor with any bit of it flipped");
	ok(sig_cache_put(c, &other, &d, s, false, NULL) == 0 && sig_cache_get(c, &other, &d, s, &good) &&
	    !good && sig_cache_get(c, &key, &d, s, &good) && good, "a no is remembered beside a yes");
	ok(sig_cache_put(c, &key, &d, span_of(NULL, 0), false, NULL) == 0 &&
	    sig_cache_get(c, &key, &d, span_of(NULL, 0), &good) && !good, "an empty signature is one, too");
}

static void
test_collisions(struct sig_cache *c)
{
	const struct digest key = digest(DIGEST_SHA256, 1), d = digest(DIGEST_SHA256, 3);
	uint8_t room[256];
	size_t wrong = 0, known = 0;

	for (unsigned i = 0; i < 1000; i++)
		if (sig_cache_put(c, &key, &d, sig(room, 1000 + i), i % 2 == 0, NULL) != 0)
			wrong++;
	for (unsigned i = 0; i < 1000; i++) {
		bool good = false;

		if (sig_cache_get(c, &key, &d, sig(room, 1000 + i), &good)) {
			known++;
			wrong += good != (i % 2 == 0);
		}
	}
	ok(wrong == 0, "1,000 signatures in one place: never an answer of another's");
	ok(known > 0 && known < 100, "and the walk is short: %zu are found", known);
}

static void
test_bounded(struct sig_cache *c)
{
	const struct digest key = digest(DIGEST_SHA256, 1);
	static uint8_t room[1024];
	size_t failed = 0, wrong = 0, known = 0;

	for (unsigned i = 0; i < 60000; i++) {
		struct digest d = digest(DIGEST_SHA256, i);

		memcpy(room + 1016, &i, sizeof(i));
		failed += sig_cache_put(c, &key, &d, span_of(room, 1024), i % 3 == 0, NULL) != 0;
	}
	ok(failed == 0, "60,000 large signatures: more than its memory, and no error");
	for (unsigned i = 0; i < 60000; i++) {
		struct digest d = digest(DIGEST_SHA256, i);
		bool good;

		memcpy(room + 1016, &i, sizeof(i));
		if (sig_cache_get(c, &key, &d, span_of(room, 1024), &good)) {
			known++;
			wrong += good != (i % 3 == 0);
		}
	}
	ok(wrong == 0 && known > 0, "%zu of them are known at the end, and rightly", known);
}

int
main(void)
{
	struct sig_cache *c;

	if (sig_cache_new(&c, NULL) != 0)
		return 1;
	test_exact(c);
	test_collisions(c);
	test_bounded(c);
	sig_cache_free(c);
	return done();
}
