/* Keylime's quote string: what comes apart goes together to the same bytes. */
#include <stdlib.h>

#include "formats/keylime_quote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b = buf_init(SIZE_MAX / 2);
	struct keylime_quote q;
	struct err e = { 0 };

	if (keylime_quote_parse(span_of(data, size), &q, &e) != 0)
		return 0;
	buf_str(&b, "r");
	buf_base64(&b, buf_view(&q.attest));
	buf_str(&b, ":");
	buf_base64(&b, buf_view(&q.signature));
	buf_str(&b, ":");
	buf_base64(&b, buf_view(&q.pcrs));
	if (!span_eq(buf_view(&b), span_of(data, size)))
		abort();
	b.n = 0;
	keylime_quote_dump(&q, &b);
	if (b.why != 0 || b.n == 0)
		abort();
	keylime_quote_free(&q);
	buf_free(&b);
	return 0;
}
