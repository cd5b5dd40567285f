/* ct.h: comparing what an attacker can make us compare often.
 *
 * The time taken depends on the lengths only, which are not secret.  Nonces,
 * authentication tags and tokens are compared with this and never with memcmp.
 */
#ifndef CRYPTO_CT_H
#define CRYPTO_CT_H

#include "base/span.h"

/** ct_eq(a, b): Whether both are the same bytes. */
bool ct_eq(struct span a, struct span b);

#endif
