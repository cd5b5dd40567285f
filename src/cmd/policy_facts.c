#include "cmd/policy_facts.h"

#include <stdarg.h>
#include <stdlib.h>

#include "engine/boot_policy.h"
#include "engine/pattern.h"

void
policy_facts_free(struct policy_facts *f)
{
	for (size_t i = 0; f->keys != NULL && i < f->lp->policy.n_keys; i++)
		pubkey_free(f->keys[i].key);
	free(f->keys);
	free(f->layers);
	json_decref(f->warnings);
}

const char *
policy_format_name(const struct runtime_policy *p)
{
	switch (p->source) {
	case POLICY_FROM_ASSAY:			return "Assay policy";
	case POLICY_FROM_TABLE:			return "compiled table";
	case POLICY_FROM_KEYLIME:		return "Keylime runtime policy";
	case POLICY_FROM_KEYLIME_ALLOWLIST:	return "Keylime allowlist";
	case POLICY_FROM_SUMS:			return "list of digests";
	default:				return "unknown";
	}
}

ERR_PRINTF(3, 4) static void
warn(struct policy_facts *f, const char *code, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(f->warnings, json_pack("{s:s, s:o}", "code", code,
	    "message", json_escaped(span_str(text))));
}

/* One pass over the table. */
static int
count_files(struct policy_facts *f, struct err *e)
{
	const struct runtime_policy *p = &f->lp->policy;
	struct policy_iter it;
	struct policy_digest d;
	struct span path;

	for (uint64_t i = 0; i < p->table.n_paths; i++) {
		uint32_t last = UINT32_MAX;	/* digests are sorted by layer */

		if (!policy_table_at(&p->table, i, &path, &it))
			return err_set(e, ERR_FORMAT, "the table of the policy is damaged");
		f->relative += path.p[0] != '/' && !span_is(path, "boot_aggregate");
		while (policy_iter_next(&it, &d)) {
			if (d.layer >= p->n_layers)
				return err_set(e, ERR_FORMAT, "the table of the policy is damaged");
			f->by_alg[d.alg]++;
			f->layers[d.layer].digests++;
			f->layers[d.layer].paths += d.layer != last;
			last = d.layer;
		}
	}
	for (size_t i = 0; i < p->n_packages; i++)
		if (p->packages[i].layer < p->n_layers)
			f->layers[p->packages[i].layer].packages++;
	return 0;
}

static void
warn_files(struct policy_facts *f)
{
	const struct runtime_policy *p = &f->lp->policy;
	uint64_t weak = 0;

	for (enum digest_alg a = DIGEST_NONE + 1; a < DIGEST_ALG_COUNT; a++)
		weak += digest_alg_weak(a) ? f->by_alg[a] : 0;
	if (weak > 0)
		warn(f, "weak-digests", "%llu digests are SHA-1 or MD5: another file can be made to have "
		    "the same digest", (unsigned long long)weak);
	if (f->relative > 0)
		warn(f, "relative-path", "%llu names do not begin with \"/\": the kernel hardly ever reports "
		    "such names, so they approve nothing", (unsigned long long)f->relative);
	for (size_t i = 0; i < p->n_layers; i++)
		if (f->layers[i].digests == 0)
			warn(f, "empty-layer", "layer \"%.*s\" approves no file", (int)p->layers[i].name.n,
			    (const char *)p->layers[i].name.p);
}

static bool
matches(const struct pattern_set *set, struct pattern_scratch *scratch, size_t i, const char *path)
{
	bool hit = false;

	return pattern_match_one(set, scratch, i, span_str(path), &hit, NULL) == 0 && hit;
}

/* ${what}: "exclude" or "violation rule". */
static void
warn_pattern(struct policy_facts *f, const struct policy_pattern *pattern, const char *what, size_t i)
{
	PATTERN_SET_AUTO struct pattern_set *set = NULL;
	PATTERN_SCRATCH_AUTO struct pattern_scratch *scratch = NULL;
	BUF_AUTO struct buf example = buf_init(LIMIT_SMALL_FILE);
	struct err why = { 0 };
	int n = (int)(pattern->regex.n < 200 ? pattern->regex.n : 200);
	const char *text = (const char *)pattern->regex.p;

	if (pattern_set_new(pattern, 1, &set, &why) != 0) {
		warn(f, "invalid-regex", "%s %zu is invalid at byte %llu and makes the policy unusable: %s",
		    what, i + 1, (unsigned long long)why.column, why.message);
		return;
	}
	if (pattern_scratch_new(&scratch, NULL) != 0)
		return;
	if (span_find(pattern->regex, ' ') != pattern->regex.n)
		warn(f, "space", "%s %zu, \"%.*s\", holds a space, but the kernel writes \"_\" for spaces in names",
		    what, i + 1, n, text);
	if (matches(set, scratch, 0, "/usr/bin/x") && matches(set, scratch, 0, "/etc/shadow"))
		warn(f, "matches-all", "%s %zu, \"%.*s\", covers every path", what, i + 1, n, text);
	else if (pattern_overreach(set, scratch, 0, &example))
		warn(f, "overreach", "%s %zu, \"%.*s\", also covers %s: it matches from the start of the path "
		    "and may end anywhere", what, i + 1, n, text, buf_cstr(&example));
}

static bool
is_revoked(const struct runtime_policy *p, const struct pubkey *key)
{
	for (size_t i = 0; i < p->n_revoked_keys; i++)
		if (digest_eq(&p->revoked_keys[i], pubkey_fingerprint(key)))
			return true;
	return false;
}

static void
read_key(struct policy_facts *f, size_t i, int64_t now)
{
	const struct policy_key *k = &f->lp->policy.keys[i];
	struct key_facts *facts = &f->keys[i];
	struct err e = { 0 };

	if (pubkey_parse(k->der, &facts->key, &e) != 0) {
		(void)snprintf(facts->why, sizeof(facts->why), "%.150s", e.message);
		warn(f, "unusable-key", "key %zu cannot be used and makes the policy unusable: %s", i + 1,
		    facts->why);
		return;
	}
	facts->revoked = is_revoked(&f->lp->policy, facts->key);
	if (facts->revoked)
		warn(f, "revoked-key", "key %zu is listed and revoked: nothing it signed is good", i + 1);
	if (k->scope.not_after != 0 && k->scope.not_after < now)
		warn(f, "expired-key", "the scope of key %zu has ended: it signs nothing any more", i + 1);
}

static void
warn_other(struct policy_facts *f)
{
	const struct runtime_policy *p = &f->lp->policy;
	struct err why = { 0 };

	if (p->boot != NULL && boot_policy_check(p->boot, &why) != 0)
		warn(f, "invalid-boot", "\"boot\" is invalid and makes the policy unusable: %s", why.message);
	if (f->lp->enveloped && f->lp->signer == NULL)
		warn(f, "signature-not-checked", "the policy is signed, but the signature was not checked: "
		    "give the signer's key with --policy-key");
	if (p->min_digest == DIGEST_NONE)
		return;
	for (enum digest_alg a = DIGEST_NONE + 1; a < DIGEST_ALG_COUNT; a++)
		if (f->by_alg[a] > 0 && (digest_alg_weak(a) && !digest_alg_weak(p->min_digest)))
			warn(f, "below-min-digest", "%llu %s digests lie below the policy's min_digest: files "
			    "measured with them are findings", (unsigned long long)f->by_alg[a],
			    digest_alg_name(a));
}

int
policy_facts_gather(const struct loaded_policy *lp, int64_t now, struct policy_facts *f,
    struct err *e)
{
	const struct runtime_policy *p = &lp->policy;
	int rc;

	f->lp = lp;
	f->layers = calloc(p->n_layers + 1, sizeof(*f->layers));
	f->keys = calloc(p->n_keys + 1, sizeof(*f->keys));
	f->warnings = json_array();
	if (f->layers == NULL || f->keys == NULL || f->warnings == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if ((rc = count_files(f, e)) != 0)
		return rc;
	warn_files(f);
	for (size_t i = 0; i < p->n_excludes; i++)
		warn_pattern(f, &p->excludes[i], "exclude", i);
	for (size_t i = 0; i < p->n_violations; i++)
		warn_pattern(f, &p->violations[i].path, "violation rule", i);
	for (size_t i = 0; i < p->n_keys; i++)
		read_key(f, i, now);
	warn_other(f);
	return 0;
}
