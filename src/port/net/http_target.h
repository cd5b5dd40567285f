/* http_target.h: the target of a request, taken apart strictly.
 *
 * Only the origin form is accepted (RFC 9112 3.2.1): "/", segments, and perhaps a query;
 * "*" for OPTIONS.  Percent-encoding is undone once.  Refused are: bytes that RFC 3986
 * does not allow unescaped, a bad or cut %XX, a NUL, "%2F" and control bytes in a
 * segment, "." and ".." (escaped or not), an empty segment, a query name given twice, and
 * anything over the ceilings of base/limits.h.  So a path has one spelling only, and what
 * the router compares is what a handler sees.
 *
 * Segments are UTF-8.  Query values are bytes, for they may be names of files; "+" in
 * them is a blank, as HTML forms and most libraries write it, so a plus is %2B.
 *
 * Everything handed out points into the buffer inside struct http_target.
 */
#ifndef PORT_NET_HTTP_TARGET_H
#define PORT_NET_HTTP_TARGET_H

#include "base/limits.h"
#include "base/buf.h"

struct http_param {
	struct span name, value;	/* decoded */
};

struct http_target {
	bool asterisk;			/* "*" */
	size_t n_segments, n_query;
	struct span segments[LIMIT_HTTP_SEGMENTS];	/* decoded; "/" has none */
	struct http_param query[LIMIT_HTTP_QUERY];
	size_t used;
	uint8_t bytes[LIMIT_HTTP_TARGET];
};

/** http_target_parse(text, t, e): ERR_FORMAT, ERR_ENCODING or ERR_LIMIT with the offset;
 * ${t} is then undefined. */
MUST_CHECK int http_target_parse(struct span text, struct http_target *t, struct err *e);

/** http_target_query(t, name, value): A query parameter; false if it is not given. */
bool http_target_query(const struct http_target *t, const char *name, struct span *value);

/** http_target_escape(b, s): Bytes as one segment or query value of a target. */
void http_target_escape(struct buf *b, struct span s);

#endif
