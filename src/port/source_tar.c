/* tar: a file system in a tar archive, or a container image. */
#include <sys/stat.h>

#include "base/buf.h"
#include "base/limits.h"
#include "port/decompress.h"
#include "port/image.h"

struct tar_run {
	const struct source_run *r;
	struct hasher *h;
	struct tree *tree;
	struct image_blobs blobs;
	struct buf content;
	uint64_t bytes;
};

static void
tar_run_free(struct tar_run *t)
{
	hasher_free(t->h);
	tree_free(t->tree);
	image_blobs_free(&t->blobs);
	buf_free(&t->content);
}

/* A small file that may be an image's JSON: kept, and hashed like the others. */
static int
small_member(struct tar_run *t, struct tar *tar, const struct tar_member *m, struct tar_record *rec,
    struct err *e)
{
	uint8_t chunk[16384];
	size_t got;
	int rc;

	t->content.n = 0;
	do {
		if ((rc = tar_data(tar, chunk, sizeof(chunk), &got, e)) != 0)
			return rc;
		buf_put(&t->content, chunk, got);
	} while (got > 0);
	if ((rc = buf_done(&t->content, e)) != 0 ||
	    (rc = image_blobs_add(&t->blobs, m->path, buf_view(&t->content), e)) != 0)
		return rc;
	t->bytes += t->content.n;
	return digest_of(t->r->o->alg, buf_view(&t->content), &rec->digest, e);
}

static int
on_member(void *cookie, struct tar *tar, const struct tar_member *m, struct err *e)
{
	struct tar_run *t = cookie;
	struct tar_record rec = { .kind = m->kind, .path = m->path, .target = m->target };
	int rc = 0;

	t->r->sink->progress(t->r->sink->cookie, t->bytes, 0, "bytes");
	rec.hashed = m->kind == TAR_FILE || (m->kind == TAR_HARDLINK && m->size > 0);
	if (m->kind == TAR_FILE && image_blobs_wanted(m->path, m->size))
		rc = small_member(t, tar, m, &rec, e);
	else if (rec.hashed)
		rc = tar_hash(tar, t->h, t->r->o->alg, &rec.digest, &t->bytes, e);
	return rc != 0 ? rc : tar_apply(&rec, false, t->tree, e);
}

static int
tell(void *cookie, struct span path, const struct digest *d, struct err *e)
{
	return source_tell(cookie, path, d, SOURCE_NO_PACKAGE, e);
}

static int
read_archive(struct tar_run *t, struct err *e)
{
	STREAM_AUTO struct stream *in = NULL, *plain = NULL;
	int rc;

	if ((rc = stream_open(t->r->where, NULL, &in, e)) != 0 ||
	    (rc = decompress_auto(in, &plain, e)) != 0)
		return rc;
	return tar_each(plain, on_member, t, e);
}

/* An OCI layout has index.json and blobs in its root, docker save a manifest.json that
 * speaks of layers; no installed system has these there. */
static bool
is_image(const struct image_blobs *b)
{
	bool blobs = false, layers = false;

	for (size_t i = 0; i < b->n; i++) {
		blobs |= span_starts(b->v[i].path, span_lit("/blobs/"));
		layers |= span_is(b->v[i].path, "/manifest.json") &&
		    memmem(b->v[i].bytes.p, b->v[i].bytes.n, "\"Layers\"", 8) != NULL;
	}
	return (b->index && blobs) || layers;
}

static int
read_tar(const struct source_run *r, struct err *e)
{
	__attribute__((cleanup(tar_run_free))) struct tar_run t = { .r = r,
	    .content = buf_init(LIMIT_SMALL_FILE) };
	struct source_run run = *r;
	struct tree_counts counts = { 0 };
	int rc;

	image_blobs_init(&t.blobs);
	if ((rc = hasher_new(r->o->alg, &t.h, e)) != 0 || (rc = tree_new(&t.tree, e)) != 0)
		return rc;
	if ((rc = read_archive(&t, e)) != 0)
		return err_file(e, rc, r->where);
	if (is_image(&t.blobs))
		return image_read_tar(r, &t.blobs, e);
	if ((rc = tree_each(t.tree, tell, &run, &counts, e)) != 0)
		return rc;
	r->stats->bytes += t.bytes;
	r->stats->archives++;
	r->stats->symlinks += counts.symlinks;
	r->stats->special += counts.special;
	return 0;
}

int
source_tar(const struct source_run *r, struct err *e)
{
	struct stat st;

	if (stat(r->where, &st) != 0)
		return err_file(e, err_errno(e, "cannot open"), r->where);
	return S_ISDIR(st.st_mode) ? image_read_dir(r, e) : read_tar(r, e);
}
