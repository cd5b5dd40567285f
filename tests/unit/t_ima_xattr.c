/* Every form of security.ima and security.evm reads as what made it (evmctl, the kernel's
 * layout); each length is exact; no cut or changed byte is read past or taken for whole. */
#include <dirent.h>

#include "formats/ima_xattr.h"
#include "tests/golden.h"

static int
is_xattr(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 6 && strcmp(d->d_name + n - 6, ".xattr") == 0;
}

static size_t
names(struct dirent ***list)
{
	const char *dir = getenv("ASSAY_GOLDEN");
	char path[4096];
	int n;

	(void)snprintf(path, sizeof(path), "%s/ima-sig", dir == NULL ? "tests/golden" : dir);
	if ((n = scandir(path, list, is_xattr, alphasort)) <= 0) {
		printf("Bail out! nothing in %s\n", path);
		exit(99);
	}
	return (size_t)n;
}

static struct file
load(const char *name)
{
	char path[300];

	(void)snprintf(path, sizeof(path), "ima-sig/%s", name);
	return golden(path);
}

/* A copy of exactly n bytes, so that the sanitizer sees a byte too far. */
static int
parse_copy(const uint8_t *p, size_t n, struct ima_xattr *x)
{
	uint8_t *copy = malloc(n + 1);
	uint8_t *exact = copy + 1;
	int rc;

	memcpy(exact, p, n);
	rc = ima_xattr_parse(span_of(exact, n), x, NULL);
	free(copy);
	return rc;
}

static void
test_dump(struct dirent **list, size_t n)
{
	struct file want = golden("ima-sig/xattrs.want");
	struct buf b = buf_init(1 << 20);

	for (size_t i = 0; i < n; i++) {
		struct file f = load(list[i]->d_name);
		struct err e = { 0 };
		struct ima_xattr x;

		buf_printf(&b, "%s: ", list[i]->d_name);
		if (ima_xattr_parse(file_view(&f), &x, &e) != 0)
			buf_printf(&b, "%s\n", e.message);
		else
			ima_xattr_dump(&x, &b);
		file_free(&f);
	}
	if (!ok(span_eq(buf_view(&b), file_view(&want)), "all %zu values dump as xattrs.want has it", n))
		printf("%s", buf_cstr(&b));
	buf_free(&b);
	file_free(&want);
}

static void
test_truncation(struct dirent **list, size_t n)
{
	size_t accepted = 0, wrong = 0, trailing = 0;

	for (size_t i = 0; i < n; i++) {
		struct file f = load(list[i]->d_name);
		/* Of these a shorter one is another value: MD5 in SHA-1, an unknown algorithm. */
		bool exact = strncmp(list[i]->d_name, "hash-sha1", 9) != 0 &&
		    strncmp(list[i]->d_name, "hash-md5-padded", 15) != 0 &&
		    strncmp(list[i]->d_name, "hash-ng-unknown", 15) != 0;
		uint8_t longer[2048];
		struct ima_xattr x;

		for (size_t k = 0; k < f.n && exact; k++) {
			int rc = parse_copy(f.p, k, &x);

			accepted += rc == 0;
			wrong += rc != ERR_TRUNCATED;
		}
		memcpy(longer, f.p, f.n);
		longer[f.n] = 0;
		trailing += exact && ima_xattr_parse(span_of(longer, f.n + 1), &x, NULL) == 0;
		file_free(&f);
	}
	ok(accepted == 0, "no shorter value is accepted");
	ok(wrong == 0, "each is called truncated");
	ok(trailing == 0, "a byte behind is refused");
}

/* The size in the header is what the kernel compares; evmctl 1.4 does not. */
static void
test_sig_size(void)
{
	struct file f = load("rsa2048-sha256.xattr");
	struct ima_xattr x;
	size_t accepted = 0;

	for (unsigned v = 0; v < 0x10000; v++) {
		f.p[7] = (uint8_t)(v >> 8);
		f.p[8] = (uint8_t)v;
		accepted += ima_xattr_parse(file_view(&f), &x, NULL) == 0;
	}
	is_int((int64_t)accepted, 1, "of 65,536 sizes in the header one is right");
	file_free(&f);
}

static void
test_types(void)
{
	struct file f = load("rsa2048-sha256.xattr");
	struct ima_xattr x;
	struct err e = { 0 };
	size_t types = 0, versions = 0;

	for (unsigned v = 0; v < 256; v++) {
		f.p[0] = (uint8_t)v;
		types += ima_xattr_parse(file_view(&f), &x, NULL) == 0;
	}
	is_int((int64_t)types, 2, "with another first byte it is a portable signature, or nothing");
	f.p[0] = 3;
	for (unsigned v = 0; v < 256; v++) {
		f.p[1] = (uint8_t)v;
		versions += ima_xattr_parse(file_view(&f), &x, NULL) == 0;
	}
	is_int((int64_t)versions, 2, "versions 2 and 3 have this layout");
	f.p[0] = 6;
	f.p[1] = 2;
	is_int(ima_xattr_parse(file_view(&f), &x, &e), ERR_UNSUPPORTED, "fs-verity needs version 3");
	ok(strstr(e.message, "type 06") != NULL, "and the message names the type");
	is_int(ima_xattr_parse(span_of(NULL, 0), &x, NULL), ERR_TRUNCATED, "nothing at all");
	f.p[0] = 3;
	f.p[2] = 99;
	ok(ima_xattr_parse(file_view(&f), &x, NULL) == 0 && x.alg == DIGEST_NONE && x.hash_id == 99,
	    "an unknown algorithm is recorded as unknown");
	file_free(&f);
}

static void
test_belongs(void)
{
	static const struct { enum ima_xattr_type t; bool ima, evm; } table[] = {
		{ IMA_XATTR_DIGEST, true, false }, { IMA_XATTR_HMAC, false, true },
		{ IMA_XATTR_SIG, true, true }, { IMA_XATTR_DIGEST_NG, true, false },
		{ IMA_XATTR_PORTABLE, false, true }, { IMA_XATTR_VERITY, true, false },
	};
	bool good = true;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct ima_xattr x = { .type = table[i].t };

		good &= ima_xattr_belongs(&x, "security.ima") == table[i].ima &&
		    ima_xattr_belongs(&x, "security.evm") == table[i].evm;
	}
	ok(good, "each type belongs to its attribute");
}

static void
test_bit_flips(struct dirent **list, size_t n)
{
	size_t flips = 0, parsed = 0;

	for (size_t i = 0; i < n; i++) {
		struct file f = load(list[i]->d_name);
		struct ima_xattr x;

		for (size_t k = 0; k < f.n * 8; k++, flips++) {
			f.p[k / 8] ^= (uint8_t)(1u << k % 8);
			if (parse_copy(f.p, f.n, &x) == 0 && x.version >= 2)
				parsed += x.sig.n == f.n - 9;
			f.p[k / 8] ^= (uint8_t)(1u << k % 8);
		}
		file_free(&f);
	}
	ok(flips > 0 && parsed > 0, "%zu flipped bits, %zu of them still whole signatures", flips, parsed);
}

int
main(void)
{
	struct dirent **list;
	size_t n = names(&list);

	test_dump(list, n);
	test_truncation(list, n);
	test_sig_size();
	test_types();
	test_belongs();
	test_bit_flips(list, n);
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
	return done();
}
