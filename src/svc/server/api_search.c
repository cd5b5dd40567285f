/* Who ever ran what: by digest, path or signing key; and the records that say so. */
#include "formats/ima_log.h"
#include "svc/server/api.h"
#include "svc/server/api_entry.h"

/* security.ima, signature version 2: type, version, hash, key id (4), ... */
static json_t *
signer_json(const struct ima_entry *n)
{
	return n->sig.n > 7 && n->sig.p[0] == 3 ? json_hex(span_of(n->sig.p + 3, 4)) : json_null();
}

static json_t *
digest_json(const struct ima_entry *n)
{
	BUF_AUTO struct buf b = buf_init(KIB(4));

	if (n->file_digest.n == 0 || n->violation)
		return json_null();
	if (n->file_alg != DIGEST_NONE)
		buf_str(&b, digest_alg_name(n->file_alg));
	else
		buf_escape(&b, n->file_alg_name);
	buf_u8(&b, ':');
	buf_hex(&b, n->file_digest);
	return json_string(buf_cstr(&b));
}

int
api_entry_json(struct span record, json_t **out, struct err *e)
{
	struct ima_entry n = { 0 };
	struct ima_log log;
	bool named;
	int rc;

	if ((rc = ima_log_open(record, &log, e)) != 0)
		return rc;
	if ((rc = ima_log_next(&log, &n, e)) != 1) {
		ima_log_close(&log);
		return rc < 0 ? rc : err_set(e, ERR_TRUNCATED, "an empty record");
	}
	named = n.well_formed && n.path.n > 0;
	*out = json_pack("{s:i, s:o, s:b, s:o, s:o, s:o, s:o}", "pcr", (int)n.pcr,
	    "template", json_escaped(n.template_name), "violation", n.violation,
	    "path", named ? json_escaped(n.path) : json_null(), "path_b64", named ? json_base64(n.path) : json_null(),
	    "digest", digest_json(&n), "signer", signer_json(&n));
	ima_log_close(&log);
	return *out != NULL ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}

/* 1: one was given; 0: none; -1: it was answered. */
static int
read_query(struct http_request *r, struct store_query *q, struct buf *value)
{
	struct span digest = { 0 }, path = { 0 }, key = { 0 };
	bool has_digest = http_request_query(r, "digest", &digest), has_path = http_request_query(r, "path", &path);
	bool has_key = http_request_query(r, "key", &key);
	size_t colon = span_find(digest, ':');

	*q = (struct store_query){ .by = has_digest ? STORE_BY_DIGEST : has_path ? STORE_BY_PATH : STORE_BY_KEY };
	if (has_digest + has_path + has_key == 0)
		return 0;
	if (has_digest + has_path + has_key > 1) {
		http_request_problem(r, 400, "query", "a digest, a path or a key, and not two of them");
		return -1;
	}
	if (has_digest && (colon == digest.n || !hex_decode(span_from(digest, colon + 1), value) ||
	    !digest_make(digest_alg_by_name(span_head(digest, colon)), buf_view(value), &q->digest))) {
		http_request_problem(r, 400, "digest", "a digest is algorithm:hex, such as sha256:...");
		return -1;
	}
	if (has_key && (!hex_decode(key, value) || value->n != 4)) {
		http_request_problem(r, 400, "key", "a signing key is named by 8 hexadecimal digits");
		return -1;
	}
	q->value = has_path ? path : buf_view(value);
	return 1;
}

static int
hit_json(struct worker *w, struct http_request *r, const struct store_hit *h, json_t *list, struct err *e)
{
	struct store_host host;
	int rc = store_host_by_number(w->store, h->host, http_request_arena(r), &host, e);

	if (rc != 0 || host.registration == STORE_FORGOTTEN)
		return rc;	/* bitmaps never forget, but nobody is told */
	json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:b}", "id", host.id, "name", json_escaped(host.name),
	    "since", api_time(h->since), "now", h->now));
	return 0;
}

void
job_search(struct worker *w, struct http_request *r)
{
	BUF_AUTO struct buf value = buf_init(KIB(4));
	JSON_AUTO json_t *j = json_pack("{s:[]}", "hosts");
	struct store_query q;
	struct store_hits hits = { 0 };
	struct err e = { 0 };
	uint64_t limit, after;
	int rc;

	if (!http_request_query_u64(r, "limit", API_PAGE, LIMIT_STORE_PAGE, &limit) ||
	    !http_request_query_u64(r, "after", 0, UINT32_MAX, &after) || (rc = read_query(r, &q, &value)) < 0)
		return;
	if (rc == 0) {
		http_request_problem(r, 400, "query", "ask for a digest, a path or a key");
		return;
	}
	rc = store_search(w->store, &q, (uint32_t)after, (size_t)limit, http_request_arena(r), &hits, &e);
	if (rc == ERR_NOT_FOUND)
		rc = 0;		/* a key that signed nothing here */
	for (size_t i = 0; rc == 0 && i < hits.n; i++)
		rc = hit_json(w, r, &hits.v[i], json_object_get(j, "hosts"), &e);
	if (rc != 0) {
		http_request_error(r, &e);
		return;
	}
	json_object_set_new(j, "entries", json_integer((json_int_t)hits.entries));
	json_object_set_new(j, "total", json_integer((json_int_t)hits.hosts));
	json_object_set_new(j, "partial", json_boolean(hits.partial));
	json_object_set_new(j, "next", hits.next == 0 ? json_null() : json_integer(hits.next));
	http_request_json_reply(r, 0, NULL, j);
}

static int
entry_json(struct worker *w, struct http_request *r, const struct store_entry *v, json_t *list, struct err *e)
{
	struct store_host first;
	json_t *j = NULL;
	int rc = api_entry_json(v->record.bytes, &j, e);

	if (rc != 0)
		return rc;
	json_array_append_new(list, j);
	json_object_set_new(j, "number", json_integer((json_int_t)v->number));
	json_object_set_new(j, "first_seen", api_time(v->first_seen));
	rc = store_host_by_number(w->store, v->first_host, http_request_arena(r), &first, e);
	if (rc != 0 && rc != ERR_NOT_FOUND)
		return rc;
	json_object_set_new(j, "first_host", rc == 0 && first.registration != STORE_FORGOTTEN ?
	    json_string(first.id) : json_null());
	return 0;
}

void
job_entries(struct worker *w, struct http_request *r)
{
	BUF_AUTO struct buf value = buf_init(KIB(4));
	JSON_AUTO json_t *j = json_pack("{s:[]}", "entries");
	struct store_entry *v = NULL;
	struct store_query q;
	struct err e = { 0 };
	uint64_t limit, after;
	size_t n = 0;
	int rc;

	if (!http_request_query_u64(r, "limit", API_PAGE, LIMIT_STORE_PAGE, &limit) ||
	    !http_request_query_u64(r, "after", 0, INT64_MAX, &after) || (rc = read_query(r, &q, &value)) < 0)
		return;
	rc = rc == 0 ? store_entries(w->store, after, (size_t)limit, http_request_arena(r), &v, &n, &e) :
	    store_find(w->store, &q, after, (size_t)limit, http_request_arena(r), &v, &n, &e);
	if (rc == ERR_NOT_FOUND)
		rc = 0;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = entry_json(w, r, &v[i], json_object_get(j, "entries"), &e);
	if (rc != 0) {
		http_request_error(r, &e);
		return;
	}
	json_object_set_new(j, "next", n == limit && n > 0 ? json_integer((json_int_t)v[n - 1].number) : json_null());
	http_request_json_reply(r, 0, NULL, j);
}
