/* assay policy diff: what one policy approves and another does not. */
#include <stdlib.h>

#include "cmd/load_policy.h"
#include "cmd/term.h"
#include "engine/policy_diff.h"

static const struct option_spec options[] = {
	{ .name = "policy-key", .arg = "F", .repeat = true, .complete = COMPLETE_FILE,
	  .help = "key or certificate that must have signed both policies" },
	{ .name = NULL },
};

struct rule_change {
	const char *section;
	bool added;
	char *what;		/* owned */
};

/* Everything that changed, gathered so that it can be grouped. */
struct changes {
	struct policy_change *files;
	size_t n_files, cap_files;
	struct rule_change *rules;
	size_t n_rules, cap_rules;
	bool nomem;
};

static void
changes_free(struct changes *c)
{
	for (size_t i = 0; i < c->n_rules; i++)
		free(c->rules[i].what);
	free(c->rules);
	free(c->files);
}

static bool
room(struct changes *c, void *array, size_t n, size_t *cap, size_t size)
{
	void **p = array;
	size_t want = *cap == 0 ? 64 : *cap * 2;
	void *q;

	if (n < *cap)
		return true;
	if ((q = reallocarray(*p, want, size)) == NULL) {
		c->nomem = true;
		return false;
	}
	*p = q;
	*cap = want;
	return true;
}

static void
on_file(const struct policy_change *f, void *cookie)
{
	struct changes *c = cookie;

	if (room(c, &c->files, c->n_files, &c->cap_files, sizeof(*f)))
		c->files[c->n_files++] = *f;
}

static void
on_rule(const char *section, bool added, struct span what, void *cookie)
{
	struct changes *c = cookie;
	char *copy;

	if (!room(c, &c->rules, c->n_rules, &c->cap_rules, sizeof(*c->rules)))
		return;
	if ((copy = strndup((const char *)what.p, what.n)) == NULL)
		c->nomem = true;
	else
		c->rules[c->n_rules++] = (struct rule_change){ section, added, copy };
}

static int
cmp_package(const struct policy_package *a, const struct policy_package *b)
{
	if (a == NULL || b == NULL)
		return (a != NULL) - (b != NULL);	/* loose files first */
	return span_cmp(a->name, b->name);
}

/* By layer and package name; the version differs where a package was updated, and both
 * sides of that belong together. */
static int
cmp_file(const void *x, const void *y)
{
	const struct policy_change *a = x, *b = y;
	int c;

	if ((c = span_cmp(a->layer, b->layer)) != 0 || (c = cmp_package(a->package, b->package)) != 0 ||
	    (c = span_cmp(a->path, b->path)) != 0)
		return c;
	if (a->added != b->added)
		return a->added ? 1 : -1;
	return a->alg != b->alg ? (a->alg < b->alg ? -1 : 1) : span_cmp(a->digest, b->digest);
}

static json_t *
file_json(const struct policy_change *f)
{
	BUF_AUTO struct buf digest = buf_init(256);
	json_t *j = json_pack("{s:s, s:o, s:o}", "change", f->added ? "added" : "removed",
	    "path", json_escaped(f->path), "path_b64", json_base64(f->path));

	buf_printf(&digest, "%s:", digest_alg_name(f->alg));
	buf_hex(&digest, f->digest);
	json_object_set_new(j, "digest", json_string(buf_cstr(&digest)));
	json_object_set_new(j, "layer", json_escaped(f->layer));
	if (f->package != NULL)
		json_object_set_new(j, "package", json_pack("{s:o, s:o, s:o}",
		    "name", json_escaped(f->package->name), "version", json_escaped(f->package->version),
		    "architecture", json_escaped(f->package->arch)));
	return j;
}

static int
print_json(const struct changes *c, struct err *e)
{
	json_t *files = json_array(), *rules = json_array();
	JSON_AUTO json_t *doc = json_pack("{s:i, s:b, s:o, s:o}", "assay_policy_diff", 1,
	    "same", c->n_files + c->n_rules == 0, "files", files, "rules", rules);

	for (size_t i = 0; i < c->n_files; i++)
		json_array_append_new(files, file_json(&c->files[i]));
	for (size_t i = 0; i < c->n_rules; i++)
		json_array_append_new(rules, json_pack("{s:s, s:s, s:s}", "section", c->rules[i].section,
		    "change", c->rules[i].added ? "added" : "removed", "value", c->rules[i].what));
	return doc == NULL ? err_set(e, ERR_NOMEM, "out of memory") : cmd_print_json(doc, e);
}

static void
print_sign(bool added)
{
	printf("  %s%c%s ", term_colour(stdout, added ? COLOUR_GOOD : COLOUR_BAD), added ? '+' : '-',
	    term_reset(stdout));
}

static void
print_heading(const struct policy_change *f)
{
	printf("%slayer ", term_colour(stdout, COLOUR_BOLD));
	term_name(stdout, f->layer, 0);
	if (f->package != NULL) {
		printf(", package ");
		term_name(stdout, f->package->name, 0);
	}
	printf("%s\n", term_reset(stdout));
}

static void
print_file(const struct policy_change *f)
{
	BUF_AUTO struct buf digest = buf_init(256);

	buf_hex(&digest, f->digest);
	print_sign(f->added);
	term_name(stdout, f->path, 0);
	printf("  %s:%s", digest_alg_name(f->alg), buf_cstr(&digest));
	if (f->package != NULL && f->package->version.n > 0) {
		printf("  ");
		term_name(stdout, f->package->version, 0);
	}
	putchar('\n');
}

/* JSON on one line: already free of control characters, unless somebody's names are
 * not ASCII; only then is it escaped once more. */
static void
print_rule(const struct rule_change *r)
{
	bool plain = true;

	for (const char *c = r->what; *c != '\0'; c++)
		plain = plain && *c >= 0x20 && *c < 0x7f;
	print_sign(r->added);
	if (plain)
		fputs(r->what, stdout);
	else
		term_name(stdout, span_str(r->what), 0);
	putchar('\n');
}

static void
print_text(const struct changes *c)
{
	size_t added = 0;

	for (size_t i = 0; i < c->n_files; i++) {
		const struct policy_change *f = &c->files[i], *last = i == 0 ? NULL : &c->files[i - 1];

		if (last == NULL || !span_eq(last->layer, f->layer) ||
		    cmp_package(last->package, f->package) != 0)
			print_heading(f);
		print_file(f);
		added += f->added;
	}
	for (size_t i = 0; i < c->n_rules; i++) {
		const struct rule_change *r = &c->rules[i];

		if (i == 0 || strcmp(c->rules[i - 1].section, r->section) != 0)
			printf("%s%s%s\n", term_colour(stdout, COLOUR_BOLD), r->section, term_reset(stdout));
		print_rule(r);
	}
	if (c->n_files + c->n_rules == 0)
		puts("the policies approve the same");
	else
		printf("%zu digests added, %zu removed, %zu other changes\n", added, c->n_files - added,
		    c->n_rules);
}

static enum exit_status
diff(const struct invocation *in, struct err *e)
{
	LOADED_POLICY_AUTO struct loaded_policy a = { 0 }, b = { 0 };
	POLICY_KEYS_AUTO struct policy_keys keys = { 0 };
	__attribute__((cleanup(changes_free))) struct changes c = { 0 };

	if (policy_keys_load(in, "policy-key", &keys, e) != 0 ||
	    load_policy(in->operands[0], &keys, LOAD_POLICY_TRUST, &a, e) != 0 ||
	    load_policy(in->operands[1], &keys, LOAD_POLICY_TRUST, &b, e) != 0 ||
	    policy_diff_files(&a.policy, &b.policy, on_file, &c, e) != 0 ||
	    policy_diff_rules(&a.policy, &b.policy, on_rule, &c, e) != 0)
		return cmd_error(in, e);
	if (c.nomem) {
		err_set(e, ERR_NOMEM, "out of memory");
		return cmd_error(in, e);
	}
	if (c.n_files > 1)
		qsort(c.files, c.n_files, sizeof(*c.files), cmp_file);
	if (in->json) {
		if (print_json(&c, e) != 0)
			return cmd_error(in, e);
	} else {
		print_text(&c);
	}
	return c.n_files + c.n_rules == 0 ? EXIT_GOOD : EXIT_FINDING;
}

const struct command cmd_policy_diff = {
	.noun = "policy", .verb = "diff",
	.summary = "show what changes between two policies",
	.operands = "OLD NEW", .min_operands = 2, .max_operands = 2, .complete = COMPLETE_FILE,
	.description =
	    "Lists the digests that NEW adds and those it no longer has, by layer and package, then\n"
	    "each change of the other rules. Exit status 0: the policies approve the same; 1: they\n"
	    "differ. Name, time and generator of a policy and the names of layers do not count.",
	.example =
	    "  $ assay policy diff monday.json tuesday.json\n"
	    "  layer debian, package bash\n"
	    "    - /usr/bin/bash  sha256:a3bc...  5.2.15-2+b7\n"
	    "    + /usr/bin/bash  sha256:91ff...  5.2.15-2+b8\n"
	    "  1 digests added, 1 removed, 2 other changes",
	.wants_json = true,
	.options = options,
	.run = diff,
};
