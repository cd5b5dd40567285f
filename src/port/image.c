#include "port/image.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/path.h"
#include "formats/oci.h"
#include "port/decompress.h"

#define INDEX_DEPTH 4		/* an index of indexes of ... */
#define BLOBS_MAX MIB(256)	/* of small files kept from an archive */

/* One layer: by digest (OCI) or by path alone (docker save). */
struct layer {
	struct span path;	/* in the layout or archive, absolute */
	bool named;		/* by digest */
	struct digest digest;
	/* From an archive: what was found there, in the arena. */
	bool seen;
	struct tar_record *records;
	size_t n, cap;
};

struct image { uint32_t *layers; size_t n; };	/* indexes, lowest first */

struct images {
	const struct source_run *r;
	const struct image_blobs *blobs;	/* of an archive; NULL: a directory */
	struct arena arena;
	struct hasher *files, *blob;		/* owned */
	struct layer *layers;
	size_t n_layers, cap_layers;
	struct image *v;
	size_t n, cap;
	struct span arch;			/* of the first image */
	bool several_archs;
};

static void
images_free(struct images *s)
{
	hasher_free(s->files);
	hasher_free(s->blob);
	arena_free(&s->arena);
}

static int
images_init(struct images *s, const struct source_run *r, const struct image_blobs *b, struct err *e)
{
	int rc;

	*s = (struct images){ .r = r, .blobs = b, .arena = arena_init(LIMIT_ARCHIVE_ARENA) };
	if ((rc = hasher_new(r->o->alg, &s->files, e)) != 0)
		return rc;
	return 0;
}

/* ---- small blobs --------------------------------------------------------- */

void
image_blobs_init(struct image_blobs *b)
{
	*b = (struct image_blobs){ .arena = arena_init(BLOBS_MAX) };
}

void
image_blobs_free(struct image_blobs *b)
{
	arena_free(&b->arena);
}

bool
image_blobs_wanted(struct span path, uint64_t size)
{
	return size <= LIMIT_SMALL_FILE && (span_is(path, "/index.json") ||
	    span_is(path, "/manifest.json") || span_starts(path, span_lit("/blobs/")));
}

int
image_blobs_add(struct image_blobs *b, struct span path, struct span bytes, struct err *e)
{
	struct image_blob *v = arena_grow(&b->arena, b->v, b->n, &b->cap, sizeof(*v)), k;

	if (v == NULL || !arena_copy(&b->arena, path, &k.path) ||
	    !arena_copy(&b->arena, bytes, &k.bytes))
		return arena_err(&b->arena, e);
	b->v = v;
	b->v[b->n++] = k;
	b->index |= span_is(path, "/index.json");
	return 0;
}

/* A small file of the layout by its absolute path in it, into the arena. */
static int
small_file(struct images *s, struct span path, struct span *out, struct err *e)
{
	BUF_AUTO struct buf full = buf_init(2 * LIMIT_PATH);
	FILE_AUTO struct file f = { 0 };
	int rc;

	if (s->blobs != NULL) {
		for (size_t i = 0; i < s->blobs->n; i++)
			if (span_eq(s->blobs->v[i].path, path)) {
				*out = s->blobs->v[i].bytes;
				return 0;
			}
		return err_set(e, ERR_FORMAT, "the image lacks %.*s", (int)path.n, (const char *)path.p);
	}
	buf_str(&full, s->r->where);
	buf_span(&full, path);
	if ((rc = file_read(buf_cstr(&full), LIMIT_SMALL_FILE, &f, e)) != 0)
		return rc;
	return arena_copy(&s->arena, file_view(&f), out) ? 0 : arena_err(&s->arena, e);
}

static int
blob_path(struct images *s, const struct digest *d, struct span *out, struct err *e)
{
	BUF_AUTO struct buf b = buf_init(LIMIT_PATH);

	buf_u8(&b, '/');
	oci_blob_path(d, &b);
	return arena_copy(&s->arena, buf_view(&b), out) ? 0 : arena_err(&s->arena, e);
}

/* A blob of JSON, held against its name. */
static int
small_blob(struct images *s, const struct digest *d, struct span *out, struct err *e)
{
	struct digest got;
	struct span path;
	int rc;

	if ((rc = blob_path(s, d, &path, e)) != 0 || (rc = small_file(s, path, out, e)) != 0 ||
	    (rc = digest_of(d->alg, *out, &got, e)) != 0)
		return rc;
	return digest_eq(d, &got) ? 0 : err_set(e, ERR_MISMATCH,
	    "%.*s is not what its name says", (int)path.n, (const char *)path.p);
}

/* ---- which images and layers --------------------------------------------- */

static int
find_layer(struct images *s, const struct layer *want, uint32_t *out, struct err *e)
{
	for (uint32_t i = 0; i < s->n_layers; i++)
		if (span_eq(s->layers[i].path, want->path)) {
			*out = i;
			return 0;
		}

	struct layer *v = arena_grow(&s->arena, s->layers, s->n_layers, &s->cap_layers, sizeof(*v));

	if (v == NULL)
		return arena_err(&s->arena, e);
	s->layers = v;
	*out = (uint32_t)s->n_layers;
	s->layers[s->n_layers++] = *want;
	return 0;
}

static int
new_image(struct images *s, size_t n_layers, struct image **out, struct err *e)
{
	struct image *v = arena_grow(&s->arena, s->v, s->n, &s->cap, sizeof(*v));

	if (v == NULL)
		return arena_err(&s->arena, e);
	s->v = v;
	*out = &s->v[s->n];
	**out = (struct image){ .layers = arena_array(&s->arena, n_layers + 1, sizeof(uint32_t)) };
	if ((*out)->layers == NULL)
		return arena_err(&s->arena, e);
	s->n++;
	return 0;
}

static int
add_manifest(struct images *s, const struct oci_descriptor *d, struct err *e)
{
	struct oci_list layers;
	struct image *image;
	struct span json;
	int rc;

	if ((rc = small_blob(s, &d->digest, &json, e)) != 0 ||
	    (rc = oci_manifest_parse(json, &s->arena, &layers, e)) != 0 ||
	    (rc = new_image(s, layers.n, &image, e)) != 0)
		return rc;
	for (size_t i = 0; i < layers.n; i++) {
		struct layer l = { .named = true, .digest = layers.v[i].digest };

		if (layers.v[i].kind != OCI_LAYER)
			return err_set(e, ERR_UNSUPPORTED,
			    "a manifest whose layers are no file systems: this is no container image");
		if ((rc = blob_path(s, &l.digest, &l.path, e)) != 0 ||
		    (rc = find_layer(s, &l, &image->layers[image->n++], e)) != 0)
			return rc;
	}
	return 0;
}

static bool
arch_wanted(const struct source_options *o, struct span arch)
{
	for (size_t i = 0; i < o->n_archs; i++)
		if (span_is(arch, o->archs[i]))
			return true;
	return o->n_archs == 0 || arch.n == 0;
}

static int
add_index(struct images *s, struct span json, unsigned depth, struct err *e)
{
	struct oci_list list;
	int rc;

	if (depth > INDEX_DEPTH)
		return err_set(e, ERR_LIMIT, "indexes are nested deeper than %d", INDEX_DEPTH);
	if ((rc = oci_index_parse(json, &s->arena, &list, e)) != 0)
		return rc;
	for (size_t i = 0; i < list.n; i++) {
		const struct oci_descriptor *d = &list.v[i];
		struct span inner;

		if (d->attestation || !arch_wanted(s->r->o, d->arch))
			continue;
		if (d->kind == OCI_MANIFEST) {
			s->several_archs |= s->arch.n > 0 && d->arch.n > 0 && !span_eq(s->arch, d->arch);
			s->arch = d->arch.n > 0 ? d->arch : s->arch;
			rc = add_manifest(s, d, e);
		} else if (d->kind == OCI_INDEX && (rc = small_blob(s, &d->digest, &inner, e)) == 0) {
			rc = add_index(s, inner, depth + 1, e);
		}
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
add_docker(struct images *s, struct span json, struct err *e)
{
	struct docker_image *images;
	size_t n;
	int rc = docker_manifest_parse(json, &s->arena, &images, &n, e);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		struct image *image;

		if ((rc = new_image(s, images[i].n, &image, e)) != 0)
			return rc;
		for (size_t k = 0; k < images[i].n; k++) {
			BUF_AUTO struct buf path = buf_init(LIMIT_PATH + 2);
			struct layer l = { 0 };

			if ((rc = path_absolute(images[i].layers[k], &path, e)) != 0)
				return rc;
			if (!arena_copy(&s->arena, buf_view(&path), &l.path))
				return arena_err(&s->arena, e);
			if ((rc = find_layer(s, &l, &image->layers[image->n++], e)) != 0)
				return rc;
		}
	}
	return 0;
}

static int
find_images(struct images *s, struct err *e)
{
	struct span json;
	int rc;

	if (s->blobs != NULL && !s->blobs->index) {
		if ((rc = small_file(s, span_lit("/manifest.json"), &json, e)) != 0 ||
		    (rc = add_docker(s, json, e)) != 0)
			return rc;
	} else if ((rc = small_file(s, span_lit("/index.json"), &json, e)) != 0 ||
	    (rc = add_index(s, json, 0, e)) != 0) {
		return rc;
	}
	if (s->several_archs && s->r->o->n_archs == 0)
		return err_set(e, ERR_USAGE,
		    "this image comes for several architectures: say which with --arch");
	if (s->n == 0)
		return err_set(e, ERR_FORMAT, s->r->o->n_archs > 0 ?
		    "no image here is for an architecture given with --arch" : "no image stands in its index");
	return 0;
}

/* ---- layers of a directory ----------------------------------------------- */

/* Start and end of the digest of a layer's blob; hashers are made when first needed. */
static int
start_blob(struct images *s, const struct layer *l, struct err *e)
{
	int rc;

	hasher_free(s->blob);
	s->blob = NULL;
	if (!l->named)
		return 0;
	if ((rc = hasher_new(l->digest.alg, &s->blob, e)) != 0)
		return rc;
	return hasher_start(s->blob) ? 0 : err_set(e, ERR_CRYPTO, "computing a digest failed");
}

static int
check_blob(struct images *s, const struct layer *l, struct err *e)
{
	uint8_t out[LIMIT_DIGEST];

	if (!l->named)
		return 0;
	if (!hasher_finish(s->blob, out))
		return err_set(e, ERR_CRYPTO, "computing a digest failed");
	return span_eq(span_of(out, l->digest.size), digest_view(&l->digest)) ? 0 :
	    err_set(e, ERR_MISMATCH, "is not what its name says");
}

static int
read_layer_file(struct images *s, const struct layer *l, struct tree *tree, struct err *e)
{
	STREAM_AUTO struct stream *in = NULL, *plain = NULL;
	BUF_AUTO struct buf path = buf_init(2 * LIMIT_PATH);
	int rc;

	buf_str(&path, s->r->where);
	buf_span(&path, l->path);
	if ((rc = start_blob(s, l, e)) != 0 ||
	    (rc = stream_open(buf_cstr(&path), s->blob, &in, e)) != 0 ||
	    (rc = decompress_auto(in, &plain, e)) != 0 ||
	    (rc = tar_into_tree(plain, s->files, s->r->o->alg, true, tree, &s->r->stats->bytes, e)) != 0 ||
	    (rc = stream_drain(in, e)) != 0)
		return rc;
	return check_blob(s, l, e);
}

/* ---- layers of an archive ------------------------------------------------ */

struct recording { struct images *s; struct layer *l; };

static int
keep(void *cookie, const struct tar_record *r, struct err *e)
{
	struct recording *c = cookie;
	struct arena *a = &c->s->arena;
	struct tar_record *v = arena_grow(a, c->l->records, c->l->n, &c->l->cap, sizeof(*v)), copy = *r;

	if (v == NULL || !arena_copy(a, r->path, &copy.path) || !arena_copy(a, r->target, &copy.target))
		return arena_err(a, e);
	c->l->records = v;
	c->l->records[c->l->n++] = copy;
	return 0;
}

static int
on_member(void *cookie, struct tar *t, const struct tar_member *m, struct err *e)
{
	STREAM_AUTO struct stream *in = NULL, *plain = NULL;
	struct images *s = cookie;
	struct recording c = { .s = s };
	int rc;

	s->r->sink->progress(s->r->sink->cookie, s->r->stats->bytes, 0, "bytes");
	for (size_t i = 0; i < s->n_layers && c.l == NULL; i++)
		if (span_eq(s->layers[i].path, m->path) && m->kind == TAR_FILE && !s->layers[i].seen)
			c.l = &s->layers[i];
	if (c.l == NULL)
		return 0;
	c.l->seen = true;
	if ((rc = start_blob(s, c.l, e)) != 0 || (rc = tar_stream(t, s->blob, &in, e)) != 0 ||
	    (rc = decompress_auto(in, &plain, e)) != 0 || (rc = tar_records(plain, s->files,
	    s->r->o->alg, keep, &c, &s->r->stats->bytes, e)) != 0 || (rc = stream_drain(in, e)) != 0 ||
	    (rc = check_blob(s, c.l, e)) != 0)
		return err_ctx(e, rc, "%.*s", (int)m->path.n, (const char *)m->path.p);
	return 0;
}

static int
read_archive(struct images *s, struct err *e)
{
	STREAM_AUTO struct stream *in = NULL, *plain = NULL;
	int rc;

	if ((rc = stream_open(s->r->where, NULL, &in, e)) != 0 ||
	    (rc = decompress_auto(in, &plain, e)) != 0)
		return rc;
	return tar_each(plain, on_member, s, e);
}

static int
apply_layer(struct images *s, const struct layer *l, struct tree *tree, struct err *e)
{
	int rc;

	if (s->blobs == NULL)
		return read_layer_file(s, l, tree, e);
	if (!l->seen)
		return err_set(e, ERR_FORMAT, "is not in the archive");
	for (size_t i = 0; i < l->n; i++)
		if ((rc = tar_apply(&l->records[i], true, tree, e)) != 0)
			return rc;
	return 0;
}

/* ---- all of it ----------------------------------------------------------- */

static int
tell(void *cookie, struct span path, const struct digest *d, struct err *e)
{
	return source_tell(cookie, path, d, SOURCE_NO_PACKAGE, e);
}

static int
read_images(struct images *s, struct err *e)
{
	struct source_run run = *s->r;
	int rc;

	for (size_t i = 0; i < s->n; i++) {
		TREE_AUTO struct tree *tree = NULL;
		struct tree_counts counts = { 0 };

		if ((rc = tree_new(&tree, e)) != 0)
			return rc;
		for (size_t k = 0; k < s->v[i].n; k++) {
			const struct layer *l = &s->layers[s->v[i].layers[k]];

			tree_layer(tree);
			if ((rc = apply_layer(s, l, tree, e)) != 0)
				return err_ctx(e, rc, "layer %.*s", (int)l->path.n, (const char *)l->path.p);
			s->r->stats->archives++;
		}
		if ((rc = tree_each(tree, tell, &run, &counts, e)) != 0)
			return rc;
		s->r->stats->symlinks += counts.symlinks;
		s->r->stats->special += counts.special;
	}
	return 0;
}

static int
image_read(const struct source_run *r, const struct image_blobs *b, struct err *e)
{
	__attribute__((cleanup(images_free))) struct images s = { 0 };
	int rc;

	if ((rc = images_init(&s, r, b, e)) != 0 || (rc = find_images(&s, e)) != 0 ||
	    (b != NULL && (rc = read_archive(&s, e)) != 0) || (rc = read_images(&s, e)) != 0)
		return err_file(e, rc, r->where);
	return 0;
}

int
image_read_dir(const struct source_run *r, struct err *e)
{
	return image_read(r, NULL, e);
}

int
image_read_tar(const struct source_run *r, const struct image_blobs *b, struct err *e)
{
	return image_read(r, b, e);
}
