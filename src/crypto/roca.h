/* roca.h: RSA keys of CVE-2017-15361 ("ROCA"): made by Infineon's library, which
 * many TPMs carried, and factored at practical cost.
 *
 * Its primes are k * M + (65537^a mod M), with M the product of the first primes,
 * so that the modulus is a power of 65537 modulo each of them (Nemec et al.,
 * "The Return of Coppersmith's Attack", CCS 2017).  The test asks just that; a
 * sound modulus passes for a weak one with a probability below 2^-27.
 */
#ifndef CRYPTO_ROCA_H
#define CRYPTO_ROCA_H

#include "base/span.h"

/** roca_weak(modulus): Whether the big-endian modulus has the mark. */
bool roca_weak(struct span modulus);

#endif
