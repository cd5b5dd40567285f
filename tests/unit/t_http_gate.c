/* The gate knows where a request ends in one way only, however its bytes are cut; what could be
 * read in two ways is refused. */
#include "port/net/http_gate.h"
#include "tests/tap.h"

#define H "Host: a\r\n"

/* All of ${s} in pieces of ${step} bytes; what the gate says at the end, and what is left. */
static enum gate_event
feed(struct http_gate *g, struct span s, size_t step, size_t most, size_t *left)
{
	enum gate_event ev = GATE_MORE;
	size_t off = 0;

	gate_init(g);
	while (off < s.n && ev == GATE_MORE) {
		struct span piece = span_head(span_from(s, off), step);
		size_t before = piece.n;

		ev = gate_feed(g, &piece);
		off += before - piece.n;
		if (ev == GATE_HEAD)
			ev = gate_body(g, most);
	}
	*left = s.n - off;
	return ev;
}

static void
passes(const char *what, struct span s, uint64_t body, size_t want_left)
{
	size_t good = 0, cut_good = 0, left;
	struct http_gate g;

	for (size_t step = 1; step <= s.n; step++) {
		good += feed(&g, s, step, 1000, &left) == GATE_DONE && g.body == body && left == want_left;
		gate_free(&g);
	}
	for (size_t n = 0; n < s.n - want_left; n++) {
		cut_good += feed(&g, span_head(s, n), n + 1, 1000, &left) == GATE_MORE && left == 0;
		gate_free(&g);
	}
	ok(good == s.n && cut_good == s.n - want_left, "%s: passes in any pieces, and not before its end", what);
	if (good != s.n)
		diag("%zu of %zu", good, s.n);
}

static void
refuses(const char *what, struct span s, unsigned status)
{
	size_t good = 0, left;
	struct http_gate g;
	unsigned got = 0;

	for (size_t step = 1; step <= s.n; step++) {
		good += feed(&g, s, step, 1000, &left) == GATE_REFUSED && g.status == status;
		got = g.status;
		gate_free(&g);
	}
	if (!ok(good == s.n, "%s: %u", what, status))
		diag("%zu of %zu, status %u", good, s.n, got);
}
#define PASS(what, text, body, left) passes(what, span_lit(text), body, left)
#define REFUSE(what, text, status) refuses(what, span_lit(text), status)
#define POST "POST /x HTTP/1.1\r\n" H
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

static void
good(void)
{
	PASS("a GET", "GET /a?b=c HTTP/1.1\r\n" H "\r\n", 0, 0);
	PASS("HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", 0, 0);
	PASS("a pipelined one", "GET / HTTP/1.1\r\n" H "\r\nGET /b", 0, 6);
	PASS("a body", POST "Content-Length: 5\r\n\r\nhello", 5, 0);
	PASS("a body and more", POST "Content-Length: 5\r\n\r\nhelloGET", 5, 3);
	PASS("an empty body", POST "Content-Length: 0\r\n\r\n", 0, 0);
	PASS("no body", POST "\r\n", 0, 0);
	PASS("chunks", CHUNKED "5\r\nhello\r\n00a\r\n0123456789\r\n0\r\n\r\nG", 15, 1);
	PASS("capitals in names", POST "CONTENT-length: 5\r\nTRANSFER: x\r\n\r\nhello", 5, 0);
	PASS("blanks around values", POST "Content-Length:   5  \r\nX:\r\nY: \t \r\n\r\nhello", 5, 0);
	PASS("bytes above ASCII in a value", POST "X: \xc3\xa9\xff\r\n\r\n", 0, 0);
	PASS("expectation", POST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx", 1, 0);
	PASS("identity", POST "Content-Encoding: identity\r\nContent-Length: 1\r\n\r\nx", 1, 0);
}

static void
smuggling(void)
{
	REFUSE("two Content-Length", POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400);
	REFUSE("a list of lengths", POST "Content-Length: 5, 5\r\n\r\nhello", 400);
	REFUSE("length and chunks", POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
	REFUSE("chunks and length", POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400);
	REFUSE("two codings", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
	REFUSE("a list of codings", POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 400);
	REFUSE("another coding", POST "Transfer-Encoding: identity\r\n\r\n", 400);
	REFUSE("a coding with a vertical tab", POST "Transfer-Encoding: \vchunked\r\n\r\n", 400);
	REFUSE("a coding behind a tab", POST "Transfer-Encoding:\tchunked\r\n\r\n", 400);
	REFUSE("a coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
	REFUSE("a blank before the colon", POST "Content-Length : 5\r\n\r\nhello", 400);
	REFUSE("a signed length", POST "Content-Length: +5\r\n\r\nhello", 400);
	REFUSE("a negative length", POST "Content-Length: -1\r\n\r\n", 400);
	REFUSE("a hexadecimal length", POST "Content-Length: 0x5\r\n\r\nhello", 400);
	REFUSE("an empty length", POST "Content-Length: \r\n\r\n", 400);
	REFUSE("a length with a leading zero", POST "Content-Length: 05\r\n\r\nhello", 400);
	REFUSE("a length over 64 bits", POST "Content-Length: 18446744073709551621\r\n\r\n", 400);
	REFUSE("a folded field", POST "X: a\r\n b\r\n\r\n", 400);
	REFUSE("a folded length", POST "Content-Length: 5\r\n 5\r\n\r\n", 400);
	REFUSE("bare LF", "POST /x HTTP/1.1\nHost: a\n\n", 400);
	REFUSE("one bare LF", POST "X: a\nContent-Length: 5\r\n\r\n", 400);
	REFUSE("bare CR", POST "X: a\rContent-Length: 5\r\n\r\n", 400);
	REFUSE("a NUL", POST "X: a\0b\r\n\r\n", 400);
	REFUSE("a NUL as the last line", POST "\0\r\n\r\n", 400);
	REFUSE("a HEAD with a body", "HEAD / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello", 400);
	REFUSE("an extension of a chunk", CHUNKED "5;a=b\r\nhello\r\n0\r\n\r\n", 400);
	REFUSE("a blank at a chunk's size", CHUNKED "5 \r\nhello\r\n0\r\n\r\n", 400);
	REFUSE("0x at a chunk's size", CHUNKED "0x5\r\nhello\r\n0\r\n\r\n", 400);
	REFUSE("a sign at a chunk's size", CHUNKED "+5\r\nhello\r\n0\r\n\r\n", 400);
	REFUSE("no size", CHUNKED "\r\n", 400);
	REFUSE("a bare LF at a chunk's size", CHUNKED "5\nhello\r\n0\r\n\r\n", 400);
	REFUSE("a chunk that is longer than it says", CHUNKED "5\r\nhelloo\r\n0\r\n\r\n", 400);
	REFUSE("a chunk's size of nine digits", CHUNKED "000000005\r\nhello\r\n0\r\n\r\n", 400);
	REFUSE("trailing fields", CHUNKED "0\r\nContent-Length: 5\r\n\r\n", 400);
}

static void
shapes(void)
{
	REFUSE("an empty line first", "\r\nGET / HTTP/1.1\r\n" H "\r\n", 400);
	REFUSE("no Host", "GET / HTTP/1.1\r\n\r\n", 400);
	REFUSE("two Hosts", "GET / HTTP/1.1\r\n" H H "\r\n", 400);
	REFUSE("an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400);
	REFUSE("a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400);
	REFUSE("two tokens", "GET / HTTP/1.1\r\n" H "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", 400);
	REFUSE("an empty token and another", "GET / HTTP/1.1\r\n" H "Authorization:\r\nAuthorization: Bearer b\r\n\r\n", 400);
	REFUSE("no version", "GET /\r\n" H "\r\n", 400);
	REFUSE("two blanks", "GET  / HTTP/1.1\r\n" H "\r\n", 400);
	REFUSE("a blank behind", "GET / HTTP/1.1 \r\n" H "\r\n", 505);
	REFUSE("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
	REFUSE("HTTP/1.10", "GET / HTTP/1.10\r\n" H "\r\n", 505);
	REFUSE("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400);
	REFUSE("a field without a colon", "GET / HTTP/1.1\r\n" H "X\r\n\r\n", 400);
	REFUSE("a field without a name", "GET / HTTP/1.1\r\n" H ": x\r\n\r\n", 400);
	REFUSE("bytes above ASCII in the target", "GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n", 400);
	REFUSE("another expectation", POST "Expect: 200-ok\r\n\r\n", 417);
	REFUSE("a compressed body", POST "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n", 415);
	REFUSE("a body over the ceiling", POST "Content-Length: 1001\r\n\r\n", 413);
	REFUSE("a chunk over the ceiling", CHUNKED "3e9\r\n", 413);
	REFUSE("chunks over the ceiling", CHUNKED "1\r\nx\r\n3e8\r\n", 413);
	REFUSE("a huge chunk", CHUNKED "ffffffff\r\n", 413);
}

static void
ceilings(void)
{
	BUF_AUTO struct buf b = buf_init(MIB(1));
	struct http_gate g;
	size_t left;

	buf_str(&b, POST);
	for (int i = 1; i < LIMIT_HTTP_FIELDS; i++)
		buf_printf(&b, "X-%d: y\r\n", i);
	buf_str(&b, "\r\n");
	ok(feed(&g, buf_view(&b), 4096, 0, &left) == GATE_DONE, "the most fields");
	gate_free(&g);
	b.n -= 2;
	buf_str(&b, "X: y\r\n\r\n");
	ok(feed(&g, buf_view(&b), 4096, 0, &left) == GATE_REFUSED && g.status == 431, "one more: 431");
	gate_free(&g);
	b.n = 0;
	buf_str(&b, POST "X: ");
	while (b.n <= LIMIT_HTTP_HEAD)
		buf_u8(&b, 'y');
	ok(feed(&g, buf_view(&b), 999, 0, &left) == GATE_REFUSED && g.status == 431, "a head too large: 431");
	gate_free(&g);
	b.n = 0;
	buf_str(&b, "GET /");
	while (b.n < LIMIT_HTTP_TARGET + 5)
		buf_u8(&b, 'y');
	buf_str(&b, " HTTP/1.1\r\n" H "\r\n");
	ok(feed(&g, buf_view(&b), 999, 0, &left) == GATE_REFUSED && g.status == 414, "a target too long: 414");
	gate_free(&g);
	ok(feed(&g, span_lit(POST "Content-Length: 1\r\n\r\nx"), 99, 0, &left) == GATE_REFUSED && g.status == 413,
	    "a body where there is none: 413");
	gate_free(&g);
}

static void
kept(void)
{
	struct span s = span_lit(POST "Content-Length: 2\r\nConnection: keep-alive, Close\r\n\r\nhiGET /b HTTP/1.1\r\n"
	    "Host: b\r\nAuthorization: Bearer t\r\n\r\n");
	struct http_gate g;
	enum gate_event ev;

	gate_init(&g);
	ev = gate_feed(&g, &s);
	ok(ev == GATE_HEAD && g.h.method == HTTP_POST && span_is(g.h.target, "/x") && g.h.length == 2 && g.h.close,
	    "the first head");
	ok(gate_body(&g, 10) == GATE_MORE && gate_feed(&g, &s) == GATE_DONE, "the first body");
	gate_reset(&g);
	ok(!gate_started(&g) && gate_feed(&g, &s) == GATE_HEAD && g.h.method == HTTP_GET && s.n == 0 &&
	    span_is(g.h.host, "b") && span_is(g.h.authorization, "Bearer t") && !g.h.close, "the second head");
	ok(gate_body(&g, 10) == GATE_DONE, "without a body");
	gate_reset(&g);
	s = span_lit("BREW / HTTP/1.1\r\n" H "\r\n");
	ok(gate_feed(&g, &s) == GATE_HEAD && g.h.method == 0 && span_is(g.h.method_text, "BREW"), "an unknown method");
	gate_free(&g);
}

int
main(void)
{
	good();
	smuggling();
	shapes();
	ceilings();
	kept();
	return done();
}
