/* Digests are the standards' own, in one go and in parts, the first time and when the
 * hasher is used again, for the algorithms that go around EVP and for those that do not. */
#include "crypto/digest.h"
#include "base/buf.h"
#include "tests/tap.h"

/* FIPS 180-4's examples (and RFC 1321's for MD5): of "", "abc" and a million times 'a'. */
static const struct vector { enum digest_alg alg; const char *empty, *abc, *million; } vectors[] = {
	{ DIGEST_SHA1, "da39a3ee5e6b4b0d3255bfef95601890afd80709",
	  "a9993e364706816aba3e25717850c26c9cd0d89d", "34aa973cd4c4daa4f61eeb2bdbad27316534016f" },
	{ DIGEST_SHA256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	  "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
	{ DIGEST_SHA384, "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da"
	  "274edebfe76f65fbd51ad2f14898b95b",
	  "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
	  "9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5704c2a5b07b8b3dc38ecc4ebae97ddd87f3d8985" },
	{ DIGEST_MD5, "d41d8cd98f00b204e9800998ecf8427e", "900150983cd24fb0d6963f7d28e17f72",
	  "7707d6ae4e027c70eea2a935c2296f21" },
};

static const char *
hex_of(const uint8_t *p, enum digest_alg alg)
{
	static struct buf b;

	buf_free(&b);
	b = buf_init(256);
	buf_hex(&b, span_of(p, digest_alg_size(alg)));
	return buf_cstr(&b);
}

/* ${s} cut in pieces of 1, 2, 3 ... 200 bytes. */
static bool
in_parts(struct hasher *h, struct span s, uint8_t *out)
{
	bool fine = hasher_start(h);

	for (size_t n = 1; fine && s.n > 0; n = n % 200 + 1) {
		fine = hasher_add(h, span_head(s, n));
		s = span_from(s, n);
	}
	return fine && hasher_finish(h, out);
}

static void
test_vector(const struct vector *v, struct span million)
{
	const char *name = digest_alg_name(v->alg);
	HASHER_AUTO struct hasher *h = NULL;
	struct err e = { 0 };
	struct digest d;
	uint8_t md[LIMIT_DIGEST];
	const struct span empty = span_of(NULL, 0);

	if (!ok(hasher_new(v->alg, &h, &e) == 0, "%s: a hasher", name))
		return;
	for (int again = 0; again < 2; again++) {
		ok(hasher_run(h, empty, empty, md) && strcmp(hex_of(md, v->alg), v->empty) == 0, "%s: nothing", name);
		ok(hasher_run(h, span_lit("abc"), empty, md) && strcmp(hex_of(md, v->alg), v->abc) == 0, "%s: abc", name);
		ok(hasher_run(h, span_lit("a"), span_lit("bc"), md) && strcmp(hex_of(md, v->alg), v->abc) == 0,
		    "%s: a and bc", name);
		ok(in_parts(h, million, md) && strcmp(hex_of(md, v->alg), v->million) == 0, "%s: in parts", name);
	}
	/* What was begun and not finished leaves nothing behind. */
	ok(hasher_start(h) && hasher_add(h, span_lit("left over")) && hasher_run(h, span_lit("abc"), empty, md) &&
	    strcmp(hex_of(md, v->alg), v->abc) == 0, "%s: begun anew", name);
	ok(digest_of(v->alg, million, &d, &e) == 0 && strcmp(hex_of(d.v, v->alg), v->million) == 0,
	    "%s: in one call", name);
}

int
main(void)
{
	uint8_t *a = malloc(1000000);

	if (a == NULL)
		return 99;
	memset(a, 'a', 1000000);
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		test_vector(&vectors[i], span_of(a, 1000000));
	free(a);
	return done();
}
