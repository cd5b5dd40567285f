#include "base/rfc3339.h"
#include "cmd/policy_facts.h"
#include "cmd/term.h"
#include "engine/dsse_sign.h"

/* A row of the summary: what, then the value. */
static void
label(FILE *out, const char *what)
{
	fprintf(out, "%s%-12s%s ", term_colour(out, COLOUR_BOLD), what, term_reset(out));
}

static void
row(FILE *out, const char *what, struct span value)
{
	if (value.n == 0)
		return;
	label(out, what);
	term_name(out, value, 0);
	putc('\n', out);
}

/* Names on one line after a word, nothing if there are none. */
static void
list(FILE *out, const char *word, const struct span *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fputs(i == 0 ? word : ", ", out);
		term_name(out, v[i], 0);
	}
}

static void
print_head(FILE *out, const struct policy_facts *f)
{
	const struct loaded_policy *lp = f->lp;
	const struct runtime_policy *p = &lp->policy;
	BUF_AUTO struct buf id = buf_init(256);

	row(out, "name", p->name);
	row(out, "format", span_str(policy_format_name(p)));
	row(out, "created", p->created);
	row(out, "generator", p->generator);
	label(out, "signature");
	if (lp->signer != NULL) {
		dsse_keyid(lp->signer, &id);
		fprintf(out, "by %s", buf_cstr(&id));
		if (pubkey_subject(lp->signer)[0] != '\0') {
			fputs(" ", out);
			term_name(out, span_str(pubkey_subject(lp->signer)), 0);
		}
	} else {
		fputs(lp->enveloped ? "NOT CHECKED" : "none", out);
	}
	putc('\n', out);
	if (p->min_digest != DIGEST_NONE)
		row(out, "min_digest", span_str(digest_alg_name(p->min_digest)));
}

static void
print_files(FILE *out, const struct policy_facts *f)
{
	const struct runtime_policy *p = &f->lp->policy;

	label(out, "files");
	fprintf(out, "%llu paths, %llu digests", (unsigned long long)p->table.n_paths,
	    (unsigned long long)p->table.n_digests);
	for (enum digest_alg a = DIGEST_NONE + 1; a < DIGEST_ALG_COUNT; a++)
		if (f->by_alg[a] > 0)
			fprintf(out, ", %s %llu", digest_alg_name(a), (unsigned long long)f->by_alg[a]);
	putc('\n', out);
	for (size_t i = 0; i < p->n_layers; i++) {
		label(out, i == 0 ? "layers" : "");
		term_name(out, p->layers[i].name, 0);
		fprintf(out, ": %llu paths, %llu digests", (unsigned long long)f->layers[i].paths,
		    (unsigned long long)f->layers[i].digests);
		if (f->layers[i].packages > 0)
			fprintf(out, ", %llu packages", (unsigned long long)f->layers[i].packages);
		list(out, "; from ", &p->layers[i].source, p->layers[i].source.n > 0);
		putc('\n', out);
	}
}

static void
print_places(FILE *out, const struct runtime_policy *p)
{
	for (size_t i = 0; i < p->n_aliases; i++) {
		label(out, i == 0 ? "aliases" : "");
		term_name(out, p->aliases[i].from, 0);
		fputs(" is ", out);
		term_name(out, p->aliases[i].to, 0);
		putc('\n', out);
	}
	for (size_t i = 0; i < p->n_scopes; i++) {
		const struct policy_scope *s = &p->scopes[i];

		label(out, i == 0 ? "scopes" : "");
		term_name(out, s->name, 0);
		list(out, ": ", s->paths, s->n_paths);
		list(out, "; partition ", &s->partition, s->partition.n > 0);
		for (size_t k = 0; k < s->n_layers; k++)
			list(out, k == 0 ? "; layers " : ", ", &p->layers[s->layers[k]].name, 1);
		putc('\n', out);
	}
	if (p->n_closed_directories > 0) {
		label(out, "closed");
		list(out, "", p->closed_directories, p->n_closed_directories);
		putc('\n', out);
	}
}

static void
print_pattern(FILE *out, const char *what, const struct policy_pattern *x, const char *then)
{
	label(out, what);
	term_name(out, x->regex, 0);
	fprintf(out, "%s%s\n", x->match == POLICY_MATCH_FULL ? "  (whole path)" : "", then);
}

static void
print_patterns(FILE *out, const struct runtime_policy *p)
{
	for (size_t i = 0; i < p->n_excludes; i++)
		print_pattern(out, i == 0 ? "excludes" : "", &p->excludes[i], "");
	for (size_t i = 0; i < p->n_violations; i++)
		print_pattern(out, i == 0 ? "violations" : "", &p->violations[i].path,
		    p->violations[i].action == POLICY_VIOLATION_IGNORE ? "  ignored" : "  a finding");
}

static void
print_scope(FILE *out, const struct policy_key_scope *s)
{
	BUF_AUTO struct buf from = buf_init(64), to = buf_init(64);

	list(out, "; only ", s->paths, s->n_paths);
	list(out, "; only on ", s->filesystems, s->n_filesystems);
	list(out, "; only from ", s->keyrings, s->n_keyrings);
	list(out, "; only of kind ", s->kinds, s->n_kinds);
	buf_rfc3339(&from, s->not_before);
	buf_rfc3339(&to, s->not_after);
	if (s->not_before != 0)
		fprintf(out, "; from %s", buf_cstr(&from));
	if (s->not_after != 0)
		fprintf(out, "; until %s", buf_cstr(&to));
}

static void
print_key(FILE *out, const struct policy_key *k, const struct key_facts *facts, bool first)
{
	BUF_AUTO struct buf id = buf_init(256);

	label(out, first ? "keys" : "");
	if (k->name.n > 0) {
		term_name(out, k->name, 0);
		fputs(": ", out);
	}
	if (facts->key == NULL) {
		fprintf(out, "UNUSABLE: %s", facts->why);
	} else {
		dsse_keyid(facts->key, &id);
		fprintf(out, "%s %u, %s", pubkey_kind(facts->key) == PUBKEY_RSA ? "RSA" : "EC",
		    pubkey_bits(facts->key), buf_cstr(&id));
		/* A key without a name of its own is called by its subject already. */
		if (pubkey_subject(facts->key)[0] != '\0' && !span_is(k->name, pubkey_subject(facts->key))) {
			fputs(", ", out);
			term_name(out, span_str(pubkey_subject(facts->key)), 0);
		}
	}
	if (facts->revoked)
		fputs("; REVOKED", out);
	print_scope(out, &k->scope);
	putc('\n', out);
}

static void
print_measured(FILE *out, const struct runtime_policy *p)
{
	for (size_t i = 0; i < p->n_buffers; i++) {
		label(out, i == 0 ? "buffers" : "");
		term_name(out, p->buffers[i].name, 0);
		if (p->buffers[i].ignore)
			fputs(": not judged\n", out);
		else
			fprintf(out, ": %zu digests\n", p->buffers[i].n_digests);
	}
	for (size_t i = 0; i < p->n_keyrings; i++) {
		const struct policy_keyring *k = &p->keyrings[i];

		label(out, i == 0 ? "keyrings" : "");
		term_name(out, k->name, 0);
		if (k->ignore)
			fputs(": not judged\n", out);
		else
			fprintf(out, ": %zu keys may be loaded%s\n", k->n_digests,
			    k->trust ? " and then verify files" : "");
	}
}

void
policy_facts_print(FILE *out, const struct policy_facts *f)
{
	const struct runtime_policy *p = &f->lp->policy;
	json_t *w;
	size_t i;

	print_head(out, f);
	print_files(out, f);
	print_places(out, p);
	print_patterns(out, p);
	for (i = 0; i < p->n_keys; i++)
		print_key(out, &p->keys[i], &f->keys[i], i == 0);
	print_measured(out, p);
	if (p->n_revoked_keys + p->n_revoked_digests > 0) {
		label(out, "revoked");
		fprintf(out, "%zu keys, %zu digests\n", p->n_revoked_keys, p->n_revoked_digests);
	}
	if (p->ima.demanded)
		row(out, "IMA policy", span_lit("the policy says which IMA policies the kernel may have"));
	if (p->boot != NULL)
		row(out, "boot", span_lit("the policy says how the machine must have booted"));
	json_array_foreach(f->warnings, i, w)
		fprintf(out, "%swarning:%s %s\n", term_colour(out, COLOUR_WARN), term_reset(out),
		    json_string_value(json_object_get(w, "message")));
}
