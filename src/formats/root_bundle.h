/* root_bundle.h: a dated collection of TPM vendors' certificates, to be trusted as one.
 *
 * docs/formats/root-bundle.md; integers little-endian.
 *
 *   OFFSET  SIZE  MEANING
 *   0       8     magic: 89 'A' 'A' 'R' 'T' 0d 0a 1a
 *   8       4     format version: 1
 *   12      4     edition: of this collection, counted up
 *   16      8     date: seconds since 1970, when the certificates were collected
 *   24      4     count of certificates
 *   then each:
 *   +0      2     kind: 1 root (trusted), 2 intermediate (helps to build chains)
 *   +2      2     zero
 *   +4      2+v   vendor
 *   +6+v    2+s   subject, RFC 2253, to be read; the loader compares it with the DER
 *   ...     2+o   source: where these bytes were had, and when
 *   ...     4+d   DER
 *
 * Nothing follows.  The bytes carry no signature: a bundle is as good as the package or
 * the administrator that brought it.  Texts are UTF-8 without control characters.
 */
#ifndef FORMATS_ROOT_BUNDLE_H
#define FORMATS_ROOT_BUNDLE_H

#include "base/arena.h"
#include "base/buf.h"

enum root_kind { ROOT_ANCHOR = 1, ROOT_INTERMEDIATE = 2 };

struct root_entry {
	enum root_kind kind;
	struct span vendor, subject, source, der;	/* into the input */
};

struct root_bundle {
	uint32_t edition;
	int64_t date;
	struct root_entry *entries;	/* in the arena */
	size_t n;
};

/** root_bundle_looks(in): Whether the magic stands there. */
bool root_bundle_looks(struct span in);

/** root_bundle_parse(in, a, b, e): ERR_VERSION for a newer format. */
MUST_CHECK int root_bundle_parse(struct span in, struct arena *a, struct root_bundle *b,
    struct err *e);

/** root_bundle_write(b, out): The same bytes for the same bundle. */
void root_bundle_write(const struct root_bundle *b, struct buf *out);

/** root_bundle_dump(b, out): Stable lines of text. */
void root_bundle_dump(const struct root_bundle *b, struct buf *out);

#endif
