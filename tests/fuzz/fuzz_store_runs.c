/* Rows of logs: reading ends, and what was read is written and read back as the same. */
#include <stdint.h>
#include <stdlib.h>

#include "port/store/runs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BUF_AUTO struct buf out = buf_init(SIZE_MAX / 4);
	struct runs it = runs_init(span_of(data, size), 1000), again;
	uint64_t last = 0, n = 0;
	int64_t at = 1000;
	struct err e = { 0 };
	bool whole;

	while (runs_next(&it)) {
		uint64_t before = n++ == 0 ? 0 : last;

		/* Each one a run of its own. */
		runs_put(&out, (int64_t)((uint64_t)it.at - (uint64_t)at), &it.entry, 1, before);
		last = it.entry;
		at = it.at;
		if (n > size)
			abort();
	}
	whole = runs_damaged(&it, &e) == 0;
	if (!whole && e.message[0] == '\0')
		abort();
	again = runs_init(buf_view(&out), 1000);
	it = runs_init(span_of(data, size), 1000);
	for (; n != 0; n--)
		if (!runs_next(&it) || !runs_next(&again) || it.entry != again.entry || it.at != again.at)
			abort();
	if (runs_next(&again) || runs_damaged(&again, &e) != 0)
		abort();
	return 0;
}
