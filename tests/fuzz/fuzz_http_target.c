/* Targets: what is accepted lies in the buffer, has no segment that a path walk could misread,
 * and, escaped again, is the same target; the router takes all of it. */
#include <assert.h>
#include <stdlib.h>

#include "base/text.h"
#include "port/net/http_url.h"
#include "port/net/router.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct http_target t, again;

static void
handler(struct http_request *r, void *arg)
{
	(void)r, (void)arg;
}

static const struct route_param params[] = { { "q", "string", "x", false }, { 0 } };
static const struct route routes[] = {
	ROUTE(GET, "/", PUBLIC, 0, handler, "a", "x"),
	ROUTE(GET, "/v1/{a}", VIEWER, 0, handler, "b", "x", .params = params),
	ROUTE(GET, "/v1/hosts", VIEWER, 0, handler, "c", "x"),
	ROUTE(POST, "/v1/{a}/{b}/c", HOST, 0, handler, "d", "x"),
};

static void
inside(struct span s)
{
	assert(s.n == 0 || (s.p >= t.bytes && s.p + s.n <= t.bytes + t.used));
}

static void
same_again(void)
{
	BUF_AUTO struct buf b = buf_init(4 * LIMIT_HTTP_TARGET + 64);

	if (t.n_segments == 0)
		buf_str(&b, "/");
	for (size_t i = 0; i < t.n_segments; i++) {
		buf_str(&b, "/");
		http_target_escape(&b, t.segments[i]);
	}
	for (size_t i = 0; i < t.n_query; i++) {
		buf_str(&b, i == 0 ? "?" : "&");
		http_target_escape(&b, t.query[i].name);
		buf_str(&b, "=");
		http_target_escape(&b, t.query[i].value);
	}
	if (b.n > LIMIT_HTTP_TARGET)
		return;		/* escaping made it longer */
	assert(http_target_parse(buf_view(&b), &again, NULL) == 0);
	assert(again.n_segments == t.n_segments && again.n_query == t.n_query);
	for (size_t i = 0; i < t.n_segments; i++)
		assert(span_eq(again.segments[i], t.segments[i]));
	for (size_t i = 0; i < t.n_query; i++)
		assert(span_eq(again.query[i].value, t.query[i].value));
}

static void
route(void)
{
	static struct router *r;
	struct route_match m;

	if (r == NULL && router_new(routes, sizeof(routes) / sizeof(routes[0]), &r, NULL) != 0)
		abort();
	for (enum http_method k = HTTP_GET; k <= HTTP_OPTIONS; k++) {
		enum route_result got = router_find(r, k, &t, &m);

		assert((got == ROUTE_FOUND) == (m.route != NULL));
		assert((got == ROUTE_UNKNOWN) == (m.allow == 0));
		for (size_t i = 0; i < m.n_params && m.route != NULL; i++)
			inside(m.params[i].value);
		if (m.route != NULL)
			(void)route_query_unknown(m.route, &t);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct http_url u;
	char text[600];

	if (http_target_parse(span_of(p, n), &t, NULL) == 0) {
		for (size_t i = 0; i < t.n_segments; i++) {
			struct span s = t.segments[i];

			inside(s);
			assert(s.n != 0 && !span_is(s, ".") && !span_is(s, "..") && utf8_valid(s));
			assert(span_find(s, '/') == s.n && span_find(s, '\0') == s.n);
		}
		for (size_t i = 0; i < t.n_query; i++) {
			inside(t.query[i].name);
			inside(t.query[i].value);
		}
		if (!t.asterisk)
			same_again();
		route();
	}
	if (n < sizeof(text)) {
		if (n != 0)
			memcpy(text, p, n);
		text[n] = '\0';
		if (http_url_parse(text, &u, NULL) == 0)
			assert(u.port != 0 && u.host[0] != '\0' && strpbrk(u.field, "\r\n /") == NULL);
	}
	return 0;
}
