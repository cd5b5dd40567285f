/* initramfs: what the kernel unpacks at boot (init/initramfs.c, unpack_to_rootfs):
 * any number of cpio archives, each plain or compressed, one after the other, with
 * zeros between them; later files replace earlier ones. */
#include "base/limits.h"
#include "port/cpio_read.h"
#include "port/decompress.h"
#include "port/sources.h"

/* Archives inside one compressed part, up to its end. */
static int
read_archives(struct stream *in, struct cpio_job *job, struct err *e)
{
	struct span v;
	int rc;

	for (;;) {
		if ((rc = stream_view(in, 1, &v, e)) != 0)
			return rc;
		if (v.n == 0)
			return 0;
		if (v.p[0] == 0)
			stream_take(in, 1);
		else if ((rc = cpio_into_tree(in, job, e)) != 0)
			return rc;
	}
}

static int
read_compressed(struct stream *in, enum codec codec, struct cpio_job *job, struct err *e)
{
	STREAM_AUTO struct stream *plain = NULL;
	uint64_t start = in->offset;
	int rc;

	if ((rc = decompress(in, codec, DECOMPRESS_ONE, &plain, e)) != 0 ||
	    (rc = read_archives(plain, job, e)) != 0)
		return err_ctx(e, rc, "in the %s part that begins at byte %llu", codec_name(codec),
		    (unsigned long long)start);
	return 0;
}

static int
read_image(const struct source_run *r, struct stream *in, struct cpio_job *job, struct err *e)
{
	unsigned parts = 0;
	int rc;

	for (;;) {
		struct span v;

		r->sink->progress(r->sink->cookie, in->offset, 0, "bytes");
		if ((rc = stream_view(in, 16, &v, e)) != 0)
			return rc;
		if (v.n == 0)
			break;
		if (v.p[0] == 0) {
			stream_take(in, 1);
			continue;
		}

		enum codec codec = codec_detect(v);

		/* Plain archives stand at multiples of 4; the kernel checks that. */
		if (v.p[0] == '0' && (in->offset & 3) == 0)
			rc = cpio_into_tree(in, job, e);
		else if (codec != CODEC_NONE)
			rc = read_compressed(in, codec, job, e);
		else
			rc = err_at(e, ERR_FORMAT, in->offset,
			    "neither a cpio archive nor a compressed one begins here");
		if (rc != 0)
			return rc;
		parts++;
	}
	if (parts == 0)
		return err_set(e, ERR_FORMAT, "holds no cpio archive");
	r->stats->archives += parts;
	return 0;
}

static int
tell(void *cookie, struct span path, const struct digest *d, struct err *e)
{
	return source_tell(cookie, path, d, SOURCE_NO_PACKAGE, e);
}

int
source_initramfs(const struct source_run *r, struct err *e)
{
	HASHER_AUTO struct hasher *h = NULL;
	STREAM_AUTO struct stream *in = NULL;
	TREE_AUTO struct tree *tree = NULL;
	struct tree_counts counts = { 0 };
	int rc;

	if ((rc = hasher_new(r->o->alg, &h, e)) != 0 || (rc = tree_new(&tree, e)) != 0 ||
	    (rc = stream_open(r->where, NULL, &in, e)) != 0)
		return rc;

	struct cpio_job job = { .h = h, .alg = r->o->alg, .tree = tree };
	struct source_run run = *r;

	if ((rc = read_image(r, in, &job, e)) != 0)
		return err_file(e, rc, r->where);
	if ((rc = tree_each(tree, tell, &run, &counts, e)) != 0)
		return rc;
	r->stats->bytes += job.bytes;
	r->stats->symlinks += counts.symlinks;
	r->stats->special += counts.special;
	return 0;
}
