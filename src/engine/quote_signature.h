/* quote_signature.h: the signature's part of the quote checks.  Private to engine/quote*.c. */
#ifndef ENGINE_QUOTE_SIGNATURE_H
#define ENGINE_QUOTE_SIGNATURE_H

#include "engine/quote.h"
#include "formats/tpm_signature.h"

/** quote_check_signature(in, sig, digest_size, r, hash, e): The check SIGNATURE.  ${*hash}
 * becomes the signing hash if it is one we accept, else DIGEST_NONE.  A plain
 * signature names no hash: ${digest_size}, the length of the quote's own digest,
 * which is made with the signing hash, tells it. */
MUST_CHECK int quote_check_signature(const struct quote_input *in, const struct tpm_signature *sig,
    size_t digest_size, struct result *r, enum digest_alg *hash, struct err *e);

#endif
