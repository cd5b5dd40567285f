/* The harness around libarchive's tar reader, with whiteouts, and the tree behind it. */
#include <stdint.h>
#include <stdlib.h>

#include "port/tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
check(void *cookie, struct span path, const struct digest *d, struct err *e)
{
	(void)cookie, (void)e;
	if (path.n < 2 || path.p[0] != '/' || d->alg != DIGEST_SHA1 ||
	    memmem(path.p, path.n, "/../", 4) != NULL || span_ends(path, span_lit("/..")))
		abort();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hasher *h = NULL;
	struct stream *in = NULL;
	struct tree *t = NULL;
	struct tree_counts c = { 0 };
	struct err e = { 0 };
	uint64_t bytes = 0;
	int rc;

	if (size == 0)
		return 0;
	if (hasher_new(DIGEST_SHA1, &h, &e) != 0 || stream_mem(span_of(data + 1, size - 1), &in, &e) != 0 ||
	    tree_new(&t, &e) != 0)
		abort();
	tree_layer(t);
	rc = tar_into_tree(in, h, DIGEST_SHA1, (data[0] & 1) != 0, t, &bytes, &e);
	if (rc == 0)
		(void)!tree_each(t, check, NULL, &c, &e);
	else if (e.code == 0)
		abort();
	tree_free(t);
	stream_free(in);
	hasher_free(h);
	return 0;
}
