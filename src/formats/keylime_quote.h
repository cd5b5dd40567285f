/* keylime_quote.h: the quote string of Keylime's agents.
 *
 *   OFFSET  SIZE  MEANING
 *   0       1     'r'
 *   1       a     base64 (RFC 4648 section 4, padded): TPMS_ATTEST
 *   1+a     1     ':'
 *   2+a     s     base64: TPMT_SIGNATURE
 *   2+a+s   1     ':'
 *   3+a+s   p     base64: tpm2-tools' PCR file (tpm_pcrs.h)
 *
 * Only the string is taken apart here; the parts are read by tpm_attest.h,
 * tpm_signature.h and tpm_pcrs.h.  Refused: another first letter ('d' was a
 * deep quote of a virtual TPM), more or fewer than three parts, an empty part,
 * base64 that is not canonical, and anything behind it, a newline too.  Version
 * 1.0 of the interface compressed each part (zlib); that is named and refused.
 *
 * The parts are owned copies: end with keylime_quote_free.
 */
#ifndef FORMATS_KEYLIME_QUOTE_H
#define FORMATS_KEYLIME_QUOTE_H

#include "base/buf.h"

struct keylime_quote {
	struct buf attest, signature, pcrs;
};

/** keylime_quote_parse(in, q, e): ${q} is untouched on failure. */
MUST_CHECK int keylime_quote_parse(struct span in, struct keylime_quote *q, struct err *e);
void keylime_quote_free(struct keylime_quote *q);

/** keylime_quote_dump(q, b): The parts as lines of hex. */
void keylime_quote_dump(const struct keylime_quote *q, struct buf *b);

#define KEYLIME_QUOTE_AUTO __attribute__((cleanup(keylime_quote_free)))

#endif
