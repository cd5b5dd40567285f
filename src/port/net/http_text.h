/* http_text.h: the small grammars inside header fields and event streams.
 *
 * Pure and bounded; each accepts what its RFC does and nothing more, and says false or
 * an error for the rest.  Nothing here is a number of bytes to trust: framing is the
 * gate's (http_gate.h).
 */
#ifndef PORT_NET_HTTP_TEXT_H
#define PORT_NET_HTTP_TEXT_H

#include "base/buf.h"
#include "base/limits.h"

/** http_token(s): RFC 9110 5.6.2, not empty. */
bool http_token(struct span s);

/** http_field_value(s): Visible bytes, blanks and tabs (RFC 9110 5.5), also none. */
bool http_field_value(struct span s);

/** http_trim(s): Without blanks and tabs at both ends. */
struct span http_trim(struct span s);

/** http_is(s, word): Equal but for the case of ASCII letters. */
bool http_is(struct span s, const char *word);

/** http_list_next(list, item): The next element of a comma-separated list, trimmed; empty
 * elements are skipped.  False at the end.  Not for lists with quoted strings. */
bool http_list_next(struct span *list, struct span *item);

/** http_list_has(list, word): Whether a list of tokens has ${word} in it. */
bool http_list_has(struct span list, const char *word);

enum http_etags { ETAGS_BAD, ETAGS_NO, ETAGS_YES, ETAGS_ANY };
/** http_etags(list, etag, weak): What If-Match or If-None-Match says (RFC 9110 13.1) about
 * the opaque text ${etag}: "*" is ETAGS_ANY; a weak one counts only if ${weak}. */
enum http_etags http_etags(struct span list, struct span etag, bool weak);

/** http_etag_text(s): Whether ${s} can stand in quotes as an entity tag. */
bool http_etag_text(struct span s);

/** http_media_type(value, out, n): "type/subtype" in lower case, with a NUL, from a
 * Content-Type; parameters must be well-formed and are dropped. */
bool http_media_type(struct span value, char *out, size_t n);

/** http_bearer(value, token): The token of "Bearer b64token" (RFC 6750 2.1). */
bool http_bearer(struct span value, struct span *token);

/** http_reason(status): "Not Found"; never NULL. */
const char *http_reason(unsigned status);

/* Reading an event stream (HTML, "9.2.6 Interpreting an event stream"), fed in any pieces. */
struct sse_reader {
	struct buf line, data;
	char event[64], id[128];	/* longer ones are an error */
	bool has_data, skip_lf;
	uint64_t comments;		/* heartbeats seen */
};

struct sse_event {
	struct span event, id, data;	/* live until the next call */
};

/** Called for each event; false stops. */
typedef bool sse_event_fn(void *arg, const struct sse_event *ev);

void sse_init(struct sse_reader *r);
void sse_free(struct sse_reader *r);

/** sse_feed(r, bytes, fn, arg, stopped, e): ERR_LIMIT for a line or event too large,
 * ERR_ENCODING for a NUL in an id.  ${stopped} is set if ${fn} said false. */
MUST_CHECK int sse_feed(struct sse_reader *r, struct span bytes, sse_event_fn *fn, void *arg,
    bool *stopped, struct err *e);

/** sse_write(b, event, id, data): One event as text; newlines in ${data} become lines. False
 * (nothing written) if ${event} or ${id} has a control byte. */
bool sse_write(struct buf *b, const char *event, const char *id, struct span data);

#endif
