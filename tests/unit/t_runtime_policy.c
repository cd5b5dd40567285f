/* Every policy format becomes the model that its golden text says, the model is written
 * as the same bytes again, and whatever is malformed, unknown, ambiguous or newer is
 * refused with a sentence, not guessed at.
 *
 * "t_runtime_policy --want FILE" prints the golden text of a file. */
#include "formats/policy_read.h"
#include "formats/policy_scan.h"
#include "tests/golden.h"

static void
bail(const char *what, const struct err *e)
{
	printf("Bail out! %s: %s\n", what, e->message);
	exit(99);
}

static int
print_want(const char *path)
{
	struct err e = { 0 };
	struct file f;
	struct runtime_policy p;
	BUF_AUTO struct buf b = buf_init(SIZE_MAX / 4);

	if (file_read(path, GIB(1), &f, &e) != 0 || runtime_policy_parse(file_view(&f), &p, &e) != 0 ||
	    runtime_policy_to_json(&p, &b, &e) != 0)
		bail(path, &e);
	fwrite(b.p, 1, b.n, stdout);
	runtime_policy_free(&p);
	file_free(&f);
	return 0;
}

static int
parse_text(const char *text, size_t n, struct err *e)
{
	struct runtime_policy p;
	uint8_t *copy = malloc(n + 1);	/* of exact size, for ASan */
	int rc;

	memcpy(copy, text, n);
	rc = runtime_policy_parse(span_of(copy, n), &p, e);
	free(copy);
	if (rc == 0)
		runtime_policy_free(&p);
	return rc;
}

static void
test_golden(const char *name, enum policy_source source)
{
	char path[256], want_path[sizeof(path) + 8];
	struct runtime_policy p, q;
	struct err e = { 0 };
	BUF_AUTO struct buf b = buf_init(SIZE_MAX / 4), c = buf_init(SIZE_MAX / 4);

	(void)snprintf(path, sizeof(path), "policy/%s", name);
	(void)snprintf(want_path, sizeof(want_path), "%s.want", path);
	struct file f = golden(path), want = golden(want_path);

	if (!ok(runtime_policy_parse(file_view(&f), &p, &e) == 0, "%s parses %s", name, e.message))
		return;
	is_int(p.source, source, "its format is known");
	ok(runtime_policy_to_json(&p, &b, &e) == 0 && span_eq(buf_view(&b), file_view(&want)),
	    "it says what %s.want says", name);
	ok(runtime_policy_parse(buf_view(&b), &q, &e) == 0 && runtime_policy_to_json(&q, &c, &e) == 0 &&
	    span_eq(buf_view(&b), buf_view(&c)), "and that reads back as itself %s", e.message);
	runtime_policy_free(&p);
	runtime_policy_free(&q);
	file_free(&f);
	file_free(&want);
}

/* Version 1 of both own formats, frozen: these bytes must go on meaning this. */
static void
test_version_1(void)
{
	struct file json = golden("policy/policy-v1.json"), tbl = golden("policy/policy-v1.tbl");
	struct runtime_policy p, q;
	struct err e = { 0 };
	BUF_AUTO struct buf b = buf_init(SIZE_MAX / 4), c = buf_init(SIZE_MAX / 4);

	if (runtime_policy_parse(file_view(&json), &p, &e) != 0 ||
	    runtime_policy_parse(file_view(&tbl), &q, &e) != 0)
		bail("policy-v1", &e);
	ok(runtime_policy_to_json(&p, &b, &e) == 0 && span_eq(buf_view(&b), file_view(&json)),
	    "the JSON of version 1 is written as it was read");
	ok(runtime_policy_compile(&p, &c, &e) == 0 && span_eq(buf_view(&c), file_view(&tbl)),
	    "it compiles to the table of version 1");
	b.n = 0;
	ok(runtime_policy_to_json(&q, &b, &e) == 0 && span_eq(buf_view(&b), file_view(&json)),
	    "the table of version 1 turns back into the JSON");
	is_int(policy_table_check(&q.table, &e), 0, "the table is sound");
	ok(p.n_layers == 2 && p.n_packages == 2 && p.n_scopes == 1 && p.n_keys == 2 && p.n_excludes == 2 &&
	    p.n_buffers == 2 && p.n_keyrings == 3 && p.n_violations == 2 && p.n_aliases == 2 &&
	    p.n_revoked_digests == 2 && p.n_revoked_keys == 1 && p.n_closed_directories == 2,
	    "nothing is missing");
	is_int(p.keys[0].scope.not_after, 1798761600, "an offset from UTC is applied");
	ok(span_is(p.scopes[0].paths[1], "/mnt/with_space") && span_is(p.closed_directories[1], "/etc/sudoers.d"),
	    "prefixes are kept in the kernel's form, without a slash at the end");
	ok(!p.weak_digests && p.min_digest == DIGEST_SHA256, "digests");
	runtime_policy_free(&p);
	runtime_policy_free(&q);
	file_free(&json);
	file_free(&tbl);
}

#define H40 "1111111111111111111111111111111111111111"
#define H64 "1111111111111111111111111111111111111111111111111111111111111111"
#define ASSAY "{\"assay_policy\":1,"
#define KEYLIME(x) "{\"digests\":{\"/a\":[\"" H40 "\"]}" x "}"

/* What is refused, with which code, and a word of the message. */
static void
test_refusals(void)
{
	static const struct { const char *text; int code; const char *says; } bad[] = {
		{ "", ERR_FORMAT, "empty" },
		{ " \n\t ", ERR_FORMAT, "empty" },
		{ "{}", ERR_FORMAT, "no policy" },
		{ "{\"assay_policy\":2,\"what\":1}", ERR_VERSION, "version 2" },
		{ "{\"assay_policy\":0}", ERR_RANGE, "impossible" },
		{ "{\"assay_policy\":\"1\"}", ERR_FORMAT, "integer" },
		{ ASSAY "\"layer\":[]}", ERR_FORMAT, "\"layer\"" },
		{ ASSAY "\"name\":\"a\",\"name\":\"b\"}", ERR_DUPLICATE, "name" },
		{ ASSAY "\"name\":\"\xff\"}", ERR_ENCODING, "UTF-8" },
		{ ASSAY "\"name\":\"a\"} x", ERR_TRAILING, "follows" },
		{ ASSAY "\"created\":\"yesterday\"}", ERR_FORMAT, "RFC 3339" },
		{ ASSAY "\"created\":\"2026-02-29T00:00:00Z\"}", ERR_FORMAT, "RFC 3339" },
		{ ASSAY "\"min_digest\":\"sha-256\"}", ERR_UNSUPPORTED, "min_digest" },
		{ ASSAY "\"layers\":{}}", ERR_FORMAT, "array" },
		{ ASSAY "\"layers\":[{}]}", ERR_FORMAT, "layers[0] lacks" },
		{ ASSAY "\"layers\":[{\"name\":\"a\"},{\"name\":\"a\"}]}", ERR_DUPLICATE, "layers[1]" },
		{ ASSAY "\"layers\":[{\"name\":\"a\",\"file\":{}}]}", ERR_FORMAT, "\"file\"" },
		{ ASSAY "\"layers\":[{\"name\":\"a\",\"files\":{\"/x\":[]}}]}", ERR_FORMAT, "/x" },
		{ ASSAY "\"layers\":[{\"name\":\"a\",\"files\":{\"/x\":[\"" H64 "\"]}}]}", ERR_FORMAT, "sha256:" },
		{ ASSAY "\"layers\":[{\"name\":\"a\",\"files\":{\"/x\":[\"sha1:" H64 "\"]}}]}", ERR_ENCODING, "40 hex" },
		{ ASSAY "\"layers\":[{\"name\":\"a\",\"files\":{\"/x\":[\"sha9:" H64 "\"]}}]}", ERR_UNSUPPORTED, "sha9" },
		{ ASSAY "\"layers\":[{\"name\":\"a\",\"files\":{\"\":[\"sha1:" H40 "\"]}}]}", ERR_FORMAT, "empty name" },
		{ ASSAY "\"layers\":[{\"name\":\"a\",\"files_b64\":{\"/x\":[\"sha1:" H40 "\"]}}]}", ERR_ENCODING, "base64" },
		{ ASSAY "\"layers\":[{\"name\":\"a\",\"files_b64\":{\"L3gA\":[\"sha1:" H40 "\"]}}]}", ERR_FORMAT, "NUL" },
		{ ASSAY "\"aliases\":[[\"/a\"]]}", ERR_FORMAT, "aliases[0]" },
		{ ASSAY "\"aliases\":[[\"a\",\"/b\"]]}", ERR_FORMAT, "begins with" },
		{ ASSAY "\"aliases\":[[\"/a\",\"/b/../c\"]]}", ERR_FORMAT, "no plain path" },
		{ ASSAY "\"aliases\":[[\"/a\",\"/b\"],[\"/b\",\"/a/c\"]]}", ERR_FORMAT, "in a circle" },
		{ ASSAY "\"aliases\":[[\"/\",\"/mnt\"]]}", ERR_FORMAT, "in a circle" },
		{ ASSAY "\"closed_directories\":[\"/etc//cron.d\"]}", ERR_FORMAT, "closed_directories[0] is no plain path" },
		{ ASSAY "\"closed_directories\":[\"//etc\"]}", ERR_FORMAT, "no plain path" },
		{ ASSAY "\"closed_directories\":[\"/etc/.\"]}", ERR_FORMAT, "no plain path" },
		{ ASSAY "\"scopes\":[{\"name\":\"s\",\"layers\":[]}]}", ERR_FORMAT, "partition" },
		{ ASSAY "\"scopes\":[{\"name\":\"s\",\"paths\":[\"/o\"],\"layers\":[\"x\"]}]}", ERR_FORMAT, "no layer" },
		{ ASSAY "\"excludes\":[1]}", ERR_FORMAT, "excludes[0]" },
		{ ASSAY "\"excludes\":[{\"regex\":\"x\",\"match\":\"end\"}]}", ERR_FORMAT, "full" },
		{ ASSAY "\"keys\":[{}]}", ERR_FORMAT, "certificate" },
		{ ASSAY "\"keys\":[{\"certificate\":\"AAAA\"}]}", ERR_FORMAT, "X.509" },
		{ ASSAY "\"keys\":[{\"public_key\":\"?\"}]}", ERR_ENCODING, "base64" },
		{ ASSAY "\"revoked\":{\"keys\":[\"sha1:" H40 "\"]}}", ERR_FORMAT, "sha256" },
		{ ASSAY "\"violations\":[{\"path\":\"x\",\"action\":\"hide\"}]}", ERR_FORMAT, "action" },
		{ ASSAY "\"buffers\":{\"x\":\"all\"}}", ERR_FORMAT, "array" },
		{ ASSAY "\"keyrings\":{\".ima\":[]}}", ERR_FORMAT, "object" },
		{ ASSAY "\"keyrings\":{\".ima\":{\"digests\":[],\"trust\":1}}}", ERR_FORMAT, "true or false" },
		{ ASSAY "\"boot\":[]}", ERR_FORMAT, "object" },
		{ "{\"payload\":\"\",\"payloadType\":\"x\",\"signatures\":[]}", ERR_FORMAT, "signed" },
		{ KEYLIME(",\"policy\":1"), ERR_FORMAT, "\"policy\"" },
		{ KEYLIME(",\"meta\":{\"version\":2}"), ERR_VERSION, "version 2" },
		{ KEYLIME(",\"ima\":{\"dm_policy\":{}}"), ERR_UNSUPPORTED, "dm_policy" },
		{ KEYLIME(",\"verification-keys\":\"{\""), ERR_TRUNCATED, "verification-keys" },
		{ "{\"digests\":{\"/a\":[\"12\"]}}", ERR_FORMAT, "40" },
		{ "{\"digests\":{\"/a\":[]}}", ERR_FORMAT, "at least one" },
		{ "{\"digests\":[]}", ERR_FORMAT, "object" },
		{ "hello world\n", ERR_FORMAT, "digest" },
		{ H40 "\n", ERR_FORMAT, "no path" },
		{ H40 "  \n", ERR_FORMAT, "no path" },
		{ H40 "1  /x\n", ERR_FORMAT, "hex digits" },
		{ "\\" H40 "  /x\\q\n", ERR_FORMAT, "escape" },
		{ "\\" H40 "  /x\\\n", ERR_FORMAT, "escape" },
		{ H40 "  /x\r\n" H40 "  /y\n" H40 "  /z\n", ERR_FORMAT, "line end" },
		{ H40 "  /x\n" H40 "  /y\r\n", ERR_FORMAT, "line end" },
		{ "# only a comment\n", ERR_FORMAT, "without a single digest" },
		{ "SHA256 (x) = 12\n", ERR_FORMAT, "digest" },
	};
	size_t n = sizeof(bad) / sizeof(bad[0]);

	for (size_t i = 0; i < n; i++) {
		struct err e = { 0 };
		int rc = parse_text(bad[i].text, strlen(bad[i].text), &e);

		if (!ok(rc == bad[i].code && strstr(e.message, bad[i].says) != NULL,
		    "refused, number %zu: %s", i, e.message))
			diag("got %s: %s", err_token(rc), e.message);
	}
	struct err e = { 0 };

	(void)parse_text(H40 "  /x\n" H40 "\n", 2 * 40 + 6, &e);
	ok(e.place == ERR_AT_LINE && e.line == 2, "a list's error has its line");
	(void)parse_text(ASSAY "\n\"name\":\"a\",}", 29, &e);
	ok(e.place == ERR_AT_LINE && e.line == 2 && e.column > 0, "an error of JSON has line and column");
}

static void
test_lines(void)
{
	static const char text[] =
	    "# comment\n\n" H64 "  ./usr/bin/x\n" H64 " */bin\n" H64 "  no newline at end";
	struct runtime_policy p;
	struct policy_iter it;
	struct err e = { 0 };

	if (runtime_policy_parse(span_str(text), &p, &e) != 0)
		bail("lines", &e);
	ok(p.table.n_paths == 3 && policy_table_find(&p.table, span_lit("/usr/bin/x"), &it) &&
	    policy_table_find(&p.table, span_lit("/bin"), &it) &&
	    policy_table_find(&p.table, span_lit("no_newline_at_end"), &it),
	    "comments, \"./\", the binary marker, and a last line without its end");
	ok(p.source == POLICY_FROM_SUMS && !p.weak_digests, "it is a list of sums");
	runtime_policy_free(&p);
	ok(parse_text(H40 "  /x\r\n" H40 "  /y", 2 * 40 + 10, &e) == 0,
	    "lines that end in CRLF, the last without: %s", e.message);
}

/* Cut at every byte, JSON is never a policy; a list may be one, and never crashes. */
static void
test_truncation(const char *name, bool json)
{
	char path[256];
	size_t parsed = 0, silent = 0;

	(void)snprintf(path, sizeof(path), "policy/%s", name);
	struct file f = golden(path);

	for (size_t n = 0; n < f.n; n++) {
		struct err e = { 0 };
		int rc = parse_text((const char *)f.p, n, &e);

		/* What is cut off at the very end may be white space only. */
		parsed += rc == 0 && n + 1 < f.n;
		silent += rc != 0 && e.message[0] == '\0';
	}
	ok((!json || parsed == 0) && silent == 0, "%s, cut at each of %zu bytes", name, f.n);
	file_free(&f);
}

static void
test_flips(const char *name)
{
	char path[256];
	size_t silent = 0;

	(void)snprintf(path, sizeof(path), "policy/%s", name);
	struct file f = golden(path);

	for (size_t i = 0; i < f.n; i++) {
		struct err e = { 0 };
		uint8_t saved = f.p[i];

		f.p[i] ^= (uint8_t)(1u << (i % 8));
		silent += parse_text((const char *)f.p, f.n, &e) != 0 && e.message[0] == '\0';
		f.p[i] = saved;
	}
	ok(silent == 0, "%s, a bit flipped in each of %zu bytes", name, f.n);
	file_free(&f);
}

#define FILES(x) ASSAY "\"layers\":[{\"name\":\"a\",\"files\":{" x "}}]}"
#define ONE(name) "\"" name "\":[\"sha1:" H40 "\"]"

/* Large policies are scanned, all others go through a tree; nobody may see which. */
static void
test_scan(void)
{
	static const struct { const char *text; bool scanned; int rc; } c[] = {
		{ FILES(""), true, 0 },
		{ FILES(ONE("/a") "," ONE("/b")), true, 0 },
		{ FILES(ONE("/a") " , \n\t" ONE("/\\u00e4") "," ONE("/\xc3\xa4 ")), true, 0 },
		{ FILES(ONE("/\\n\\\\\\/\\\"")), true, 0 },
		{ FILES(ONE("/b") "," ONE("/a")), false, 0 },		/* order */
		{ FILES(ONE("/\\ud83d\\ude00")), false, 0 },	/* a surrogate pair */
		{ FILES(ONE("/a") "," ONE("/a")), false, ERR_DUPLICATE },
		{ FILES(ONE("/a") "," ONE("/\\u0061")), false, ERR_DUPLICATE },
		{ FILES(ONE("/a") ","), false, ERR_FORMAT },
		{ FILES(ONE("/\xff")), false, ERR_ENCODING },
		{ FILES(ONE("/\\u0000")), false, ERR_FORMAT },
		{ FILES(ONE("/\\x")), false, ERR_FORMAT },
		{ FILES(ONE("/\t")), false, ERR_FORMAT },
		{ FILES("\"/a\":[]"), false, ERR_FORMAT },
		{ FILES("\"/a\":[\"sha1:" H40 "\",]"), false, ERR_FORMAT },
		{ ASSAY "\"layers\":[{\"name\":\"a\",\"files\":{" ONE("/a") "},\"files\":{}}]}", true, ERR_DUPLICATE },
		{ ASSAY "\"layers\":[{\"files\":{" ONE("/a") "}}]}", true, ERR_FORMAT },
		{ ASSAY "\"boot\":{\"layers\":[{\"files\":1}]},\"name\":\"}\\\"{\"}", true, 0 },
		{ ASSAY "\"layers\":[1]}", false, ERR_FORMAT },
		{ FILES(ONE("/a")) "}", true, ERR_TRAILING },
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		POLICY_BUILDER_AUTO struct policy_builder *b = NULL;
		BUF_AUTO struct buf rest = buf_init(MIB(1));
		struct err e = { 0 };
		bool scanned = policy_builder_new(&b, &e) == 0 && policy_scan(span_str(c[i].text), b, &rest);
		int rc = parse_text(c[i].text, strlen(c[i].text), &e);

		if (!ok(scanned == c[i].scanned && rc == c[i].rc, "scan, number %zu: %s, %s", i,
		    scanned ? "scanned" : "by a tree", rc == 0 ? "a policy" : e.message))
			diag("got %s", err_token(rc));
	}
}

static void
test_scan_golden(void)
{
	struct file f = golden("policy/policy-v1.json");
	POLICY_BUILDER_AUTO struct policy_builder *b = NULL;
	BUF_AUTO struct buf rest = buf_init(MIB(1)), x = buf_init(MIB(1));
	struct runtime_policy p;
	struct err e = { 0 };

	runtime_policy_init(&p);
	ok(policy_builder_new(&b, &e) == 0 && policy_scan(file_view(&f), b, &rest) && policy_builder_paths(b) == 5,
	    "a policy in our own layout is scanned");
	ok(policy_parse_text(file_view(&f), &p, &e) == 0 && runtime_policy_to_json(&p, &x, &e) == 0 &&
	    span_eq(buf_view(&x), file_view(&f)), "by way of a tree it is the same");
	runtime_policy_free(&p);
	file_free(&f);
}

static void
parse(const char *text, struct runtime_policy *p)
{
	struct err e = { 0 };

	if (runtime_policy_parse(span_str(text), p, &e) != 0)
		bail(text, &e);
}

static void
test_merge(void)
{
	struct runtime_policy a, b, c, out;
	const struct runtime_policy *ab[2] = { &a, &b }, *ac[2] = { &a, &c };
	struct err e = { 0 };
	BUF_AUTO struct buf got = buf_init(SIZE_MAX / 4), again = buf_init(SIZE_MAX / 4);

	parse(ASSAY "\"name\":\"a\",\"min_digest\":\"sha1\",\"layers\":[{\"name\":\"base\",\"source\":\"x\",\"packages\":"
	    "[{\"name\":\"p\",\"files\":{\"/1\":[\"sha1:" H40 "\"]}}]},{\"name\":\"oem\"}],"
	    "\"scopes\":[{\"name\":\"oem\",\"paths\":[\"/oem\"],\"layers\":[\"oem\"]}],"
	    "\"excludes\":[\"/tmp/\"],\"revoked\":{\"digests\":[\"sha1:" H40 "\"]},"
	    "\"buffers\":{\"k\":[\"sha1:" H40 "\"]}}", &a);
	parse(ASSAY "\"min_digest\":\"sha256\",\"layers\":[{\"name\":\"oem\",\"files\":{\"/2\":[\"sha256:" H64 "\"]}},"
	    "{\"name\":\"base\",\"source\":\"y\",\"packages\":[{\"name\":\"p\",\"files\":{\"/1\":[\"sha1:" H40 "\","
	    "\"sha256:" H64 "\"]}}]}],\"scopes\":[{\"name\":\"oem\",\"paths\":[\"/oem\"],\"layers\":[\"oem\"]}],"
	    "\"excludes\":[\"/tmp/\",\"/run/\"],\"revoked\":{\"digests\":[\"sha256:" H64 "\"]},"
	    "\"buffers\":{\"k\":[\"sha1:" H40 "\",\"sha256:" H64 "\"]},\"boot\":{\"secure_boot\":true}}", &b);
	parse(ASSAY "\"scopes\":[{\"name\":\"oem\",\"paths\":[\"/other\"],\"layers\":[]}]}", &c);

	if (!ok(runtime_policy_merge(ab, 2, &out, &e) == 0, "two policies merge %s", e.message))
		return;
	ok(out.n_layers == 2 && out.n_packages == 1 && out.table.n_paths == 2 && out.table.n_digests == 3 &&
	    span_is(out.layers[0].source, "x; y"), "layers, packages and digests are united");
	ok(out.n_scopes == 1 && out.n_excludes == 2 && out.n_revoked_digests == 2 && out.n_buffers == 1 &&
	    out.buffers[0].n_digests == 2 && out.boot != NULL && out.min_digest == DIGEST_SHA256 &&
	    span_is(out.name, "a"), "and the rules; the stronger demand holds");
	runtime_policy_free(&b);	/* nothing may point into it */
	ok(runtime_policy_to_json(&out, &got, &e) == 0, "the whole is written %s", e.message);
	parse(buf_cstr(&got), &b);
	ok(runtime_policy_to_json(&b, &again, &e) == 0 && span_eq(buf_view(&got), buf_view(&again)),
	    "and reads back");
	runtime_policy_free(&out);
	is_int(runtime_policy_merge(ac, 2, &out, &e), ERR_MISMATCH, "a contradiction is told");
	ok(strstr(e.message, "scope \"oem\"") != NULL, "and named: %s", e.message);
	runtime_policy_free(&a);
	runtime_policy_free(&b);
	runtime_policy_free(&c);
}

static void
test_keylime_export(void)
{
	struct file f = golden("policy/keylime-v1.json"), v1 = golden("policy/policy-v1.json");
	struct runtime_policy p, q;
	struct err e = { 0 };
	BUF_AUTO struct buf out = buf_init(SIZE_MAX / 4), losses = buf_init(MIB(1));
	BUF_AUTO struct buf a = buf_init(SIZE_MAX / 4), b = buf_init(SIZE_MAX / 4);

	if (runtime_policy_parse(file_view(&f), &p, &e) != 0)
		bail("keylime-v1", &e);
	struct policy_keylime_key key = { p.keys[0].der, 1 };

	runtime_policy_keylime_losses(&p, &losses);
	is_int((int64_t)losses.n, 0, "a policy of Keylime's loses nothing on the way back");
	ok(runtime_policy_to_keylime(&p, &key, 1, &out, &e) == 0 &&
	    runtime_policy_parse(buf_view(&out), &q, &e) == 0 && q.source == POLICY_FROM_KEYLIME &&
	    runtime_policy_to_json(&p, &a, &e) == 0 && runtime_policy_to_json(&q, &b, &e) == 0 &&
	    span_eq(buf_view(&a), buf_view(&b)), "it comes back as it went %s", e.message);
	runtime_policy_free(&p);
	runtime_policy_free(&q);

	if (runtime_policy_parse(file_view(&v1), &p, &e) != 0)
		bail("policy-v1", &e);
	runtime_policy_keylime_losses(&p, &losses);
	ok(strstr(buf_cstr(&losses), "scopes") != NULL && strstr(buf_cstr(&losses), "revoked") != NULL &&
	    strstr(buf_cstr(&losses), "not UTF-8") != NULL && strstr(buf_cstr(&losses), "boot") != NULL,
	    "what Keylime cannot express is named");
	runtime_policy_free(&p);

	parse(ASSAY "\"aliases\":[[\"/bin\",\"/usr/bin\"]],\"layers\":[{\"name\":\"l\",\"files\":{\"/bin/a\":[\"sha1:"
	    H40 "\"],\"/binary\":[\"sha1:" H40 "\"]}}]}", &p);
	out.n = 0;
	ok(runtime_policy_to_keylime(&p, NULL, 0, &out, &e) == 0 &&
	    strstr(buf_cstr(&out), "\"/usr/bin/a\"") != NULL && strstr(buf_cstr(&out), "\"/binary\"") != NULL,
	    "aliases are applied, by whole components");
	runtime_policy_free(&p);
	file_free(&f);
	file_free(&v1);
}

static void
test_sums_export(void)
{
	struct file f = golden("policy/sums-sha256.txt");
	struct runtime_policy p, q;
	struct err e = { 0 };
	BUF_AUTO struct buf out = buf_init(SIZE_MAX / 4), again = buf_init(SIZE_MAX / 4);

	if (runtime_policy_parse(file_view(&f), &p, &e) != 0)
		bail("sums-sha256", &e);
	ok(runtime_policy_to_sums(&p, DIGEST_SHA256, &out, &e) == 0 && out.n == f.n,
	    "as many bytes as sha256sum wrote");
	ok(runtime_policy_parse(buf_view(&out), &q, &e) == 0 && q.table.n_paths == p.table.n_paths &&
	    runtime_policy_to_sums(&q, DIGEST_SHA256, &again, &e) == 0 &&
	    span_eq(buf_view(&out), buf_view(&again)), "and they read back, escapes and all");
	again.n = 0;
	ok(runtime_policy_to_sums(&p, DIGEST_SHA1, &again, &e) == 0 && again.n == 0, "other algorithms are left out");
	runtime_policy_free(&p);
	runtime_policy_free(&q);
	file_free(&f);
}

static void
test_recorded(void)
{
	struct file f = golden("debian12-vm/whitelist.txt");
	struct runtime_policy p;
	struct err e = { 0 };

	if (runtime_policy_parse(file_view(&f), &p, &e) != 0)
		bail("whitelist", &e);
	is_int((int64_t)p.table.n_paths, 10018, "paths of the recorded machine");
	is_int((int64_t)p.table.n_digests, 10048, "digests, 30 paths have two");
	ok(runtime_policy_merged_usr(&p, &e) == 0 && p.n_aliases == 6 &&
	    runtime_policy_merged_usr(&p, &e) == 0 && p.n_aliases == 6, "aliases are added once");
	runtime_policy_free(&p);
	file_free(&f);
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--want") == 0)
		return print_want(argv[2]);
	test_version_1();
	test_golden("keylime-v1.json", POLICY_FROM_KEYLIME);
	test_golden("keylime-allowlist.json", POLICY_FROM_KEYLIME_ALLOWLIST);
	test_golden("keylime-wrapped.json", POLICY_FROM_KEYLIME_ALLOWLIST);
	test_golden("keylime-allowlist.txt", POLICY_FROM_KEYLIME_ALLOWLIST);
	test_golden("sums-sha256.txt", POLICY_FROM_SUMS);
	test_golden("sums-binary.txt", POLICY_FROM_SUMS);
	test_golden("sums-tag.txt", POLICY_FROM_SUMS);
	test_golden("sums-crlf.txt", POLICY_FROM_SUMS);
	test_refusals();
	test_lines();
	test_truncation("policy-v1.json", true);
	test_truncation("keylime-v1.json", true);
	test_truncation("keylime-allowlist.json", true);
	test_truncation("keylime-allowlist.txt", false);
	test_truncation("sums-sha256.txt", false);
	test_truncation("policy-v1.tbl", true);
	test_flips("policy-v1.json");
	test_flips("keylime-v1.json");
	test_flips("sums-sha256.txt");
	test_flips("policy-v1.tbl");
	test_scan();
	test_scan_golden();
	test_merge();
	test_keylime_export();
	test_sums_export();
	test_recorded();
	return done();
}
