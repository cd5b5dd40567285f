/* Promise: what is read of a package is what it says, to the byte; a package, index or
 * cache entry that is cut anywhere is an error and never a shorter truth. */
#include "base/buf.h"
#include "base/limits.h"
#include "base/path.h"
#include "formats/ar.h"
#include "formats/deb822.h"
#include "formats/deb_cache.h"
#include "formats/rpm_header.h"
#include "port/deb_read.h"
#include "tests/golden.h"

static void
test_path(void)
{
	static const struct { const char *in, *want; } t[] = {
		{ "usr/bin/x", "/usr/bin/x" }, { "./usr//bin/./x", "/usr/bin/x" }, { "/", "/" },
		{ ".", "/" }, { "/a/", "/a" }, { "..a/b..", "/..a/b.." }, { "a/..", NULL },
		{ "../a", NULL }, { "a/../b", NULL }, { "", NULL },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		BUF_AUTO struct buf b = buf_init(1000);
		struct err e = { 0 };
		int rc = path_absolute(span_str(t[i].in), &b, &e);

		if (t[i].want == NULL)
			ok(rc == ERR_FORMAT && b.n == 0, "\"%s\" is refused", t[i].in);
		else
			is_str(rc == 0 ? buf_cstr(&b) : e.message, t[i].want, t[i].in);
	}
	BUF_AUTO struct buf b = buf_init(1000);
	is_int(path_absolute(span_of("a\0b", 3), &b, NULL), ERR_FORMAT, "a NUL in a name");
	ok(span_is(path_parent(span_lit("/a/b")), "/a") && span_is(path_parent(span_lit("/a")), "/") &&
	    span_is(path_base(span_lit("/a/b")), "b"), "parent and base");
	ok(path_below(span_lit("/a/b"), span_lit("/a")) && !path_below(span_lit("/ab"), span_lit("/a")) &&
	    path_below(span_lit("/a"), span_lit("/")), "below");
}

static void
test_ar(void)
{
	static const char good[] = "data.tar.xz/    1700000000  0     0     100644  123       `\n";
	char bad[60];
	struct ar_member m;
	struct err e = { 0 };
	unsigned wrong = 0;

	is_int(ar_member_parse(span_of(good, 60), &m, &e), 0, "an ar header");
	ok(span_is(m.name, "data.tar.xz") && m.size == 123, "name and size");
	for (size_t i = 0; i < 60; i++)
		wrong += ar_member_parse(span_of(good, i), &m, &e) == 0;
	is_int(wrong, 0, "cut anywhere it is none");
	memcpy(bad, good, 60);
	bad[50] = 'x';
	is_int(ar_member_parse(span_of(bad, 60), &m, &e), ERR_FORMAT, "a size that is no number");
}

static void
test_deb822(void)
{
	static const char text[] = "\n# comment\nPackage: a\nSize:  12 \nDescription: short\n long\n# in between\n .\n more\n\n\npackage:b\nEmpty:\n";
	struct deb822 d = deb822_init(span_str(text));
	struct deb822_paragraph p;
	struct span v;
	struct err e = { 0 };

	is_int(deb822_next(&d, &p, &e), 1, "a paragraph");
	ok(deb822_get(&p, "PACKAGE", true, &v, &e) == 0 && span_is(v, "a"), "a field, whatever its case");
	ok(deb822_get(&p, "Size", true, &v, &e) == 0 && span_is(v, "12"), "without blanks around it");
	ok(deb822_get(&p, "Description", true, &v, &e) == 0 && span_starts(v, span_lit("short\n long\n")) &&
	    span_ends(v, span_lit("\n more")), "continued over lines");
	is_int(deb822_get(&p, "Missing", true, &v, &e), ERR_FORMAT, "a field that must be there");
	is_int((int64_t)e.line, 3, "names the paragraph's line");
	ok(deb822_get(&p, "Missing", false, &v, &e) == 0 && v.n == 0, "or need not");
	is_int(deb822_next(&d, &p, &e), 1, "the next paragraph");
	ok(deb822_get(&p, "Package", true, &v, &e) == 0 && span_is(v, "b"), "no blank after the colon");
	ok(deb822_get(&p, "Empty", true, &v, &e) == 0 && v.n == 0, "an empty value");
	is_int(deb822_next(&d, &p, &e), 0, "the end");

	d = deb822_init(span_lit("A: 1\nA: 2\n"));
	ok(deb822_next(&d, &p, &e) == 1 && deb822_get(&p, "A", true, &v, &e) == ERR_DUPLICATE,
	    "a field that stands twice");
	d = deb822_init(span_lit("A: 1\nno colon here\n"));
	is_int(deb822_next(&d, &p, &e), ERR_FORMAT, "a line that is no field");
	is_int((int64_t)e.line, 2, "is named");
	d = deb822_init(span_lit(" starts with a continuation\n"));
	is_int(deb822_next(&d, &p, &e), ERR_FORMAT, "a continuation of nothing");
	d = deb822_init(span_lit(": no name\n"));
	is_int(deb822_next(&d, &p, &e), ERR_FORMAT, "a field without a name");
}

static void
test_release(void)
{
	struct span list = span_lit("\n e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855        0 main/Packages\n"
	    " 0000000000000000000000000000000000000000000000000000000000000001 17 x.xz");
	struct release_file f;
	struct err e = { 0 };

	ok(release_file_next(&list, &f, &e) == 1 && f.size == 0 && span_is(f.name, "main/Packages") &&
	    f.digest.v[0] == 0xe3, "a line of the list");
	ok(release_file_next(&list, &f, &e) == 1 && f.size == 17 && span_is(f.name, "x.xz"), "the next");
	is_int(release_file_next(&list, &f, &e), 0, "the end");
	list = span_lit(" e3b0 0 x");
	is_int(release_file_next(&list, &f, &e), ERR_FORMAT, "a digest that is too short");
	list = span_lit(" 0000000000000000000000000000000000000000000000000000000000000001 17 x y");
	is_int(release_file_next(&list, &f, &e), ERR_FORMAT, "a word too many");
}

/* Everything in a package as text, to compare. */
static void
dump(const struct deb_content *c, struct buf *b)
{
	buf_span(b, c->name);
	buf_u8(b, ' ');
	buf_span(b, c->version);
	buf_u8(b, ' ');
	buf_span(b, c->arch);
	for (size_t i = 0; i < c->n; i++) {
		buf_u8(b, '\n');
		buf_span(b, c->files[i].path);
		buf_printf(b, " %s:", digest_alg_name(c->files[i].digest.alg));
		buf_hex(b, span_head(digest_view(&c->files[i].digest), 4));
	}
}

static int
read_deb(struct span in, struct buf *out, struct err *e)
{
	HASHER_AUTO struct hasher *h = NULL;
	STREAM_AUTO struct stream *s = NULL;
	struct deb_content c;
	int rc;

	deb_content_init(&c);
	if ((rc = hasher_new(DIGEST_SHA256, &h, e)) == 0 && (rc = stream_mem(in, &s, e)) == 0 &&
	    (rc = deb_read(s, h, DIGEST_SHA256, &c, e)) == 0)
		dump(&c, out);
	deb_content_free(&c);
	return rc;
}

static const char small[] = "small 1:2.3-4 all\n/usr/bin/one sha256:2c8b08da\n/usr/bin/two sha256:2c8b08da";

static void
test_deb(void)
{
	FILE_AUTO struct file f = golden("packages/small.deb");
	BUF_AUTO struct buf b = buf_init(100000);
	struct err e = { 0 };
	unsigned wrong = 0, changed = 0;

	is_int(read_deb(file_view(&f), &b, &e), 0, "a package");
	is_str(buf_cstr(&b), small, "its name, files and digests");
	/* The end is data.tar's padding and checksum; only the ar pad byte may go. */
	for (size_t n = 0; n + 1 < f.n; n++) {
		BUF_AUTO struct buf cut = buf_init(100000);

		wrong += read_deb(span_head(file_view(&f), n), &cut, &e) == 0;
	}
	is_int(wrong, 0, "cut anywhere it is an error");
	for (size_t i = 0; i < f.n; i++) {
		BUF_AUTO struct buf other = buf_init(100000);

		f.p[i] ^= 0x10;
		if (read_deb(file_view(&f), &other, &e) == 0 && strcmp(buf_cstr(&other), small) != 0)
			changed++;
		f.p[i] ^= 0x10;
	}
	is_int(changed, 0, "a flipped bit never changes what it says (gzip's checksum)");
}

static void
test_cache(void)
{
	FILE_AUTO struct file f = golden("packages/cache.bin");
	BUF_AUTO struct buf b = buf_init(100000);
	struct deb_cache c;
	struct digest d;
	struct span path;
	struct err e = { 0 };
	unsigned wrong = 0, files = 0;

	is_int(deb_cache_parse(file_view(&f), &c, &e), 0, "a cache entry of version 1");
	ok(span_is(c.name, "small") && span_is(c.version, "1:2.3-4") && span_is(c.arch, "all") &&
	    c.alg == DIGEST_SHA256 && c.symlinks == 1 && c.n == 2, "its head");
	deb_cache_begin(&c, &b);
	while (deb_cache_next(&c, &path, &d, &e) > 0) {
		deb_cache_file(&b, path, &d);
		files++;
	}
	is_int(files, 2, "its files");
	ok(span_eq(buf_view(&b), span_head(file_view(&f), f.n - DEB_CACHE_SUM)),
	    "written again it is the same to the byte");
	for (size_t n = 0; n < f.n; n++) {
		int rc = deb_cache_parse(span_head(file_view(&f), n), &c, &e);

		while (rc == 0 || rc == 1)
			if ((rc = deb_cache_next(&c, &path, &d, &e)) == 0)
				break;
		wrong += rc == 0;
	}
	is_int(wrong, 0, "cut anywhere it is an error");
	f.p[8] = 2;
	is_int(deb_cache_parse(file_view(&f), &c, &e), ERR_VERSION, "a newer version is refused");
}

/* The two headers of a package file. */
static int
read_rpm(struct span in, struct arena *a, struct rpm_package *p, struct err *e)
{
	struct rpm_header sig, main;
	size_t n, at = RPM_LEAD_SIZE;
	int rc;

	if ((rc = rpm_lead_check(span_head(in, RPM_LEAD_SIZE), e)) != 0 ||
	    (rc = rpm_header_size(span_head(span_from(in, at), RPM_HEADER_START), &n, e)) != 0 ||
	    (rc = rpm_header_parse(span_head(span_from(in, at), n), &sig, e)) != 0)
		return rc;
	at += (n + 7) / 8 * 8;
	if ((rc = rpm_header_size(span_head(span_from(in, at), RPM_HEADER_START), &n, e)) != 0 ||
	    (rc = rpm_header_parse(span_head(span_from(in, at), n), &main, e)) != 0)
		return rc;
	return rpm_package_read(&main, a, p, e);
}

static void
test_rpm(void)
{
	FILE_AUTO struct file f = golden("packages/small.rpm");
	ARENA_AUTO struct arena a = arena_init(MIB(16));
	struct rpm_package p = { 0 };
	struct err e = { 0 };
	unsigned wrong = 0, last = 0;

	is_int(read_rpm(file_view(&f), &a, &p, &e), 0, "an RPM package");
	ok(span_is(p.name, "small") && span_is(p.version, "1:2.3-4") && span_is(p.arch, "noarch"),
	    "name, epoch, version, release, architecture");
	is_int((int64_t)p.n, 3, "its files");
	if (p.n == 3) {
		ok(p.files[0].ghost && span_is(p.files[0].path, "/usr/bin/ghost"), "a ghost");
		ok(span_is(p.files[1].path, "/usr/bin/one") && p.files[1].digest.v[0] == 0x2c &&
		    p.files[1].mode == 0100644, "a file and its digest");
		ok((p.files[2].mode & 0170000) == 0120000 && p.files[2].digest.alg == DIGEST_NONE, "a symbolic link");
	}
	for (unsigned n = 0; n < f.n; n++) {
		ARENA_AUTO struct arena b = arena_init(MIB(16));

		if (read_rpm(span_head(file_view(&f), n), &b, &p, &e) != 0)
			last = n;
	}
	for (unsigned n = 0; n < last; n++) {
		ARENA_AUTO struct arena b = arena_init(MIB(16));

		wrong += read_rpm(span_head(file_view(&f), n), &b, &p, &e) == 0;
	}
	ok(wrong == 0 && last > 4000, "cut anywhere in its headers it is an error");
	for (size_t i = 0; i < f.n; i++) {
		ARENA_AUTO struct arena b = arena_init(MIB(16));

		f.p[i] ^= 0x80;
		(void)!read_rpm(file_view(&f), &b, &p, &e);
		f.p[i] ^= 0x80;
	}
	ok(true, "a flipped bit anywhere is survived");
}

int
main(void)
{
	test_path();
	test_ar();
	test_deb822();
	test_release();
	test_deb();
	test_cache();
	test_rpm();
	return done();
}
