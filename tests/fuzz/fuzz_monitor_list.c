/* The execution monitor's sidecar and notes: readers make progress, what they hand out lies in
 * the input, what was read is written again as the same bytes, and a dump stays one line. */
#include <assert.h>

#include "base/limits.h"
#include "engine/monitor_chain.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
notes(struct span in)
{
	for (unsigned k = MONITOR_NOTE_START; k <= MONITOR_NOTE_CHAIN; k++) {
		BUF_AUTO struct buf b = buf_init(KIB(4));
		struct monitor_note note;

		if (monitor_note_parse((enum monitor_note_kind)k, in, &note, NULL) != 0)
			continue;
		monitor_note_write(&note, &b);
		assert(span_eq(buf_view(&b), in));
	}
}

static void
sidecar(struct span in)
{
	struct rd r = rd_init(in);
	uint8_t boot_id[MONITOR_BOOT_ID];
	struct monitor_entry x;
	uint64_t before = 0;
	size_t off;

	if (monitor_header_parse(&r, boot_id, NULL) != 0)
		return;
	for (off = r.off; monitor_entry_next(&r, before, &x, NULL) > 0; off = r.off) {
		BUF_AUTO struct buf body = buf_init(LIMIT_MONITOR_BODY), dump = buf_init(MIB(1));

		assert(r.off == off + x.size && x.body.number > before && x.chain.n == MONITOR_CHAIN);
		monitor_body_write(&x.body, &body);
		assert(span_eq(buf_view(&body), x.raw));
		monitor_entry_dump(&x, &dump);
		assert(dump.n > 0 && span_find(buf_view(&dump), '\n') == dump.n - 1);
		before = x.body.number;
	}
	assert(r.off == off);
}

/* Both at once: the first two bytes say where the list ends and the sidecar begins. */
static void
both(struct span in)
{
	MONITOR_CHAIN_AUTO struct monitor_chain c = { 0 };
	struct monitor_item x;
	size_t at;

	if (in.n < 2)
		return;
	at = (size_t)in.p[0] | (size_t)in.p[1] << 8;
	in = span_from(in, 2);
	if (monitor_chain_open(span_head(in, at), span_from(in, at), &c, NULL) != 0)
		return;
	while (monitor_chain_next(&c, &x, NULL) > 0)
		assert(!x.is_note || !x.has_body);
	assert(c.lacking <= c.files && c.files <= c.entries);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	notes(span_of(p, n));
	sidecar(span_of(p, n));
	both(span_of(p, n));
	return 0;
}
