/* The small grammars of header fields and event streams accept what their RFCs do. */
#include "port/net/http_text.h"
#include "tests/tap.h"

static void
etags(void)
{
	static const struct { const char *list, *tag; bool weak; enum http_etags want; } c[] = {
		{ "\"a\"", "a", false, ETAGS_YES }, { "\"a\"", "b", false, ETAGS_NO }, { "*", "a", false, ETAGS_ANY },
		{ " * ", "a", true, ETAGS_ANY }, { "W/\"a\"", "a", true, ETAGS_YES }, { "W/\"a\"", "a", false, ETAGS_NO },
		{ "\"x\", \"a\"", "a", false, ETAGS_YES }, { "\"x\",\"a\",W/\"z\"", "z", true, ETAGS_YES },
		{ "\"a,b\"", "a,b", false, ETAGS_YES }, { "\"\"", "", false, ETAGS_YES }, { "", "a", false, ETAGS_BAD },
		{ "a", "a", false, ETAGS_BAD }, { "\"a", "a", false, ETAGS_BAD }, { "\"a\"b", "a", false, ETAGS_BAD },
		{ "\"a\" \"b\"", "a", false, ETAGS_BAD }, { "w/\"a\"", "a", true, ETAGS_BAD }, { "W/", "a", true, ETAGS_BAD },
		{ "W/\"", "a", true, ETAGS_BAD }, { "\"a b\"", "a b", true, ETAGS_BAD }, { "\"", "", true, ETAGS_BAD },
		{ "\"a\", *", "a", true, ETAGS_BAD },
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++)
		is_int(http_etags(span_str(c[i].list), span_str(c[i].tag), c[i].weak), c[i].want, c[i].list);
}

static void
media(void)
{
	static const struct { const char *in, *want; } c[] = {
		{ "application/json", "application/json" }, { " Text/HTML ; charset=utf-8", "text/html" },
		{ "a/b;c=\"d\\\"e;\" ; f=g", "a/b" }, { "application/vnd.assay.message", "application/vnd.assay.message" },
		{ "", NULL }, { "json", NULL }, { "a/", NULL }, { "/b", NULL }, { "a/b/c", NULL }, { "a/b;", NULL },
		{ "a/b;c", NULL }, { "a/b;c=", NULL }, { "a/b;c=\"d", NULL }, { "a /b", NULL }, { "a/b c", NULL },
		{ "a/b;c=\"\\", NULL },
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		char out[64] = "";
		bool good = http_media_type(span_str(c[i].in), out, sizeof(out));

		ok(good == (c[i].want != NULL) && (!good || strcmp(out, c[i].want) == 0), "media type \"%s\"", c[i].in);
	}
	char small[4];
	ok(!http_media_type(span_lit("a/bc"), small, sizeof(small)), "one that does not fit");
}

static void
bearer(void)
{
	static const struct { const char *in, *want; } c[] = {
		{ "Bearer abc", "abc" }, { "bearer  a.b-c_d~e+f/g==", "a.b-c_d~e+f/g==" }, { "Bearer", NULL }, { "Bearer ", NULL },
		{ "Basic abc", NULL }, { "Bearer a b", NULL }, { "Bearer a,b", NULL }, { "Bearer ==", NULL },
		{ "Bearer a=b", NULL }, { "Bearerx", NULL }, { "Bearer a\"", NULL }, { "Bearer a!b", NULL },
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct span token = { 0 };
		bool good = http_bearer(span_str(c[i].in), &token);

		ok(good == (c[i].want != NULL) && (!good || span_is(token, c[i].want)), "\"%s\"", c[i].in);
	}
}

static void
lists(void)
{
	ok(http_list_has(span_lit("keep-alive, Close"), "close"), "a list has a token");
	ok(http_list_has(span_lit(",, close ,"), "close"), "with empty elements");
	ok(!http_list_has(span_lit("closed, not-close"), "close"), "not a part of one");
	ok(!http_list_has(span_lit(""), "close"), "an empty list");
	ok(http_token(span_lit("a-B!#$%&'*+.^_`|~9")) && !http_token(span_lit("")) && !http_token(span_lit("a b")) &&
	    !http_token(span_lit("a:")) && !http_token(span_lit("a\0")), "tokens");
	ok(http_field_value(span_lit("a\tb \xff")) && !http_field_value(span_lit("a\r")) &&
	    !http_field_value(span_lit("a\0")) && !http_field_value(span_lit("\x7f")), "field values");
}

struct seen { struct buf b; unsigned n, stop_at; };

static bool
see(void *arg, const struct sse_event *ev)
{
	struct seen *s = arg;

	buf_printf(&s->b, "[%.*s|%.*s|%.*s]", (int)ev->event.n, (const char *)ev->event.p, (int)ev->id.n,
	    (const char *)ev->id.p, (int)ev->data.n, (const char *)ev->data.p);
	return ++s->n != s->stop_at;
}

static void
reads(const char *what, struct span in, const char *want)
{
	size_t good = 0;

	for (size_t step = 1; step <= in.n; step++) {
		struct seen s = { .b = buf_init(KIB(4)) };
		struct sse_reader r;
		struct err e = { 0 };
		bool stopped;
		int rc = 0;

		sse_init(&r);
		for (size_t off = 0; off < in.n && rc == 0; off += step)
			rc = sse_feed(&r, span_head(span_from(in, off), step), see, &s, &stopped, &e);
		good += rc == 0 && strcmp(buf_cstr(&s.b), want) == 0;
		if (step == in.n && strcmp(buf_cstr(&s.b), want) != 0)
			diag("got %s", buf_cstr(&s.b));
		sse_free(&r);
		buf_free(&s.b);
	}
	is_int((int64_t)good, (int64_t)in.n, what);
}

static void
streams(void)
{
	BUF_AUTO struct buf b = buf_init(KIB(4));
	struct seen s = { .b = buf_init(KIB(4)), .stop_at = 1 };
	struct sse_reader r;
	struct err e = { 0 };
	bool stopped = false;

	reads("one event", span_lit("data: x\n\n"), "[message||x]");
	reads("name and id", span_lit("event: tick\nid: 7\ndata: x\n\n"), "[tick|7|x]");
	reads("lines of data", span_lit("data: a\ndata:b\ndata\ndata:  c\n\n"), "[message||a\nb\n\n c]");
	reads("the id stays, the name does not", span_lit("id: 1\nevent: e\ndata: a\n\ndata: b\n\n"), "[e|1|a][message|1|b]");
	reads("CRLF and CR", span_lit("data: a\r\n\r\ndata: b\r\rdata: c\n\r\n"), "[message||a][message||b][message||c]");
	reads("comments, unknown fields, and an event without data",
	    span_lit(":\n\n: hi\nretry: 5\nx: y\nevent: e\n\ndata: z\n\n"), "[message||z]");
	reads("an event that is not complete", span_lit("data: a\n"), "");
	sse_init(&r);
	ok(sse_feed(&r, span_lit("data: a\n\ndata: b\n\n"), see, &s, &stopped, &e) == 0 && stopped && s.n == 1,
	    "the reader can be stopped");
	is_int(sse_feed(&r, span_lit("id: a\0b\n"), see, &s, &stopped, &e), ERR_ENCODING, "a NUL in an id");
	sse_free(&r);
	buf_free(&s.b);
	ok(sse_write(&b, "tick", "9", span_lit("a\nb\r\nc\r\n")), "an event is written");
	is_str(buf_cstr(&b), "event: tick\nid: 9\ndata: a\ndata: b\ndata: c\ndata: \n\n", "line by line");
	reads("and read again", buf_view(&b), "[tick|9|a\nb\nc\n]");
	b.n = 0;
	ok(!sse_write(&b, "a\nb", NULL, span_lit("x")) && !sse_write(&b, NULL, "a\rb", span_lit("x")) && b.n == 0,
	    "a name with a newline is refused");
	ok(sse_write(&b, NULL, NULL, span_lit("")) && strcmp(buf_cstr(&b), "data: \n\n") == 0, "an empty event");
}

static void
too_long(void)
{
	struct seen s = { .b = buf_init(64) };
	BUF_AUTO struct buf b = buf_init(2 * LIMIT_HTTP_SSE_LINE);
	struct sse_reader r;
	bool stopped;

	buf_str(&b, "data: ");
	buf_zero(&b, LIMIT_HTTP_SSE_LINE);
	sse_init(&r);
	is_int(sse_feed(&r, buf_view(&b), see, &s, &stopped, NULL), ERR_LIMIT, "a line too long");
	sse_free(&r);
	sse_init(&r);
	memset(b.p, 'e', 100);
	memcpy(b.p, "event:", 6);
	b.p[99] = '\n';
	is_int(sse_feed(&r, span_of(b.p, 100), see, &s, &stopped, NULL), ERR_LIMIT, "a name too long");
	sse_free(&r);
	buf_free(&s.b);
}

int
main(void)
{
	etags();
	media();
	bearer();
	lists();
	streams();
	too_long();
	is_str(http_reason(404), "Not Found", "a known status");
	ok(http_reason(299) != NULL && http_reason(499) != NULL && http_reason(599) != NULL, "unknown ones");
	return done();
}
