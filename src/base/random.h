/* random.h: bytes nobody can guess, from the kernel (getrandom(2)). */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include "base/err.h"

/** random_bytes(p, n, e): Fails only where the kernel has no getrandom. */
MUST_CHECK int random_bytes(void *p, size_t n, struct err *e);

#endif
