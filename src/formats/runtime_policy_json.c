/* Assay's own policy JSON: the head and the layers with their files.  The grammar is
 * docs/formats/runtime-policy.md; the rules beside the files are in
 * runtime_policy_rules.c. */
#include <stdio.h>

#include "base/rfc3339.h"
#include "base/text.h"
#include "formats/policy_read.h"

#define POLICY_VERSION 1

static const char *const top_members[] = {
	"assay_policy", "name", "created", "generator", "min_digest", "aliases", "layers",
	"scopes", "excludes", "keys", "revoked", "closed_directories", "violations",
	"buffers", "keyrings", "ima_policies", "boot", NULL
};

/* Where a file's digests are to go. */
struct place {
	uint32_t layer, package;
	const char *where;	/* "layers[0].packages[3]" */
};

static int
add_file(struct policy_reader *r, struct span path, const char *key, const json_t *digests,
    const struct place *at)
{
	char where[WHERE_MAX];
	size_t i;
	json_t *v;
	int rc;

	/* Only for messages, but cheap enough to have ready beside the rest. */
	(void)snprintf(where, sizeof(where), "%s, file \"%.160s\"", at->where, key);
	if (!json_is_array(digests) || json_array_size(digests) == 0)
		return err_set(r->e, ERR_FORMAT, "%s must have an array of digests, at least one", where);
	json_array_foreach(digests, i, v) {
		struct digest d;

		if (!json_is_string(v))
			return err_set(r->e, ERR_FORMAT, "%s: a digest must be a string", where);
		if ((rc = policy_digest(json_string_span(v), where, &d, r->e)) != 0)
			return rc;
		if ((rc = policy_builder_add(r->files, path, &d, at->layer, at->package, r->e)) != 0)
			return err_ctx(r->e, rc, "%s", where);
	}
	return 0;
}

/* "files" maps names of valid UTF-8, "files_b64" any names, in base64. */
static int
read_files(struct policy_reader *r, const json_t *obj, const struct place *at)
{
	BUF_AUTO struct buf name = buf_init(LIMIT_SMALL_FILE);
	json_t *files, *coded, *v;
	const char *key;
	int rc;

	if ((rc = json_member(obj, at->where, "files", JSON_OBJECT, false, &files, r->e)) != 0 ||
	    (rc = json_member(obj, at->where, "files_b64", JSON_OBJECT, false, &coded, r->e)) != 0)
		return rc;
	if (r->files == NULL && (files != NULL || coded != NULL))
		return err_set(r->e, ERR_FORMAT, "%s: the meta data of a table lists files", at->where);
	json_object_foreach(files, key, v)
		if ((rc = add_file(r, span_str(key), key, v, at)) != 0)
			return rc;
	json_object_foreach(coded, key, v) {
		name.n = 0;
		if (!base64_decode(span_str(key), &name))
			return err_set(r->e, ERR_ENCODING,
			    "%s: the name \"%.160s\" in \"files_b64\" is not base64", at->where, key);
		if ((rc = add_file(r, buf_view(&name), key, v, at)) != 0)
			return rc;
	}
	return 0;
}

static int
read_package(struct policy_reader *r, const json_t *obj, const char *where, uint32_t layer)
{
	static const char *const members[] = {
		"name", "version", "architecture", "files", "files_b64", NULL
	};
	struct policy_package p = { .layer = layer };
	struct place at = { layer, (uint32_t)r->p->n_packages, where };
	int rc;

	if ((rc = json_only(obj, where, members, r->e)) != 0 ||
	    (rc = policy_get_string(r, obj, where, "name", true, &p.name)) != 0 ||
	    (rc = policy_get_string(r, obj, where, "version", false, &p.version)) != 0 ||
	    (rc = policy_get_string(r, obj, where, "architecture", false, &p.arch)) != 0)
		return rc;
	r->p->packages[r->p->n_packages++] = p;
	return read_files(r, obj, &at);
}

static int
check_layer_name(struct policy_reader *r, struct span name, const char *where)
{
	if (name.n == 0)
		return err_set(r->e, ERR_FORMAT, "%s has an empty name", where);
	for (size_t i = 0; i < r->p->n_layers; i++)
		if (span_eq(r->p->layers[i].name, name))
			return err_set(r->e, ERR_DUPLICATE, "%s: another layer has the name \"%.*s\" too",
			    where, (int)(name.n < 120 ? name.n : 120), name.p);
	return 0;
}

static int
read_layer(struct policy_reader *r, const json_t *obj, size_t i)
{
	static const char *const members[] = {
		"name", "source", "packages", "files", "files_b64", NULL
	};
	char where[64], inner[WHERE_MAX];
	struct policy_layer l = { 0 };
	struct place at = { (uint32_t)i, POLICY_NO_PACKAGE, where };
	json_t *packages, *v;
	size_t k;
	int rc;

	(void)snprintf(where, sizeof(where), "layers[%zu]", i);
	if ((rc = json_only(obj, where, members, r->e)) != 0 ||
	    (rc = policy_get_string(r, obj, where, "name", true, &l.name)) != 0 ||
	    (rc = policy_get_string(r, obj, where, "source", false, &l.source)) != 0 ||
	    (rc = check_layer_name(r, l.name, where)) != 0 ||
	    (rc = json_member(obj, where, "packages", JSON_ARRAY, false, &packages, r->e)) != 0)
		return rc;
	r->p->layers[r->p->n_layers++] = l;
	if (r->files == NULL && packages != NULL)
		return err_set(r->e, ERR_FORMAT, "%s: the meta data of a table lists packages", where);
	json_array_foreach(packages, k, v) {
		(void)snprintf(inner, sizeof(inner), "%s.packages[%zu]", where, k);
		if ((rc = read_package(r, v, inner, (uint32_t)i)) != 0)
			return rc;
	}
	return read_files(r, obj, &at);
}

static int
read_layers(struct policy_reader *r, const json_t *root)
{
	struct runtime_policy *p = r->p;
	json_t *layers, *v;
	size_t i, packages = 0;
	int rc;

	if ((rc = json_member(root, "policy", "layers", JSON_ARRAY, false, &layers, r->e)) != 0)
		return rc;
	if (json_array_size(layers) > LIMIT_POLICY_LAYERS)
		return err_set(r->e, ERR_LIMIT, "a policy may have at most %d layers", LIMIT_POLICY_LAYERS);
	json_array_foreach(layers, i, v)
		packages += json_array_size(json_object_get(v, "packages"));
	if ((p->layers = policy_array(r, json_array_size(layers), sizeof(*p->layers))) == NULL ||
	    (r->files != NULL &&
	    (p->packages = policy_array(r, packages, sizeof(*p->packages))) == NULL))
		return p->arena.why;
	json_array_foreach(layers, i, v)
		if ((rc = read_layer(r, v, i)) != 0)
			return rc;
	return 0;
}

static int
read_head(struct policy_reader *r, const json_t *root)
{
	struct runtime_policy *p = r->p;
	struct span alg = { 0 };
	int64_t t;
	int rc;

	if ((rc = policy_get_string(r, root, "policy", "name", false, &p->name)) != 0 ||
	    (rc = policy_get_string(r, root, "policy", "created", false, &p->created)) != 0 ||
	    (rc = policy_get_string(r, root, "policy", "generator", false, &p->generator)) != 0 ||
	    (rc = policy_get_string(r, root, "policy", "min_digest", false, &alg)) != 0)
		return rc;
	if (p->created.n != 0 && !rfc3339_parse(p->created, &t))
		return err_set(r->e, ERR_FORMAT,
		    "policy: \"created\" must be a time such as 2026-01-31T12:00:00Z (RFC 3339)");
	if (alg.n != 0 && (p->min_digest = digest_alg_by_name(alg)) == DIGEST_NONE)
		return err_set(r->e, ERR_UNSUPPORTED, "policy: unknown digest algorithm in \"min_digest\"");
	return 0;
}

int
policy_read_json(struct policy_reader *r, const json_t *root)
{
	json_t *version;
	int rc;

	/* The version first: a newer policy may have members that are unknown here. */
	if ((rc = json_member(root, "policy", "assay_policy", JSON_INTEGER, true, &version, r->e)) != 0)
		return rc;
	if (json_integer_value(version) > POLICY_VERSION)
		return err_hint(r->e, err_set(r->e, ERR_VERSION,
		    "policy is of version %lld, this program reads version %d",
		    (long long)json_integer_value(version), POLICY_VERSION),
		    "update this program, or write the policy with one of its own version");
	if (json_integer_value(version) < 1)
		return err_set(r->e, ERR_RANGE, "policy has the impossible version %lld",
		    (long long)json_integer_value(version));
	if ((rc = json_only(root, "policy", top_members, r->e)) != 0 ||
	    (rc = read_head(r, root)) != 0 || (rc = read_layers(r, root)) != 0)
		return rc;
	return policy_read_rules(r, root);
}
