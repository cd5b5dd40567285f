/* Policies, and which hosts are judged by them; and who ever ran what. */
#include "base/json.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "engine/dsse_sign.h"
#include "svc/server/server_internal.h"

#define PAGE 100
#define OVERLAP_MOST_S (30 * 86400)

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
	struct store_policy *v;
	struct err e = { 0 };
	size_t n;

	if (store_policies(w->store, span_of(NULL, 0), http_request_arena(r), &v, &n, &e) != 0) {
		http_request_error(r, &e);
		return;
	}
	for (size_t i = 0; i < n; i++)
		json_array_append_new(json_object_get(j, "policies"), policy_json(&v[i]));
	http_request_json_reply(r, 0, NULL, j);
}

/* Letters, digits, ".", "-", "_": a name goes into URLs and onto terminals. */
static bool
name_good(struct span name)
{
	for (size_t i = 0; i < name.n; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", name.p[i]) == NULL ||
		    name.p[i] == '\0')
			return false;
	return name.n > 0 && name.n <= 128;
}

/* What is stored must be what can judge: it is parsed before it is taken.  Where policies must
 * be signed, one of the server's keys must have signed it. */
static int
check_policy(struct server *s, struct span bytes, struct buf *signer, struct err *e)
{
	RUNTIME_POLICY_AUTO struct runtime_policy p = { 0 };
	DSSE_AUTO struct dsse env = { 0 };
	size_t which = 0;
	int rc;

	if (!dsse_sniff(bytes)) {
		if (s->n_policy_keys > 0)
			return err_set(e, ERR_SIGNATURE, "this server takes signed policies only (assay policy sign)");
		return runtime_policy_parse(bytes, &p, e);
	}
	if ((rc = dsse_parse(bytes, &env, e)) != 0)
		return rc;
	if (s->n_policy_keys == 0)
		return err_set(e, ERR_SIGNATURE, "this server has no key to check a signature with (--policy-key)");
	if ((rc = dsse_verify(&env, s->policy_keys, s->n_policy_keys, &which, e)) != 0)
		return rc;
	if (which == s->n_policy_keys)
		return err_set(e, ERR_SIGNATURE, "none of this server's keys signed the policy, or it was changed since");
	buf_hex(signer, digest_view(pubkey_fingerprint(s->policy_keys[which])));
	return runtime_policy_parse(buf_view(&env.payload), &p, e);
}

void
job_policy_put(struct worker *w, struct http_request *r)
{
	BUF_AUTO struct buf version = buf_init(128), signer = buf_init(256);
	struct store_policy p = { .name = http_request_param(r, "name"), .document = http_request_body(r),
	    .size = http_request_body(r).n, .who = span_str(http_request_caller(r)->id), .at = server_now() };
	struct digest d;
	struct err e = { 0 };
	int rc;

	if (!name_good(p.name)) {
		http_request_problem(r, 400, "name", "a policy's name has letters, digits, \".\", \"-\" and \"_\"");
		return;
	}
	if (check_policy(w->server, p.document, &signer, &e) != 0 || digest_of(DIGEST_SHA256, p.document, &d, &e) != 0) {
		http_request_error(r, &e);
		return;
	}
	buf_hex(&version, digest_view(&d));
	p.version = buf_view(&version);
	p.signers = buf_view(&signer);
	if ((rc = store_policy_add(w->store, &p, &e)) != 0 && rc != ERR_DUPLICATE) {
		http_request_error(r, &e);
		return;
	}
	JSON_AUTO json_t *j = policy_json(&p);

	http_request_json_reply(r, rc == ERR_DUPLICATE ? 200 : 201, NULL, j);
}

void
job_policy_get(struct worker *w, struct http_request *r)
{
	struct store_policy p;
	struct err e = { 0 };
	int rc = store_policy_get(w->store, http_request_param(r, "name"), http_request_param(r, "version"),
	    http_request_arena(r), &p, &e);

	if (rc == ERR_NOT_FOUND)
		http_request_problem(r, 404, "policy", "there is no such version of this policy");
	else if (rc != 0)
		http_request_error(r, &e);
	else
		http_request_reply(r, &(struct http_answer){ .body = p.document });
}

static json_t *
assignment_json(const struct store_assignment *a)
{
	return json_pack("{s:I, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "number", (json_int_t)a->number,
	    "labels", json_escaped(a->selector), "rank", (json_int_t)a->rank, "set", json_escaped(a->set),
	    "version", json_escaped(a->version), "who", json_escaped(a->who), "began", api_time(a->began),
	    "ended", api_time(a->ended), "holds_until", api_time(a->holds_until));
}

void
job_assignment_list(struct worker *w, struct http_request *r)
{
	JSON_AUTO json_t *j = json_pack("{s:[]}", "assignments");
	struct store_assignment *v;
	struct err e = { 0 };
	struct span all;
	size_t n;

	if (store_assignments(w->store, http_request_query(r, "all", &all) && span_is(all, "true") ? 0 : server_now(),
	    http_request_arena(r), &v, &n, &e) != 0) {
		http_request_error(r, &e);
		return;
	}
	for (size_t i = 0; i < n; i++)
		json_array_append_new(json_object_get(j, "assignments"), assignment_json(&v[i]));
	http_request_json_reply(r, 0, NULL, j);
}

/* ["base", {"policy": "app", "version": "..."}]: without a version, the newest there is now. */
static int
resolve(struct worker *w, struct http_request *r, const json_t *given, json_t *members, struct buf *name,
    struct err *e)
{
	for (size_t i = 0; i < json_array_size(given); i++) {
		const json_t *v = json_array_get(given, i);
		struct span policy = json_string_span(json_is_string(v) ? v : json_object_get(v, "policy"));
		struct span version = json_string_span(json_object_get(v, "version"));
		struct store_policy p;
		int rc = store_policy_get(w->store, policy, version, http_request_arena(r), &p, e);

		if (rc == ERR_NOT_FOUND)
			return err_set(e, ERR_NOT_FOUND, "there is no policy \"%.*s\"", (int)span_head(policy, 128).n,
			    (const char *)policy.p);
		if (rc != 0)
			return rc;
		buf_printf(name, "%s%.*s", i == 0 ? "" : "+", (int)policy.n, (const char *)policy.p);
		json_array_append_new(members, json_pack("{s:o, s:o}", "policy", json_new_string(p.name),
		    "version", json_new_string(p.version)));
	}
	return json_array_size(members) > 0 ? 0 : err_set(e, ERR_FORMAT, "\"policies\" names none");
}

static int
tell_assigned(struct worker *w, const struct store_assignment *a, struct err *e)
{
	BUF_AUTO struct buf body = buf_init(LIMIT_SMALL_FILE);
	JSON_AUTO json_t *j = assignment_json(a);
	struct store_event ev = { .at = a->began, .kind = span_lit("assignment") };

	json_write_compact(j, &body);
	ev.body = buf_view(&body);
	return store_event_add(w->store, &ev, 1, e);
}

static int
assign(struct worker *w, struct http_request *r, const json_t *body, struct store_assignment *a, struct err *e)
{
	static const char *const members[] = { "policies", "labels", "rank", "overlap_s", NULL };
	BUF_AUTO struct buf name = buf_init(KIB(64)), text = buf_init(LIMIT_SMALL_FILE), version = buf_init(128);
	JSON_AUTO json_t *list = json_array();
	json_t *policies, *labels, *rank, *overlap;
	struct digest d;
	int64_t now = server_now(), until = 0;
	int rc;

	if ((rc = json_only(body, "the assignment", members, e)) != 0 ||
	    (rc = json_member(body, "", "policies", JSON_ARRAY, true, &policies, e)) != 0 ||
	    (rc = json_member(body, "", "labels", JSON_STRING, false, &labels, e)) != 0 ||
	    (rc = json_member(body, "", "rank", JSON_INTEGER, false, &rank, e)) != 0 ||
	    (rc = json_member(body, "", "overlap_s", JSON_INTEGER, false, &overlap, e)) != 0 ||
	    (rc = resolve(w, r, policies, list, &name, e)) != 0)
		return rc;
	if (overlap != NULL && (json_integer_value(overlap) < 0 || json_integer_value(overlap) > OVERLAP_MOST_S))
		return err_set(e, ERR_RANGE, "an overlap has at most %d seconds", OVERLAP_MOST_S);
	if (overlap != NULL && json_integer_value(overlap) > 0)
		until = now + json_integer_value(overlap) * 1000;
	json_write_compact(list, &text);
	if ((rc = digest_of(DIGEST_SHA256, buf_view(&text), &d, e)) != 0)
		return rc;
	buf_hex(&version, digest_view(&d));
	struct store_policy_set set = { .name = buf_view(&name), .version = buf_view(&version),
	    .members = buf_view(&text), .who = span_str(http_request_caller(r)->id), .at = now };

	if ((rc = store_policy_set_add(w->store, &set, e)) != 0 && rc != ERR_DUPLICATE)
		return rc;
	*a = (struct store_assignment){ .selector = json_string_span(labels),
	    .rank = rank == NULL ? 0 : json_integer_value(rank), .who = set.who, .began = now };
	if (!arena_copy(http_request_arena(r), set.name, &a->set) ||
	    !arena_copy(http_request_arena(r), set.version, &a->version))
		return arena_err(http_request_arena(r), e);
	if ((rc = store_assign(w->store, a, until, e)) != 0)
		return rc;
	return tell_assigned(w, a, e);
}

void
job_assignment_add(struct worker *w, struct http_request *r)
{
	JSON_AUTO json_t *body = NULL, *j = NULL;
	struct store_assignment a;
	struct err e = { 0 };

	if (!http_request_json(r, &body))
		return;
	if (assign(w, r, body, &a, &e) != 0) {
		http_request_error(r, &e);
		return;
	}
	w->server->policy_epoch++;
	j = assignment_json(&a);
	http_request_json_reply(r, 201, NULL, j);
}

/* ---- who ever ran what ---- */

static bool
read_query(struct http_request *r, struct store_query *q, struct buf *value)
{
	struct span v;
	size_t colon;

	*q = (struct store_query){ .by = STORE_BY_DIGEST };
	if (http_request_query(r, "digest", &v)) {
		colon = span_find(v, ':');
		if (!hex_decode(span_from(v, colon + 1), value) ||
		    !digest_make(digest_alg_by_name(span_head(v, colon)), buf_view(value), &q->digest)) {
			http_request_problem(r, 400, "digest", "a digest is algorithm:hex, such as sha256:...");
			return false;
		}
		return true;
	}
	if (http_request_query(r, "path", &v)) {
		q->by = STORE_BY_PATH;
		q->value = v;
		return true;
	}
	if (http_request_query(r, "key", &v) && hex_decode(v, value)) {
		q->by = STORE_BY_KEY;
		q->value = buf_view(value);
		return true;
	}
	http_request_problem(r, 400, "query", "ask for a digest, a path or a key");
	return false;
}

static int
hit_json(struct worker *w, struct http_request *r, const struct store_hit *h, json_t *list, struct err *e)
{
	struct store_host host;
	int rc = store_host_by_number(w->store, h->host, http_request_arena(r), &host, e);

	if (rc != 0)
		return rc;
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
	struct store_hits hits;
	struct err e = { 0 };
	uint64_t limit, after;

	if (!http_request_query_u64(r, "limit", PAGE, LIMIT_STORE_PAGE, &limit) ||
	    !http_request_query_u64(r, "after", 0, UINT32_MAX, &after) || !read_query(r, &q, &value))
		return;
	int rc = store_search(w->store, &q, (uint32_t)after, (size_t)limit, http_request_arena(r), &hits, &e);

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
