/* Images of an initial RAM file system: every decoder, the cpio reader and the tree.
 * Either it is refused, or every path told is absolute and inside the tree. */
#include <stdint.h>
#include <stdlib.h>

#include "port/initramfs.h"

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
	uint64_t parts = 0;

	if (hasher_new(DIGEST_SHA1, &h, &e) != 0 || stream_mem(span_of(data, size), &in, &e) != 0 ||
	    tree_new(&t, &e) != 0)
		abort();

	struct cpio_job job = { .h = h, .alg = DIGEST_SHA1, .tree = t };

	if (initramfs_into_tree(in, &job, &parts, &e) == 0) {
		if (parts == 0)
			abort();
		(void)!tree_each(t, check, NULL, &c, &e);
	} else if (e.code == 0 || e.message[0] == '\0') {
		abort();	/* an error says what is wrong */
	}
	tree_free(t);
	stream_free(in);
	hasher_free(h);
	return 0;
}
