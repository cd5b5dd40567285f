/* Evidence bundles: there is one way to write each, so what parses is written again as
 * the same bytes; sections lie inside the input; the hash check ends and explains itself. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/evidence_bundle_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
inside(struct span s, const uint8_t *data, size_t size)
{
	if (s.p < data || s.p + s.n > data + size)
		abort();
}

/* Sealed anew, with hashes that are right, it passes its own check. */
static void
sealed(struct evidence_bundle *b)
{
	BUF_AUTO struct buf out = buf_init(SIZE_MAX / 4);
	EVIDENCE_BUNDLE_AUTO struct evidence_bundle again = { 0 };
	struct err e = { 0 };

	if (evidence_bundle_seal(b, &out, &e) != 0 || evidence_bundle_parse(buf_view(&out), &again, &e) != 0 ||
	    evidence_bundle_check(&again, &e) != 0 || again.entries != b->entries || again.bank != b->bank ||
	    again.created != b->created || !span_eq(again.generator, b->generator) ||
	    !span_eq(again.verdict, b->verdict) || again.n_policies != b->n_policies)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BUF_AUTO struct buf out = buf_init(SIZE_MAX / 4), text = buf_init(SIZE_MAX / 4);
	EVIDENCE_BUNDLE_AUTO struct evidence_bundle b = { 0 };
	struct err e = { 0 };

	if (evidence_bundle_parse(span_of(data, size), &b, &e) != 0) {
		if (e.message[0] == '\0')
			abort();
		return 0;
	}
	for (enum evidence_section s = EVIDENCE_MANIFEST; s < EVIDENCE_SECTIONS; s++)
		if (b.parts[s].present)
			inside(b.parts[s].bytes, data, size);
	if (evidence_bundle_write(&b, &out, &e) != 0 || !span_eq(buf_view(&out), span_of(data, size)))
		abort();
	evidence_bundle_dump(&b, &text);
	if (text.why != 0)
		abort();
	if (evidence_bundle_check(&b, &e) != 0 && e.message[0] == '\0')
		abort();
	sealed(&b);
	return 0;
}
