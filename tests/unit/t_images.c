/* Promise: a tree holds what unpacking would leave, links and whiteouts included, and
 * nothing outside it; image readers find every cut. */
#include "base/buf.h"
#include "base/limits.h"
#include "formats/cpio.h"
#include "formats/oci.h"
#include "port/decompress.h"
#include "port/initramfs.h"
#include "port/lzo1x.h"
#include "port/tar.h"
#include "tests/golden.h"

/* ---- trees --------------------------------------------------------------- */

static struct digest
number(uint8_t n)
{
	struct digest d = { .alg = DIGEST_SHA256, .size = 32 };

	d.v[0] = n;
	return d;
}

static int
put_line(void *cookie, struct span path, const struct digest *d, struct err *e)
{
	struct buf *b = cookie;

	(void)e;
	buf_span(b, path);
	buf_printf(b, "=%u ", d->v[0]);
	return 0;
}

/* One step of a story: "f/a/b 1" file, "d" directory, "l" link, "h" hard link, "w" whiteout,
 * "o" opaque, "n" next layer. */
static int
play(struct tree *t, const char *s)
{
	struct span all = span_str(s + 1), path = span_head(all, span_find(all, ' '));
	struct span arg = span_from(all, path.n + 1);
	struct digest d = number(arg.n > 0 ? (uint8_t)(arg.p[0] - '0') : 0);
	struct err e = { 0 };
	uint32_t c;

	switch (s[0]) {
	case 'f': return tree_file(t, path, &d, NULL, &e);
	case 'd': return tree_dir(t, path, &e);
	case 'l': return tree_symlink(t, path, arg, &e);
	case 'h': return tree_link(t, path, arg, &c, &e);
	case 's': return tree_special(t, path, &e);
	case 'w': return tree_whiteout(t, path, &e);
	case 'o': return tree_opaque(t, path, &e);
	default: tree_layer(t); return 0;
	}
}

static void
test_tree(void)
{
	static const struct { const char *what, *want; const char *steps[8]; } t[] = {
		{ "files", "/a/b=1 /c=2 ", { "f/a/b 1", "f/c 2" } },
		{ "a later file replaces", "/a=2 ", { "f/a 1", "f/a 2" } },
		{ "a file replaces a directory and what is below", "/a=3 ", { "f/a/b 1", "f/a/c/d 2", "f/a 3" } },
		{ "and the other way round", "/a/b=2 ", { "f/a 1", "f/a/b 2" } },
		{ "a directory's files come back one by one", "/a/b=3 ", { "f/a/b 1", "f/a/c 2", "f/a 9", "f/a/b 3" } },
		{ "a link on the way is followed", "/usr/bin/x=1 ", { "l/bin usr/bin", "f/bin/x 1" } },
		{ "also an absolute one, and up", "/y/x=1 ", { "l/a /b/../y", "f/a/x 1" } },
		{ "a link at the end is replaced", "/a=1 ", { "l/a b", "f/a 1" } },
		{ "a link replaces a file", "/b=2 ", { "f/a 1", "l/a b", "f/b 2" } },
		{ "up from the root is the root", "/x/f=1 ", { "l/a ../../../x", "f/a/f 1" } },
		{ "hard links share", "/a=1 /b=1 ", { "f/a 1", "h/b /a" } },
		{ "but not with a later file", "/a=2 /b=1 ", { "f/a 1", "h/b /a", "f/a 2" } },
		{ "a hard link to a link is no file", "/a=1 ", { "f/a 1", "l/b a", "h/c /b" } },
		{ "a device replaces a file", "", { "f/a 1", "s/a" } },
		{ "a whiteout removes what lower layers had", "/a/c=2 ", { "f/a/b 1", "n", "f/a/c 2", "w/a" } },
		{ "and nothing of its own layer", "/a=1 ", { "n", "f/a 1", "w/a" } },
		{ "an opaque directory hides all below", "/d=3 /a/c=2 ", { "f/a/b 1", "f/d 3", "n", "o/a", "f/a/c 2" } },
		{ "twice in a layer is once", "/a/c=2 ", { "f/a/b 1", "n", "o/a", "f/a/c 2", "o/a" } },
		{ "a whited link is no way any more", "/l/x=1 ", { "l/l t", "n", "w/l", "f/l/x 1" } },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		TREE_AUTO struct tree *tree = NULL;
		BUF_AUTO struct buf b = buf_init(1000);
		struct tree_counts c = { 0 };
		struct err e = { 0 };
		int rc = tree_new(&tree, &e);

		for (size_t k = 0; rc == 0 && k < 8 && t[i].steps[k] != NULL; k++)
			rc = play(tree, t[i].steps[k]);
		if (rc == 0)
			rc = tree_each(tree, put_line, &b, &c, &e);
		is_str(rc == 0 ? buf_cstr(&b) : err_token(rc), t[i].want, t[i].what);
	}
}

static void
test_tree_refuses(void)
{
	TREE_AUTO struct tree *t = NULL;
	struct err e = { 0 };

	if (tree_new(&t, &e) != 0)
		abort();
	ok(play(t, "l/a b") == 0 && play(t, "l/b a") == 0, "two links in a circle");
	is_int(play(t, "f/a/x 1"), ERR_FORMAT, "are no way");
	is_int(play(t, "h/c /nothing"), ERR_FORMAT, "a hard link to nothing");
	is_int(play(t, "f/ 1"), ERR_FORMAT, "the root is no file");
	is_int(play(t, "d/"), 0, "but a directory");

	/* Replacing a large directory again and again must not cost its square. */
	for (unsigned i = 0; i < 20000; i++) {
		char step[32];

		(void)snprintf(step, sizeof(step), "f/big/%u 1", i);
		if (play(t, step) != 0)
			abort();
	}
	for (unsigned i = 0; i < 20000; i++)
		if (play(t, "f/big 1") != 0 || play(t, "f/big/0 1") != 0)
			abort();
	ok(true, "20,000 replacements of a directory of 20,000");
}

/* ---- cpio and initramfs -------------------------------------------------- */

static void
member(struct buf *b, const char *name, uint32_t ino, uint32_t mode, uint32_t nlink, const char *data)
{
	size_t n = strlen(name) + 1, size = strlen(data);

	buf_printf(b, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", ino, mode, 0u, 0u,
	    nlink, 0u, size, 8u, 1u, 0u, 0u, n, 0u);
	buf_put(b, name, n);
	buf_zero(b, cpio_pad(CPIO_HEADER_SIZE + n));
	buf_str(b, data);
	buf_zero(b, cpio_pad(size));
}

static int
unpack(struct span in, struct buf *out, struct err *e)
{
	HASHER_AUTO struct hasher *h = NULL;
	STREAM_AUTO struct stream *s = NULL;
	TREE_AUTO struct tree *t = NULL;
	struct tree_counts c = { 0 };
	uint64_t parts = 0;
	int rc;

	if ((rc = hasher_new(DIGEST_SHA256, &h, e)) != 0 || (rc = stream_mem(in, &s, e)) != 0 ||
	    (rc = tree_new(&t, e)) != 0)
		return rc;

	struct cpio_job job = { .h = h, .alg = DIGEST_SHA256, .tree = t };

	if ((rc = initramfs_into_tree(s, &job, &parts, e)) != 0)
		return rc;
	return tree_each(t, put_line, out, &c, e);
}

static void
test_cpio(void)
{
	BUF_AUTO struct buf b = buf_init(MIB(1)), out = buf_init(1000);
	struct cpio_header h;
	struct err e = { 0 };
	unsigned wrong = 0;
	size_t first;

	/* SHA-256 begins: "" e3 = 227, "one" 76 = 118, "two" 3f = 63. */
	member(&b, "init", 1, 0100755, 1, "one");
	first = b.n;
	member(&b, "bin/a", 2, 0100755, 2, "");
	member(&b, "bin/b", 2, 0100755, 2, "two");
	member(&b, "dev/null", 3, 0020666, 1, "");
	member(&b, "lib", 4, 0120777, 1, "usr/lib");
	member(&b, "lib/x", 5, 0100644, 1, "one");
	member(&b, "TRAILER!!!", 0, 0, 1, "");
	is_int(unpack(buf_view(&b), &out, &e), 0, "an archive");
	is_str(buf_cstr(&out), "/init=118 /bin/a=63 /bin/b=63 /usr/lib/x=118 ",
	    "the last data of a hard link count for all its names");
	for (size_t n = 0; n < b.n; n++) {
		BUF_AUTO struct buf cut = buf_init(1000);

		wrong += unpack(span_head(buf_view(&b), n), &cut, &e) == 0;
	}
	is_int(wrong, 0, "cut anywhere it is an error");
	is_int(cpio_header_parse(span_of(b.p, CPIO_HEADER_SIZE), &h, &e), 0, "a header");
	ok(h.ino == 1 && h.mode == 0100755 && h.nlink == 1 && h.size == 3 && h.major == 8 && h.minor == 1 &&
	    h.name_size == 5 && !h.checked, "its fields");
	for (size_t i = 0; i < CPIO_HEADER_SIZE; i++) {
		uint8_t was = b.p[i];

		b.p[i] = 'g';
		wrong += cpio_header_parse(span_of(b.p, CPIO_HEADER_SIZE), &h, &e) == 0;
		b.p[i] = was;
	}
	is_int(wrong, 0, "a digit that is none is found anywhere");
	memcpy(b.p, "070707", 6);
	is_int(cpio_header_parse(span_of(b.p, CPIO_HEADER_SIZE), &h, &e), ERR_UNSUPPORTED, "the old form");
	memcpy(b.p, "07070X", 6);
	is_int(cpio_header_parse(span_of(b.p, CPIO_HEADER_SIZE), &h, &e), ERR_UNSUPPORTED, "RPM's stripped form");
	memcpy(b.p, "070701", 6);
	b.p[94] = 'f';
	is_int(cpio_header_parse(span_of(b.p, CPIO_HEADER_SIZE), &h, &e), ERR_LIMIT, "a name of 4 GiB");
	b.p[94] = '0';
	b.p[first + CPIO_HEADER_SIZE + 5] = 'x';
	is_int(unpack(buf_view(&b), &out, &e), ERR_FORMAT, "a name that does not end");
}

/* ---- decoders ------------------------------------------------------------ */

static void
test_lzo(void)
{
	/* 21: four literals, state 4; a far match of 3 from 1 back; the end. */
	static const uint8_t good[] = { 21, 'a', 'b', 'c', 'd', 0x21, 0, 0, 0x11, 0, 0 };
	static const uint8_t before[] = { 18, 'a', 0x21, 0x40, 0, 0x11, 0, 0 };
	uint8_t out[16];
	unsigned wrong = 0;

	ok(lzo1x_decode(span_of(good, sizeof(good)), out, 7) && memcmp(out, "abcdddd", 7) == 0,
	    "LZO: literals and a match that overlaps itself");
	ok(!lzo1x_decode(span_of(good, sizeof(good)), out, 6) && !lzo1x_decode(span_of(good, sizeof(good)), out, 8),
	    "not to another size");
	for (size_t n = 0; n < sizeof(good); n++)
		wrong += lzo1x_decode(span_of(good, n), out, 7);
	is_int(wrong, 0, "cut anywhere it is none");
	ok(!lzo1x_decode(span_of(before, sizeof(before)), out, 4), "a match before the start");
}

static void
test_detect(void)
{
	ok(codec_detect(span_of("\x1f\x8b\x08", 3)) == CODEC_GZIP && codec_detect(span_lit("BZh9")) == CODEC_BZIP2 &&
	    codec_detect(span_of("\xfd" "7zXZ\0", 6)) == CODEC_XZ && codec_detect(span_of("\x5d\0\0\x80", 4)) == CODEC_LZMA &&
	    codec_detect(span_of("\x28\xb5\x2f\xfd", 4)) == CODEC_ZSTD && codec_detect(span_of("\x02\x21\x4c\x18", 4)) ==
	    CODEC_LZ4_LEGACY && codec_detect(span_lit("070701")) == CODEC_NONE && codec_detect(span_of(NULL, 0)) ==
	    CODEC_NONE, "codecs by their magic");
}

static void
test_streams(void)
{
	STREAM_AUTO struct stream *s = NULL, *part = NULL;
	struct span v;
	struct err e = { 0 };

	ok(stream_mem(span_lit("0123456789"), &s, &e) == 0 && stream_part(s, 4, &part, &e) == 0, "a part of a stream");
	ok(stream_exact(part, 4, &v, &e) == 0 && span_is(v, "0123"), "has its bytes");
	ok(stream_view(part, 1, &v, &e) == 0 && v.n == 0, "and then ends");
	ok(stream_exact(s, 2, &v, &e) == 0 && span_is(v, "45"), "the outer one goes on behind it");
	is_int(stream_exact(s, 5, &v, &e), ERR_TRUNCATED, "beyond the end");
	is_int((int64_t)e.offset, 6, "with the place");
	is_int(stream_view(s, LIMIT_STREAM_VIEW + 1, &v, &e), 0, "a view beyond the ceiling, at the end");
	ok(stream_skip(s, 4, &e) == 0 && stream_drain(s, &e) == 0, "the rest");
}

/* ---- images -------------------------------------------------------------- */

static void
test_oci(void)
{
	static const char index[] = "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":"
	    "\"application/vnd.oci.image.manifest.v1+json\",\"size\":7,\"digest\":\"sha256:"
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\"platform\":{\"architecture\":"
	    "\"amd64\",\"os\":\"linux\"}},{\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"size\":1,"
	    "\"digest\":\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}]}";
	ARENA_AUTO struct arena a = arena_init(MIB(1));
	BUF_AUTO struct buf path = buf_init(1000);
	struct docker_image *images;
	struct oci_list l;
	struct err e = { 0 };
	size_t n;

	is_int(oci_index_parse(span_str(index), &a, &l, &e), 0, "an index");
	ok(l.n == 2 && l.v[0].kind == OCI_MANIFEST && span_is(l.v[0].arch, "amd64") && l.v[0].size == 7 &&
	    l.v[1].kind == OCI_INDEX, "its entries");
	oci_blob_path(&l.v[0].digest, &path);
	is_str(buf_cstr(&path), "blobs/sha256/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	    "where a blob lies");
	is_int(oci_manifest_parse(span_lit("{\"layers\":[{\"digest\":\"md5:00\",\"size\":1}]}"), &a, &l, &e),
	    ERR_FORMAT, "a digest that is none");
	is_int(oci_manifest_parse(span_lit("{\"layers\":[{\"digest\":\"sha256:../../../../etc/passwd\",\"size\":1}]}"),
	    &a, &l, &e), ERR_FORMAT, "or a path");
	ok(docker_manifest_parse(span_lit("[{\"Layers\":[\"a/layer.tar\",\"b/layer.tar\"]}]"), &a, &images, &n, &e) == 0 &&
	    n == 1 && images[0].n == 2 && span_is(images[0].layers[1], "b/layer.tar"), "docker save's manifest");
	is_int(docker_manifest_parse(span_lit("{}"), &a, &images, &n, &e), ERR_FORMAT, "that is none");
}

int
main(void)
{
	test_tree();
	test_tree_refuses();
	test_cpio();
	test_lzo();
	test_detect();
	test_streams();
	test_oci();
	return done();
}
