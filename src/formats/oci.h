/* oci.h: which blobs make up a container image.
 *
 * OCI image layout (image-spec: image-layout.md, image-index.md, manifest.md):
 * index.json lists manifests or further indexes; a manifest lists layers; blobs
 * are named by digest.  docker save's manifest.json names its layers by path.
 *
 * Pure: the JSON comes from the caller, blob by blob.
 */
#ifndef FORMATS_OCI_H
#define FORMATS_OCI_H

#include "base/arena.h"
#include "base/digest_alg.h"
#include "base/err.h"

enum oci_kind { OCI_OTHER = 0, OCI_INDEX, OCI_MANIFEST, OCI_LAYER };

struct oci_descriptor {
	enum oci_kind kind;
	struct digest digest;
	uint64_t size;
	struct span arch, os;	/* of a manifest in an index; may be empty */
	bool attestation;	/* not an image: BuildKit's provenance records */
};

struct oci_list {
	struct oci_descriptor *v;	/* in the arena */
	size_t n, cap;
};

/** oci_index_parse(in, a, out, e): The manifests and indexes of an index. */
MUST_CHECK int oci_index_parse(struct span in, struct arena *a, struct oci_list *out, struct err *e);

/** oci_manifest_parse(in, a, out, e): The layers of a manifest, lowest first. */
MUST_CHECK int oci_manifest_parse(struct span in, struct arena *a, struct oci_list *out,
    struct err *e);

/** oci_blob_path(d, b): "blobs/sha256/HEX". */
struct buf;
void oci_blob_path(const struct digest *d, struct buf *b);

/* One image of docker save: paths of its layers, lowest first, as in the archive. */
struct docker_image { struct span *layers; size_t n; };

/** docker_manifest_parse(in, a, images, n, e): A manifest.json. */
MUST_CHECK int docker_manifest_parse(struct span in, struct arena *a, struct docker_image **images,
    size_t *n, struct err *e);

#endif
