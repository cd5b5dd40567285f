/* /proc/keys: the reader makes progress and its names lie inside the input. */
#include <assert.h>

#include "formats/proc_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct rd r = rd_init(span_of(p, n));
	struct proc_keyring k;
	struct err e = { 0 };
	uint64_t line = 0;
	size_t off = 0;

	while (proc_keyring_next(&r, &line, &k, &e) > 0) {
		assert(r.off > off && line > 0);
		assert(k.name.p >= p && k.name.p + k.name.n <= p + r.off);
		off = r.off;
	}
	return 0;
}
