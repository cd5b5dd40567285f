#include "svc/server/api.h"

#include "crypto/digest.h"

bool
api_find_host(struct worker *w, struct http_request *r, struct store_host *h)
{
	struct span id = http_request_param(r, "id");
	struct err e = { 0 };
	char text[STORE_HOST_ID + 1];
	int rc;

	if (!ek_host_id_valid(id)) {
		http_request_problem(r, 404, "host", "a host's id is 32 hexadecimal digits");
		return false;
	}
	(void)snprintf(text, sizeof(text), "%.*s", (int)id.n, (const char *)id.p);
	rc = store_host_by_id(w->store, text, http_request_arena(r), h, &e);
	if (rc == ERR_NOT_FOUND)
		http_request_problem(r, 404, "host", "there is no host of this id");
	else if (rc != 0)
		http_request_error(r, &e);
	return rc == 0;
}

bool
api_page(struct http_request *r, struct api_page *p)
{
	return http_request_query_u64(r, "before", 0, INT64_MAX, &p->before) &&
	    http_request_query_u64(r, "limit", API_PAGE, LIMIT_STORE_PAGE, &p->limit);
}

void
api_page_next(const struct api_page *p, size_t n, uint64_t last, json_t *j)
{
	json_object_set_new(j, "next", n == p->limit && n > 0 ? json_integer((json_int_t)last) : json_null());
}

void
api_reply(struct http_request *r, unsigned status, json_t *j)
{
	if (j == NULL)
		http_request_problem(r, 503, "memory", "out of memory");
	else
		http_request_json_reply(r, status, NULL, j);
	json_decref(j);
}

int
api_etag(const json_t *j, char out[API_ETAG], struct err *e)
{
	BUF_AUTO struct buf text = buf_init(LIMIT_HTTP_ARENA), hex = buf_init(128);
	struct digest d;
	int rc;

	json_write_compact(j, &text);
	if ((rc = buf_done(&text, e)) != 0 || (rc = digest_of(DIGEST_SHA256, buf_view(&text), &d, e)) != 0)
		return rc;
	buf_hex(&hex, digest_view(&d));
	(void)snprintf(out, API_ETAG, "%.*s", API_ETAG - 1, buf_cstr(&hex));
	return 0;
}

void
api_reply_tagged(struct http_request *r, json_t *j)
{
	struct err e = { 0 };
	char etag[API_ETAG];

	if (j == NULL)
		http_request_problem(r, 503, "memory", "out of memory");
	else if (api_etag(j, etag, &e) != 0)
		http_request_error(r, &e);
	else if (http_request_not_modified(r, etag))
		http_request_reply(r, &(struct http_answer){ .status = 304, .etag = etag });
	else
		http_request_json_reply(r, 0, etag, j);
	json_decref(j);
}

bool
api_unchanged(struct http_request *r, const char *etag)
{
	if (http_request_if_match(r, etag) != HTTP_DIFFERS)
		return true;
	http_request_problem(r, 412, "changed", "somebody else changed it meanwhile: read it again");
	return false;
}

json_t *
api_object(struct span text)
{
	struct err ignored;
	json_t *j;

	if (text.n == 0 || json_parse(text, LIMIT_SMALL_FILE, &j, &ignored) != 0)
		return json_object();
	if (json_is_object(j))
		return j;
	json_decref(j);
	return json_object();
}

json_t *
api_text(struct span s)
{
	json_t *j = json_new_string(s);

	return j != NULL ? j : json_escaped(s);
}

int
api_tell(struct worker *w, struct http_request *r, const char *kind, uint32_t host, json_t *j, struct err *e)
{
	BUF_AUTO struct buf body = buf_init(LIMIT_SMALL_FILE);
	struct store_event ev = { .at = server_now(), .kind = span_str(kind), .host = host };
	int rc;

	json_object_set_new(j, "who", api_text(span_str(http_request_caller(r)->id)));
	json_write_compact(j, &body);
	ev.body = buf_view(&body);
	if ((rc = buf_done(&body, e)) != 0)
		return rc;
	return store_event_add(w->store, &ev, 1, e);
}

bool
api_name_good(struct span name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == '\0' ||
		    strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", name.p[i]) == NULL)
			return false;
	return name.n > 0 && name.n <= 128;
}
