/* A compiled table finds exactly what was put in, in the kernel's form of the names,
 * is the same bytes whatever the order of additions, and when cut or changed at any
 * byte answers with an error or a miss, never with a crash or another path's digest. */
#include "base/text.h"
#include "formats/policy_table.h"
#include "formats/policy_table_layout.h"
#include "tests/golden.h"

static struct digest
some_digest(enum digest_alg alg, unsigned seed)
{
	struct digest d = { .alg = alg, .size = (uint8_t)digest_alg_size(alg) };

	for (unsigned i = 0; i < d.size; i++)
		d.v[i] = (uint8_t)(seed * 31 + seed / 251 + i * 7);
	return d;
}

static struct span
some_path(unsigned i, char *text, size_t n)
{
	static const char *const dirs[] = {
		"/usr/bin", "/usr/lib/x86_64-linux-gnu", "/usr/share/doc/a b", "/etc", "",
	};
	int len = snprintf(text, n, "%s/file %u", dirs[i % 5], i / 5);

	return span_of(text, (size_t)len);
}

static struct span
kernel_form(char *text, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (text[i] == ' ')
			text[i] = '_';
	return s;
}

/* ${n} paths in the order i * step mod n (step and n coprime). */
static void
build(unsigned n, unsigned step, struct buf *out)
{
	POLICY_BUILDER_AUTO struct policy_builder *b = NULL;
	struct err e = { 0 };
	char text[256];
	bool good = policy_builder_new(&b, &e) == 0;

	for (unsigned k = 0; k < n && good; k++) {
		unsigned i = (unsigned)((uint64_t)k * step % n);
		struct digest d = some_digest(DIGEST_SHA256, i), s = some_digest(DIGEST_SHA1, i);

		good = policy_builder_add(b, some_path(i, text, sizeof(text)), &d, i % 3,
		    i % 2 ? i : POLICY_NO_PACKAGE, &e) == 0;
		if (good && i % 4 == 0)		/* a second one, and the first again */
			good = policy_builder_add(b, some_path(i, text, sizeof(text)), &s, 0, 7, &e) == 0 &&
			    policy_builder_add(b, some_path(i, text, sizeof(text)), &d, i % 3, 9, &e) == 0;
	}
	BUF_AUTO struct buf bare = buf_init(SIZE_MAX / 2);
	static struct policy_package packages[5010];
	struct policy_table t;

	if (!good || policy_builder_finish(b, span_lit(""), &bare, &e) != 0 ||
	    policy_table_open(buf_view(&bare), &t, &e) != 0 ||
	    policy_table_with(&t, span_lit("{}"), packages, n + 10, out, &e) != 0) {
		printf("Bail out! building: %s\n", e.message);
		exit(99);
	}
}

static unsigned
count_right(const struct policy_table *t, unsigned n)
{
	unsigned right = 0;
	char text[256];

	for (unsigned i = 0; i < n; i++) {
		struct policy_iter it;
		struct policy_digest d;
		struct digest want = some_digest(DIGEST_SHA256, i);
		bool seen = false;
		unsigned digests = 0;

		if (!policy_table_find(t, kernel_form(text, some_path(i, text, sizeof(text))), &it))
			continue;
		while (policy_iter_next(&it, &d)) {
			digests++;
			if (d.alg == DIGEST_SHA256)
				seen = span_eq(d.bytes, digest_view(&want)) && d.layer == i % 3 &&
				    d.package == (i % 2 ? i : i % 4 ? POLICY_NO_PACKAGE : 9);
		}
		right += seen && digests == (i % 4 == 0 ? 2u : 1u);
	}
	return right;
}

static void
test_round_trip(unsigned n)
{
	BUF_AUTO struct buf a = buf_init(SIZE_MAX / 2), b = buf_init(SIZE_MAX / 2);
	struct policy_table t;
	struct err e = { 0 };
	struct policy_iter it;
	struct span last = { 0 }, path;
	unsigned in_order = 0, absent = 0;
	char text[256];

	build(n, 1, &a);
	build(n, 7919, &b);
	ok(span_eq(buf_view(&a), buf_view(&b)), "%u paths: the order of additions does not show", n);
	if (!ok(policy_table_open(buf_view(&a), &t, &e) == 0, "it opens %s", e.message))
		return;
	is_int((int64_t)t.n_paths, n, "paths");
	is_int((int64_t)t.n_digests, n + (n + 3) / 4, "digests, each once");
	is_int(policy_table_check(&t, &e), 0, "it checks");
	is_int(count_right(&t, n), n, "each path has its digests");
	for (uint64_t i = 0; policy_table_at(&t, i, &path, &it); i++, last = path)
		in_order += span_cmp(last, path) < 0;
	is_int(in_order, n, "the walk is in byte order");
	for (unsigned i = n; i < n + 1000; i++)
		absent += !policy_table_find(&t, kernel_form(text, some_path(i, text, sizeof(text))), &it);
	is_int(absent, 1000, "no path is found that was not added");
	ok(span_is(policy_table_meta(&t), "{}"), "meta data");
}

static void
test_empty(void)
{
	BUF_AUTO struct buf a = buf_init(SIZE_MAX / 2);
	struct policy_table t;
	struct policy_iter it;
	struct span path;
	struct err e = { 0 };

	build(0, 1, &a);
	ok(policy_table_open(buf_view(&a), &t, &e) == 0 && policy_table_check(&t, &e) == 0 &&
	    !policy_table_find(&t, span_lit("/x"), &it) && !policy_table_at(&t, 0, &path, &it) &&
	    !policy_table_find(&t, span_of(NULL, 0), &it), "a table of nothing finds nothing");
}

static void
test_names(void)
{
	POLICY_BUILDER_AUTO struct policy_builder *b = NULL;
	BUF_AUTO struct buf out = buf_init(SIZE_MAX / 2);
	struct digest d = some_digest(DIGEST_SHA512, 1);
	struct err e = { 0 };
	struct policy_table t;
	struct policy_iter it;
	static uint8_t longer[LIMIT_PATH + 1];
	static const char *const odd[] = { "boot_aggregate", "/a", "/a\n", "/a\xff\xfe", "/aaaaaa",
	    "/aaaaaaa", "/aaaaaaaa", "/aaaaaaaaaaaaaaaaaaaaaaaaaaa", "/aaaaaaaaaaaaaaaaaaaaaaaaaaab" };
	unsigned found = 0, n = sizeof(odd) / sizeof(odd[0]);

	memset(longer, 'x', sizeof(longer));
	is_int(policy_builder_new(&b, &e), 0, "a builder");
	for (unsigned i = 0; i < n; i++)
		found += policy_builder_add(b, span_str(odd[i]), &d, 0, POLICY_NO_PACKAGE, &e) == 0;
	ok(policy_builder_add(b, span_of(longer, LIMIT_PATH), &d, 0, POLICY_NO_PACKAGE, &e) == 0,
	    "the longest name is taken");
	is_int(policy_builder_add(b, span_of(longer, LIMIT_PATH + 1), &d, 0, 0, &e), ERR_LIMIT, "a longer one is not");
	is_int(policy_builder_add(b, span_of("", 0), &d, 0, 0, &e), ERR_FORMAT, "nor an empty one");
	is_int(policy_builder_add(b, span_of("/a\0b", 4), &d, 0, 0, &e), ERR_FORMAT, "nor one with a NUL");
	is_int(policy_builder_add(b, span_lit("/a"), &d, LIMIT_POLICY_LAYERS, 0, &e), ERR_LIMIT, "nor a layer too many");
	ok(policy_builder_finish(b, span_lit(""), &out, &e) == 0 &&
	    policy_table_open(buf_view(&out), &t, &e) == 0 && policy_table_check(&t, &e) == 0,
	    "names of bytes, prefixes of each other: %s", e.message);
	for (unsigned i = 0; i < n; i++)
		found += policy_table_find(&t, span_str(odd[i]), &it);
	is_int(found, 2 * n, "all are found");
}

/* The seed of a table is known, so names can be made that all begin at one slot: a
 * package full of them must cost neither the builder nor a look-up much. */
static void
test_collisions(void)
{
	enum { N = TABLE_MAX_PROBE + 100, MASK = 16383 };
	POLICY_BUILDER_AUTO struct policy_builder *b = NULL;
	BUF_AUTO struct buf out = buf_init(SIZE_MAX / 2);
	struct digest d = some_digest(DIGEST_SHA256, 1);
	struct err e = { 0 };
	struct policy_table t;
	struct policy_iter it;
	struct span path;
	unsigned added = 0, found = 0;
	uint64_t x = 0;

	is_int(policy_builder_new(&b, &e), 0, "a builder");
	while (added < N) {
		char name[20] = "/";
		size_t n = 1;

		for (uint64_t v = x++; v != 0; v >>= 6)
			name[n++] = (char)('0' + (v & 63));
		if ((table_hash(span_of(name, n), 0) & MASK) == 0 && n > 1)
			added += policy_builder_add(b, span_of(name, n), &d, 0, POLICY_NO_PACKAGE, &e) == 0;
	}
	if (!ok(policy_builder_finish(b, span_lit(""), &out, &e) == 0 &&
	    policy_table_open(buf_view(&out), &t, &e) == 0, "%u names of one slot %s", added, e.message))
		return;
	ok(t.seed != 0 && t.max_probe < 100, "another seed tells them apart: the longest way is %u slots", t.max_probe);
	for (uint64_t i = 0; policy_table_at(&t, i, &path, &it); i++)
		found += policy_table_find(&t, path, &it);
	is_int(found, N, "all are found");
}

static void
test_packages(void)
{
	BUF_AUTO struct buf a = buf_init(SIZE_MAX / 2), b = buf_init(SIZE_MAX / 2);
	const struct policy_package p[2] = {
		{ span_lit("bash"), span_lit("5.2-1"), span_lit("amd64"), 1 },
		{ span_lit("data"), span_lit(""), span_lit("all"), 2 },
	};
	struct policy_package got = { 0 };
	struct policy_table t, u;
	struct err e = { 0 };

	build(20, 1, &a);
	ok(policy_table_open(buf_view(&a), &t, &e) == 0 &&
	    policy_table_with(&t, span_lit("{\"x\":1}"), p, 2, &b, &e) == 0 &&
	    policy_table_open(buf_view(&b), &u, &e) == 0, "packages and meta data are added %s", e.message);
	ok(span_is(policy_table_meta(&u), "{\"x\":1}") && u.n_paths == t.n_paths &&
	    count_right(&u, 20) == 20, "the files stay");
	ok(policy_table_package(&u, 1, &got) && span_is(got.name, "data") && got.version.n == 0 &&
	    span_is(got.arch, "all") && got.layer == 2 && !policy_table_package(&u, 2, &got), "packages");
	is_int(policy_table_check(&u, &e), ERR_FORMAT, "digests of packages that are not there are told");
}

/* A find in a damaged table may miss, but never hands out what was not added. */
static void
use(struct span bytes, unsigned *opened, unsigned *wrong)
{
	struct err e = { 0 };
	struct policy_table t;
	struct policy_iter it;
	struct policy_digest d;
	struct policy_package p;
	struct span path;
	char text[256];

	if (policy_table_open(bytes, &t, &e) != 0) {
		*wrong += e.message[0] == '\0';
		return;
	}
	++*opened;
	for (unsigned i = 0; i < 40; i++)
		if (policy_table_find(&t, kernel_form(text, some_path(i, text, sizeof(text))), &it))
			while (policy_iter_next(&it, &d))
				*wrong += d.bytes.n != digest_alg_size(d.alg);
	for (uint64_t i = 0; i < t.n_paths; i++)
		if (policy_table_at(&t, i, &path, &it))
			while (policy_iter_next(&it, &d))
				;
	for (uint64_t i = 0; i < t.n_packages; i++)
		if (policy_table_package(&t, i, &p))
			*wrong += p.name.n > bytes.n;
	*wrong += policy_table_check(&t, &e) == 0;
}

static void
test_damage(void)
{
	BUF_AUTO struct buf a = buf_init(SIZE_MAX / 2);
	unsigned opened = 0, wrong = 0;

	build(40, 1, &a);
	for (size_t n = 0; n < a.n; n++) {
		uint8_t *copy = malloc(n + 1);

		memcpy(copy, a.p, n);
		use(span_of(copy, n), &opened, &wrong);
		free(copy);
	}
	ok(opened == 0 && wrong == 0, "cut at each of %zu bytes: it does not open", a.n);
	for (size_t i = 0; i < 8 * a.n; i++) {
		a.p[i / 8] ^= (uint8_t)(1u << (i % 8));
		use(buf_view(&a), &opened, &wrong);
		a.p[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	ok(wrong == 0, "each of %zu bits flipped: no read outside, and the check tells", 8 * a.n);
	diag("%u of them open", opened);
	buf_u8(&a, 0);
	struct policy_table t;
	struct err e = { 0 };
	is_int(policy_table_open(buf_view(&a), &t, &e), ERR_TRAILING, "a byte behind it is refused");
	a.p[8] = 2;
	is_int(policy_table_open(buf_view(&a), &t, &e), ERR_VERSION, "a newer version is refused");
	ok(strstr(e.message, "version 2") != NULL && e.hint[0] != '\0', "and it says so: %s", e.message);
}

int
main(void)
{
	test_round_trip(1);
	test_round_trip(5000);
	test_empty();
	test_names();
	test_collisions();
	test_packages();
	test_damage();
	return done();
}
