/* A bundle of roots reads as it was made; cut or altered it is an error; the one that is
 * shipped holds what its page says, and its roots are loaded whole. */
#include "engine/ek_trust.h"
#include "engine/vendor_roots.h"
#include "tests/dump.h"
#include "tests/ek_case.h"

static void
test_golden(void)
{
	struct file f = golden("root_bundle/sample.bundle");
	struct arena a = arena_init(MIB(4));
	struct buf b = buf_init(KIB(64));
	struct root_bundle bundle;
	struct err e = { 0 };
	size_t accepted = 0;

	ok(root_bundle_looks(file_view(&f)) && root_bundle_parse(file_view(&f), &a, &bundle, &e) == 0,
	    "the golden bundle");
	root_bundle_dump(&bundle, &b);
	is_golden(&b, "root_bundle/sample.want");
	b.n = 0;
	root_bundle_write(&bundle, &b);
	ok(span_eq(buf_view(&b), file_view(&f)), "is written as it was read");
	for (size_t n = 0; n < f.n; n++)
		accepted += root_bundle_parse(span_of(f.p, n), &a, &bundle, &e) == 0;
	is_int((int64_t)accepted, 0, "cut at any byte it is an error");
	buf_u8(&b, 0);
	is_int(root_bundle_parse(buf_view(&b), &a, &bundle, &e), ERR_TRAILING, "as with a byte behind it");
	buf_free(&b);
	arena_free(&a);
	file_free(&f);
}

static int
altered(size_t at, uint8_t value)
{
	struct file f = golden("root_bundle/sample.bundle");
	struct arena a = arena_init(MIB(4));
	struct root_bundle bundle;
	struct err e = { 0 };
	int rc;

	f.p[at] = value;
	rc = root_bundle_parse(file_view(&f), &a, &bundle, &e);
	arena_free(&a);
	file_free(&f);
	return rc;
}

static void
test_altered(void)
{
	is_int(altered(0, 'x'), ERR_FORMAT, "another magic");
	is_int(altered(8, 2), ERR_VERSION, "a newer format");
	is_int(altered(8, 0), ERR_FORMAT, "format version 0");
	is_int(altered(23, 0xff), ERR_RANGE, "a date without end");
	is_int(altered(24, 4), ERR_TRUNCATED, "more certificates than there are");
	is_int(altered(26, 1), ERR_LIMIT, "more than there may be");
	is_int(altered(27, 0xff), ERR_LIMIT, "and it allocates nothing for them");
	is_int(altered(24, 2), ERR_TRAILING, "fewer than there are");
	is_int(altered(28, 3), ERR_RANGE, "an unknown kind");
	is_int(altered(30, 1), ERR_RANGE, "what must be zero");
	is_int(altered(34, 0x1b), ERR_ENCODING, "a control character in a text");
	is_int(altered(34, 0xff), ERR_ENCODING, "what is no UTF-8");
}

static void
test_load(void)
{
	struct file f = golden("root_bundle/sample.bundle"), leaf = ek_file("ek-rsa.der");
	struct arena a = arena_init(MIB(4));
	struct x509_roots *r = NULL;
	struct root_bundle bundle;
	struct x509_chain chain;
	struct err e = { 0 };

	ok(root_bundle_parse(file_view(&f), &a, &bundle, &e) == 0 && x509_roots_new(&r, &e) == 0 &&
	    root_bundle_load(&bundle, r, &e) == 0 && x509_roots_count(r) == 2, "two roots and an intermediate");
	ok(x509_chain_check(r, file_view(&leaf), NULL, 0, EK_NOW, 0, &chain, &e) == 0 &&
	    chain.state == X509_CHAIN_GOOD, "by which a certificate alone is trusted");
	bundle.entries[1].subject = span_lit("CN=somebody else");
	is_int(root_bundle_load(&bundle, r, &e), ERR_MISMATCH, "a subject that is not the certificate's");
	bundle.entries[1].der = span_lit("0");
	ok(root_bundle_load(&bundle, r, &e) != 0, "what is no certificate");
	x509_roots_free(r);
	arena_free(&a);
	file_free(&f);
	file_free(&leaf);
}

static void
test_shipped(void)
{
	struct arena a = arena_init(MIB(4));
	struct x509_roots *r = NULL;
	struct root_bundle bundle;
	struct err e = { 0 };
	size_t roots = 0, explained = 0;

	ok(root_bundle_parse(vendor_roots(), &a, &bundle, &e) == 0 && bundle.edition >= 1 && bundle.n == 24,
	    "the shipped bundle");
	ok(x509_roots_new(&r, &e) == 0 && root_bundle_load(&bundle, r, &e) == 0, "loads");
	for (size_t i = 0; i < bundle.n; i++) {
		roots += bundle.entries[i].kind == ROOT_ANCHOR;
		explained += bundle.entries[i].vendor.n > 0 && bundle.entries[i].source.n > 20;
	}
	is_int((int64_t)x509_roots_count(r), (int64_t)roots, "every root once");
	is_int((int64_t)explained, (int64_t)bundle.n, "each with its vendor and source");
	x509_roots_free(r);
	arena_free(&a);
}

/* Files as operators have them. */
static void
test_files(void)
{
	static const struct { const char *name; size_t roots; int rc; const char *what; } all[] = {
		{ "root_bundle/sample.bundle", 2, 0, "a bundle" },
		{ "ek_cert/root.der", 1, 0, "a root in DER" },
		{ "ek_cert/inter.der", 0, 0, "an intermediate in DER, which is no root" },
		{ "root_bundle/roots/root.pem", 1, 0, "a root in PEM, with notes" },
		{ "ek_cert/form.pem", 0, 0, "PEM without a root" },
		{ "ek_cert/revoked.crl.pem", 0, 0, "a revocation list" },
		{ "ek_cert/kdf.txt", 0, ERR_FORMAT, "a text" },
		{ "ek_cert/key-ek-ecc.pem", 0, ERR_FORMAT, "a private key" },
		{ "ek_cert/rsa1024.der", 0, ERR_KEY, "a weak certificate" },
		{ "ek_cert/form-padded-ff.bin", 0, ERR_TRAILING, "bytes behind one" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct file f = golden(all[i].name);
		struct x509_roots *r = NULL;
		struct err e = { 0 };

		ok(x509_roots_new(&r, &e) == 0 && trust_roots_load(file_view(&f), r, &e) == all[i].rc &&
		    x509_roots_count(r) == all[i].roots, "%s", all[i].what);
		x509_roots_free(r);
		file_free(&f);
	}
}

int
main(void)
{
	test_files();
	test_golden();
	test_altered();
	test_load();
	test_shipped();
	return done();
}
