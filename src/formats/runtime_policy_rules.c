/* Assay's own policy JSON: everything beside the files. */
#include <stdio.h>

#include "base/rfc3339.h"
#include "formats/policy_alias.h"
#include "formats/policy_read.h"

/* Runs ${read} on each element of the array member ${key}, which gets its own slot of
 * ${size} bytes in a new array. */
typedef int element_reader(struct policy_reader *r, const json_t *v, const char *where, void *slot);

static int
read_array(struct policy_reader *r, const json_t *obj, const char *key, size_t size,
    element_reader *read, void *array, size_t *n)
{
	char where[WHERE_MAX];
	json_t *list, *v;
	uint8_t *slots;
	size_t i;
	int rc;

	if ((rc = json_member(obj, "policy", key, JSON_ARRAY, false, &list, r->e)) != 0 || list == NULL)
		return rc;
	if ((slots = policy_array(r, json_array_size(list), size)) == NULL)
		return r->p->arena.why;
	json_array_foreach(list, i, v) {
		(void)snprintf(where, sizeof(where), "%s[%zu]", key, i);
		if ((rc = read(r, v, where, slots + i * size)) != 0)
			return rc;
	}
	*(void **)array = slots;
	*n = json_array_size(list);
	return 0;
}

static int
read_alias(struct policy_reader *r, const json_t *v, const char *where, void *slot)
{
	struct policy_alias *a = slot;
	int rc;

	if (json_array_size(v) != 2 || !json_is_string(json_array_get(v, 0)) ||
	    !json_is_string(json_array_get(v, 1)))
		return err_set(r->e, ERR_FORMAT, "%s must be [\"/from\", \"/to\"]", where);
	if ((rc = policy_get_name(r, json_array_get(v, 0), where, &a->from)) != 0)
		return rc;
	return policy_get_name(r, json_array_get(v, 1), where, &a->to);
}

static int
read_match(struct policy_reader *r, const json_t *obj, const char *where, enum policy_match *match)
{
	json_t *m;
	int rc = json_member(obj, where, "match", JSON_STRING, false, &m, r->e);

	if (rc != 0 || m == NULL)
		return rc;
	if (span_is(json_string_span(m), "full"))
		*match = POLICY_MATCH_FULL;
	else if (!span_is(json_string_span(m), "start"))
		return err_set(r->e, ERR_FORMAT, "%s: \"match\" must be \"start\" or \"full\"", where);
	return 0;
}

static int
check_regex(struct policy_reader *r, struct span regex, const char *where)
{
	if (regex.n > LIMIT_REGEX_LENGTH)
		return err_set(r->e, ERR_LIMIT, "%s: regular expression is longer than %zu bytes",
		    where, LIMIT_REGEX_LENGTH);
	return 0;
}

static int
read_exclude(struct policy_reader *r, const json_t *v, const char *where, void *slot)
{
	static const char *const members[] = { "regex", "match", NULL };
	struct policy_pattern *x = slot;
	int rc;

	if (json_is_string(v)) {
		if (!arena_copy(&r->p->arena, json_string_span(v), &x->regex))
			return arena_err(&r->p->arena, r->e);
	} else if ((rc = json_only(v, where, members, r->e)) != 0 ||
	    (rc = policy_get_string(r, v, where, "regex", true, &x->regex)) != 0 ||
	    (rc = read_match(r, v, where, &x->match)) != 0) {
		return rc;
	}
	return check_regex(r, x->regex, where);
}

static int
read_violation(struct policy_reader *r, const json_t *v, const char *where, void *slot)
{
	static const char *const members[] = { "path", "match", "action", NULL };
	struct policy_violation_rule *x = slot;
	struct span action = { 0 };
	int rc;

	if ((rc = json_only(v, where, members, r->e)) != 0 ||
	    (rc = policy_get_string(r, v, where, "path", true, &x->path.regex)) != 0 ||
	    (rc = read_match(r, v, where, &x->path.match)) != 0 ||
	    (rc = policy_get_string(r, v, where, "action", true, &action)) != 0)
		return rc;
	if (span_is(action, "ignore"))
		x->action = POLICY_VIOLATION_IGNORE;
	else if (!span_is(action, "finding"))
		return err_set(r->e, ERR_FORMAT, "%s: \"action\" must be \"ignore\" or \"finding\"", where);
	return check_regex(r, x->path.regex, where);
}

static int
find_layer(struct policy_reader *r, struct span name, const char *where, uint32_t *layer)
{
	for (size_t i = 0; i < r->p->n_layers; i++)
		if (span_eq(r->p->layers[i].name, name)) {
			*layer = (uint32_t)i;
			return 0;
		}
	return err_set(r->e, ERR_FORMAT, "%s: no layer has the name \"%.*s\"", where,
	    (int)(name.n < 120 ? name.n : 120), name.p);
}

static int
read_scope(struct policy_reader *r, const json_t *v, const char *where, void *slot)
{
	static const char *const members[] = { "name", "paths", "partition", "layers", NULL };
	struct policy_scope *s = slot;
	json_t *paths, *layers;
	struct span *names = NULL;
	char at[WHERE_MAX];
	int rc;

	if ((rc = json_only(v, where, members, r->e)) != 0 ||
	    (rc = policy_get_string(r, v, where, "name", true, &s->name)) != 0 ||
	    (rc = policy_get_string(r, v, where, "partition", false, &s->partition)) != 0 ||
	    (rc = json_member(v, where, "paths", JSON_ARRAY, false, &paths, r->e)) != 0 ||
	    (rc = json_member(v, where, "layers", JSON_ARRAY, true, &layers, r->e)) != 0)
		return rc;
	(void)snprintf(at, sizeof(at), "%.200s.paths", where);
	if ((rc = policy_get_names(r, paths, at, &s->paths, &s->n_paths)) != 0)
		return rc;
	(void)snprintf(at, sizeof(at), "%.200s.layers", where);
	if ((rc = policy_get_strings(r, layers, at, &names, &s->n_layers)) != 0)
		return rc;
	if (s->n_paths == 0 && s->partition.n == 0)
		return err_set(r->e, ERR_FORMAT, "%s needs \"paths\" or a \"partition\"", where);
	if ((s->layers = policy_array(r, s->n_layers, sizeof(*s->layers))) == NULL)
		return r->p->arena.why;
	for (size_t i = 0; i < s->n_layers; i++)
		if ((rc = find_layer(r, names[i], at, &s->layers[i])) != 0)
			return rc;
	return 0;
}

static int
read_time(struct policy_reader *r, const json_t *obj, const char *where, const char *key, int64_t *t)
{
	json_t *v;
	int rc = json_member(obj, where, key, JSON_STRING, false, &v, r->e);

	if (rc != 0 || v == NULL)
		return rc;
	/* 0 means "open" in the model, so that the epoch itself cannot be said. */
	if (!rfc3339_parse(json_string_span(v), t) || *t <= 0)
		return err_set(r->e, ERR_FORMAT,
		    "%s: \"%s\" must be a time after 1970 such as 2026-01-31T12:00:00Z (RFC 3339)", where, key);
	return 0;
}

static int
read_kinds(struct policy_reader *r, const json_t *kinds, const char *where, struct policy_key_scope *s)
{
	static const char *const known[] = { "module", "firmware", "kernel", "library", "file" };
	int rc = policy_get_strings(r, kinds, where, &s->kinds, &s->n_kinds);

	if (rc != 0)
		return rc;
	for (size_t i = 0, k; i < s->n_kinds; i++) {
		for (k = 0; k < 5 && !span_is(s->kinds[i], known[k]); k++)
			;
		if (k == 5)
			return err_set(r->e, ERR_FORMAT,
			    "%s[%zu] must be module, firmware, kernel, library or file", where, i);
	}
	return 0;
}

static int
read_key_scope(struct policy_reader *r, const json_t *obj, const char *where,
    struct policy_key_scope *s)
{
	static const char *const members[] = {
		"paths", "filesystems", "keyrings", "kinds", "not_before", "not_after", NULL
	};
	json_t *paths, *fs, *rings, *kinds;
	int rc;

	if ((rc = json_only(obj, where, members, r->e)) != 0 ||
	    (rc = json_member(obj, where, "paths", JSON_ARRAY, false, &paths, r->e)) != 0 ||
	    (rc = json_member(obj, where, "filesystems", JSON_ARRAY, false, &fs, r->e)) != 0 ||
	    (rc = json_member(obj, where, "keyrings", JSON_ARRAY, false, &rings, r->e)) != 0 ||
	    (rc = json_member(obj, where, "kinds", JSON_ARRAY, false, &kinds, r->e)) != 0 ||
	    (rc = policy_get_names(r, paths, where, &s->paths, &s->n_paths)) != 0 ||
	    (rc = policy_get_strings(r, fs, where, &s->filesystems, &s->n_filesystems)) != 0 ||
	    (rc = policy_get_strings(r, rings, where, &s->keyrings, &s->n_keyrings)) != 0 ||
	    (rc = read_kinds(r, kinds, where, s)) != 0 ||
	    (rc = read_time(r, obj, where, "not_before", &s->not_before)) != 0)
		return rc;
	return read_time(r, obj, where, "not_after", &s->not_after);
}

/* Exactly one of two members, and each holds what its name says, so that a policy is
 * written as it was read. */
static int
read_key_der(struct policy_reader *r, const json_t *obj, const char *where, struct span *der)
{
	json_t *cert, *pub;
	int rc;

	if ((rc = json_member(obj, where, "certificate", JSON_STRING, false, &cert, r->e)) != 0 ||
	    (rc = json_member(obj, where, "public_key", JSON_STRING, false, &pub, r->e)) != 0)
		return rc;
	if ((cert == NULL) == (pub == NULL))
		return err_set(r->e, ERR_FORMAT,
		    "%s needs either a \"certificate\" or a \"public_key\"", where);
	if ((rc = policy_decode_base64(r, json_string_span(cert != NULL ? cert : pub), where, der)) != 0)
		return rc;
	if (policy_der_kind(*der) != (cert != NULL ? POLICY_DER_CERTIFICATE : POLICY_DER_PUBLIC_KEY))
		return err_set(r->e, ERR_FORMAT, "%s: \"%s\" must be the base64 of %s in DER", where,
		    cert != NULL ? "certificate" : "public_key",
		    cert != NULL ? "an X.509 certificate" : "a SubjectPublicKeyInfo");
	return 0;
}

static int
read_key(struct policy_reader *r, const json_t *v, const char *where, void *slot)
{
	static const char *const members[] = { "name", "certificate", "public_key", "scope", NULL };
	struct policy_key *k = slot;
	json_t *scope;
	char at[WHERE_MAX];
	int rc;

	if ((rc = json_only(v, where, members, r->e)) != 0 ||
	    (rc = policy_get_string(r, v, where, "name", false, &k->name)) != 0 ||
	    (rc = read_key_der(r, v, where, &k->der)) != 0 ||
	    (rc = json_member(v, where, "scope", JSON_OBJECT, false, &scope, r->e)) != 0)
		return rc;
	(void)snprintf(at, sizeof(at), "%.200s.scope", where);
	return scope == NULL ? 0 : read_key_scope(r, scope, at, &k->scope);
}

static int
read_revoked(struct policy_reader *r, const json_t *root)
{
	static const char *const members[] = { "keys", "digests", NULL };
	struct runtime_policy *p = r->p;
	json_t *obj, *keys, *digests;
	int rc;

	if ((rc = json_member(root, "policy", "revoked", JSON_OBJECT, false, &obj, r->e)) != 0 || obj == NULL)
		return rc;
	if ((rc = json_only(obj, "revoked", members, r->e)) != 0 ||
	    (rc = json_member(obj, "revoked", "keys", JSON_ARRAY, false, &keys, r->e)) != 0 ||
	    (rc = json_member(obj, "revoked", "digests", JSON_ARRAY, false, &digests, r->e)) != 0 ||
	    (rc = policy_get_digests(r, keys, "revoked.keys", &p->revoked_keys, &p->n_revoked_keys)) != 0 ||
	    (rc = policy_get_digests(r, digests, "revoked.digests", &p->revoked_digests,
	    &p->n_revoked_digests)) != 0)
		return rc;
	for (size_t i = 0; i < p->n_revoked_keys; i++)
		if (p->revoked_keys[i].alg != DIGEST_SHA256)
			return err_set(r->e, ERR_FORMAT,
			    "revoked.keys[%zu] must be the sha256 of the key's SubjectPublicKeyInfo", i);
	return 0;
}

static bool
is_ignore(const json_t *v)
{
	return json_is_string(v) && span_is(json_string_span(v), "ignore");
}

static int
read_buffers(struct policy_reader *r, const json_t *root)
{
	struct runtime_policy *p = r->p;
	json_t *obj, *v;
	const char *key;
	char where[WHERE_MAX];
	int rc;

	if ((rc = json_member(root, "policy", "buffers", JSON_OBJECT, false, &obj, r->e)) != 0 || obj == NULL)
		return rc;
	if ((p->buffers = policy_array(r, json_object_size(obj), sizeof(*p->buffers))) == NULL)
		return p->arena.why;
	json_object_foreach(obj, key, v) {
		struct policy_buffer *b = &p->buffers[p->n_buffers++];

		(void)snprintf(where, sizeof(where), "buffers[\"%.160s\"]", key);
		if (!arena_copy(&p->arena, span_str(key), &b->name))
			return arena_err(&p->arena, r->e);
		b->ignore = is_ignore(v);
		if (!b->ignore && (rc = policy_get_digests(r, v, where, &b->digests, &b->n_digests)) != 0)
			return rc;
	}
	return 0;
}

static int
read_keyring(struct policy_reader *r, const json_t *v, const char *where, struct policy_keyring *k)
{
	static const char *const members[] = { "digests", "trust", NULL };
	json_t *digests, *trust;
	int rc;

	if ((k->ignore = is_ignore(v)))
		return 0;
	if ((rc = json_only(v, where, members, r->e)) != 0 ||
	    (rc = json_member(v, where, "digests", JSON_ARRAY, true, &digests, r->e)) != 0 ||
	    (rc = json_member(v, where, "trust", JSON_TRUE, false, &trust, r->e)) != 0)
		return rc;
	k->trust = json_is_true(trust);
	return policy_get_digests(r, digests, where, &k->digests, &k->n_digests);
}

static int
read_keyrings(struct policy_reader *r, const json_t *root)
{
	struct runtime_policy *p = r->p;
	json_t *obj, *v;
	const char *key;
	char where[WHERE_MAX];
	int rc;

	if ((rc = json_member(root, "policy", "keyrings", JSON_OBJECT, false, &obj, r->e)) != 0 || obj == NULL)
		return rc;
	if ((p->keyrings = policy_array(r, json_object_size(obj), sizeof(*p->keyrings))) == NULL)
		return p->arena.why;
	json_object_foreach(obj, key, v) {
		struct policy_keyring *k = &p->keyrings[p->n_keyrings++];

		(void)snprintf(where, sizeof(where), "keyrings[\"%.160s\"]", key);
		if (!arena_copy(&p->arena, span_str(key), &k->name))
			return arena_err(&p->arena, r->e);
		if ((rc = read_keyring(r, v, where, k)) != 0)
			return rc;
	}
	return 0;
}

static int
read_ima(struct policy_reader *r, const json_t *root)
{
	static const char *const members[] = { "digests", "paths", NULL };
	struct policy_ima *i = &r->p->ima;
	json_t *obj, *digests, *paths;
	int rc;

	if ((rc = json_member(root, "policy", "ima_policies", JSON_OBJECT, false, &obj, r->e)) != 0 || obj == NULL)
		return rc;
	if ((rc = json_only(obj, "ima_policies", members, r->e)) != 0 ||
	    (rc = json_member(obj, "ima_policies", "digests", JSON_ARRAY, true, &digests, r->e)) != 0 ||
	    (rc = json_member(obj, "ima_policies", "paths", JSON_ARRAY, false, &paths, r->e)) != 0 ||
	    (rc = policy_get_digests(r, digests, "ima_policies.digests", &i->digests, &i->n_digests)) != 0 ||
	    (rc = policy_get_names(r, paths, "ima_policies.paths", &i->paths, &i->n_paths)) != 0)
		return rc;
	if (i->n_digests == 0)
		return err_set(r->e, ERR_FORMAT, "ima_policies.digests must list at least one digest: no host could meet it");
	i->demanded = true;
	return 0;
}

int
policy_read_rules(struct policy_reader *r, const json_t *root)
{
	struct runtime_policy *p = r->p;
	json_t *closed, *boot;
	int rc;

	if ((rc = read_array(r, root, "aliases", sizeof(*p->aliases), read_alias,
	    &p->aliases, &p->n_aliases)) != 0 || (rc = policy_aliases_check(p, r->e)) != 0 ||
	    (rc = read_array(r, root, "scopes", sizeof(*p->scopes), read_scope,
	    &p->scopes, &p->n_scopes)) != 0 ||
	    (rc = read_array(r, root, "excludes", sizeof(*p->excludes), read_exclude,
	    &p->excludes, &p->n_excludes)) != 0 ||
	    (rc = read_array(r, root, "keys", sizeof(*p->keys), read_key, &p->keys, &p->n_keys)) != 0 ||
	    (rc = read_array(r, root, "violations", sizeof(*p->violations), read_violation,
	    &p->violations, &p->n_violations)) != 0 ||
	    (rc = read_revoked(r, root)) != 0 || (rc = read_buffers(r, root)) != 0 ||
	    (rc = read_keyrings(r, root)) != 0 || (rc = read_ima(r, root)) != 0 ||
	    (rc = json_member(root, "policy", "closed_directories", JSON_ARRAY, false, &closed, r->e)) != 0 ||
	    (rc = policy_get_names(r, closed, "closed_directories", &p->closed_directories,
	    &p->n_closed_directories)) != 0 ||
	    (rc = json_member(root, "policy", "boot", JSON_OBJECT, false, &boot, r->e)) != 0)
		return rc;
	if (p->n_excludes > LIMIT_REGEX_COUNT || p->n_violations > LIMIT_REGEX_COUNT)
		return err_set(r->e, ERR_LIMIT, "a policy may have at most %d regular expressions", LIMIT_REGEX_COUNT);
	p->boot = json_incref(boot);
	return 0;
}
