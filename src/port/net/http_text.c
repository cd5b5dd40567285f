#include "port/net/http_text.h"

static bool
is_tchar(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

bool
http_token(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_tchar(s.p[i]))
			return false;
	return s.n != 0;
}

bool
http_field_value(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\t' && (s.p[i] < 0x20 || s.p[i] == 0x7f))
			return false;
	return true;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

struct span
http_trim(struct span s)
{
	while (s.n != 0 && is_blank(s.p[0]))
		s = span_of(s.p + 1, s.n - 1);
	while (s.n != 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

bool
http_is(struct span s, const char *word)
{
	if (s.n != strlen(word))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (lower(s.p[i]) != lower((uint8_t)word[i]))
			return false;
	return true;
}

bool
http_list_next(struct span *list, struct span *item)
{
	while (list->n != 0) {
		size_t n = span_find(*list, ',');

		*item = http_trim(span_head(*list, n));
		*list = span_from(*list, n + 1);
		if (item->n != 0)
			return true;
	}
	return false;
}

bool
http_list_has(struct span list, const char *word)
{
	struct span item;

	while (http_list_next(&list, &item))
		if (http_is(item, word))
			return true;
	return false;
}

/* etagc of RFC 9110 8.8.3; bytes above ASCII are not ours to send. */
static bool
is_etagc(uint8_t c)
{
	return c == 0x21 || (c >= 0x23 && c != 0x7f);
}

bool
http_etag_text(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_etagc(s.p[i]) || s.p[i] >= 0x80)
			return false;
	return s.n != 0;
}

enum http_etags
http_etags(struct span list, struct span etag, bool weak)
{
	enum http_etags found = ETAGS_NO;

	list = http_trim(list);
	if (span_is(list, "*"))
		return ETAGS_ANY;
	if (list.n == 0)
		return ETAGS_BAD;
	for (size_t k = 0; list.n != 0; k++) {
		bool is_weak = span_starts(list, span_lit("W/"));
		struct span inner = span_from(list, is_weak ? 3 : 1);
		size_t n = span_find(inner, '"');

		if (k == LIMIT_HTTP_ETAGS || list.n < (is_weak ? 4 : 2) ||
		    list.p[is_weak ? 2 : 0] != '"' || n == inner.n)
			return ETAGS_BAD;
		for (size_t i = 0; i < n; i++)
			if (!is_etagc(inner.p[i]))
				return ETAGS_BAD;
		if (span_eq(span_head(inner, n), etag) && (weak || !is_weak))
			found = ETAGS_YES;
		list = http_trim(span_from(inner, n + 1));
		if (list.n != 0 && list.p[0] != ',')
			return ETAGS_BAD;
		list = http_trim(span_from(list, 1));
	}
	return found;
}

/* One ";name=value" of a media type; the value a token or a quoted string. */
static bool
media_parameter(struct span *rest)
{
	struct span s = http_trim(span_from(*rest, 1));
	size_t n = 0;

	while (n < s.n && is_tchar(s.p[n]))
		n++;
	if (n == 0 || n >= s.n || s.p[n] != '=')
		return false;
	s = span_from(s, n + 1);
	n = 0;
	if (s.n != 0 && s.p[0] == '"') {
		for (n = 1; n < s.n && s.p[n] != '"'; n++)
			if (s.p[n] == '\\')
				n++;
		if (n >= s.n)
			return false;
		n++;
	} else {
		while (n < s.n && is_tchar(s.p[n]))
			n++;
		if (n == 0)
			return false;
	}
	*rest = http_trim(span_from(s, n));
	return rest->n == 0 || rest->p[0] == ';';
}

bool
http_media_type(struct span value, char *out, size_t n)
{
	struct span s = http_trim(value), type, rest;
	size_t slash, end = span_find(s, ';');

	type = http_trim(span_head(s, end));
	rest = span_from(s, end);
	slash = span_find(type, '/');
	if (!http_token(span_head(type, slash)) || !http_token(span_from(type, slash + 1)) ||
	    type.n >= n || !http_field_value(s))
		return false;
	while (rest.n != 0)
		if (!media_parameter(&rest))
			return false;
	for (size_t i = 0; i < type.n; i++)
		out[i] = (char)lower(type.p[i]);
	out[type.n] = '\0';
	return true;
}

bool
http_bearer(struct span value, struct span *token)
{
	struct span s = http_trim(value);
	size_t n = 0;

	if (s.n < 8 || !http_is(span_head(s, 6), "bearer") || s.p[6] != ' ')
		return false;
	s = http_trim(span_from(s, 7));
	while (n < s.n && (is_tchar(s.p[n]) || s.p[n] == '/') && strchr("!#$%&'*^`|", s.p[n]) == NULL)
		n++;
	if (n == 0)
		return false;
	*token = s;
	while (n < s.n && s.p[n] == '=')
		n++;
	return n == s.n;
}

const char *
http_reason(unsigned status)
{
	static const struct { unsigned status; const char *reason; } known[] = {
		{ 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" },
		{ 304, "Not Modified" }, { 400, "Bad Request" }, { 401, "Unauthorized" },
		{ 403, "Forbidden" }, { 404, "Not Found" }, { 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" }, { 408, "Request Timeout" }, { 409, "Conflict" },
		{ 410, "Gone" }, { 411, "Length Required" }, { 412, "Precondition Failed" },
		{ 413, "Content Too Large" }, { 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" }, { 417, "Expectation Failed" },
		{ 422, "Unprocessable Content" }, { 425, "Too Early" }, { 428, "Precondition Required" },
		{ 429, "Too Many Requests" }, { 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" }, { 501, "Not Implemented" },
		{ 503, "Service Unavailable" }, { 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].status == status)
			return known[i].reason;
	return status < 300 ? "Success" : status < 500 ? "Refused" : "Failed";
}
