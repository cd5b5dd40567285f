/* Resume states: what is read can be written, reads the same, and is then written the same. */
#include <stdlib.h>

#include "base/limits.h"
#include "formats/resume_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	RESUME_STATE_AUTO struct resume_state one = { 0 }, two = { 0 };
	BUF_AUTO struct buf first = buf_init(MIB(16)), second = buf_init(MIB(16));
	struct err e = { 0 };

	if (resume_state_parse(span_of(data, size), &one, &e) != 0)
		return 0;
	if (resume_state_write(&one, &first, &e) != 0 ||
	    resume_state_parse(buf_view(&first), &two, &e) != 0 ||
	    resume_state_write(&two, &second, &e) != 0)
		abort();
	if (!span_eq(buf_view(&first), buf_view(&second)) || one.count != two.count ||
	    one.n_pcrs != two.n_pcrs || one.n_keys != two.n_keys || !digest_eq(&one.last, &two.last))
		abort();
	return 0;
}
