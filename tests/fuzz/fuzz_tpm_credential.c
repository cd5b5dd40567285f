/* TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET: spans inside the input; what is read is written
 * as it was. */
#include <stdlib.h>

#include "formats/tpm_credential.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
inside(struct span in, struct span s)
{
	if (s.n != 0 && (s.p < in.p || s.p + s.n > in.p + in.n))
		abort();
}

static void
same(struct span in, struct buf *b)
{
	if (b->why != 0 || !span_eq(buf_view(b), in))
		abort();
	b->n = 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct buf b = buf_init(SIZE_MAX / 2);
	struct tpm_id_object o = { 0 };
	struct tpm_encrypted_secret s = { 0 };
	struct err e = { 0 };

	if (tpm_id_object_parse(in, &o, &e) == 0) {
		inside(in, o.integrity);
		inside(in, o.identity);
		tpm_id_object_write(&o, &b);
		same(in, &b);
	}
	for (int ecc = 0; ecc < 2; ecc++) {
		if (tpm_encrypted_secret_parse(in, ecc, &s, &e) != 0)
			continue;
		inside(in, s.rsa);
		inside(in, s.x);
		inside(in, s.y);
		tpm_encrypted_secret_write(&s, &b);
		same(in, &b);
	}
	tpm_credential_dump(&o, &s, &b);
	if (b.why != 0 || b.n == 0)
		abort();
	buf_free(&b);
	return 0;
}
