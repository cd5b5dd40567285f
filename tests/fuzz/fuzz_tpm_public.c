/* TPM2B_PUBLIC: spans inside the area, the area inside the input, area and left-over
 * without overlap; the bare area reads the same. */
#include <stdlib.h>

#include "formats/tpm_public.h"

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
	struct tpm_public p, bare;
	struct err e = { 0 };

	if (tpm_public_parse(in, &p, &e) != 0)
		return 0;
	inside(in, p.area);
	inside(p.area, p.auth_policy);
	inside(p.area, p.modulus);
	inside(p.area, p.x);
	inside(p.area, p.y);
	if ((p.sized ? 2 : 0) + p.area.n + p.trailing.n != size || !tpm_public_looks(in))
		abort();
	/* An area whose name hash has the number of a key type reads as a sized one. */
	if (p.name_alg != TPM_ALG_RSA && p.name_alg != TPM_ALG_ECC) {
		if (tpm_public_parse(p.area, &bare, &e) != 0 || bare.sized || bare.trailing.n != 0)
			abort();
		p.sized = false;
		p.trailing = bare.trailing;
		tpm_public_dump(&p, &one);
		tpm_public_dump(&bare, &two);
		if (one.why != 0 || one.n == 0 || !span_eq(buf_view(&one), buf_view(&two)))
			abort();
	}
	buf_free(&one);
	buf_free(&two);
	return 0;
}
