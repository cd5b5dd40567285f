/* Measurement lists: progress at each step, spans inside the input or the scratch
 * buffer, and a dump that never fails. */
#include <stdint.h>
#include <stdlib.h>

#include "formats/ima_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = { 0 };
	struct ima_log log;
	struct ima_entry n;
	struct buf b = buf_init(SIZE_MAX / 2);
	size_t before = 0;

	if (ima_log_open(span_of(data, size), &log, &e) != 0)
		return 0;
	while (ima_log_next(&log, &n, &e) > 0) {
		if (log.r.off <= before || log.r.off > size)
			abort();
		before = log.r.off;
		b.n = 0;
		ima_log_dump(&n, &b);
		if (b.why != 0 || b.n == 0)
			abort();
	}
	ima_log_close(&log);
	buf_free(&b);
	return 0;
}
