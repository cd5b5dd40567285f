/* Signatures of whatever list: judged without a crash, never good without a key to trust,
 * always with a sentence, and twice the same. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/ima_verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct runtime_policy none;
	const struct runtime_policy *all[] = { &none };
	const struct sig_context ctx = { 0 };
	KEYRING_AUTO struct keyring *ring = NULL;
	struct sig_outcome a, b;
	struct load_outcome l;
	struct ima_entry n;
	struct ima_log log;

	if (keyring_new(all, 1, &ring, NULL) != 0 || ima_log_open(span_of(data, size), &log, NULL) != 0)
		return 0;
	while (ima_log_next(&log, &n, NULL) > 0) {
		if (ima_verify_entry(ring, &n, &ctx, &a, NULL) != 0 ||
		    ima_verify_entry(ring, &n, &ctx, &b, NULL) != 0)
			abort();
		if (a.state == SIG_GOOD || a.key != NULL || a.why == NULL || a.state != b.state)
			abort();
		if (n.has_buf && (keyring_load(ring, n.path, n.buf, &l, NULL) != 0 ||
		    l.state != LOAD_UNKNOWN || l.learned))
			abort();
	}
	ima_log_close(&log);
	return 0;
}
