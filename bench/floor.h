/* floor.h: what the promises are measured by: the digests an appraisal cannot avoid,
 * with OpenSSL's EVP in the quickest way it offers (fetched once, one context used
 * again), and nothing around them.  Written against OpenSSL directly, so that no
 * change of crypto/ moves the floor.
 */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include "base/span.h"
#include "bench/measure.h"

/** floor_digests(data, n, w): For each span one SHA-1 and one SHA-256 of it, and one
 * SHA-256 of 64 bytes, as a PCR extend takes. */
void floor_digests(const struct span *data, size_t n, struct watch *w);

#endif
