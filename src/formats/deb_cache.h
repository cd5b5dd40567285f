/* deb_cache.h: what is inside one package, kept so that it need not be opened again.
 * docs/formats/deb-cache.md is the specification.
 *
 *   OFFSET  SIZE  MEANING (integers little-endian)
 *   0       8     "assaydeb"
 *   8       4     version: 1
 *   12      1     kernel's number of the digest algorithm (enum hash_algo)
 *   13      3     zeros
 *   16      2+n   package name
 *   ..      2+n   version
 *   ..      2+n   architecture
 *   ..      8     symbolic links inside;  8: other things that are no files
 *   ..      8     bytes hashed
 *   ..      4     n: number of files
 *   n times 4+k   path;  D: digest
 *   ..      32    SHA-256 of everything before
 *
 * The last field finds damage; it is checked by the caller, who has the crypto.
 */
#ifndef FORMATS_DEB_CACHE_H
#define FORMATS_DEB_CACHE_H

#include "base/buf.h"
#include "base/digest_alg.h"
#include "base/rd.h"

#define DEB_CACHE_SUM 32

struct deb_cache {
	enum digest_alg alg;
	struct span name, version, arch;
	uint64_t symlinks, special, bytes;
	uint32_t n;
	struct rd files;	/* private: the next file */
};

/** deb_cache_parse(in, c, e): ${in} with its sum, which is not looked at. */
MUST_CHECK int deb_cache_parse(struct span in, struct deb_cache *c, struct err *e);

/** deb_cache_next(c, path, d, e): 1 and the next file, 0 at the end, or an error. */
MUST_CHECK int deb_cache_next(struct deb_cache *c, struct span *path, struct digest *d,
    struct err *e);

/** deb_cache_begin(c, b): The head, for c->n files; deb_cache_file(b, path, d): one file.
 * The caller appends the sum. */
void deb_cache_begin(const struct deb_cache *c, struct buf *b);
void deb_cache_file(struct buf *b, struct span path, const struct digest *d);

#endif
