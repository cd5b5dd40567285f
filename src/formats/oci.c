#include "formats/oci.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"

static enum oci_kind
kind_of(struct span type)
{
	static const struct { const char *name; enum oci_kind kind; } exact[] = {
		{ "application/vnd.oci.image.index.v1+json", OCI_INDEX },
		{ "application/vnd.docker.distribution.manifest.list.v2+json", OCI_INDEX },
		{ "application/vnd.oci.image.manifest.v1+json", OCI_MANIFEST },
		{ "application/vnd.docker.distribution.manifest.v2+json", OCI_MANIFEST },
	};

	for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++)
		if (span_is(type, exact[i].name))
			return exact[i].kind;
	if (span_starts(type, span_lit("application/vnd.oci.image.layer.")) ||
	    span_starts(type, span_lit("application/vnd.docker.image.rootfs.")))
		return OCI_LAYER;
	return OCI_OTHER;
}

/* "sha256:HEX" or "sha512:HEX". */
static bool
read_digest(struct span s, struct digest *d)
{
	size_t colon = span_find(s, ':');
	enum digest_alg alg = digest_alg_by_name(span_head(s, colon));

	*d = (struct digest){ .alg = alg, .size = (uint8_t)digest_alg_size(alg) };
	return (alg == DIGEST_SHA256 || alg == DIGEST_SHA512 || alg == DIGEST_SHA384) &&
	    hex_fixed(span_from(s, colon + 1), d->v, d->size);
}

static int
read_descriptor(const json_t *j, const char *where, struct arena *a, struct oci_descriptor *d,
    struct err *e)
{
	json_t *type, *digest, *size, *platform, *notes, *arch, *os;
	int rc;

	if ((rc = json_member(j, where, "mediaType", JSON_STRING, false, &type, e)) != 0 ||
	    (rc = json_member(j, where, "digest", JSON_STRING, true, &digest, e)) != 0 ||
	    (rc = json_member(j, where, "size", JSON_INTEGER, true, &size, e)) != 0 ||
	    (rc = json_member(j, where, "platform", JSON_OBJECT, false, &platform, e)) != 0 ||
	    (rc = json_member(j, where, "annotations", JSON_OBJECT, false, &notes, e)) != 0)
		return rc;
	*d = (struct oci_descriptor){ .kind = type == NULL ? OCI_OTHER : kind_of(json_string_span(type)),
	    .attestation = json_object_get(notes, "vnd.docker.reference.type") != NULL };
	if (!read_digest(json_string_span(digest), &d->digest))
		return err_set(e, ERR_FORMAT, "%s: \"%.100s\" is no SHA-2 digest", where,
		    json_string_value(digest));
	if (json_integer_value(size) < 0)
		return err_set(e, ERR_RANGE, "%s: a size is negative", where);
	d->size = (uint64_t)json_integer_value(size);
	if (platform == NULL)
		return 0;
	if ((rc = json_member(platform, where, "architecture", JSON_STRING, false, &arch, e)) != 0 ||
	    (rc = json_member(platform, where, "os", JSON_STRING, false, &os, e)) != 0)
		return rc;
	if ((arch != NULL && !arena_copy(a, json_string_span(arch), &d->arch)) ||
	    (os != NULL && !arena_copy(a, json_string_span(os), &d->os)))
		return arena_err(a, e);
	return 0;
}

static int
read_list(struct span in, const char *member, struct arena *a, struct oci_list *out, struct err *e)
{
	JSON_AUTO json_t *root = NULL;
	struct oci_list got = { 0 };
	json_t *list, *item;
	size_t i;
	int rc;

	if ((rc = json_parse(in, LIMIT_SMALL_FILE, &root, e)) != 0 ||
	    (rc = json_member(root, "", member, JSON_ARRAY, true, &list, e)) != 0)
		return rc;
	json_array_foreach(list, i, item) {
		struct oci_descriptor *v = arena_grow(a, got.v, got.n, &got.cap, sizeof(*v));

		if (v == NULL)
			return arena_err(a, e);
		got.v = v;
		if ((rc = read_descriptor(item, member, a, &v[got.n++], e)) != 0)
			return rc;
	}
	if (got.n > LIMIT_OCI_LAYERS)
		return err_set(e, ERR_LIMIT, "%zu %s; the ceiling is %d", got.n, member, LIMIT_OCI_LAYERS);
	*out = got;
	return 0;
}

int
oci_index_parse(struct span in, struct arena *a, struct oci_list *out, struct err *e)
{
	return read_list(in, "manifests", a, out, e);
}

int
oci_manifest_parse(struct span in, struct arena *a, struct oci_list *out, struct err *e)
{
	return read_list(in, "layers", a, out, e);
}

void
oci_blob_path(const struct digest *d, struct buf *b)
{
	buf_printf(b, "blobs/%s/", digest_alg_name(d->alg));
	buf_hex(b, digest_view(d));
}

int
docker_manifest_parse(struct span in, struct arena *a, struct docker_image **images, size_t *n,
    struct err *e)
{
	JSON_AUTO json_t *root = NULL;
	json_t *image, *layers, *layer;
	struct docker_image *v;
	size_t i, k;
	int rc;

	if ((rc = json_parse(in, LIMIT_SMALL_FILE, &root, e)) != 0)
		return rc;
	if (!json_is_array(root))
		return err_set(e, ERR_FORMAT, "manifest.json is not an array");
	if ((v = arena_array(a, json_array_size(root) + 1, sizeof(*v))) == NULL)
		return arena_err(a, e);
	json_array_foreach(root, i, image) {
		if ((rc = json_member(image, "manifest.json", "Layers", JSON_ARRAY, true, &layers, e)) != 0)
			return rc;
		if (json_array_size(layers) > LIMIT_OCI_LAYERS)
			return err_set(e, ERR_LIMIT, "%zu layers; the ceiling is %d",
			    json_array_size(layers), LIMIT_OCI_LAYERS);
		v[i].layers = arena_array(a, json_array_size(layers) + 1, sizeof(struct span));
		if (v[i].layers == NULL)
			return arena_err(a, e);
		json_array_foreach(layers, k, layer) {
			if (!json_is_string(layer))
				return err_set(e, ERR_FORMAT, "manifest.json: a layer is not a string");
			if (!arena_copy(a, json_string_span(layer), &v[i].layers[v[i].n++]))
				return arena_err(a, e);
		}
	}
	*images = v;
	*n = json_array_size(root);
	return 0;
}
