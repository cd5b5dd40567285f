/* Enrolment records: what parses is written as the same bytes; what is used, or proven by
 * nothing, never enrols. */
#include <stdlib.h>

#include "engine/enrolment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct trust_config config = { 0 };
	const struct enrol_known known = { .state = IDENTITY_NONE };
	struct buf b = buf_init(SIZE_MAX / 2);
	struct enrolment rec = { 0 };
	struct enrol_outcome o;
	struct err e = { 0 };

	if (enrolment_parse(span_of(data, size), &rec, &e) != 0) {
		if (rec.csr.p != NULL || e.message[0] == '\0')
			abort();
		return 0;
	}
	enrolment_write(&rec, &b);
	if (b.why != 0 || !span_eq(buf_view(&b), span_of(data, size)))
		abort();
	if (enrolment_finish(&rec, span_of(rec.token, 16), &config, &known, rec.expires - 1, &o, &e) != 0 ||
	    o.result != ENROL_REFUSED || !rec.used)
		abort();
	enrolment_free(&rec);
	buf_free(&b);
	return 0;
}
