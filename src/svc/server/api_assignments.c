/* Which hosts are judged by which policies.  Every change is recorded, and told of. */
#include "crypto/digest.h"
#include "svc/server/api.h"

#define OVERLAP_MOST_S (30 * 86400)

static json_t *
assignment_json(const struct store_assignment *a)
{
	return json_pack("{s:I, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "number", (json_int_t)a->number,
	    "labels", json_escaped(a->selector), "rank", (json_int_t)a->rank, "set", json_escaped(a->set),
	    "version", json_escaped(a->version), "who", json_escaped(a->who), "began", api_time(a->began),
	    "ended", api_time(a->ended), "holds_until", api_time(a->holds_until));
}

/* Those that hold; with ${all}, those that ended too. */
static int
list_json(struct worker *w, struct http_request *r, bool all, json_t **out, struct err *e)
{
	JSON_AUTO json_t *j = json_pack("{s:[]}", "assignments");
	struct store_assignment *v;
	size_t n;
	int rc = store_assignments(w->store, all ? 0 : server_now(), http_request_arena(r), &v, &n, e);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		json_array_append_new(json_object_get(j, "assignments"), assignment_json(&v[i]));
	*out = json_incref(j);
	return 0;
}

void
job_assignment_list(struct worker *w, struct http_request *r)
{
	struct err e = { 0 };
	struct span all;
	json_t *j;

	if (list_json(w, r, http_request_query(r, "all", &all) && span_is(all, "true"), &j, &e) != 0)
		http_request_error(r, &e);
	else
		api_reply_tagged(r, j);
}

/* ["base", {"policy": "app", "version": "..."}]: without a version, the newest there is now. */
static int
policy_members(struct worker *w, struct http_request *r, const json_t *given, json_t *members, struct buf *name,
    struct err *e)
{
	for (size_t i = 0; i < json_array_size(given); i++) {
		const json_t *v = json_array_get(given, i);
		struct span policy = json_string_span(json_is_string(v) ? v : json_object_get(v, "policy"));
		struct span version = json_string_span(json_object_get(v, "version"));
		struct store_policy p;
		int rc = api_policy_head(w, r, policy, version, &p, e);

		if (rc != 0)
			return rc;
		buf_printf(name, "%s%.*s", i == 0 ? "" : "+", (int)policy.n, (const char *)policy.p);
		json_array_append_new(members, json_pack("{s:o, s:o}", "policy", json_new_string(p.name),
		    "version", json_new_string(p.version)));
	}
	return json_array_size(members) > 0 ? 0 : err_set(e, ERR_FORMAT, "\"policies\" names none");
}

/* Behind the lock that all who change assignments take: whether the list is still the one
 * that the request knows.  Else *${answered}. */
static int
lock_known(struct worker *w, struct http_request *r, bool *answered, struct err *e)
{
	JSON_AUTO json_t *now = NULL;
	char etag[API_ETAG];
	int rc;

	if ((rc = store_setting_put(w->store, span_lit("lock:assignments"), span_lit(""), e)) != 0 ||
	    (rc = list_json(w, r, false, &now, e)) != 0 || (rc = api_etag(now, etag, e)) != 0)
		return rc;
	*answered = !api_unchanged(r, etag);
	return 0;
}

static int
read_overlap(const json_t *overlap, int64_t now, int64_t *until, struct err *e)
{
	json_int_t s = json_integer_value(overlap);

	if (s < 0 || s > OVERLAP_MOST_S)
		return err_set(e, ERR_RANGE, "an overlap has at most %d seconds", OVERLAP_MOST_S);
	*until = s == 0 ? 0 : now + s * 1000;
	return 0;
}

/* "key=value,key2=value2", as labels_match reads it. */
static int
check_selector(struct span s, struct err *e)
{
	while (s.n > 0) {
		size_t end = span_find(s, ',');
		size_t eq = span_find(span_head(s, end), '=');

		if (eq == 0 || eq == span_head(s, end).n)
			return err_set(e, ERR_FORMAT, "\"labels\" is KEY=VALUE,KEY=VALUE,... or empty, for all hosts");
		if (end + 1 == s.n)
			return err_set(e, ERR_FORMAT, "\"labels\" ends with a comma");
		s = span_from(s, end + 1);
	}
	return 0;
}

int
api_assignment_read(struct worker *w, struct http_request *r, const json_t *body, struct store_policy_set *set,
    struct store_assignment *a, int64_t *until, struct err *e)
{
	const char *const members[] = { "policies", "labels", "rank", until == NULL ? NULL : "overlap_s", NULL };
	BUF_AUTO struct buf name = buf_init(KIB(64)), text = buf_init(LIMIT_SMALL_FILE), version = buf_init(128);
	struct arena *arena = http_request_arena(r);
	JSON_AUTO json_t *list = json_array();
	json_t *policies, *labels, *rank, *overlap;
	struct digest d;
	int rc;

	if ((rc = json_only(body, "the assignment", members, e)) != 0 ||
	    (rc = json_member(body, "", "policies", JSON_ARRAY, true, &policies, e)) != 0 ||
	    (rc = json_member(body, "", "labels", JSON_STRING, false, &labels, e)) != 0 ||
	    (rc = json_member(body, "", "rank", JSON_INTEGER, false, &rank, e)) != 0 ||
	    (rc = json_member(body, "", "overlap_s", JSON_INTEGER, false, &overlap, e)) != 0 ||
	    (rc = check_selector(json_string_span(labels), e)) != 0 ||
	    (rc = policy_members(w, r, policies, list, &name, e)) != 0 ||
	    (until != NULL && (rc = read_overlap(overlap, a->began, until, e)) != 0))
		return rc;
	json_write_compact(list, &text);
	if ((rc = buf_done(&text, e)) != 0 || (rc = digest_of(DIGEST_SHA256, buf_view(&text), &d, e)) != 0)
		return rc;
	buf_hex(&version, digest_view(&d));
	if (!arena_copy(arena, buf_view(&name), &set->name) || !arena_copy(arena, buf_view(&version), &set->version) ||
	    !arena_copy(arena, buf_view(&text), &set->members))
		return arena_err(arena, e);
	a->selector = json_string_span(labels);
	a->rank = rank == NULL ? 0 : json_integer_value(rank);
	a->set = set->name;
	a->version = set->version;
	return 0;
}

static int
assign(struct worker *w, struct http_request *r, const json_t *body, struct store_assignment *a, bool *answered,
    struct err *e)
{
	struct store_policy_set set = { .who = a->who, .at = a->began };
	JSON_AUTO json_t *event = NULL;
	int64_t until;
	int rc;

	if ((rc = lock_known(w, r, answered, e)) != 0 || *answered ||
	    (rc = api_assignment_read(w, r, body, &set, a, &until, e)) != 0)
		return rc;
	if ((rc = store_policy_set_add(w->store, &set, e)) != 0 && rc != ERR_DUPLICATE)
		return rc;
	if ((rc = store_assign(w->store, a, until, e)) != 0)
		return rc;
	event = assignment_json(a);
	return event == NULL ? err_set(e, ERR_NOMEM, "out of memory") : api_tell(w, r, "assignment", 0, event, e);
}

/* Ends the transaction; true: the answer is the caller's to give. */
static bool
finish(struct worker *w, struct http_request *r, int rc, bool answered, struct err *e)
{
	if (rc == 0 && !answered && (rc = store_commit(w->store, e)) == 0) {
		w->server->policy_epoch++;
		return true;
	}
	store_rollback(w->store);
	if (!answered)
		http_request_error(r, e);
	return false;
}

void
job_assignment_add(struct worker *w, struct http_request *r)
{
	JSON_AUTO json_t *body = NULL;
	struct store_assignment a = { .began = server_now(), .who = span_str(http_request_caller(r)->id) };
	struct err e = { 0 };
	bool answered = false;
	int rc;

	if (!http_request_json(r, &body))
		return;
	if ((rc = store_begin(w->store, &e)) != 0) {
		http_request_error(r, &e);
		return;
	}
	rc = assign(w, r, body, &a, &answered, &e);
	if (finish(w, r, rc, answered, &e))
		api_reply(r, 201, assignment_json(&a));
}

static int
end_assignment(struct worker *w, struct http_request *r, uint64_t number, int64_t until, bool *answered,
    struct err *e)
{
	struct span who = span_str(http_request_caller(r)->id);
	JSON_AUTO json_t *event = json_pack("{s:I, s:o}", "number", (json_int_t)number, "ended", api_time(server_now()));
	int rc;

	if ((rc = lock_known(w, r, answered, e)) != 0 || *answered ||
	    (rc = store_unassign(w->store, number, who, server_now(), until, e)) != 0)
		return rc;
	return api_tell(w, r, "assignment-ended", 0, event, e);
}

void
job_assignment_end(struct worker *w, struct http_request *r)
{
	struct err e = { 0 };
	uint64_t number = 0, overlap;
	bool answered = false;
	int rc;

	if (!http_request_query_u64(r, "overlap_s", 0, OVERLAP_MOST_S, &overlap))
		return;
	if (!dec_u64(http_request_param(r, "number"), &number) || number > INT64_MAX) {
		http_request_problem(r, 404, "assignment", "an assignment has a number");
		return;
	}
	if ((rc = store_begin(w->store, &e)) != 0) {
		http_request_error(r, &e);
		return;
	}
	rc = end_assignment(w, r, number, overlap == 0 ? 0 : server_now() + (int64_t)overlap * 1000, &answered, &e);
	if (finish(w, r, rc, answered, &e))
		http_request_reply(r, &(struct http_answer){ .status = 204 });
}
