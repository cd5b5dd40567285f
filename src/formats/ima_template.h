/* ima_template.h: what the fields of a template mean; shared by the two list readers.
 * Private to formats/ima_*.c. */
#ifndef FORMATS_IMA_TEMPLATE_H
#define FORMATS_IMA_TEMPLATE_H

#include "formats/ima_log.h"

/** ima_template_fields(name, ids): The fields of a built-in template, or of a format
 * string ("d-ng|n-ng|iuid"); their number, or 0 if any part is unknown. */
size_t ima_template_fields(struct span name, enum ima_field_id ids[LIMIT_IMA_FIELDS]);

/** ima_template_decode(n, big_endian): From template_name and data, fill in fields and
 * what is decoded from them, and say whether they fit. */
void ima_template_decode(struct ima_entry *n, bool big_endian);

/* The ASCII reader (ima_ascii.c). */
MUST_CHECK int ima_ascii_detect(struct ima_log *log, struct err *e);
MUST_CHECK int ima_ascii_next(struct ima_log *log, struct ima_entry *n, struct err *e);

#endif
