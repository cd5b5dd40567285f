/* Keylime's policies in JSON, read into ours: the runtime policy v1, and the two older
 * forms: the allowlist with "hashes", and {"allowlist": ..., "exclude": [...]}.
 *
 * Members that the schema of v1 knows may be missing (older tools left them out);
 * unknown ones are refused.  A digest's algorithm follows from its length, since
 * Keylime does not record it.  "release" and "log_hash_alg" are checked and not
 * kept: the one means nothing to a verifier, the other is found by recomputing. */
#include <stdio.h>

#include "base/rfc3339.h"
#include "base/text.h"
#include "formats/policy_read.h"

#define KEYLIME_VERSION 1

bool
policy_is_keylime(const json_t *root)
{
	return json_object_get(root, "digests") != NULL ||
	    json_object_get(root, "hashes") != NULL || json_object_get(root, "allowlist") != NULL;
}

static int
bad_digest(struct policy_reader *r, const char *where, const char *key)
{
	return err_set(r->e, ERR_FORMAT, "%s[\"%.160s\"]: each digest must be a string of 40, 56, 64, 96 "
	    "or 128 hex digits", where, key);
}

static int
read_files(struct policy_reader *r, const json_t *map, const char *where)
{
	const char *path;
	json_t *list, *v;
	size_t i;
	int rc;

	if (!json_is_object(map))
		return err_set(r->e, ERR_FORMAT, "%s must be an object", where);
	json_object_foreach((json_t *)(uintptr_t)map, path, list) {
		if (!json_is_array(list) || json_array_size(list) == 0)
			return err_set(r->e, ERR_FORMAT, "%s[\"%.160s\"] must be an array of digests, "
			    "at least one", where, path);
		json_array_foreach(list, i, v) {
			struct digest d;

			if (!json_is_string(v) || !policy_digest_by_length(json_string_span(v), &d))
				return bad_digest(r, where, path);
			rc = policy_builder_add(r->files, span_str(path), &d, 0, POLICY_NO_PACKAGE, r->e);
			if (rc != 0)
				return err_ctx(r->e, rc, "%s[\"%.160s\"]", where, path);
		}
	}
	return 0;
}

/* The digests of one measured buffer or keyring. */
static int
read_list(struct policy_reader *r, const json_t *list, const char *where, const char *key,
    struct digest **out, size_t *n)
{
	struct digest *v;

	if (!json_is_array(list))
		return err_set(r->e, ERR_FORMAT, "%s[\"%.160s\"] must be an array", where, key);
	if ((v = policy_array(r, json_array_size(list), sizeof(*v))) == NULL)
		return r->p->arena.why;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *s = json_array_get(list, i);

		if (!json_is_string(s) || !policy_digest_by_length(json_string_span(s), &v[i]))
			return bad_digest(r, where, key);
	}
	*out = v;
	*n = json_array_size(list);
	return 0;
}

static int
read_buffers(struct policy_reader *r, const json_t *root)
{
	struct runtime_policy *p = r->p;
	json_t *map, *v;
	const char *key;
	int rc;

	if ((rc = json_member(root, "policy", "ima-buf", JSON_OBJECT, false, &map, r->e)) != 0)
		return rc;
	if ((p->buffers = policy_array(r, json_object_size(map), sizeof(*p->buffers))) == NULL)
		return p->arena.why;
	json_object_foreach(map, key, v) {
		struct policy_buffer *b = &p->buffers[p->n_buffers++];

		if (!arena_copy(&p->arena, span_str(key), &b->name))
			return arena_err(&p->arena, r->e);
		if ((rc = read_list(r, v, "ima-buf", key, &b->digests, &b->n_digests)) != 0)
			return rc;
	}
	return 0;
}

static bool
has_keyring(const struct runtime_policy *p, struct span name)
{
	for (size_t i = 0; i < p->n_keyrings; i++)
		if (span_eq(p->keyrings[i].name, name))
			return true;
	return false;
}

/* Ignored ones come first and win, as they do in Keylime; keys of the others may
 * verify files once they are loaded. */
static int
read_keyrings(struct policy_reader *r, const json_t *root, const json_t *ignored)
{
	struct runtime_policy *p = r->p;
	struct span *names = NULL;
	json_t *map, *v;
	const char *key;
	size_t n = 0;
	int rc;

	if ((rc = json_member(root, "policy", "keyrings", JSON_OBJECT, false, &map, r->e)) != 0 ||
	    (rc = policy_get_strings(r, ignored, "ima.ignored_keyrings", &names, &n)) != 0)
		return rc;
	p->keyrings = policy_array(r, n + json_object_size(map), sizeof(*p->keyrings));
	if (p->keyrings == NULL)
		return p->arena.why;
	for (size_t i = 0; i < n; i++)
		if (!has_keyring(p, names[i]))
			p->keyrings[p->n_keyrings++] =
			    (struct policy_keyring){ .name = names[i], .ignore = true };
	json_object_foreach(map, key, v) {
		struct policy_keyring k = { .trust = true };

		if ((rc = read_list(r, v, "keyrings", key, &k.digests, &k.n_digests)) != 0)
			return rc;
		if (has_keyring(p, span_str(key)))
			continue;
		if (!arena_copy(&p->arena, span_str(key), &k.name))
			return arena_err(&p->arena, r->e);
		p->keyrings[p->n_keyrings++] = k;
	}
	return 0;
}

static int
read_ima(struct policy_reader *r, const json_t *root)
{
	static const char *const members[] = { "ignored_keyrings", "log_hash_alg", "dm_policy", NULL };
	json_t *ima, *ignored = NULL, *alg = NULL, *dm;
	int rc;

	if ((rc = json_member(root, "policy", "ima", JSON_OBJECT, false, &ima, r->e)) != 0)
		return rc;
	if (ima != NULL && ((rc = json_only(ima, "ima", members, r->e)) != 0 ||
	    (rc = json_member(ima, "ima", "ignored_keyrings", JSON_ARRAY, false, &ignored, r->e)) != 0 ||
	    (rc = json_member(ima, "ima", "log_hash_alg", JSON_STRING, false, &alg, r->e)) != 0))
		return rc;
	if (alg != NULL && digest_alg_by_name(json_string_span(alg)) == DIGEST_NONE)
		return err_set(r->e, ERR_UNSUPPORTED, "ima: unknown algorithm in \"log_hash_alg\"");
	if ((dm = json_object_get(ima, "dm_policy")) != NULL && !json_is_null(dm))
		return err_set(r->e, ERR_UNSUPPORTED, "ima: \"dm_policy\" holds a device-mapper policy, "
		    "which cannot be imported; set it to null and list the dm_table_load digests in \"ima-buf\"");
	return read_keyrings(r, root, ignored);
}

static int
read_one_key(struct policy_reader *r, const json_t *v, size_t i)
{
	struct policy_key *k = &r->p->keys[i];
	char where[64];
	int rc;

	(void)snprintf(where, sizeof(where), "verification-keys.pubkeys[%zu]", i);
	if (!json_is_string(v))
		return err_set(r->e, ERR_FORMAT, "%s must be a string", where);
	if ((rc = policy_decode_base64(r, json_string_span(v), where, &k->der)) != 0)
		return rc;
	if (policy_der_kind(k->der) == POLICY_DER_OTHER)
		return err_set(r->e, ERR_FORMAT, "%s is no public key and no certificate in DER", where);
	return 0;
}

/* A JSON document inside a string.  The key ids are not kept: they follow from the keys. */
static int
read_keys(struct policy_reader *r, const json_t *root)
{
	static const char *const members[] = { "meta", "keyids", "pubkeys", NULL };
	JSON_AUTO json_t *inner = NULL;
	json_t *text, *keys, *ids;
	size_t i;
	json_t *v;
	int rc;

	if ((rc = json_member(root, "policy", "verification-keys", JSON_STRING, false, &text, r->e)) != 0)
		return rc;
	if (text == NULL || json_string_length(text) == 0)
		return 0;
	if ((rc = json_parse(json_string_span(text), LIMIT_POLICY_FILE, &inner, r->e)) != 0)
		return err_ctx(r->e, rc, "\"verification-keys\"");
	if ((rc = json_only(inner, "verification-keys", members, r->e)) != 0 ||
	    (rc = json_member(inner, "verification-keys", "pubkeys", JSON_ARRAY, true, &keys, r->e)) != 0 ||
	    (rc = json_member(inner, "verification-keys", "keyids", JSON_ARRAY, false, &ids, r->e)) != 0)
		return rc;
	if ((r->p->keys = policy_array(r, json_array_size(keys), sizeof(*r->p->keys))) == NULL)
		return r->p->arena.why;
	json_array_foreach(keys, i, v)
		if ((rc = read_one_key(r, v, i)) != 0)
			return rc;
	r->p->n_keys = json_array_size(keys);
	return 0;
}

static int
read_excludes(struct policy_reader *r, const json_t *list, const char *where)
{
	struct runtime_policy *p = r->p;
	struct span *v = NULL;
	size_t n = 0;
	int rc;

	if (list == NULL)
		return 0;
	if ((rc = policy_get_strings(r, list, where, &v, &n)) != 0)
		return rc;
	if (n > LIMIT_REGEX_COUNT)
		return err_set(r->e, ERR_LIMIT, "a policy may have at most %d regular expressions", LIMIT_REGEX_COUNT);
	if ((p->excludes = policy_array(r, n, sizeof(*p->excludes))) == NULL)
		return p->arena.why;
	for (size_t i = 0; i < n; i++) {
		if (v[i].n > LIMIT_REGEX_LENGTH)
			return err_set(r->e, ERR_LIMIT, "%s[%zu]: regular expression is longer than %zu bytes",
			    where, i, LIMIT_REGEX_LENGTH);
		p->excludes[p->n_excludes++] = (struct policy_pattern){ v[i], POLICY_MATCH_START };
	}
	return 0;
}

/* "meta" of v1.  Keylime writes local times without a zone: only a time that says when
 * it was is kept. */
static int
read_meta(struct policy_reader *r, const json_t *root)
{
	static const char *const members[] = { "version", "generator", "timestamp", NULL };
	json_t *meta, *version, *generator, *stamp;
	int64_t t;
	int rc;

	if ((rc = json_member(root, "policy", "meta", JSON_OBJECT, false, &meta, r->e)) != 0 || meta == NULL)
		return rc;
	if ((rc = json_member(meta, "meta", "version", JSON_INTEGER, false, &version, r->e)) != 0)
		return rc;
	if (version != NULL && json_integer_value(version) > KEYLIME_VERSION)
		return err_set(r->e, ERR_VERSION, "Keylime runtime policy is of version %lld, this program "
		    "reads version %d", (long long)json_integer_value(version), KEYLIME_VERSION);
	if ((rc = json_only(meta, "meta", members, r->e)) != 0 ||
	    (rc = json_member(meta, "meta", "generator", JSON_INTEGER, false, &generator, r->e)) != 0 ||
	    (rc = json_member(meta, "meta", "timestamp", JSON_STRING, false, &stamp, r->e)) != 0)
		return rc;
	if (stamp != NULL && rfc3339_parse(json_string_span(stamp), &t) &&
	    !arena_copy(&r->p->arena, json_string_span(stamp), &r->p->created))
		return arena_err(&r->p->arena, r->e);
	return 0;
}

static int
read_v1(struct policy_reader *r, const json_t *root)
{
	static const char *const members[] = {
		"meta", "release", "digests", "excludes", "keyrings", "ima", "ima-buf",
		"verification-keys", NULL
	};
	int rc;

	r->p->source = POLICY_FROM_KEYLIME;
	if ((rc = read_meta(r, root)) != 0 ||		/* the version first */
	    (rc = json_only(root, "policy", members, r->e)) != 0 ||
	    (rc = read_files(r, json_object_get(root, "digests"), "digests")) != 0 ||
	    (rc = read_excludes(r, json_object_get(root, "excludes"), "excludes")) != 0 ||
	    (rc = read_ima(r, root)) != 0 || (rc = read_buffers(r, root)) != 0)
		return rc;
	return read_keys(r, root);
}

/* The allowlist of before the runtime policy; its "meta" never had a fixed form. */
static int
read_allowlist(struct policy_reader *r, const json_t *root)
{
	static const char *const members[] = {
		"meta", "release", "hashes", "excludes", "exclude", "keyrings", "ima", "ima-buf",
		"verification-keys", NULL
	};
	json_t *excludes = json_object_get(root, "excludes");
	int rc;

	if ((rc = json_only(root, "allowlist", members, r->e)) != 0)
		return rc;
	if (excludes == NULL)
		excludes = json_object_get(root, "exclude");
	if ((rc = read_files(r, json_object_get(root, "hashes"), "hashes")) != 0 ||
	    (rc = read_excludes(r, excludes, "excludes")) != 0 ||
	    (rc = read_ima(r, root)) != 0 || (rc = read_buffers(r, root)) != 0)
		return rc;
	return read_keys(r, root);
}

/* What Keylime's tenant sent to the verifier: the allowlist, or only its map of paths. */
static int
read_wrapped(struct policy_reader *r, const json_t *root)
{
	static const char *const members[] = { "allowlist", "exclude", NULL };
	const json_t *list = json_object_get(root, "allowlist");
	int rc;

	if ((rc = json_only(root, "policy", members, r->e)) != 0 ||
	    (rc = json_is_object(json_object_get(list, "hashes")) ? read_allowlist(r, list) :
	    read_files(r, list, "allowlist")) != 0)
		return rc;
	return read_excludes(r, json_object_get(root, "exclude"), "exclude");
}

int
policy_read_keylime(struct policy_reader *r, const json_t *root)
{
	int rc = policy_one_layer(r, span_lit("keylime"));

	if (rc != 0)
		return rc;
	if (json_object_get(root, "digests") != NULL)
		return read_v1(r, root);
	r->p->source = POLICY_FROM_KEYLIME_ALLOWLIST;
	return json_object_get(root, "hashes") != NULL ? read_allowlist(r, root) : read_wrapped(r, root);
}
