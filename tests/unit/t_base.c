/* The base library keeps its ceilings, decodes one form only, and never reads outside. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "base/rd.h"
#include "base/text.h"
#include "tests/tap.h"

static void
test_rd(void)
{
	static const uint8_t bytes[] = { 1, 2, 3, 4, 5 };
	struct rd r = rd_init(span_of(bytes, sizeof(bytes)));
	struct span s;
	uint32_t v;
	uint16_t h;

	ok(rd_le32(&r, &v) && v == 0x04030201, "little-endian");
	ok(!rd_be16(&r, &h) && r.why == ERR_TRUNCATED && r.off == 4, "a short read consumes nothing");
	r = rd_init(span_of(bytes, sizeof(bytes)));
	ok(!rd_u8_span(&r, 0, &s) && r.why == ERR_LIMIT && r.off == 0, "a length over its ceiling is refused");
	r = rd_init(span_of(bytes, sizeof(bytes)));
	ok(rd_u8_span(&r, 8, &s) && s.n == 1 && s.p[0] == 2 && !rd_end(&r) && r.why == ERR_TRAILING,
	    "leftovers are an error");
}

static void
test_text(void)
{
	struct buf b = buf_init(64);

	ok(base64_decode(span_lit("AAEC/w=="), &b) && b.n == 4 && b.p[3] == 0xff, "base64");
	ok(!base64_decode(span_lit("AAEC/x=="), &b), "base64 with spare bits set is refused");
	ok(!base64_decode(span_lit("AAEC/w="), &b), "base64 with half a padding is refused");
	b.n = 0;
	ok(base64url_decode(span_lit("_-8"), &b) && b.n == 2 && b.p[0] == 0xff, "base64url");
	ok(!hex_decode(span_lit("0g"), &b) && !hex_decode(span_lit("012"), &b), "bad hex");
	ok(utf8_valid(span_lit("a\xc3\xa4\xf0\x9f\x98\x80")), "UTF-8");
	ok(!utf8_valid(span_lit("\xc0\x80")) && !utf8_valid(span_lit("\xed\xa0\x80")) &&
	    !utf8_valid(span_lit("\xf4\x90\x80\x80")) && !utf8_valid(span_lit("\xe2\x82")), "not UTF-8");
	b.n = 0;
	buf_escape(&b, span_lit("a\\\n\033[31m\xff"));
	is_str(buf_cstr(&b), "a\\\\\\x0a\\x1b[31m\\xff", "names cannot steer a terminal");
	buf_free(&b);
}

static void
test_buf(void)
{
	struct buf b = buf_init(4);
	struct err e = { 0 };

	buf_put(&b, "abcd", 4);
	ok(b.why == 0 && b.n == 4, "up to the ceiling");
	buf_u8(&b, 'e');
	ok(b.why == ERR_LIMIT && b.n == 4 && buf_done(&b, &e) == ERR_LIMIT, "not over it");
	buf_free(&b);
}

static void
test_arena(void)
{
	struct arena a = arena_init(1 << 20);

	ok(arena_alloc(&a, 100) != NULL && arena_alloc(&a, 1 << 19) != NULL, "small and large");
	ok(arena_alloc(&a, 1 << 20) == NULL && a.why == ERR_LIMIT, "ceiling");
	ok(arena_array(&a, SIZE_MAX / 2, 4) == NULL, "overflow of a product");
	arena_free(&a);
}

static void
test_json(void)
{
	struct err e = { 0 };
	struct buf deep = buf_init(4096);
	json_t *j;

	ok(json_parse(span_lit("{\"a\":1,\"a\":2}"), 100, &j, &e) == ERR_DUPLICATE, "a key twice");
	ok(json_parse(span_lit("{\"a\":\"\xff\"}"), 100, &j, &e) == ERR_ENCODING, "not UTF-8");
	ok(json_parse(span_lit("{} x"), 100, &j, &e) == ERR_TRAILING, "data behind");
	ok(json_parse(span_lit("{\"a\":"), 100, &j, &e) == ERR_TRUNCATED, "cut");
	ok(json_parse(span_lit("\"\\u0000\""), 100, &j, &e) != 0, "NUL in a string");
	for (int i = 0; i < 100; i++)
		buf_u8(&deep, '[');
	ok(json_parse(buf_view(&deep), 1000, &j, &e) == ERR_LIMIT, "too deep");
	buf_free(&deep);
}

static bool
holds(const char *path, const char *want)
{
	FILE_AUTO struct file f = { 0 };

	return file_read(path, 1000, &f, NULL) == 0 && span_is(file_view(&f), want);
}

static void
test_file_write(void)
{
	char dir[] = "/tmp/assay-t_base.XXXXXX";
	struct stat st;
	struct err e = { 0 };
	char got[4] = "";
	int fd = -1;

	if (mkdtemp(dir) == NULL || chdir(dir) != 0)
		abort();
	ok(file_write("new", span_lit("one"), 0640, &e) == 0 && holds("new", "one") &&
	    stat("new", &st) == 0 && (st.st_mode & 0777) == 0640, "a new file, with its mode");
	ok(file_write("new", span_lit("two"), 0600, &e) == 0 && holds("new", "two"), "and another content");
	ok(symlink("new", "link") == 0 && file_write("link", span_lit("three"), 0600, &e) == ERR_IO &&
	    lstat("link", &st) == 0 && S_ISLNK(st.st_mode) && holds("new", "two"),
	    "a symbolic link to a file is refused");
	/* A pipe stands for /dev/null, which a rename would have destroyed. */
	ok(mkfifo("pipe", 0600) == 0 && (fd = open("pipe", O_RDWR | O_CLOEXEC)) >= 0 &&
	    file_write("pipe", span_lit("abc"), 0600, &e) == 0 && read(fd, got, 3) == 3 &&
	    memcmp(got, "abc", 3) == 0 && stat("pipe", &st) == 0 && S_ISFIFO(st.st_mode),
	    "what is no file is written to and stays what it is");
	close(fd);
	is_int(file_write(dir, span_lit("x"), 0600, &e), ERR_IO, "a directory is refused");
	ok(unlink("new") == 0 && unlink("link") == 0 && unlink("pipe") == 0 && rmdir(dir) == 0,
	    "nothing is left behind");
}

static void
test_duration(void)
{
	static const struct { const char *text; uint64_t want; } good[] = {
		{ "0", 0 }, { "90", 90 }, { "90s", 90 }, { "10m", 600 }, { "2h", 7200 }, { "7d", 604800 },
		{ "4294967295", UINT32_MAX },
	};
	static const char *const bad[] = { "", "s", "m10", "1w", "-1", "1.5h", "1 h", "01", "4294967296", "49711d",
		"99999999999999999999" };
	uint64_t got;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(duration_s(span_str(good[i].text), &got) && got == good[i].want, "duration %s", good[i].text);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!duration_s(span_str(bad[i]), &got), "no duration: \"%s\"", bad[i]);
}

static void
test_percent(void)
{
	BUF_AUTO struct buf b = buf_init(256);

	buf_percent(&b, span_of("aZ9-._~/ ?%&=\n\0\xff", 16));
	is_str(buf_cstr(&b), "aZ9-._~%2F%20%3F%25%26%3D%0A%00%FF", "all but unreserved bytes travel as %%XX");
}

int
main(void)
{
	test_duration();
	test_percent();
	test_file_write();
	test_rd();
	test_text();
	test_buf();
	test_arena();
	test_json();
	return done();
}
