/* Bills of materials: every path absolute, every digest of its algorithm's size. */
#include <stdint.h>
#include <stdlib.h>

#include "formats/sbom.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
check(void *cookie, struct span path, const struct digest *d, struct err *e)
{
	(void)cookie, (void)e;
	if (path.n == 0 || path.p[0] != '/' || d->size != digest_alg_size(d->alg) || d->alg == DIGEST_MD5)
		abort();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sbom_counts c;
	struct err e = { 0 };

	if (sbom_parse(span_of(data, size), check, NULL, &c, &e) != 0 && e.code == 0)
		abort();
	return 0;
}
