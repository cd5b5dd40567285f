/* ecdsa.h: an ECDSA signature from two numbers, as TPMs give it, to the DER that
 * OpenSSL verifies (RFC 3279 2.2.3: SEQUENCE { r INTEGER, s INTEGER }). */
#ifndef CRYPTO_ECDSA_H
#define CRYPTO_ECDSA_H

#include "base/buf.h"

/** ecdsa_der(r, s, der, e): Append the DER of big-endian ${r} and ${s}; leading zeros
 * do not matter.  Numbers of any value: whether they fit the curve is for the
 * verification to say. */
MUST_CHECK int ecdsa_der(struct span r, struct span s, struct buf *der, struct err *e);

#endif
