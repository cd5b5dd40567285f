/* fetch.h: files from http and https servers, by libcurl.
 *
 * Nothing here runs unless a source names a URL.  Only http and https are spoken,
 * also after a redirect, and never from https back to http; sizes are bounded by
 * the caller; a connection that stalls is given up.  Certificates are checked
 * against the system's authorities.
 */
#ifndef PORT_FETCH_H
#define PORT_FETCH_H

#include "base/buf.h"

struct fetch;

/** fetch_new(f, e): A connection for one thread, reused between calls. */
MUST_CHECK int fetch_new(struct fetch **f, struct err *e);
void fetch_free(struct fetch *f);

/** fetch_is_url(s): "http://..." or "https://...". */
bool fetch_is_url(const char *s);

/** fetch_bytes(f, url, out, missing, e): The whole answer appended to ${out}, which
 * bounds it.  A 404 or 410 sets *missing and is ERR_NETWORK. */
MUST_CHECK int fetch_bytes(struct fetch *f, const char *url, struct buf *out, bool *missing,
    struct err *e);

/** fetch_file(f, url, max, fd, e): The answer in an unnamed temporary file, at its start. */
MUST_CHECK int fetch_file(struct fetch *f, const char *url, uint64_t max, int *fd, struct err *e);

static inline void
fetch_freep(struct fetch **f)
{
	fetch_free(*f);
}
#define FETCH_AUTO __attribute__((cleanup(fetch_freep)))

#endif
