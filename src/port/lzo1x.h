/* lzo1x.h: the LZO1X stream decoder, from the description of the format in the
 * kernel's Documentation/staging/lzo.rst.  One block in, one block out, both
 * bounded; a reference before the start or a write past the end is refused. */
#ifndef PORT_LZO1X_H
#define PORT_LZO1X_H

#include "base/span.h"

/** lzo1x_decode(in, out, n): True if ${in} is one whole block that expands to exactly
 * ${n} bytes. */
MUST_CHECK bool lzo1x_decode(struct span in, uint8_t *out, size_t n);

#endif
