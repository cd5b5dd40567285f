/* What a TPM answers to TPM2_GetCapability.  The first byte chooses the question; the rest
 * is the answer.  A refused answer changes nothing, an accepted one moves on or ends. */
#include <assert.h>

#include "formats/tpm_caps.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const enum tpm_capability caps_of[] = { TPM_CAP_ALGS, TPM_CAP_PCRS, TPM_CAP_PROPERTIES };
	struct tpm_caps caps = { .level = 7 }, old = caps;
	BUF_AUTO struct buf b = buf_init(SIZE_MAX / 2);
	struct err e = { 0 };
	uint32_t next = 1;

	if (n == 0)
		return 0;
	/* Twice: a list may come in parts. */
	for (int i = 0; i < 2; i++) {
		int rc = tpm_caps_response(span_of(p + 1, n - 1), caps_of[p[0] % 3], &caps, &next, &e);

		if (i == 0 && rc != 0)
			assert(memcmp(&caps, &old, sizeof(caps)) == 0 && next == 1);
	}
	assert(caps.n_algs <= TPM_CAP_COUNT && caps.pcrs.n <= LIMIT_TPM_BANKS);
	assert(strlen(caps.manufacturer) <= 4 && strlen(caps.vendor) <= 16 && strlen(caps.family) <= 4);
	tpm_caps_dump(&caps, &b);
	assert(b.why == 0);
	return 0;
}
