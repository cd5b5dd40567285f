#include "port/net/http_url.h"

#include <arpa/inet.h>

#include "base/text.h"

static bool
is_name(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    c == '-' || c == '.' || c == '_'))
			return false;
	}
	return s.n != 0;
}

/* "host", "1.2.3.4" or "[::1]" at the front of ${s}; its length there. */
static size_t
take_host(struct span s, char *out, size_t size)
{
	bool brackets = s.n != 0 && s.p[0] == '[';
	struct span host = brackets ? span_of(s.p + 1, s.n - 1) : s;
	uint8_t address[16];

	host = span_head(host, span_find(host, brackets ? ']' : ':'));
	if (host.n == 0 || host.n >= size || (brackets && host.n + 2 > s.n))
		return 0;
	memcpy(out, host.p, host.n);
	out[host.n] = '\0';
	if (brackets)
		return inet_pton(AF_INET6, out, address) == 1 ? host.n + 2 : 0;
	return is_name(host) ? host.n : 0;
}

static bool
is_loopback(const char *host)
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &six) == 1)
		return IN6_IS_ADDR_LOOPBACK(&six);
	return strcmp(host, "localhost") == 0;
}

int
http_url_parse(const char *text, struct http_url *u, struct err *e)
{
	struct span s = span_str(text), port;
	struct http_url url = { .port = 443, .tls = true };
	uint64_t number;
	size_t n;

	if (span_starts(s, span_lit("https://"))) {
		s = span_from(s, 8);
	} else if (span_starts(s, span_lit("http://"))) {
		s = span_from(s, 7);
		url.tls = false;
		url.port = 80;
	} else {
		return err_set(e, ERR_USAGE, "\"%.128s\" is not https://host[:port]", text);
	}
	if (span_ends(s, span_lit("/")))
		s.n--;
	if ((n = take_host(s, url.host, sizeof(url.host))) == 0)
		return err_set(e, ERR_USAGE, "\"%.128s\" is not https://host[:port]", text);
	port = span_from(s, n + 1);
	if (n < s.n) {
		if (s.p[n] != ':' || !dec_u64(port, &number) || number == 0 || number > 65535)
			return err_set(e, ERR_USAGE, "\"%.128s\" is not https://host[:port]", text);
		url.port = (uint16_t)number;
	}
	if (!url.tls && !is_loopback(url.host))
		return err_set(e, ERR_USAGE, "\"%.128s\" would send without TLS to another machine", text);
	(void)snprintf(url.field, sizeof(url.field), strchr(url.host, ':') != NULL ? "[%s]:%u" : "%s:%u",
	    url.host, url.port);
	*u = url;
	return 0;
}
