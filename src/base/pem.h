/* pem.h: PEM (RFC 7468): base64 of bytes between two lines that name what they are.
 *
 * Reading is by label, strict inside a block (base64 in lines of any length, canonical,
 * no attributes) and deaf to text around blocks, where people and tools write notes.
 */
#ifndef BASE_PEM_H
#define BASE_PEM_H

#include "base/buf.h"

/** pem_next(in, off, label, out, e): The next block of that label from ${*off} on, decoded
 * and appended to ${out}; ${*off} moves behind it.  Returns 1, 0 if there is no further
 * one, or an error.  Blocks of other labels are stepped over. */
MUST_CHECK int pem_next(struct span in, size_t *off, const char *label, struct buf *out,
    struct err *e);

/** pem_read(in, label, out, e): The first such block; ERR_FORMAT if there is none. */
MUST_CHECK int pem_read(struct span in, const char *label, struct buf *out, struct err *e);

/** pem_write(label, der, b): In lines of 64. */
void pem_write(const char *label, struct span der, struct buf *b);

/** pem_looks(in): Whether there is any block. */
bool pem_looks(struct span in);

#endif
