/* text.h: text encodings, strict: one accepted form each, no white space, no leftovers. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buf.h"

/** hex_value(c): Of a hex digit of either case; -1 for another character. */
int hex_value(uint8_t c);

/** hex_decode(s, b): Pairs of hex digits of either case, appended to ${b}. False
 * (nothing written) for an odd count or another character. */
MUST_CHECK bool hex_decode(struct span s, struct buf *b);

/** hex_fixed(s, out, n): Exactly 2*${n} digits into ${out}. */
MUST_CHECK bool hex_fixed(struct span s, uint8_t *out, size_t n);

/** base64_decode(s, b): RFC 4648 section 4 with padding, canonical (unused bits 0). */
MUST_CHECK bool base64_decode(struct span s, struct buf *b);

/** base64url_decode(s, b): Section 5, without padding, canonical. */
MUST_CHECK bool base64url_decode(struct span s, struct buf *b);

/** utf8_valid(s): RFC 3629: no overlong forms, no surrogates, at most U+10FFFF. */
MUST_CHECK bool utf8_valid(struct span s);

/** utf8_steers(s, i, point): How many bytes at ${i} of valid UTF-8 make a character that a terminal may
 * obey instead of show: DEL, the C1 controls (U+009B begins an escape sequence), line separators
 * and the marks that turn the direction of text around; else 0.  JSON of ours escapes these. */
size_t utf8_steers(struct span s, size_t i, unsigned *point);

/** utf16le_decode(s, b): UTF-16, little-endian, without a byte order mark, appended to
 * ${b} as UTF-8.  False (nothing written) for half a unit or an unpaired surrogate. */
MUST_CHECK bool utf16le_decode(struct span s, struct buf *b);

/** utf16le_encode(s, b): The other way; false (nothing written) if ${s} is not UTF-8. */
MUST_CHECK bool utf16le_encode(struct span s, struct buf *b);

/** dec_u64(s, out): Decimal digits only, no sign, no leading zero but "0" itself. */
MUST_CHECK bool dec_u64(struct span s, uint64_t *out);

/** duration_s(s, out): "90", "90s", "10m", "2h", "7d" in seconds; false for anything else,
 * and above 2^32 seconds. */
MUST_CHECK bool duration_s(struct span s, uint64_t *out);

#endif
