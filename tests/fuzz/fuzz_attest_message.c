/* Messages between agent and server: what parses lies inside the input and is written again
 * as the same bytes, but for optional sections that were stepped over. */
#include <stdint.h>
#include <stdlib.h>

#include "formats/attest_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BUF_AUTO struct buf out = buf_init(SIZE_MAX / 4), again = buf_init(SIZE_MAX / 4), text = buf_init(SIZE_MAX / 4);
	struct attest_message m, back;
	struct err e = { 0 };

	if (attest_message_parse(span_of(data, size), &m, &e) != 0) {
		if (e.message[0] == '\0')
			abort();
		return 0;
	}
	for (enum attest_section s = 0; s < ATTEST_SECTIONS; s++)
		if (m.s[s].present && (m.s[s].bytes.p < data || m.s[s].bytes.p + m.s[s].bytes.n > data + size))
			abort();
	if (attest_message_write(&m, &out, &e) != 0 || out.n > size ||
	    attest_message_parse(buf_view(&out), &back, &e) != 0 || attest_message_write(&back, &again, &e) != 0 ||
	    !span_eq(buf_view(&out), buf_view(&again)) ||
	    (out.n == size && !span_eq(buf_view(&out), span_of(data, size))))
		abort();
	attest_message_dump(&m, &text);
	return text.why == 0 ? 0 : (abort(), 0);
}
