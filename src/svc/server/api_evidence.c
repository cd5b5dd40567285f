/* What hosts showed, for auditors: boots, measurement lists, bundles, and the keys to check
 * them with. */
#include "base/pem.h"
#include "base/rd.h"
#include "svc/server/api.h"
#include "svc/server/api_entry.h"

static json_t *
boot_json(const struct store_host *h, const struct store_boot *b)
{
	return json_pack("{s:I, s:o, s:o, s:I, s:o, s:b}", "number", (json_int_t)b->number, "boot", json_escaped(b->id),
	    "began", api_time(b->began), "entries", (json_int_t)b->count,
	    "event_log_sha256", b->event_log.n > 0 ? json_hex(b->event_log) : json_null(), "current", b->number == h->boot);
}

void
job_host_boots(struct worker *w, struct http_request *r)
{
	JSON_AUTO json_t *j = json_pack("{s:[]}", "boots");
	struct store_boot *v;
	struct store_host h;
	struct err e = { 0 };
	size_t n;

	if (!api_find_host(w, r, &h))
		return;
	if (store_boots(w->store, h.number, http_request_arena(r), &v, &n, &e) != 0) {
		http_request_error(r, &e);
		return;
	}
	for (size_t i = 0; i < n; i++)
		json_array_append_new(json_object_get(j, "boots"), boot_json(&h, &v[i]));
	http_request_json_reply(r, 0, NULL, j);
}

/* ---- a list ---- */

static int
add_item(void *ctx, const struct store_log_item *item, struct err *e)
{
	json_t *one;
	int rc = api_entry_json(item->bytes, &one, e);

	if (rc != 0)
		return rc;
	json_object_set_new(one, "number", json_integer((json_int_t)item->index + 1));
	json_object_set_new(one, "stored", api_time(item->at));
	json_array_append_new(ctx, one);
	return 0;
}

/* The boot that is asked for, else the one the host is in. */
static bool
find_boot(struct worker *w, struct http_request *r, const struct store_host *h, uint64_t number,
    struct store_boot *out)
{
	struct store_boot *v;
	struct err e = { 0 };
	size_t n;

	if (store_boots(w->store, h->number, http_request_arena(r), &v, &n, &e) != 0) {
		http_request_error(r, &e);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		if (v[i].number == (number != 0 ? number : h->boot)) {
			*out = v[i];
			return true;
		}
	http_request_problem(r, 404, "boot", number != 0 ? "this host has no such boot" :
	    "this host has not shown a list yet");
	return false;
}

void
job_host_entries(struct worker *w, struct http_request *r)
{
	JSON_AUTO json_t *j = NULL;
	uint64_t from, limit, boot;
	struct store_boot b;
	struct store_host h;
	struct err e = { 0 };

	if (!http_request_query_u64(r, "from", 1, INT64_MAX, &from) ||
	    !http_request_query_u64(r, "limit", API_PAGE, LIMIT_STORE_PAGE, &limit) ||
	    !http_request_query_u64(r, "boot", 0, INT64_MAX, &boot) || !api_find_host(w, r, &h) ||
	    !find_boot(w, r, &h, boot, &b))
		return;
	from = from == 0 ? 1 : from;
	j = json_pack("{s:I, s:o, s:I, s:[]}", "boot_number", (json_int_t)b.number, "boot", json_escaped(b.id),
	    "total", (json_int_t)b.count, "entries");
	if (limit > 0 && store_log_read(w->store, b.number, from - 1, limit, add_item,
	    json_object_get(j, "entries"), &e) != 0) {
		http_request_error(r, &e);
		return;
	}
	json_object_set_new(j, "next", limit > 0 && from - 1 + limit < b.count ?
	    json_integer((json_int_t)(from + limit)) : json_null());
	http_request_json_reply(r, 0, NULL, j);
}

/* ---- who they are ---- */

/* The certificates are kept one behind the other, in DER. */
static json_t *
certificates_pem(struct span all)
{
	BUF_AUTO struct buf pem = buf_init(LIMIT_SMALL_FILE);

	while (all.n > 4) {
		size_t n = all.p[1] < 0x80 ? 2u + all.p[1] : all.p[1] == 0x81 ? 3u + all.p[2] :
		    all.p[1] == 0x82 ? 4u + (size_t)all.p[2] * 256 + all.p[3] : all.n;

		pem_write("CERTIFICATE", span_head(all, n), &pem);
		all = span_from(all, n);
	}
	return pem.n == 0 ? json_null() : json_string(buf_cstr(&pem));
}

/* Both forms: a key's, which any tool takes, and the TPM's, which also says what it may do. */
static int
add_key(json_t *j, const char *pem_name, const char *area_name, struct span area, struct err *e)
{
	ATTEST_KEY_AUTO struct attest_key key = { 0 };
	BUF_AUTO struct buf pem = buf_init(LIMIT_SMALL_FILE);
	int rc;

	json_object_set_new(j, area_name, json_base64(area));
	if ((rc = attest_key_parse(area, &key, e)) != 0)
		return rc;
	pem_write("PUBLIC KEY", pubkey_spki(key.key), &pem);
	json_object_set_new(j, pem_name, json_string(buf_cstr(&pem)));
	return 0;
}

static int
identity_json(const struct store_host *h, const struct store_identity *v, json_t *list, struct err *e)
{
	json_t *j = json_pack("{s:I, s:o, s:o, s:b}", "number", (json_int_t)v->number, "enrolled", api_time(v->made),
	    "trust_mode", json_escaped(v->trust_mode), "current", v->number == h->identity);
	int rc;

	json_array_append_new(list, j);
	if ((rc = add_key(j, "ak_pem", "ak_public_b64", v->ak_public, e)) != 0 ||
	    (rc = add_key(j, "ek_pem", "ek_public_b64", v->ek_public, e)) != 0)
		return err_ctx(e, ERR_INTERNAL, "identity %llu (%d)", (unsigned long long)v->number, rc);
	json_object_set_new(j, "ek_certificates_pem", certificates_pem(v->ek_certs));
	return 0;
}

void
job_host_identities(struct worker *w, struct http_request *r)
{
	JSON_AUTO json_t *j = json_pack("{s:[]}", "identities");
	struct store_identity *v;
	struct store_host h;
	struct err e = { 0 };
	size_t n;
	int rc;

	if (!api_find_host(w, r, &h))
		return;
	rc = store_identities(w->store, h.number, http_request_arena(r), &v, &n, &e);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = identity_json(&h, &v[i], json_object_get(j, "identities"), &e);
	if (rc != 0)
		http_request_error(r, &e);
	else
		http_request_json_reply(r, 0, NULL, j);
}

/* ---- bundles ---- */

void
job_host_bundles(struct worker *w, struct http_request *r)
{
	JSON_AUTO json_t *j = json_pack("{s:[]}", "bundles");
	struct store_bundle *v;
	struct store_host h;
	struct err e = { 0 };
	struct api_page page;
	size_t n;

	if (!api_page(r, &page) || !api_find_host(w, r, &h))
		return;
	if (store_bundles(w->store, h.number, page.before, (size_t)page.limit, http_request_arena(r), &v, &n, &e) != 0) {
		http_request_error(r, &e);
		return;
	}
	for (size_t i = 0; i < n; i++)
		json_array_append_new(json_object_get(j, "bundles"), json_pack("{s:I, s:o, s:s, s:o, s:I}",
		    "number", (json_int_t)v[i].number, "at", api_time(v[i].at), "verdict", host_verdict_token(v[i].verdict),
		    "policy_version", json_escaped(v[i].policy), "size", (json_int_t)v[i].size));
	api_page_next(&page, n, n > 0 ? v[n - 1].number : 0, j);
	http_request_json_reply(r, 0, NULL, j);
}

void
job_bundle(struct worker *w, struct http_request *r)
{
	ARENA_AUTO struct arena a = arena_init(LIMIT_STORE_BLOB * 2);
	struct store_bundle v;
	struct err e = { 0 };
	uint64_t number;
	int rc;

	if (!dec_u64(http_request_param(r, "number"), &number) || number > INT64_MAX)
		rc = ERR_NOT_FOUND;
	else
		rc = store_bundle_get(w->store, number, &a, &v, &e);
	if (rc == ERR_NOT_FOUND)
		http_request_problem(r, 404, "bundle", "there is no bundle of this number");
	else if (rc != 0)
		http_request_error(r, &e);
	else
		http_request_reply(r, &(struct http_answer){ .body = v.body });
}
