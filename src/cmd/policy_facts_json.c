#include "base/rfc3339.h"
#include "cmd/policy_facts.h"
#include "engine/dsse_sign.h"

static json_t *
names_json(const struct span *v, size_t n)
{
	json_t *j = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(j, json_escaped(v[i]));
	return j;
}

static void
set_names(json_t *j, const char *key, const struct span *v, size_t n)
{
	if (n != 0)
		json_object_set_new(j, key, names_json(v, n));
}

static void
set_time(json_t *j, const char *key, int64_t t)
{
	BUF_AUTO struct buf b = buf_init(64);

	if (t == 0)
		return;
	buf_rfc3339(&b, t);
	json_object_set_new(j, key, json_string(buf_cstr(&b)));
}

static json_t *
layers_json(const struct policy_facts *f)
{
	const struct runtime_policy *p = &f->lp->policy;
	json_t *j = json_array();

	for (size_t i = 0; i < p->n_layers; i++)
		json_array_append_new(j, json_pack("{s:o, s:o, s:I, s:I, s:I}",
		    "name", json_escaped(p->layers[i].name), "source", json_escaped(p->layers[i].source),
		    "packages", (json_int_t)f->layers[i].packages,
		    "paths", (json_int_t)f->layers[i].paths,
		    "digests", (json_int_t)f->layers[i].digests));
	return j;
}

static json_t *
files_json(const struct policy_facts *f)
{
	const struct policy_table *t = &f->lp->policy.table;
	json_t *algs = json_object();

	for (enum digest_alg a = DIGEST_NONE + 1; a < DIGEST_ALG_COUNT; a++)
		if (f->by_alg[a] > 0)
			json_object_set_new(algs, digest_alg_name(a), json_integer((json_int_t)f->by_alg[a]));
	return json_pack("{s:I, s:I, s:o}", "paths", (json_int_t)t->n_paths,
	    "digests", (json_int_t)t->n_digests, "by_algorithm", algs);
}

static json_t *
patterns_json(const struct runtime_policy *p)
{
	json_t *j = json_array();

	for (size_t i = 0; i < p->n_excludes; i++)
		json_array_append_new(j, json_pack("{s:o, s:s}", "regex", json_escaped(p->excludes[i].regex),
		    "match", p->excludes[i].match == POLICY_MATCH_FULL ? "full" : "start"));
	return j;
}

static json_t *
key_json(const struct policy_key *k, const struct key_facts *facts)
{
	BUF_AUTO struct buf id = buf_init(256);
	const struct policy_key_scope *s = &k->scope;
	json_t *j = json_pack("{s:o, s:b}", "name", json_escaped(k->name), "revoked", (int)facts->revoked);
	json_t *scope = json_object();

	if (facts->key == NULL) {
		json_object_set_new(j, "unusable", json_string(facts->why));
	} else {
		dsse_keyid(facts->key, &id);
		json_object_set_new(j, "fingerprint", json_string(buf_cstr(&id)));
		json_object_set_new(j, "type", json_string(pubkey_kind(facts->key) == PUBKEY_RSA ? "rsa" : "ec"));
		json_object_set_new(j, "bits", json_integer(pubkey_bits(facts->key)));
		json_object_set_new(j, "subject", json_escaped(span_str(pubkey_subject(facts->key))));
	}
	set_names(scope, "paths", s->paths, s->n_paths);
	set_names(scope, "filesystems", s->filesystems, s->n_filesystems);
	set_names(scope, "keyrings", s->keyrings, s->n_keyrings);
	set_names(scope, "kinds", s->kinds, s->n_kinds);
	set_time(scope, "not_before", s->not_before);
	set_time(scope, "not_after", s->not_after);
	json_object_set_new(j, "scope", scope);
	return j;
}

static json_t *
keys_json(const struct policy_facts *f)
{
	const struct runtime_policy *p = &f->lp->policy;
	json_t *j = json_array();

	for (size_t i = 0; i < p->n_keys; i++)
		json_array_append_new(j, key_json(&p->keys[i], &f->keys[i]));
	return j;
}

static json_t *
scopes_json(const struct runtime_policy *p)
{
	json_t *j = json_array();

	for (size_t i = 0; i < p->n_scopes; i++) {
		const struct policy_scope *s = &p->scopes[i];
		json_t *layers = json_array();

		for (size_t k = 0; k < s->n_layers; k++)
			json_array_append_new(layers, json_escaped(p->layers[s->layers[k]].name));
		json_array_append_new(j, json_pack("{s:o, s:o, s:o, s:o}", "name", json_escaped(s->name),
		    "paths", names_json(s->paths, s->n_paths), "partition", json_escaped(s->partition),
		    "layers", layers));
	}
	return j;
}

static json_t *
signature_json(const struct loaded_policy *lp)
{
	BUF_AUTO struct buf id = buf_init(256);

	if (!lp->enveloped)
		return json_string("none");
	if (lp->signer == NULL)
		return json_string("not-checked");
	dsse_keyid(lp->signer, &id);
	return json_string(buf_cstr(&id));
}

json_t *
policy_facts_json(const struct policy_facts *f)
{
	const struct runtime_policy *p = &f->lp->policy;
	json_t *aliases = json_array(), *buffers = json_array(), *rings = json_array();

	for (size_t i = 0; i < p->n_aliases; i++)
		json_array_append_new(aliases, json_pack("[o, o]", json_escaped(p->aliases[i].from),
		    json_escaped(p->aliases[i].to)));
	for (size_t i = 0; i < p->n_buffers; i++)
		json_array_append_new(buffers, json_pack("{s:o, s:b, s:I}", "name",
		    json_escaped(p->buffers[i].name), "ignored", (int)p->buffers[i].ignore,
		    "digests", (json_int_t)p->buffers[i].n_digests));
	for (size_t i = 0; i < p->n_keyrings; i++)
		json_array_append_new(rings, json_pack("{s:o, s:b, s:b, s:I}", "name",
		    json_escaped(p->keyrings[i].name), "ignored", (int)p->keyrings[i].ignore,
		    "trust", (int)p->keyrings[i].trust, "digests", (json_int_t)p->keyrings[i].n_digests));
	return json_pack("{s:i, s:s, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o,"
	    "s:o, s:{s:I, s:I}, s:I, s:b, s:O}",
	    "assay_policy_show", 1, "format", policy_format_name(p), "name", json_escaped(p->name),
	    "created", json_escaped(p->created), "generator", json_escaped(p->generator),
	    "signature", signature_json(f->lp),
	    "min_digest", digest_alg_name(p->min_digest),
	    "files", files_json(f), "layers", layers_json(f), "scopes", scopes_json(p),
	    "aliases", aliases, "excludes", patterns_json(p), "keys", keys_json(f),
	    "buffers", buffers, "keyrings", rings,
	    "revoked", "keys", (json_int_t)p->n_revoked_keys, "digests", (json_int_t)p->n_revoked_digests,
	    "violation_rules", (json_int_t)p->n_violations, "boot", p->boot != NULL,
	    "warnings", f->warnings);
}
