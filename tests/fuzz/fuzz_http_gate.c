/* The gate: however the bytes are cut, it says the same; what it hands out lies in its copy of
 * the head; the body it lets through is no larger than allowed; it never takes a byte too many. */
#include <assert.h>

#include "port/net/http_gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define MOST 300

static void
inside(const struct http_gate *g, struct span s)
{
	assert(s.n == 0 || (s.p >= g->head.p && s.p + s.n <= g->head.p + g->head.n));
}

static enum gate_event
feed(struct http_gate *g, struct span s, size_t step, size_t *off)
{
	enum gate_event ev = GATE_MORE;

	*off = 0;
	while (*off < s.n && ev == GATE_MORE) {
		struct span piece = span_head(span_from(s, *off), step);
		const uint8_t *from = piece.p;
		size_t before = piece.n;

		ev = gate_feed(g, &piece);
		assert(piece.n <= before && (piece.n == 0 || piece.p == from + (before - piece.n)));
		*off += before - piece.n;
		assert(g->body <= MOST && g->head.n <= *off);
		if (ev == GATE_HEAD) {
			inside(g, g->h.target);
			inside(g, g->h.method_text);
			inside(g, g->h.host);
			inside(g, g->h.authorization);
			inside(g, g->h.content_type);
			assert(!(g->h.chunked && g->h.has_length));
			ev = gate_body(g, MOST);
		}
	}
	assert(ev != GATE_REFUSED || (g->status >= 400 && g->why != NULL && g->code != NULL));
	assert(ev != GATE_DONE || g->state == GATE_COMPLETE);
	return ev;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span s = span_of(p, n);
	struct http_gate whole, bytes;
	size_t a, b, total = 0;

	gate_init(&whole);
	gate_init(&bytes);
	/* One request after the other, as on a kept connection. */
	for (int i = 0; i < 8 && total < n; i++) {
		enum gate_event one = feed(&whole, span_from(s, total), n, &a);
		enum gate_event two = feed(&bytes, span_from(s, total), 1, &b);

		assert(one == two && a == b && whole.status == bytes.status && whole.body == bytes.body);
		assert(one != GATE_MORE || total + a == n);
		if (one != GATE_DONE)
			break;
		total += a;
		gate_reset(&whole);
		gate_reset(&bytes);
	}
	gate_free(&whole);
	gate_free(&bytes);
	return 0;
}
