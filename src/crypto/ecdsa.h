/* ecdsa.h: an ECDSA signature between two numbers, as TPMs and JSON Web Signatures have
 * it, and the DER of OpenSSL (RFC 3279 2.2.3: SEQUENCE { r INTEGER, s INTEGER }). */
#ifndef CRYPTO_ECDSA_H
#define CRYPTO_ECDSA_H

#include "base/buf.h"

/** ecdsa_der(r, s, der, e): Append the DER of big-endian ${r} and ${s}; leading zeros
 * do not matter.  Numbers of any value: whether they fit the curve is for the
 * verification to say. */
MUST_CHECK int ecdsa_der(struct span r, struct span s, struct buf *der, struct err *e);

/** ecdsa_raw(der, size, raw, e): Append r and s, each as ${size} big-endian bytes. */
MUST_CHECK int ecdsa_raw(struct span der, size_t size, struct buf *raw, struct err *e);

#endif
