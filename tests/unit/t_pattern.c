/* Promise: a pattern decides alone, exactly as PCRE2 does on bytes, however many
 * there are; a bad one is named by number and byte; one that takes too long is an
 * error and never "no match". */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "engine/pattern.h"
#include "tests/tap.h"

static struct policy_pattern
start(const char *s)
{
	return (struct policy_pattern){ .regex = span_str(s), .match = POLICY_MATCH_START };
}

/* The one pattern on the one path: 1, 0, or an error code. */
static int
match1(const char *regex, enum policy_match how, struct span path, struct err *e)
{
	struct policy_pattern p = { .regex = span_str(regex), .match = how };
	PATTERN_SET_AUTO struct pattern_set *set = NULL;
	PATTERN_SCRATCH_AUTO struct pattern_scratch *scratch = NULL;
	size_t hit;
	int rc;

	if ((rc = pattern_set_new(&p, 1, &set, e)) != 0 ||
	    (rc = pattern_scratch_new(&scratch, e)) != 0 ||
	    (rc = pattern_match(set, scratch, path, &hit, e)) != 0)
		return rc;
	return hit != SIZE_MAX;
}

static void
test_anchors(void)
{
	static const struct { const char *regex, *path; int start, full; } t[] = {
		{ "/tmp/.*", "/tmp/x", 1, 1 },
		{ "/tmp/.*", "/var/tmp/x", 0, 0 },
		{ "/tmp", "/tmp/x", 1, 0 },
		{ "/tmp/*", "/tmpevil", 1, 0 },
		{ "^/tmp/.*$", "/tmp/x", 1, 1 },
		{ "/a|/b", "/bc", 1, 0 },
		{ "/a|/b", "/b", 1, 1 },
		{ "", "/anything", 1, 0 },
		{ "", "", 1, 1 },
		{ "/x?y", "/y", 1, 1 },
		{ "/x{0}y", "/y", 1, 1 },
		{ "/xx*y", "/xy", 1, 1 },
		{ "/x+y", "/xxy", 1, 1 },
		{ "\\A/x\\.so(\\.[0-9]+)*", "/x.so.1.2", 1, 1 },
		{ "\\Q/a|b\\E", "/a|b", 1, 1 },
		{ "/a(?x) b | c #(\n", "/ab", 1, 1 },
		{ "/a[|]b", "/a|b", 1, 1 },
		{ "/a[]|]b|/c", "/c", 1, 1 },
		{ "/a\\c(x|/d\\c)", "/d\x69", 1, 1 },
		{ "/a(?i)B", "/ab", 1, 1 },
		{ "(?i)/TMP/", "/tmp/", 1, 1 },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct err e = { 0 };
		int s = match1(t[i].regex, POLICY_MATCH_START, span_str(t[i].path), &e);
		int f = match1(t[i].regex, POLICY_MATCH_FULL, span_str(t[i].path), &e);

		if (!ok(s == t[i].start && f == t[i].full, "pattern %zu of the table", i))
			diag("'%s' on '%s': ", t[i].regex, t[i].path), diag("start %d, full %d: %s", s, f, e.message);
	}
}

static void
test_bytes(void)
{
	static const uint8_t odd[] = "/a\xff\n\x00z";
	struct err e = { 0 };

	is_int(match1("/a\\xff\\n\\x00z$", POLICY_MATCH_FULL, span_of(odd, 6), &e), 1,
	    "bytes that are no text match by value");
	is_int(match1("/a.", POLICY_MATCH_FULL, span_of(odd, 3), &e), 1, "one byte is one '.'");
	is_int(match1("/a.*z", POLICY_MATCH_FULL, span_of(odd, 6), &e), 0, "'.' is no newline");
	is_int(match1("(*UTF)/a", POLICY_MATCH_START, span_of(odd, 6), &e), ERR_REGEX,
	    "a pattern cannot switch UTF on");
	is_int(match1("/a", POLICY_MATCH_START, span_of(NULL, 0), &e), 0, "an empty path");
}

static void
test_refused(void)
{
	struct policy_pattern p[3] = { start("/ok"), start("/also.*"), start("/bad(") };
	struct pattern_set *set = NULL;
	struct err e = { 0 };

	is_int(pattern_set_new(p, 3, &set, &e), ERR_REGEX, "a pattern that does not compile");
	is_int((int64_t)e.line, 3, "is named by its number");
	is_int((int64_t)e.column, 6, "and the byte");
	ok(set == NULL, "no set comes out");
	p[2] = start("*");
	is_int(pattern_set_new(p, 3, &set, &e), ERR_REGEX, "a quantifier with nothing before it");

	char *big = malloc(LIMIT_REGEX_LENGTH + 2);
	if (big == NULL)
		abort();
	memset(big, 'a', LIMIT_REGEX_LENGTH + 1);
	big[LIMIT_REGEX_LENGTH + 1] = '\0';
	p[2] = start(big);
	is_int(pattern_set_new(p, 3, &set, &e), ERR_LIMIT, "a pattern over the ceiling");
	free(big);
}

static void
test_gives_up(void)
{
	char path[4096];
	struct err e = { 0 };

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[63] = 'x';
	is_int(match1("/(?:a|aa)+$", POLICY_MATCH_START, span_of(path, 64), &e), ERR_REGEX,
	    "exponential trying is an error, not a miss");
	ok(strstr(e.message, "gave up") != NULL && e.hint[0] != '\0', "and says what to do");
	/* Found by fuzzing: compiled code ran for minutes here. */
	is_int(match1("(0?)|(?0)|.", POLICY_MATCH_FULL, span_lit("/./"), &e), 0,
	    "a pattern that calls itself comes to an end");
	for (size_t i = 0; i < 5; i++) {
		static const char *const calls[] = { "(a|b(?1))", "(?<n>a?)(?&n)", "(?<n>a?)(?P>n)",
		    "(?<n>a?)\\g<n>", "(a?)(?-1)" };

		ok(match1(calls[i], POLICY_MATCH_START, span_lit("ba"), &e) >= 0, "'%s' matches", calls[i]);
	}
	path[63] = 'a';
	is_int(match1("/(?:a|b|c)*+$", POLICY_MATCH_START, span_of(path, sizeof(path)), &e), 1,
	    "a long path alone is none");
}

/* Against PCRE2 asked directly, over pairs made from a small alphabet that hits the
 * literal finder where it is weakest. */
static void
test_same_as_pcre2(void)
{
	static const char alphabet[] = "/ab|().*?+[]^$\\{}1xQE:";
	uint32_t seed = 1;
	unsigned tried = 0, wrong = 0, hits = 0;

	for (unsigned round = 0; round < 60000; round++) {
		char regex[16], path[8];
		size_t rn, pn;

		seed = seed * 1664525 + 1013904223;
		rn = 1 + (seed >> 24) % 12;
		for (size_t i = 0; i < rn; i++) {
			seed = seed * 1664525 + 1013904223;
			regex[i] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
		}
		pn = (seed >> 8) % 7;
		for (size_t i = 0; i < pn; i++) {
			seed = seed * 1664525 + 1013904223;
			path[i] = "/ab1x|."[(seed >> 16) % 7];
		}
		struct policy_pattern p = { .regex = span_of(regex, rn), .match = (seed >> 28) % 2 };
		PATTERN_SET_AUTO struct pattern_set *set = NULL;
		PATTERN_SCRATCH_AUTO struct pattern_scratch *scratch = NULL;
		struct err e = { 0 };
		size_t hit = 0, off;
		int code;

		if (pattern_set_new(&p, 1, &set, &e) != 0)
			continue;
		if (pattern_scratch_new(&scratch, &e) != 0)
			abort();
		pcre2_code *re = pcre2_compile((PCRE2_SPTR)regex, rn, PCRE2_ANCHORED |
		    (p.match == POLICY_MATCH_FULL ? PCRE2_ENDANCHORED : 0), &code, &off, NULL);
		pcre2_match_data *md = pcre2_match_data_create(1, NULL);
		bool want = pcre2_match(re, (PCRE2_SPTR)path, pn, 0, 0, md, NULL) >= 0;

		if (pattern_match(set, scratch, span_of(path, pn), &hit, &e) != 0 ||
		    (hit != SIZE_MAX) != want) {
			diag("'%.*s' on '%.*s': want %d", (int)rn, regex, (int)pn, path, want);
			wrong++;
		}
		hits += want;
		tried++;
		pcre2_match_data_free(md);
		pcre2_code_free(re);
	}
	ok(wrong == 0 && tried > 5000 && hits > 500,
	    "%u random pairs (%u hits) decide as PCRE2 alone does", tried, hits);
}

/* Many patterns together say what each says alone. */
static void
test_many(void)
{
	static const char *const regex[] = {
		"/usr/lib/a", "/usr/lib/", "/usr", "/usr/lib/.*\\.so$", "(a)(b)\\2", ".*\\.log$",
		"/usr/lib/a/b", "/var/(log|tmp)/", "/usr/l?ib", "/u", "x|/opt", "/usr/lib/a.*",
	};
	static const char *const paths[] = {
		"/usr/lib/a", "/usr/lib/a/b/c", "/usr/lib/x.so", "/usr", "/us", "/u", "/opt/x", "/",
		"", "/var/log/x", "/var/lib", "/x/y.log", "abb", "xyz", "/usr/ib", "/zzz",
	};
	struct policy_pattern p[12];
	PATTERN_SET_AUTO struct pattern_set *set = NULL;
	PATTERN_SCRATCH_AUTO struct pattern_scratch *scratch = NULL;
	struct err e = { 0 };
	unsigned wrong = 0;

	for (size_t i = 0; i < 12; i++)
		p[i] = start(regex[i]);
	if (pattern_set_new(p, 12, &set, &e) != 0 || pattern_scratch_new(&scratch, &e) != 0) {
		ok(false, "the set compiles: %s", e.message);
		return;
	}
	for (size_t k = 0; k < sizeof(paths) / sizeof(paths[0]); k++) {
		struct span path = span_str(paths[k]);
		bool any = false, one;
		size_t hit;

		for (size_t i = 0; i < 12; i++) {
			if (pattern_match_one(set, scratch, i, path, &one, &e) != 0)
				abort();
			any |= one;
		}
		if (pattern_match(set, scratch, path, &hit, &e) != 0 || (hit != SIZE_MAX) != any)
			wrong++;
		else if (any && (pattern_match_one(set, scratch, hit, path, &one, &e) != 0 || !one))
			wrong++;
	}
	is_int(wrong, 0, "twelve patterns together on sixteen paths");
	is_int((int64_t)pattern_set_size(set), 12, "the set knows its size");
}

static void
test_overreach(void)
{
	static const struct { const char *regex, *want; } t[] = {
		{ "/tmp/*", "/tmpevil" }, { "/tmp/.*", "" }, { "/tmp/", "" }, { "/usr", "/usrevil" },
		{ "^/tmp/*", "/tmpevil" }, { "/a/b$", "" }, { ".*\\.log", "" }, { "/a.*", "" },
		{ "/home/(a|b)/", "" }, { "/opt/a\\.b", "/opt/a.bevil" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct policy_pattern p = start(t[i].regex);
		PATTERN_SET_AUTO struct pattern_set *set = NULL;
		PATTERN_SCRATCH_AUTO struct pattern_scratch *scratch = NULL;
		BUF_AUTO struct buf b = buf_init(4096);
		struct err e = { 0 };

		if (pattern_set_new(&p, 1, &set, &e) != 0 || pattern_scratch_new(&scratch, &e) != 0)
			abort();
		bool far = pattern_overreach(set, scratch, 0, &b);
		ok(far == (t[i].want[0] != '\0'), "overreach of '%s'", t[i].regex);
		is_str(buf_cstr(&b), t[i].want, "with its example");
	}
}

int
main(void)
{
	test_anchors();
	test_bytes();
	test_refused();
	test_gives_up();
	test_same_as_pcre2();
	test_many();
	test_overreach();
	return done();
}
