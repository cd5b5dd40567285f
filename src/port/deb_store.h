/* deb_store.h: the cache directory of package contents (formats/deb_cache.h).
 *
 * One file a package, named by the SHA-256 of the .deb and the digest algorithm of
 * the files inside.  Whoever can write here can approve files, so the directory
 * must belong to us and be writable by nobody else; an entry that is damaged is
 * as good as none.
 */
#ifndef PORT_DEB_STORE_H
#define PORT_DEB_STORE_H

#include "port/deb_read.h"

struct deb_store;

/** deb_store_open(dir, s, e): Makes the directory if it is missing. */
MUST_CHECK int deb_store_open(const char *dir, struct deb_store **s, struct err *e);
void deb_store_free(struct deb_store *s);

/** deb_store_get(s, key, alg, c): True if the package with this SHA-256 is known. */
MUST_CHECK bool deb_store_get(const struct deb_store *s, const struct digest *key,
    enum digest_alg alg, struct deb_content *c);

/** deb_store_put(s, key, alg, c): Keep it; failing to is no error (the disk may be full). */
void deb_store_put(const struct deb_store *s, const struct digest *key, enum digest_alg alg,
    const struct deb_content *c);

static inline void
deb_store_freep(struct deb_store **s)
{
	deb_store_free(*s);
}
#define DEB_STORE_AUTO __attribute__((cleanup(deb_store_freep)))

#endif
