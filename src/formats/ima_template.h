/* ima_template.h: what the fields of a template mean; shared by the two list readers.
 * Private to formats/ima_*.c. */
#ifndef FORMATS_IMA_TEMPLATE_H
#define FORMATS_IMA_TEMPLATE_H

#include "formats/ima_log.h"

/** ima_template_get(log, name): What the fields of a built-in template, or of a format
 * string ("d-ng|n-ng|iuid"), are; valid until the next call.  ${name} points into the list. */
const struct ima_template *ima_template_get(struct ima_log *log, struct span name);

/** ima_template_decode(log, n): From template_name and data, fill in fields and what is
 * decoded from them, and say whether they fit. */
void ima_template_decode(struct ima_log *log, struct ima_entry *n);

/* The ASCII reader (ima_ascii.c). */
MUST_CHECK int ima_ascii_detect(struct ima_log *log, struct err *e);
MUST_CHECK int ima_ascii_next(struct ima_log *log, struct ima_entry *n, struct err *e);

#endif
