/* A request's target has one spelling: what decodes is decoded once, and all else is refused. */
#include "port/net/http_target.h"
#include "port/net/http_url.h"
#include "tests/tap.h"

static struct http_target t;

static void
good(const char *text, const char *want)
{
	BUF_AUTO struct buf b = buf_init(KIB(64));
	struct err e = { 0 };

	if (http_target_parse(span_str(text), &t, &e) != 0) {
		ok(false, "%s", text);
		diag("%s", e.message);
		return;
	}
	for (size_t i = 0; i < t.n_segments; i++) {
		buf_u8(&b, '/');
		buf_escape(&b, t.segments[i]);
	}
	for (size_t i = 0; i < t.n_query; i++) {
		buf_u8(&b, i == 0 ? '?' : '&');
		buf_escape(&b, t.query[i].name);
		buf_u8(&b, '=');
		buf_escape(&b, t.query[i].value);
	}
	is_str(buf_cstr(&b), want, text);
}

static void
bad(const char *text, size_t n, int code, uint64_t offset)
{
	struct err e = { 0 };
	int rc = http_target_parse(span_of(text, n), &t, &e);

	if (!ok(rc == code && (e.place != ERR_AT_OFFSET || e.offset == offset), "refused: %.*s",
	    (int)(n < 60 ? n : 60), text))
		diag("%d at %llu: %s", rc, (unsigned long long)e.offset, e.message);
}
#define BAD(text, code, offset) bad(text, sizeof(text) - 1, code, offset)

static void
ceilings(void)
{
	char text[LIMIT_HTTP_TARGET + 2];
	size_t n;

	memset(text, 'a', sizeof(text));
	text[0] = '/';
	bad(text, LIMIT_HTTP_SEGMENT + 2, ERR_LIMIT, 1);
	is_int(http_target_parse(span_of(text, LIMIT_HTTP_SEGMENT + 1), &t, NULL), 0, "the longest segment");
	bad(text, sizeof(text), ERR_LIMIT, 0);
	for (n = 0; n < LIMIT_HTTP_SEGMENTS + 1; n++)
		memcpy(text + 2 * n, "/a", 2);
	is_int(http_target_parse(span_of(text, 2 * n - 2), &t, NULL), 0, "the most segments");
	bad(text, 2 * n, ERR_LIMIT, 2 * n - 1);
	memcpy(text, "/?", 2);
	for (n = 0; n < LIMIT_HTTP_QUERY + 1; n++)
		(void)snprintf(text + 2 + 4 * n, 5, "%c%c=&", (char)('a' + n % 20), (char)('a' + n / 20));
	is_int(http_target_parse(span_of(text, 2 + 4 * (n - 1)), &t, NULL), 0, "the most parameters");
	bad(text, 2 + 4 * n, ERR_LIMIT, 2 + 4 * (n - 1));
	text[1] = '?';
	memset(text + 2, 'x', sizeof(text) - 2);
	is_int(http_target_parse(span_of(text, LIMIT_HTTP_TARGET), &t, NULL), 0, "the longest target");
}

static void
there_and_back(void)
{
	uint8_t all[255];
	BUF_AUTO struct buf b = buf_init(KIB(4));
	struct span v = { 0 };

	for (size_t i = 0; i < 255; i++)
		all[i] = (uint8_t)(i + 1);
	buf_str(&b, "/x?p=");
	http_target_escape(&b, span_of(all, 255));
	ok(http_target_parse(buf_view(&b), &t, NULL) == 0 && http_target_query(&t, "p", &v) &&
	    span_eq(v, span_of(all, 255)), "every byte but NUL goes there and back in a query");
	ok(!http_target_query(&t, "q", &v), "a parameter that is not there");
}

static void
urls(void)
{
	static const char *const wrong[] = { "", "https://", "ftp://a", "https:///x", "https://a/b", "https://a:0",
		"https://a:65536", "https://a:", "https://a:1x", "https://u@a", "https://a?b", "https://[::1",
		"https://[a]", "https://::1", "http://example.org", "http://10.0.0.1", "https://a b",
		"https://a\n", "https://[::1]x", "HTTPS://a" };
	struct http_url u;
	size_t refused = 0;

	ok(http_url_parse("https://a.example", &u, NULL) == 0 && u.tls && u.port == 443 &&
	    strcmp(u.field, "a.example:443") == 0, "https and a name");
	ok(http_url_parse("https://127.0.0.1:8443/", &u, NULL) == 0 && u.port == 8443 &&
	    strcmp(u.host, "127.0.0.1") == 0, "an address and a port");
	ok(http_url_parse("https://[2001:db8::1]:1", &u, NULL) == 0 && strcmp(u.host, "2001:db8::1") == 0 &&
	    strcmp(u.field, "[2001:db8::1]:1") == 0, "an IPv6 address");
	ok(http_url_parse("http://[::1]", &u, NULL) == 0 && !u.tls && u.port == 80, "plain to loopback");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		bool no = http_url_parse(wrong[i], &u, NULL) == ERR_USAGE;

		refused += no;
		if (!no)
			diag("accepted: %s", wrong[i]);
	}
	is_int((int64_t)refused, sizeof(wrong) / sizeof(wrong[0]), "what is no URL of a server is refused");
}

int
main(void)
{
	good("/", "");
	good("/v1/hosts", "/v1/hosts");
	good("/v1/hosts/a%20b%C3%A9", "/v1/hosts/a b\\xc3\\xa9");
	good("/%76%31", "/v1");
	good("/a%252fb", "/a%2fb");
	good("/a/~-._!$&'()*+,;=:@", "/a/~-._!$&'()*+,;=:@");
	good("/...", "/...");
	good("/x?", "/x");
	good("/x?a", "/x?a=");
	good("/x?a=b=c&d=e", "/x?a=b=c&d=e");
	good("/x?path=/usr/lib/libstdc%2B%2B.so", "/x?path=/usr/lib/libstdc++.so");
	good("/x?a=b+c%FF%0a", "/x?a=b c\\xff\\x0a");
	good("/x?a=?/", "/x?a=?/");
	ok(http_target_parse(span_lit("*"), &t, NULL) == 0 && t.asterisk && t.n_segments == 0, "*");
	BAD("", ERR_FORMAT, 0);
	BAD("v1", ERR_FORMAT, 0);
	BAD("http://host/v1", ERR_FORMAT, 0);
	BAD("**", ERR_FORMAT, 0);
	BAD("//", ERR_FORMAT, 1);
	BAD("//a", ERR_FORMAT, 1);
	BAD("/a//b", ERR_FORMAT, 3);
	BAD("/a/", ERR_FORMAT, 2);
	BAD("/.", ERR_FORMAT, 1);
	BAD("/a/../b", ERR_FORMAT, 3);
	BAD("/a/%2e%2E", ERR_FORMAT, 3);
	BAD("/a%2fb", ERR_FORMAT, 4);
	BAD("/a%00", ERR_FORMAT, 4);
	BAD("/a\0", ERR_FORMAT, 2);
	BAD("/a%0a", ERR_FORMAT, 4);
	BAD("/a%", ERR_ENCODING, 2);
	BAD("/a%4", ERR_ENCODING, 2);
	BAD("/a%4g", ERR_ENCODING, 2);
	BAD("/a%%41", ERR_ENCODING, 2);
	BAD("/%ff", ERR_ENCODING, 1);
	BAD("/a#b", ERR_FORMAT, 2);
	BAD("/a b", ERR_FORMAT, 2);
	BAD("/\xc3\xa9", ERR_FORMAT, 1);
	BAD("/a\\b", ERR_FORMAT, 2);
	BAD("/x?a=%00", ERR_FORMAT, 7);
	BAD("/x?a=1&a=2", ERR_DUPLICATE, 7);
	BAD("/x?a=1&%61=2", ERR_DUPLICATE, 7);
	BAD("/x?=1", ERR_FORMAT, 3);
	BAD("/x?a=1&&b", ERR_FORMAT, 7);
	BAD("/x?a=%4", ERR_ENCODING, 5);
	BAD("/x?a=#", ERR_FORMAT, 5);
	ceilings();
	there_and_back();
	urls();
	return done();
}
