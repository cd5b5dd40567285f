/* Policies: versions that are only ever added.  Which hosts they are for: api_assignments.c. */
#include "crypto/digest.h"
#include "svc/server/api.h"

static json_t *
policy_json(const struct store_policy *p)
{
	return json_pack("{s:o, s:o, s:I, s:o, s:o, s:o}", "name", json_escaped(p->name), "version", json_escaped(p->version),
	    "size", (json_int_t)p->size, "signers", json_escaped(p->signers), "who", json_escaped(p->who),
	    "at", api_time(p->at));
}

void
job_policy_list(struct worker *w, struct http_request *r)
{
	JSON_AUTO json_t *j = json_pack("{s:[]}", "policies");
	struct span name = { 0 };
	struct store_policy *v;
	struct err e = { 0 };
	size_t n;

	(void)http_request_query(r, "name", &name);
	if (store_policies(w->store, name, http_request_arena(r), &v, &n, &e) != 0) {
		http_request_error(r, &e);
		return;
	}
	for (size_t i = 0; i < n; i++)
		json_array_append_new(json_object_get(j, "policies"), policy_json(&v[i]));
	api_reply_tagged(r, json_incref(j));
}

int
api_policy_head(struct worker *w, struct http_request *r, struct span name, struct span version,
    struct store_policy *p, struct err *e)
{
	struct store_policy *v = NULL;
	size_t n = 0;
	int rc = name.n == 0 ? 0 : store_policies(w->store, name, http_request_arena(r), &v, &n, e);

	for (size_t i = 0; rc == 0 && i < n; i++)
		if (version.n == 0 || span_eq(v[i].version, version)) {
			*p = v[i];
			return 0;
		}
	return rc != 0 ? rc : err_set(e, ERR_NOT_FOUND, "there is no policy \"%.*s\"%s", (int)span_head(name, 128).n,
	    (const char *)name.p, version.n == 0 ? "" : " of this version");
}

/* The newest version, which If-Match and If-None-Match are about. */
static int
newest_version(struct worker *w, struct http_request *r, struct span name, char **version, struct err *e)
{
	struct store_policy p;
	int rc = api_policy_head(w, r, name, span_of(NULL, 0), &p, e);

	*version = NULL;
	if (rc == ERR_NOT_FOUND)
		return 0;
	if (rc == 0 && (*version = arena_str(http_request_arena(r), p.version)) == NULL)
		return arena_err(http_request_arena(r), e);
	return rc;
}

/* Whether what the request knows of the policy still holds; else *${answered}. */
static int
check_known(struct worker *w, struct http_request *r, struct span name, bool *answered, struct err *e)
{
	struct span none;
	char *version;
	int rc = newest_version(w, r, name, &version, e);

	if (rc != 0)
		return rc;
	*answered = !api_unchanged(r, version);
	if (!*answered && version != NULL && http_request_header(r, "If-None-Match", &none) && span_is(none, "*")) {
		http_request_problem(r, 412, "exists", "there is a policy of this name already");
		*answered = true;
	}
	return 0;
}

static int
tell_policy(struct worker *w, struct http_request *r, const struct store_policy *p, struct err *e)
{
	JSON_AUTO json_t *j = policy_json(p);

	return j == NULL ? err_set(e, ERR_NOMEM, "out of memory") : api_tell(w, r, "policy", 0, j, e);
}

/* In one transaction, behind a lock that all who add to policies take. */
static int
add_policy(struct worker *w, struct http_request *r, struct store_policy *p, bool *answered, bool *known,
    struct err *e)
{
	int rc;

	if ((rc = store_begin(w->store, e)) != 0)
		return rc;
	if ((rc = store_setting_put(w->store, span_lit("lock:policies"), span_lit(""), e)) == 0 &&
	    (rc = check_known(w, r, p->name, answered, e)) == 0 && !*answered) {
		rc = store_policy_add(w->store, p, e);
		*known = rc == ERR_DUPLICATE;
		rc = *known ? 0 : rc != 0 ? rc : tell_policy(w, r, p, e);
	}
	if (rc != 0 || *answered) {
		store_rollback(w->store);
		return rc;
	}
	return store_commit(w->store, e);
}

/* The version that is there says who brought it, and when. */
static int
stored_policy(struct worker *w, struct http_request *r, const struct store_policy *p, json_t **out, struct err *e)
{
	struct store_policy stored;
	int rc = api_policy_head(w, r, p->name, p->version, &stored, e);

	if (rc != 0)
		return rc;
	*out = policy_json(&stored);
	return *out != NULL ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}

static int
put_policy(struct worker *w, struct http_request *r, struct store_policy *p, struct err *e)
{
	BUF_AUTO struct buf version = buf_init(128), signer = buf_init(256);
	bool answered = false, known = false;
	JSON_AUTO json_t *j = NULL;
	struct digest d;
	int rc;

	if ((rc = settings_check_policy(w->settings, p->document, &signer, e)) != 0 ||
	    (rc = digest_of(DIGEST_SHA256, p->document, &d, e)) != 0)
		return rc;
	buf_hex(&version, digest_view(&d));
	p->version = buf_view(&version);
	p->signers = buf_view(&signer);
	if ((rc = buf_done(&version, e)) != 0 || (rc = add_policy(w, r, p, &answered, &known, e)) != 0 || answered ||
	    (rc = stored_policy(w, r, p, &j, e)) != 0)
		return rc;
	http_request_json_reply(r, known ? 200 : 201, buf_cstr(&version), j);
	return 0;
}

void
job_policy_put(struct worker *w, struct http_request *r)
{
	struct store_policy p = { .name = http_request_param(r, "name"), .document = http_request_body(r),
	    .size = http_request_body(r).n, .who = span_str(http_request_caller(r)->id), .at = server_now() };
	struct err e = { 0 };

	if (!api_name_good(p.name))
		http_request_problem(r, 400, "name", "a policy's name has letters, digits, \".\", \"-\" and \"_\"");
	else if (put_policy(w, r, &p, &e) != 0)
		http_request_error(r, &e);
}

void
job_policy_get(struct worker *w, struct http_request *r)
{
	ARENA_AUTO struct arena a = arena_init(LIMIT_STORE_BLOB * 2);
	struct span name = http_request_param(r, "name"), version = http_request_param(r, "version");
	struct store_policy p;
	struct err e = { 0 };
	int rc = store_policy_get(w->store, name, span_is(version, "latest") ? span_of(NULL, 0) : version, &a, &p, &e);
	char etag[128];

	if (rc != 0 && rc != ERR_NOT_FOUND) {
		http_request_error(r, &e);
		return;
	}
	if (rc != 0) {
		http_request_problem(r, 404, "policy", "there is no such version of this policy");
		return;
	}
	(void)snprintf(etag, sizeof(etag), "%.*s", (int)p.version.n, (const char *)p.version.p);
	if (http_request_not_modified(r, etag))
		http_request_reply(r, &(struct http_answer){ .status = 304, .etag = etag });
	else
		http_request_reply(r, &(struct http_answer){ .body = p.document, .etag = etag });
}
