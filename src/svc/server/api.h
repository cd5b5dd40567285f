/* api.h: what the handlers of the API share.  Private to svc/server.
 *
 * A handler reads its parameters, asks the store, and answers with a JSON object whose
 * schema docs/schema/api.schema.json has under the name that routes.tbl gives; lists
 * are objects too, with "next" where a page may follow.  Names are given escaped, and
 * where they are evidence also exactly, as in the command line's results.
 */
#ifndef SVC_SERVER_API_H
#define SVC_SERVER_API_H

#include "base/json.h"
#include "base/text.h"
#include "svc/server/server_internal.h"

#define API_PAGE 100		/* rows of a page unless "limit" says otherwise */

/** api_find_host(w, r, h): The host of the path's id; else it was answered, and false. */
bool api_find_host(struct worker *w, struct http_request *r, struct store_host *h);

/* The rows of a page "?before=NUMBER&limit=N": newest first, further on with "next". */
struct api_page {
	uint64_t before;	/* 0: from the newest */
	uint64_t limit;
};
/** api_page(r, p): False: it was answered. */
bool api_page(struct http_request *r, struct api_page *p);
/** api_page_next(p, n, last, j): Member "next" after ${n} rows, of which the last has number ${last}. */
void api_page_next(const struct api_page *p, size_t n, uint64_t last, json_t *j);

/** api_reply(r, status, j): Answer with ${j}, which is taken; NULL: memory ran out. */
void api_reply(struct http_request *r, unsigned status, json_t *j);

#define API_ETAG 33
/** api_etag(j, out, e): A strong tag of what ${j} says. */
MUST_CHECK int api_etag(const json_t *j, char out[API_ETAG], struct err *e);

/** api_reply_tagged(r, j): The same with its tag, or 304 for who has it. */
void api_reply_tagged(struct http_request *r, json_t *j);

/** api_unchanged(r, etag): Whether If-Match allows a change of what has this tag (NULL: of
 * what is not there yet); else it was answered (412). */
bool api_unchanged(struct http_request *r, const char *etag);

/** api_object(text): A stored JSON object; an empty one if there is none. */
json_t *api_object(struct span text);

/** api_tell(w, kind, host, j, e): An event, by whoever asks; ${j} is borrowed. */
MUST_CHECK int api_tell(struct worker *w, struct http_request *r, const char *kind, uint32_t host,
    json_t *j, struct err *e);

/** api_name_good(name): Letters, digits, ".", "-", "_", at most 128: it goes into URLs. */
bool api_name_good(struct span name);

/** api_text(s): For a JSON member that programs give back: as it is if it is UTF-8. */
json_t *api_text(struct span s);

/* ---- api_hosts.c ---- */

/** api_host_json(w, r, h, all, out, e): As GET /v1/hosts tells it, or, with ${all}, as GET
 * /v1/hosts/{id}. */
MUST_CHECK int api_host_json(struct worker *w, struct http_request *r, const struct store_host *h,
    bool all, json_t **out, struct err *e);

/** api_host_ima(w, r, h, trusted, out, e): Member "ima_policy" of a host shown whole. */
MUST_CHECK int api_host_ima(struct worker *w, struct http_request *r, const struct store_host *h,
    bool trusted, json_t *out, struct err *e);

/* ---- api_policies.c ---- */

/** api_policy_head(w, r, name, version, p, e): A version without its document, which can be
 * large; an empty ${version} is the newest.  ERR_NOT_FOUND. */
MUST_CHECK int api_policy_head(struct worker *w, struct http_request *r, struct span name,
    struct span version, struct store_policy *p, struct err *e);

/* ---- api_assignments.c ---- */

/** api_assignment_read(w, r, body, set, a, until, e): What the body asks for, with every
 * policy's version resolved; ${until} NULL: without an overlap.  Spans live as long as the
 * request. */
MUST_CHECK int api_assignment_read(struct worker *w, struct http_request *r, const json_t *body,
    struct store_policy_set *set, struct store_assignment *a, int64_t *until, struct err *e);

#endif
