/* TPMT_SIGNATURE: spans inside the input; what is left over is its end; a plain signature
 * is the whole input. */
#include <stdlib.h>

#include "formats/tpm_signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
inside(struct span in, struct span s)
{
	if (s.n != 0 && (s.p < in.p || s.p + s.n > in.p + in.n))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct buf b = buf_init(SIZE_MAX / 2);
	struct tpm_signature s;
	struct err e = { 0 };

	if (tpm_signature_parse(in, &s, &e) != 0)
		return 0;
	inside(in, s.sig);
	inside(in, s.r);
	inside(in, s.s);
	if (s.trailing.n != 0 && s.trailing.p + s.trailing.n != data + size)
		abort();
	if (s.plain && (s.sig.n != size || s.trailing.n != 0))
		abort();
	tpm_signature_dump(&s, &b);
	if (b.why != 0 || b.n == 0)
		abort();
	buf_free(&b);
	return 0;
}
