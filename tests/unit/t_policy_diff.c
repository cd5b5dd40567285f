/* A difference between policies is reported once, in order, with its package, and what
 * changes nothing (names, order, packages of the same files) is no change of digests. */
#include "engine/policy_diff.h"
#include "tests/tap.h"

#define H40 "1111111111111111111111111111111111111111"
#define I40 "2222222222222222222222222222222222222222"
#define ASSAY "{\"assay_policy\":1,"

static char seen[4096];

static void
on_file(const struct policy_change *c, void *cookie)
{
	size_t n = strlen(seen);

	(void)cookie;
	(void)snprintf(seen + n, sizeof(seen) - n, "%c%.*s=%02x/%.*s ", c->added ? '+' : '-',
	    (int)c->path.n, (const char *)c->path.p, c->digest.p[0],
	    (int)(c->package == NULL ? 0 : c->package->name.n),
	    c->package == NULL ? "" : (const char *)c->package->name.p);
}

static void
on_rule(const char *section, bool added, struct span what, void *cookie)
{
	size_t n = strlen(seen);

	(void)cookie;
	(void)snprintf(seen + n, sizeof(seen) - n, "%c%s:%.*s ", added ? '+' : '-', section,
	    (int)what.n, (const char *)what.p);
}

static void
diff(const char *a, const char *b, const char *want, const char *what)
{
	struct runtime_policy p, q;
	struct err e = { 0 };

	seen[0] = '\0';
	if (runtime_policy_parse(span_str(a), &p, &e) != 0 || runtime_policy_parse(span_str(b), &q, &e) != 0 ||
	    policy_diff_files(&p, &q, on_file, NULL, &e) != 0 ||
	    policy_diff_rules(&p, &q, on_rule, NULL, &e) != 0) {
		ok(false, "%s: %s", what, e.message);
		return;
	}
	is_str(seen, want, what);
	runtime_policy_free(&p);
	runtime_policy_free(&q);
}

#define LAYER(name, files) "{\"name\":\"" name "\",\"files\":{" files "}}"
#define A1 "\"/a\":[\"sha1:" H40 "\"]"
#define A2 "\"/a\":[\"sha1:" I40 "\"]"
#define A12 "\"/a\":[\"sha1:" H40 "\",\"sha1:" I40 "\"]"
#define B1 "\"/b\":[\"sha1:" H40 "\"]"
#define LAYERS(x) ASSAY "\"layers\":[" x "]}"
#define SCOPED(x) ASSAY "\"layers\":[" x "],\"scopes\":[{\"name\":\"s\",\"paths\":[\"/o\"],\"layers\":[\"l\"]}]}"
#define PACKAGE(v, files) LAYERS("{\"name\":\"l\",\"packages\":[{\"name\":\"p\",\"version\":\"" v "\",\"files\":{" files "}}]}")

int
main(void)
{
	diff(LAYERS(LAYER("l", A1)), LAYERS(LAYER("l", A1)), "", "the same");
	diff(LAYERS(LAYER("l", A1)), LAYERS(LAYER("m", A1)), "", "a layer's name alone is no change");
	diff(LAYERS(LAYER("l", A1) "," LAYER("m", B1)), LAYERS(LAYER("l", B1 "," A1)), "", "nor is where files are listed");
	diff(LAYERS(LAYER("l", A1)), LAYERS(LAYER("l", A2)), "-/a=11/ +/a=22/ ", "another digest");
	diff(LAYERS(LAYER("l", A1)), LAYERS(LAYER("l", A12)), "+/a=22/ ", "a digest more");
	diff(LAYERS(LAYER("l", A1)), LAYERS(LAYER("l", B1)), "-/a=11/ +/b=11/ ", "another path");
	diff(LAYERS(""), LAYERS(LAYER("l", A1 "," B1)), "+/a=11/ +/b=11/ ", "from nothing");
	diff(LAYERS(LAYER("l", A1)), SCOPED(LAYER("l", A1)),
	    "-/a=11/ +/a=11/ +scopes:{\"layers\":[\"l\"],\"name\":\"s\",\"paths\":[\"/o\"]} ",
	    "a scope changes what its layers approve");
	diff(PACKAGE("1", A1), PACKAGE("2", A1),
	    "-packages:{\"layer\": \"l\", \"name\": \"p\", \"version\": \"1\", \"architecture\": \"\"} "
	    "+packages:{\"layer\": \"l\", \"name\": \"p\", \"version\": \"2\", \"architecture\": \"\"} ",
	    "a new version with the same files is a change of packages");
	diff(PACKAGE("1", A1), PACKAGE("1", A2), "-/a=11/p +/a=22/p ", "the package is told");
	diff(ASSAY "\"name\":\"a\",\"created\":\"2026-01-01T00:00:00Z\",\"excludes\":[\"/a\",\"/b\"]}",
	    ASSAY "\"name\":\"b\",\"excludes\":[\"/b\",\"/a\"]}", "", "name, time and order do not count");
	diff(ASSAY "\"excludes\":[\"/a\"],\"min_digest\":\"sha256\"}",
	    ASSAY "\"excludes\":[\"/c\"],\"buffers\":{\"k\":\"ignore\"}}",
	    "-min_digest:\"sha256\" -excludes:\"/a\" +excludes:\"/c\" +buffers:\"k\": \"ignore\" ", "rules");
	return done();
}
