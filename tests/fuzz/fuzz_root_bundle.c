/* Files of roots, and bundles of them: what parses is written as the same bytes, dumps as printable text and loads
 * whole or not at all, with no more roots than it names. */
#include <stdlib.h>

#include "engine/ek_trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct arena a = arena_init(MIB(64));
	struct buf b = buf_init(SIZE_MAX / 2);
	struct x509_roots *r = NULL;
	struct root_bundle bundle;
	struct err e = { 0 };

	if (x509_roots_new(&r, &e) != 0)
		abort();
	if (trust_roots_load(in, r, &e) != 0 && e.message[0] == '\0')
		abort();
	x509_roots_free(r);
	r = NULL;
	e = (struct err){ 0 };
	if (root_bundle_parse(in, &a, &bundle, &e) != 0) {
		if (e.message[0] == '\0')
			abort();
		arena_free(&a);
		return 0;
	}
	root_bundle_write(&bundle, &b);
	if (b.why != 0 || !span_eq(buf_view(&b), in) || !root_bundle_looks(in))
		abort();
	b.n = 0;
	root_bundle_dump(&bundle, &b);
	for (size_t i = 0; i < b.n; i++)
		if ((b.p[i] < 0x20 && b.p[i] != '\n') || b.p[i] > 0x7e)
			abort();
	if (b.why != 0 || x509_roots_new(&r, &e) != 0)
		abort();
	if (root_bundle_load(&bundle, r, &e) == 0 && x509_roots_count(r) > bundle.n)
		abort();
	x509_roots_free(r);
	buf_free(&b);
	arena_free(&a);
	return 0;
}
