/* evidence_bundle_check.h: the hashes of an evidence bundle, checked and made.
 *
 * They tell accidents and careless changes from what was recorded, and where.  They
 * are no signature: who can write a bundle can write its hashes, and gains nothing by
 * it, because the verdict rests on the quote, and on a key and a nonce that the
 * verifier knows.
 */
#ifndef ENGINE_EVIDENCE_BUNDLE_CHECK_H
#define ENGINE_EVIDENCE_BUNDLE_CHECK_H

#include "formats/evidence_bundle.h"

/** evidence_bundle_check(b, e): ERR_MISMATCH, with the section and its offset, where a
 * section is not what was recorded. */
MUST_CHECK int evidence_bundle_check(const struct evidence_bundle *b, struct err *e);

/** evidence_bundle_seal(b, out, e): Write a bundle of the parts that are present, after
 * filling in their hashes and making the manifest (whose part in ${b} is not touched). */
MUST_CHECK int evidence_bundle_seal(struct evidence_bundle *b, struct buf *out, struct err *e);

#endif
