/* security.ima and security.evm values: spans inside the input and in bounds, sizes
 * that fit, a dump that never fails, and no two readings of one value. */
#include <stdint.h>
#include <stdlib.h>

#include "formats/ima_xattr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
inside(struct span s, const uint8_t *data, size_t size)
{
	if (s.n != 0 && (s.p < data || s.n > size || (size_t)(s.p - data) > size - s.n))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b = buf_init(SIZE_MAX / 2);
	struct ima_xattr x, y;

	if (ima_xattr_parse(span_of(data, size), &x, NULL) != 0)
		return 0;
	inside(x.sig, data, size);
	inside(x.digest, data, size);
	if ((x.sig.n == 0) == (x.digest.n == 0) || ima_xattr_is_signature(&x) != (x.sig.n != 0))
		abort();
	if (x.version >= 2 && x.sig.n != size - 9)
		abort();
	if (x.digest.n != 0 && x.alg != DIGEST_NONE && x.digest.n != digest_alg_size(x.alg))
		abort();
	/* Lengths are exact: one byte less is another thing.  (MD5 may lose its padding.) */
	if (x.type != IMA_XATTR_DIGEST && !(x.type == IMA_XATTR_DIGEST_NG && x.alg == DIGEST_NONE) &&
	    ima_xattr_parse(span_of(data, size - 1), &y, NULL) == 0)
		abort();
	ima_xattr_dump(&x, &b);
	if (b.why != 0 || b.n == 0)
		abort();
	buf_free(&b);
	return 0;
}
