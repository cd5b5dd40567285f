/* PCR values in all three formats: each selected PCR has a value of its bank's size, none
 * else has, and the dump, read as text, means the same. */
#include <stdlib.h>

#include "formats/tpm_pcrs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tpm_pcrs p, again;

static void
check_values(void)
{
	for (enum digest_alg alg = DIGEST_NONE + 1; alg < DIGEST_ALG_COUNT; alg++)
		for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++) {
			struct span v = tpm_pcrs_get(&p, alg, pcr);

			if ((v.n != 0) != tpm_selection_has(&p.selection, alg, pcr))
				abort();
			if (!span_eq(v, tpm_pcrs_get(&again, alg, pcr)))
				abort();
			if (v.n != 0 && v.n != digest_alg_size(alg))
				abort();
		}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b = buf_init(SIZE_MAX / 2);
	struct err e = { 0 };

	if (tpm_pcrs_parse(span_of(data, size), &p, &e) != 0) {
		if (e.code == 0 || e.message[0] == '\0')
			abort();
		return 0;
	}
	tpm_pcrs_dump(&p, &b);
	/* A PCR file may select nothing; as text that is refused. */
	if (p.n_banks != 0) {
		if (tpm_pcrs_parse(buf_view(&b), &again, &e) != 0 || again.kind != TPM_PCRS_TEXT)
			abort();
		check_values();
	}
	buf_free(&b);
	return 0;
}
