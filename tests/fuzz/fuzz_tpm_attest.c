/* TPMS_ATTEST: spans inside the input, what is left over is its end, and the structure
 * without it reads the same. */
#include <stdlib.h>

#include "formats/tpm_attest.h"

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
	struct buf one = buf_init(SIZE_MAX / 2), two = buf_init(SIZE_MAX / 2);
	struct tpm_attest a, again;
	struct err e = { 0 };

	if (tpm_attest_parse(in, &a, &e) != 0)
		return 0;
	inside(in, a.qualified_signer);
	inside(in, a.extra_data);
	inside(in, a.pcr_digest);
	for (size_t i = 0; i < a.n_fields; i++)
		inside(in, a.fields[i]);
	if (a.trailing.n != 0 && a.trailing.p + a.trailing.n != data + size)
		abort();
	if (tpm_attest_parse(span_head(in, size - a.trailing.n), &again, &e) != 0 ||
	    (a.body_fits && again.trailing.n != 0))
		abort();
	a.trailing = again.trailing;
	tpm_attest_dump(&a, &one);
	tpm_attest_dump(&again, &two);
	if (one.why != 0 || one.n == 0 || (a.body_fits && !span_eq(buf_view(&one), buf_view(&two))))
		abort();
	buf_free(&one);
	buf_free(&two);
	return 0;
}
