/* What approves a file and what beats an approval: each rule of appraise.h, with the case
 * it is there for and a near miss. */
#include "crypto/digest.h"
#include "engine/appraise.h"
#include "tests/golden.h"

#define D1 "1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "2222222222222222222222222222222222222222222222222222222222222222"

/* One record of a binary list, by hand. */
static void
put_field(struct buf *b, const void *p, size_t n)
{
	buf_le32(b, (uint32_t)n);
	buf_put(b, p, n);
}

struct entry_spec { const char *template, *alg, *hex, *path; struct span third; bool violation, verity; };

static void
put_record(struct buf *out, const struct entry_spec *x)
{
	struct buf data = buf_init(1 << 16), digest = buf_init(256), column = buf_init(64);

	if (x->verity)
		buf_str(&digest, "verity:");
	buf_str(&digest, x->alg);
	buf_put(&digest, ":", 2);
	for (const char *h = x->hex; h[0] != '\0'; h += 2) {
		char pair[3] = { h[0], h[1], '\0' };
		buf_u8(&digest, (uint8_t)strtoul(pair, NULL, 16));
	}
	put_field(&data, digest.p, digest.n);
	put_field(&data, x->path, strlen(x->path) + 1);
	if (strcmp(x->template, "ima-ng") != 0 && strcmp(x->template, "ima-ngv2") != 0)
		put_field(&data, x->third.p, x->third.n);
	for (int i = 0; i < 20; i++)
		buf_u8(&column, x->violation ? 0 : 0xaa);
	buf_le32(out, 10);
	buf_span(out, buf_view(&column));
	put_field(out, x->template, strlen(x->template));
	put_field(out, data.p, data.n);
	buf_free(&data);
	buf_free(&digest);
	buf_free(&column);
}

static char found_on[64];	/* the volume that the last finding names */

/* The reason for the first finding on one entry under one policy; REASON_NONE if approved. */
static enum reason
reason_in(const char *policy, struct entry_spec x, const struct sig_context *ctx)
{
	static const struct sig_context plain = { .now = 1790000000 };
	RUNTIME_POLICY_AUTO struct runtime_policy p = { 0 };
	APPRAISER_AUTO struct appraiser *a = NULL;
	RESULT_AUTO struct result r = result_init();
	const struct runtime_policy *all[] = { &p };
	BUF_AUTO struct buf list = buf_init(1 << 16);
	struct ima_log log;
	struct ima_entry n;
	struct err e = { 0 };
	enum reason got = REASON_COUNT;

	put_record(&list, &x);
	if (runtime_policy_parse(span_str(policy), &p, &e) != 0 ||
	    appraiser_new(all, 1, ctx == NULL ? &plain : ctx, &a, &e) != 0 ||
	    appraiser_begin(a, ctx == NULL ? plain.now : ctx->now, &r, &e) != 0 ||
	    ima_log_open(buf_view(&list), &log, &e) != 0) {
		diag("%s", e.message);
		return REASON_COUNT;
	}
	if (ima_log_next(&log, &n, &e) == 1 && appraise_entry(a, &n, true, &r, &e) == 0)
		got = r.n_findings == 0 ? REASON_NONE : r.findings[0].reason;
	else
		diag("%s", e.message);
	(void)snprintf(found_on, sizeof(found_on), "%.*s", r.n_findings == 0 ? 0 : (int)r.findings[0].partition.n,
	    r.n_findings == 0 ? "" : (const char *)r.findings[0].partition.p);
	ima_log_close(&log);
	return got;
}

static void
expect(const char *policy, struct entry_spec x, enum reason want, const char *what)
{
	enum reason got = reason_in(policy, x, NULL);

	if (!ok(got == want, "%s", what))
		diag("got %s, want %s", got == REASON_COUNT ? "an error" : reason_code(got), reason_code(want));
}

#define FILE_AT(p, d) (struct entry_spec){ .template = "ima-ng", .alg = "sha256", .hex = (d), .path = (p) }

static const char listed[] = "{\"assay_policy\":1,\"layers\":[{\"name\":\"l\",\"files\":{"
    "\"/usr/bin/a\":[\"sha256:" D1 "\"],\"/bin/b\":[\"sha256:" D1 "\"],"
    "\"/root/a b\":[\"sha256:" D1 "\"],\"/etc/cron.d/job\":[\"sha256:" D1 "\"]}}],"
    "\"aliases\":[[\"/bin\",\"/usr/bin\"]],\"excludes\":[\"/tmp/.*\",\"/etc/.*\"],"
    "\"closed_directories\":[\"/etc/cron.d\",\"/bin/closed\"]}";

static void
test_digests(void)
{
	expect(listed, FILE_AT("/usr/bin/a", D1), REASON_NONE, "a listed path and digest");
	expect(listed, FILE_AT("/usr/bin/a", D2), REASON_DIGEST_MISMATCH, "a listed path, another digest");
	expect(listed, FILE_AT("/usr/bin/x", D1), REASON_NOT_IN_POLICY, "a listed digest under another path");
	expect(listed, FILE_AT("/usr/bin/b", D1), REASON_NONE, "listed as /bin/b, measured as /usr/bin/b");
	expect(listed, FILE_AT("/bin/a", D1), REASON_NONE, "and the other way round");
	expect(listed, FILE_AT("/usr/binx/a", D1), REASON_NOT_IN_POLICY, "an alias ends at a component");
	expect(listed, FILE_AT("/root/a_b", D1), REASON_NONE, "the kernel writes spaces as '_'");
	struct entry_spec other = FILE_AT("/usr/bin/a", D1);
	other.alg = "sm3";
	expect(listed, other, REASON_DIGEST_MISMATCH, "the same bytes of another algorithm do not count");
	struct entry_spec verity = FILE_AT("/usr/bin/a", D1);
	verity.template = "ima-ngv2";
	verity.verity = true;
	expect(listed, verity, REASON_NOT_IN_POLICY, "an fs-verity digest is not a file digest");
}

static void
test_excludes_and_closed(void)
{
	expect(listed, FILE_AT("/tmp/x", D2), REASON_NONE, "an excluded path");
	expect(listed, FILE_AT("/var/tmp/x", D2), REASON_NOT_IN_POLICY, "excludes match from the start");
	expect(listed, FILE_AT("/etc/cron.d/job", D1), REASON_NONE, "a listed name in a closed directory");
	expect(listed, FILE_AT("/etc/cron.d/job", D2), REASON_CLOSED_DIRECTORY, "another content");
	expect(listed, FILE_AT("/etc/cron.d/new", D1), REASON_CLOSED_DIRECTORY,
	    "an approved digest under another name, though /etc is excluded");
	expect(listed, FILE_AT("/etc/cron.daily/new", D2), REASON_NONE, "a closed directory ends at a component");
	expect(listed, FILE_AT("/usr/bin/closed/x", D1), REASON_CLOSED_DIRECTORY, "compared behind its alias");
}

static void
test_violations(void)
{
	static const char rules[] = "{\"assay_policy\":1,\"excludes\":[\"/var/.*\"],"
	    "\"violations\":[{\"path\":\"/var/log/x\",\"match\":\"full\",\"action\":\"ignore\"}]}";
	struct entry_spec v = FILE_AT("/var/log/y", D1);

	v.violation = true;
	expect(rules, v, REASON_VIOLATION, "no exclude hides a violation");
	v.path = "/var/log/x";
	expect(rules, v, REASON_NONE, "a rule for its path does");
	v.path = "/var/log/xx";
	expect(rules, v, REASON_VIOLATION, "for that path alone");
}

static void
test_revocation_and_minimum(void)
{
	static const char revoked[] = "{\"assay_policy\":1,\"layers\":[{\"name\":\"l\",\"files\":{"
	    "\"/a\":[\"sha256:" D1 "\"]}}],\"excludes\":[\"/tmp/.*\"],"
	    "\"revoked\":{\"digests\":[\"sha256:" D1 "\"]}}";
	static const char minimum[] = "{\"assay_policy\":1,\"min_digest\":\"sha256\",\"layers\":[{\"name\":\"l\","
	    "\"files\":{\"/a\":[\"sha1:1111111111111111111111111111111111111111\",\"sha256:" D1 "\"]}}]}";
	struct entry_spec sha1 = FILE_AT("/a", "1111111111111111111111111111111111111111");

	sha1.alg = "sha1";
	expect(revoked, FILE_AT("/a", D1), REASON_REVOKED, "a revoked digest, though listed");
	expect(revoked, FILE_AT("/tmp/a", D1), REASON_REVOKED, "and though excluded");
	expect(minimum, sha1, REASON_WEAK_DIGEST, "a listed SHA-1 under a minimum of SHA-256");
	expect(minimum, FILE_AT("/a", D1), REASON_NONE, "a digest that is strong enough");
}

/* The volume named where the file at ${path} is not approved. */
static const char *
partition_in(const char *policy, const char *path, const struct sig_context *ctx)
{
	return reason_in(policy, FILE_AT(path, D2), ctx) == REASON_NONE ? "approved" : found_on;
}

static void
test_scopes(void)
{
	static const char scoped[] = "{\"assay_policy\":1,\"layers\":["
	    "{\"name\":\"base\",\"files\":{\"/oem/a\":[\"sha256:" D1 "\"],\"/usr/a\":[\"sha256:" D1 "\"]}},"
	    "{\"name\":\"oem\",\"files\":{\"/oem/b\":[\"sha256:" D1 "\"],\"/usr/b\":[\"sha256:" D1 "\"]}}],"
	    "\"scopes\":[{\"name\":\"oem\",\"partition\":\"COS_OEM\",\"layers\":[\"oem\"]}]}";
	static const struct sig_mount mounts[] = {
		{ { (const uint8_t *)"COS_OEM", 7 }, { (const uint8_t *)"/oem", 4 } } };
	const struct sig_context ctx = { .now = 1, .mounts = mounts, .n_mounts = 1 };

	ok(reason_in(scoped, FILE_AT("/oem/b", D1), &ctx) == REASON_NONE, "inside a scope its layers count");
	ok(reason_in(scoped, FILE_AT("/oem/a", D1), &ctx) == REASON_NOT_IN_POLICY, "and no others");
	ok(reason_in(scoped, FILE_AT("/usr/a", D1), &ctx) == REASON_NONE, "outside, those of no scope");
	ok(reason_in(scoped, FILE_AT("/usr/b", D1), &ctx) == REASON_NOT_IN_POLICY, "not the scope's");

	/* The owner's word instead of the caller's. */
	static const char placed[] = "{\"assay_policy\":1,\"layers\":["
	    "{\"name\":\"base\",\"files\":{\"/oem/a\":[\"sha256:" D1 "\"]}},"
	    "{\"name\":\"oem\",\"files\":{\"/oem/b\":[\"sha256:" D1 "\"],\"/usr/b\":[\"sha256:" D1 "\"]}}],"
	    "\"scopes\":[{\"name\":\"oem\",\"paths\":[\"/oem\"],\"partition\":\"COS_OEM\",\"layers\":[\"oem\"]}]}";

	ok(reason_in(placed, FILE_AT("/oem/b", D1), NULL) == REASON_NONE &&
	    reason_in(placed, FILE_AT("/oem/a", D1), NULL) == REASON_NOT_IN_POLICY &&
	    reason_in(placed, FILE_AT("/usr/b", D1), NULL) == REASON_NOT_IN_POLICY, "a policy can say where a volume is");
	is_str(partition_in(placed, "/oem/x", NULL), "COS_OEM", "a finding names the volume");
	is_str(partition_in(placed, "/oemx", NULL), "", "not beside it");
	is_str(partition_in(scoped, "/oem/x", &ctx), "COS_OEM", "nor only by the policy");
	is_str(partition_in(scoped, "/oem/x", NULL), "", "where nobody says, none");

	static const char nested[] = "{\"assay_policy\":1,\"layers\":["
	    "{\"name\":\"out\",\"files\":{\"/o/a\":[\"sha256:" D1 "\"],\"/o/in/a\":[\"sha256:" D1 "\"]}},"
	    "{\"name\":\"in\",\"files\":{\"/o/in/b\":[\"sha256:" D1 "\"]}}],\"scopes\":["
	    "{\"name\":\"o\",\"paths\":[\"/o\"],\"layers\":[\"out\"]},"
	    "{\"name\":\"i\",\"paths\":[\"/o/in\"],\"layers\":[\"in\"]}]}";

	ok(reason_in(nested, FILE_AT("/o/a", D1), &ctx) == REASON_NONE &&
	    reason_in(nested, FILE_AT("/o/in/b", D1), &ctx) == REASON_NONE &&
	    reason_in(nested, FILE_AT("/o/in/a", D1), &ctx) == REASON_NOT_IN_POLICY, "the longest path wins");

	static const char aliased[] = "{\"assay_policy\":1,\"layers\":["
	    "{\"name\":\"base\",\"files\":{\"/usr/lib/a\":[\"sha256:" D1 "\"]}},"
	    "{\"name\":\"libs\",\"files\":{\"/usr/lib/b\":[\"sha256:" D1 "\"]}}],"
	    "\"aliases\":[[\"/lib\",\"/usr/lib\"]],"
	    "\"scopes\":[{\"name\":\"libs\",\"paths\":[\"/usr/lib\"],\"layers\":[\"libs\"]}]}";

	ok(reason_in(aliased, FILE_AT("/lib/b", D1), &ctx) == REASON_NONE, "a scope holds under an alias");
	ok(reason_in(aliased, FILE_AT("/lib/a", D1), &ctx) == REASON_NOT_IN_POLICY,
	    "so that another name does not get the open layers");

	/* Not only the first alias: /sysroot/sbin is /sbin is /usr/sbin is /usr/bin. */
	static const char chained[] = "{\"assay_policy\":1,\"layers\":["
	    "{\"name\":\"base\",\"files\":{\"/opt/a\":[\"sha256:" D1 "\"],\"/sysroot/sbin/b\":[\"sha256:" D1 "\"]}},"
	    "{\"name\":\"usr\",\"files\":{\"/usr/sbin/a\":[\"sha256:" D1 "\"]}}],"
	    "\"aliases\":[[\"/sysroot\",\"/\"],[\"/usr/sbin\",\"/usr/bin\"],[\"/sbin\",\"/usr/sbin\"]],"
	    "\"scopes\":[{\"name\":\"usr\",\"paths\":[\"/sbin\"],\"layers\":[\"usr\"]}],"
	    "\"closed_directories\":[\"/sbin/closed\"]}";

	expect(chained, FILE_AT("/sysroot/opt/a", D1), REASON_NONE, "the root as an alias");
	expect(chained, FILE_AT("/usr/bin/a", D1), REASON_NONE, "a scope holds behind a chain of aliases");
	expect(chained, FILE_AT("/sysroot/sbin/b", D1), REASON_NOT_IN_POLICY, "from any of its names");
	expect(chained, FILE_AT("/usr/bin/closed/x", D1), REASON_CLOSED_DIRECTORY, "and so does a closed directory");
	expect(chained, FILE_AT("/sysroot/sbin/closed/x", D1), REASON_CLOSED_DIRECTORY, "from any name, too");
}

static void
test_buffers(void)
{
	struct digest d;
	struct err e = { 0 };
	struct buf hex = buf_init(256), policy = buf_init(4096);
	struct entry_spec b = { .template = "ima-buf", .alg = "sha256", .path = "kernel_version",
	    .third = span_lit("6.1.0") };

	if (digest_of(DIGEST_SHA256, span_lit("6.1.0"), &d, &e) != 0)
		return;
	buf_hex(&hex, digest_view(&d));
	b.hex = buf_cstr(&hex);
	expect("{\"assay_policy\":1}", b, REASON_CRITICAL_DATA, "a buffer that no policy names");
	expect("{\"assay_policy\":1,\"buffers\":{\"kernel_version\":\"ignore\"}}", b, REASON_NONE, "one to be ignored");
	buf_printf(&policy, "{\"assay_policy\":1,\"buffers\":{\"kernel_version\":[\"sha256:%s\"]}}", b.hex);
	expect(buf_cstr(&policy), b, REASON_NONE, "one with its digest");
	expect("{\"assay_policy\":1,\"buffers\":{\"kernel_version\":[\"sha256:" D1 "\"]}}", b, REASON_CRITICAL_DATA,
	    "one with another");
	expect("{\"assay_policy\":1,\"buffers\":{\"kernel_version2\":\"ignore\"}}", b, REASON_CRITICAL_DATA,
	    "another one to be ignored");
	policy.n = 0;
	buf_printf(&policy, "{\"assay_policy\":1,\"buffers\":{\"kernel_version\":\"ignore\"},"
	    "\"revoked\":{\"digests\":[\"sha256:%s\"]}}", b.hex);
	expect(buf_cstr(&policy), b, REASON_REVOKED, "one that is revoked");
	/* "0", 13, and thirteen bytes: the head of a certificate, for who chooses a command line. */
	b.path = "kexec-cmdline";
	b.third = span_lit("0\rinit=/bin/sh_");
	hex.n = 0;
	ok(key_load_like(b.third) && digest_of(DIGEST_SHA256, b.third, &d, &e) == 0, "a command line like a key");
	buf_hex(&hex, digest_view(&d));
	b.hex = buf_cstr(&hex);
	expect("{\"assay_policy\":1,\"keyrings\":{\"*\":\"ignore\"}}", b, REASON_CRITICAL_DATA,
	    "is judged as a command line, not by the rules for keyrings");
	policy.n = 0;
	buf_printf(&policy, "{\"assay_policy\":1,\"buffers\":{\"kexec-cmdline\":[\"sha256:%s\"]}}", b.hex);
	expect(buf_cstr(&policy), b, REASON_NONE, "and approved as one");
	b.path = ".ima";
	expect("{\"assay_policy\":1,\"keyrings\":{\"*\":\"ignore\"}}", b, REASON_NONE, "a keyring's name makes it a key");
	/* A file's entry called ima-buf: the template name is not measured. */
	b.hex = D2;
	b.path = "/usr/bin/evil";
	b.third = span_of(NULL, 0);
	expect("{\"assay_policy\":1,\"buffers\":{\"/usr/bin/evil\":\"ignore\"}}", b, REASON_MALFORMED_ENTRY,
	    "a file that is called a buffer is not taken for one");
	buf_free(&hex);
	buf_free(&policy);
}

/* Only what a quote covers teaches a key. */
static void
test_learning(void)
{
	RUNTIME_POLICY_AUTO struct runtime_policy p = { 0 };
	APPRAISER_AUTO struct appraiser *a = NULL;
	RESULT_AUTO struct result r = result_init();
	BUF_AUTO struct buf list = buf_init(1 << 16), hex = buf_init(256), policy = buf_init(4096);
	static const struct sig_context ctx = { .now = 1790000000 };
	const struct runtime_policy *all[] = { &p };
	struct file cert = golden("debian12-vm/ima-rsa.der");
	struct digest d = { 0 };
	struct ima_log log;
	struct ima_entry n;
	struct err e = { 0 };

	ok(digest_of(DIGEST_SHA256, file_view(&cert), &d, &e) == 0, "a certificate");
	buf_hex(&hex, digest_view(&d));
	put_record(&list, &(struct entry_spec){ .template = "ima-buf", .alg = "sha256", .hex = buf_cstr(&hex),
	    .path = ".ima", .third = file_view(&cert) });
	buf_printf(&policy, "{\"assay_policy\":1,\"keyrings\":{\".ima\":{\"digests\":[\"sha256:%s\"],"
	    "\"trust\":true}}}", buf_cstr(&hex));
	if (!ok(runtime_policy_parse(buf_view(&policy), &p, &e) == 0 && appraiser_new(all, 1, &ctx, &a, &e) == 0 &&
	    appraiser_begin(a, ctx.now, &r, &e) == 0 && ima_log_open(buf_view(&list), &log, &e) == 0 &&
	    ima_log_next(&log, &n, &e) == 1, "a policy that trusts it once it is loaded %s", e.message))
		return;
	ok(appraise_entry(a, &n, false, &r, &e) == 0 && keyring_count(appraiser_keyring(a)) == 0,
	    "an entry that no quote covers teaches nothing");
	ok(appraise_entry(a, &n, true, &r, &e) == 0 && keyring_count(appraiser_keyring(a)) == 1 &&
	    r.n_findings == 0, "one that is covered does");
	ima_log_close(&log);
	file_free(&cert);
}

/* Warnings about a policy, which every appraisal under it repeats. */
static size_t
warnings_of(const char *policy)
{
	static const struct sig_context plain = { .now = 1790000000 };
	RUNTIME_POLICY_AUTO struct runtime_policy p = { 0 };
	APPRAISER_AUTO struct appraiser *a = NULL;
	RESULT_AUTO struct result r = result_init();
	const struct runtime_policy *all[] = { &p };
	struct err e = { 0 };

	if (runtime_policy_parse(span_str(policy), &p, &e) != 0 || appraiser_new(all, 1, &plain, &a, &e) != 0 ||
	    appraiser_begin(a, plain.now, &r, &e) != 0)
		diag("%s", e.message);
	return r.n_warnings;
}

static void
test_accept_all(void)
{
	static const char *const all[] = { ".*", "", "/", "/.*", "^.*$", "[^\\\\n]*", "/usr/.*|.*" };
	static const char *const some[] = { "/usr/.*", "/tmp/*", ".*\\\\.pyc$", "/no$", "/no", "/i" };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) + sizeof(some) / sizeof(some[0]); i++) {
		bool is_all = i < sizeof(all) / sizeof(all[0]);
		const char *regex = is_all ? all[i] : some[i - sizeof(all) / sizeof(all[0])];
		char policy[256];

		(void)snprintf(policy, sizeof(policy), "{\"assay_policy\":1,\"excludes\":[\"/var/x\",\"%s\"]}", regex);
		ok(warnings_of(policy) == is_all, "an exclude \"%s\": %s", regex, is_all ? "warned of" : "no word");
	}
}

/* A signature over SHA-1 by a trusted key is good, which is told once; min_digest forbids it. */
static void
test_weak_signature(void)
{
	static const char *const wants[] = { "sha1", "sha256" };
	struct file cert = golden("ima-sig/rsa2048.der"), content = golden("ima-sig/content"),
	    xattr = golden("ima-sig/rsa2048-sha1.xattr");
	BUF_AUTO struct buf hex = buf_init(64), list = buf_init(1 << 16);
	struct entry_spec x = { .template = "ima-sig", .alg = "sha1", .path = "/opt/tool", .third = file_view(&xattr) };
	struct sig_context ctx = { .now = 1790000000 };
	struct digest d;
	struct err e = { 0 };

	if (digest_of(DIGEST_SHA1, file_view(&content), &d, &e) != 0)
		diag("%s", e.message);
	buf_hex(&hex, digest_view(&d));
	x.hex = buf_cstr(&hex);
	put_record(&list, &x);
	put_record(&list, &x);
	for (size_t i = 0; i < 2; i++) {
		RUNTIME_POLICY_AUTO struct runtime_policy p = { 0 };
		APPRAISER_AUTO struct appraiser *a = NULL;
		RESULT_AUTO struct result r = result_init();
		const struct runtime_policy *all[] = { &p };
		BUF_AUTO struct buf policy = buf_init(KIB(16));
		struct ima_log log;
		struct ima_entry n;

		buf_printf(&policy, "{\"assay_policy\":1,\"min_digest\":\"%s\",\"keys\":[{\"certificate\":\"", wants[i]);
		buf_base64(&policy, file_view(&cert));
		buf_str(&policy, "\"}]}");
		if (runtime_policy_parse(buf_view(&policy), &p, &e) != 0 || appraiser_new(all, 1, &ctx, &a, &e) != 0 ||
		    appraiser_begin(a, ctx.now, &r, &e) != 0 || ima_log_open(buf_view(&list), &log, &e) != 0) {
			ok(false, "%s", e.message);
			continue;
		}
		size_t before = r.n_warnings;

		while (ima_log_next(&log, &n, &e) == 1)
			if (appraise_entry(a, &n, true, &r, &e) != 0)
				diag("%s", e.message);
		ima_log_close(&log);
		if (i == 0)
			ok(r.n_findings == 0 && r.n_warnings == before + 1, "a signature over SHA-1 is told once");
		else
			ok(r.n_findings == 2 && r.findings[0].reason == REASON_WEAK_DIGEST && r.n_warnings == before,
			    "and is a finding where the policy wants more");
	}
	file_free(&cert);
	file_free(&content);
	file_free(&xattr);
}

static void
test_form(void)
{
	struct entry_spec x = FILE_AT("/usr/bin/a", D1);

	x.template = "ima-xx";
	expect(listed, x, REASON_UNKNOWN_TEMPLATE, "a template that is not known");
	x.template = "ima-sig";
	x.third = span_of(NULL, 0);
	expect(listed, x, REASON_NONE, "an empty signature is none");
	x = FILE_AT("/usr/bin/a", D1);
	x.template = "d-ng|n-ng|n-ng";
	x.third = span_lit("/tmp/x\0");
	expect(listed, x, REASON_UNKNOWN_TEMPLATE, "a field twice would let the writer choose its name");
	expect("{\"assay_policy\":1}", FILE_AT("boot_aggregate", D1), REASON_NONE, "boot_aggregate is the boot's to judge");
}

int
main(void)
{
	test_digests();
	test_excludes_and_closed();
	test_violations();
	test_revocation_and_minimum();
	test_scopes();
	test_buffers();
	test_learning();
	test_accept_all();
	test_form();
	test_weak_signature();
	return done();
}
