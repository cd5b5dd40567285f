#include "port/net/http_gate.h"

#include "base/text.h"
#include "port/net/http_text.h"

void
gate_init(struct http_gate *g)
{
	*g = (struct http_gate){ .head = buf_init(LIMIT_HTTP_HEAD) };
}

void
gate_free(struct http_gate *g)
{
	buf_free(&g->head);
}

void
gate_reset(struct http_gate *g)
{
	struct buf keep = g->head;

	if (keep.cap > KIB(1))	/* idle connections are many; an agent's head has 250 bytes */
		buf_free(&keep);
	keep.n = 0;
	*g = (struct http_gate){ .head = keep };
}

enum gate_event
gate_refuse(struct http_gate *g, unsigned status, const char *code, const char *why)
{
	g->state = GATE_BROKEN;
	g->status = status;
	g->code = code;
	g->why = why;
	return GATE_REFUSED;
}

static bool
bad(struct http_gate *g, const char *why)
{
	(void)gate_refuse(g, 400, "bad-request", why);
	return false;
}

static bool
is_host(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    (c != 0 && strchr("-._~:[]", c) != NULL)))
			return false;
	}
	return s.n != 0 && s.n <= 255;
}

/* Once, or the request is refused. */
static bool
place(struct http_gate *g, enum head_part part, struct span value, const char *why)
{
	struct head_place *at = &g->at[part];

	if (at->given)
		return bad(g, why);
	*at = (struct head_place){ .given = true, .n = value.n,
	    .off = value.n == 0 ? 0 : (size_t)(value.p - g->head.p) };
	return true;
}

static bool
request_line(struct http_gate *g, struct span line)
{
	size_t first = span_find(line, ' ');
	struct span method = span_head(line, first), rest = span_from(line, first + 1);
	size_t second = span_find(rest, ' ');
	struct span target = span_head(rest, second), version = span_from(rest, second + 1);

	if (!http_token(method) || target.n == 0 || !span_starts(version, span_lit("HTTP/")))
		return bad(g, "the request line is not \"METHOD target HTTP/1.1\"");
	if (!span_is(version, "HTTP/1.1") && !span_is(version, "HTTP/1.0")) {
		(void)gate_refuse(g, 505, "http-version", "the version of HTTP is not spoken here");
		return false;
	}
	for (size_t i = 0; i < target.n; i++)
		if (target.p[i] <= 0x20 || target.p[i] >= 0x7f)
			return bad(g, "the target has a byte that must be escaped");
	if (target.n > LIMIT_HTTP_TARGET) {
		(void)gate_refuse(g, 414, "target-too-long", "the target is too long");
		return false;
	}
	g->h.minor = version.p[7] == '1';
	g->h.method = http_method_parse(method);
	return place(g, HEAD_METHOD, method, "") && place(g, HEAD_TARGET, target, "");
}

static bool
content_length(struct http_gate *g, struct span value)
{
	/* No list ("5, 5"), no sign, no other base; 18 digits are 888 PiB. */
	if (g->h.has_length || value.n > 18 || !dec_u64(value, &g->h.length))
		return bad(g, "Content-Length must be one number");
	g->h.has_length = true;
	return true;
}

static bool
transfer_encoding(struct http_gate *g, struct span value)
{
	if (g->h.chunked || !http_is(value, "chunked"))
		return bad(g, "Transfer-Encoding must be \"chunked\", once");
	g->h.chunked = true;
	return true;
}

static bool
expectation(struct http_gate *g, struct span value)
{
	if (g->h.expect || !http_is(value, "100-continue")) {
		(void)gate_refuse(g, 417, "expectation", "only \"100-continue\" can be expected");
		return false;
	}
	g->h.expect = true;
	return true;
}

static bool
content_encoding(struct http_gate *g, struct span value)
{
	if (http_is(value, "identity"))
		return true;
	/* What expands could expand without bound. */
	(void)gate_refuse(g, 415, "content-encoding", "bodies are not compressed here");
	return false;
}

static bool
field(struct http_gate *g, struct span line)
{
	size_t colon = span_find(line, ':');
	struct span name = span_head(line, colon), value = http_trim(span_from(line, colon + 1));

	if (colon == line.n || !http_token(name))
		return bad(g, "a header field is not \"Name: value\"");
	if (http_is(name, "content-length"))
		return content_length(g, value);
	if (http_is(name, "transfer-encoding"))
		return transfer_encoding(g, value);
	if (http_is(name, "expect"))
		return expectation(g, value);
	if (http_is(name, "content-encoding"))
		return content_encoding(g, value);
	if (http_is(name, "host"))
		return is_host(value) ? place(g, HEAD_HOST, value, "Host is given twice") :
		    bad(g, "Host is not a name");
	if (http_is(name, "authorization"))
		return place(g, HEAD_AUTHORIZATION, value, "Authorization is given twice");
	if (http_is(name, "content-type"))
		return place(g, HEAD_TYPE, value, "Content-Type is given twice");
	if (http_is(name, "connection"))
		g->h.close = g->h.close || http_list_has(value, "close");
	return true;
}

/* What only the whole head shows. */
static bool
framing(struct http_gate *g)
{
	if (g->h.minor == 1 && !g->at[HEAD_HOST].given)
		return bad(g, "Host is missing");
	if (g->h.chunked && g->h.has_length)
		return bad(g, "both Content-Length and Transfer-Encoding are given");
	if (g->h.chunked && g->h.minor == 0)
		return bad(g, "Transfer-Encoding in HTTP/1.0");
	if (http_head_has_body(&g->h) && g->h.method == HTTP_HEAD)
		return bad(g, "a HEAD request has no body");
	return true;
}

static struct span
part(const struct http_gate *g, enum head_part which)
{
	const struct head_place *at = &g->at[which];

	return at->given ? span_of(g->head.p + at->off, at->n) : span_of(NULL, 0);
}

/* The empty line: all is known. */
static enum gate_event
head_complete(struct http_gate *g)
{
	if (g->lines == 0)
		(void)bad(g, "an empty line instead of a request");
	if (g->state == GATE_BROKEN || !framing(g))
		return GATE_REFUSED;
	g->h.method_text = part(g, HEAD_METHOD);
	g->h.target = part(g, HEAD_TARGET);
	g->h.host = part(g, HEAD_HOST);
	g->h.authorization = part(g, HEAD_AUTHORIZATION);
	g->h.content_type = part(g, HEAD_TYPE);
	g->state = GATE_DECIDE;
	return GATE_HEAD;
}

/* A line is complete, with its CRLF.  It is judged at once, because evhttp acts on each line as
 * it comes. */
static enum gate_event
head_line(struct http_gate *g)
{
	struct span line = span_of(g->head.p + g->line, g->head.n - g->line - 2);

	g->line = g->head.n;
	if (line.n == 0)
		return head_complete(g);
	if (g->lines > LIMIT_HTTP_FIELDS)
		return gate_refuse(g, 431, "too-many-fields", "there are too many header fields");
	return (g->lines++ == 0 ? request_line(g, line) : field(g, line)) ? GATE_MORE : GATE_REFUSED;
}

/* Whether ${c} may stand behind what the head has so far. */
static bool
head_byte(struct http_gate *g, uint8_t c)
{
	uint8_t last = g->head.n == 0 ? 0 : g->head.p[g->head.n - 1];

	if ((c == '\n') != (last == '\r'))
		return bad(g, "a line does not end in CR LF");
	if ((c < 0x20 && c != '\t' && c != '\r' && c != '\n') || c == 0x7f)
		return bad(g, "a control byte in the head");
	if (last == '\n' && (c == ' ' || c == '\t'))
		return bad(g, "a folded header field");
	/* evhttp strips blanks in front of a value, but not tabs. */
	if (last == ':' && c == '\t')
		return bad(g, "a tab in front of a value");
	return true;
}

static enum gate_event
feed_head(struct http_gate *g, struct span *bytes)
{
	while (bytes->n != 0) {
		uint8_t c = bytes->p[0];

		if (!head_byte(g, c))
			return GATE_REFUSED;
		buf_u8(&g->head, c);
		if (g->head.why != 0)
			return gate_refuse(g, 431, "head-too-large", "the head of the request is too large");
		*bytes = span_from(*bytes, 1);
		if (c == '\n') {
			enum gate_event ev = head_line(g);

			if (ev != GATE_MORE)
				return ev;
		}
	}
	return GATE_MORE;
}

enum gate_event
gate_body(struct http_gate *g, size_t most)
{
	g->body_max = most;
	if (!http_head_has_body(&g->h)) {
		g->state = GATE_COMPLETE;
		return GATE_DONE;
	}
	if (most == 0 || g->h.length > most)
		return gate_refuse(g, 413, "body-too-large",
		    most == 0 ? "this request takes no body" : "the body is too large for this request");
	g->left = g->h.chunked ? 0 : g->h.length;
	g->state = g->h.chunked ? GATE_IN_SIZE : GATE_IN_BODY;
	return GATE_MORE;
}

/* A chunk's size: hex digits and CRLF; no blank, no extension. */
static bool
size_byte(struct http_gate *g, uint8_t c)
{
	int v = hex_value(c);

	if (g->ends == 0 && v >= 0 && g->digits < LIMIT_HTTP_CHUNK_DIGITS) {
		g->left = g->left << 4 | (unsigned)v;
		g->digits++;
		return true;
	}
	if (g->ends == 0 && c == '\r' && g->digits != 0) {
		g->ends = 1;
		return true;
	}
	if (g->ends != 1 || c != '\n')
		return bad(g, "the size of a chunk is not hex digits and CR LF");
	if (g->left > g->body_max - g->body) {
		(void)gate_refuse(g, 413, "body-too-large", "the body is too large for this request");
		return false;
	}
	g->state = g->left == 0 ? GATE_IN_END : GATE_IN_DATA;
	g->digits = g->ends = 0;
	return true;
}

/* CR LF behind a chunk, or at the very end, where fields could follow that nobody sends. */
static bool
end_byte(struct http_gate *g, uint8_t c)
{
	if (c != (g->ends == 0 ? '\r' : '\n'))
		return bad(g, g->state == GATE_IN_END ? "fields behind a chunked body" :
		    "a chunk does not end in CR LF");
	if (++g->ends == 2) {
		g->state = g->state == GATE_IN_END ? GATE_COMPLETE : GATE_IN_SIZE;
		g->left = g->digits = g->ends = 0;
	}
	return true;
}

static void
skip_content(struct http_gate *g, struct span *bytes)
{
	size_t n = bytes->n < g->left ? bytes->n : (size_t)g->left;

	*bytes = span_from(*bytes, n);
	g->left -= n;
	g->body += n;
	if (g->left == 0)
		g->state = g->state == GATE_IN_BODY ? GATE_COMPLETE : GATE_DATA_END;
}

enum gate_event
gate_feed(struct http_gate *g, struct span *bytes)
{
	if (g->state == GATE_IN_HEAD)
		return feed_head(g, bytes);
	while (bytes->n != 0 && g->state != GATE_COMPLETE && g->state != GATE_BROKEN &&
	    g->state != GATE_DECIDE) {
		uint8_t c = bytes->p[0];

		if (g->state == GATE_IN_BODY || g->state == GATE_IN_DATA) {
			skip_content(g, bytes);
			continue;
		}
		if (g->state == GATE_IN_SIZE ? !size_byte(g, c) : !end_byte(g, c))
			return GATE_REFUSED;
		*bytes = span_from(*bytes, 1);
	}
	if (g->state == GATE_BROKEN)
		return GATE_REFUSED;
	return g->state == GATE_COMPLETE ? GATE_DONE : GATE_MORE;
}
