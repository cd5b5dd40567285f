/* initramfs: the files of an initial RAM file system. */
#include "port/initramfs.h"
#include "port/sources.h"

static int
tell(void *cookie, struct span path, const struct digest *d, struct err *e)
{
	return source_tell(cookie, path, d, SOURCE_NO_PACKAGE, e);
}

static void
tick(void *cookie, uint64_t bytes)
{
	const struct source_run *r = cookie;

	r->sink->progress(r->sink->cookie, bytes, 0, "bytes");
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

	struct source_run run = *r;
	struct cpio_job job = { .h = h, .alg = r->o->alg, .tree = tree, .tick = tick, .cookie = &run };

	if ((rc = initramfs_into_tree(in, &job, &r->stats->archives, e)) != 0)
		return err_file(e, rc, r->where);
	if ((rc = tree_each(tree, tell, &run, &counts, e)) != 0)
		return rc;
	r->stats->bytes += job.bytes;
	r->stats->symlinks += counts.symlinks;
	r->stats->special += counts.special;
	return 0;
}
