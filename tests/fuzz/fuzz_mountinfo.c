/* /proc/self/mountinfo: the reader makes progress, hands out only what stands in the
 * line it names, and a dump stays one line. */
#include <assert.h>

#include "formats/mountinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	ARENA_AUTO struct arena a = arena_init((size_t)16 << 20);
	struct rd r = rd_init(span_of(p, n));
	struct mountinfo m;
	struct err e = { 0 };
	uint64_t line = 0, before = 0;
	size_t off = 0;

	while (mountinfo_next(&r, &line, &a, &m, &e) > 0) {
		BUF_AUTO struct buf b = buf_init(SIZE_MAX / 2);

		assert(r.off > off && line == before + 1);
		assert(m.point.n <= r.off - off && m.type.n <= r.off - off);
		mountinfo_dump(&m, &b);
		assert(b.n > 0 && span_find(buf_view(&b), '\n') == b.n - 1);
		off = r.off;
		before = line;
	}
	return 0;
}
