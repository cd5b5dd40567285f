/* Hosts, as people and scripts see them.
 *
 * Two axes: the verdict, which is about evidence and holds until valid_until, and the
 * reachability, which is about when evidence came.  A verdict that ran out is undecided. */
#include "base/json.h"
#include "base/text.h"
#include "svc/server/server_internal.h"

#define PAGE 100
#define STALE_AFTER 10		/* times the interval without evidence: late becomes stale */

static const char *
reachability(const struct server *s, const struct store_host *h, int64_t now)
{
	if (h->state.last_seen == 0)
		return "never";
	if (h->state.next_due > now)
		return "fresh";
	return now - h->state.last_seen < (int64_t)s->o.wait_ms * STALE_AFTER ? "late" : "stale";
}

static const char *
registration_token(const struct store_host *h)
{
	return h->registration == STORE_PENDING ? "pending" : h->registration == STORE_ENROLLED ? "enrolled" : "removed";
}

/* The short form, for lists. */
static json_t *
host_json(const struct server *s, const struct store_host *h, int64_t now)
{
	bool expired = h->state.verdict != HOST_UNKNOWN && h->state.valid_until <= now;
	json_t *j = json_pack("{s:s, s:o, s:s, s:s, s:b, s:s, s:o, s:o, s:o}", "id", h->id, "name", json_escaped(h->name),
	    "registration", registration_token(h), "verdict", host_verdict_token(expired ? HOST_UNDECIDED : h->state.verdict),
	    "expired", expired, "reachability", reachability(s, h, now),
	    "valid_until", api_time(h->state.valid_until), "last_seen", api_time(h->state.last_seen),
	    "trust_mode", json_escaped(h->trust_mode));

	if (j == NULL)
		return NULL;
	json_object_set_new(j, "policy", h->state.policy_set.n > 0 ? json_escaped(h->state.policy_set) : json_null());
	json_object_set_new(j, "entries", json_integer((json_int_t)h->state.entries));
	json_object_set_new(j, "findings", json_integer((json_int_t)h->state.findings));
	return j;
}

static json_t *
parsed(struct span text)
{
	struct err ignored;
	json_t *j;

	return text.n > 0 && json_parse(text, LIMIT_SMALL_FILE, &j, &ignored) == 0 ? j : json_object();
}

static json_t *
interval_json(const struct store_interval *v)
{
	json_t *j = json_pack("{s:I, s:s, s:o, s:o, s:o, s:o}", "number", (json_int_t)v->number,
	    "verdict", host_verdict_token(v->verdict), "from", api_time(v->from), "to", api_time(v->to),
	    "reason", json_escaped(v->reason), "policy_version", json_escaped(v->policy));

	json_object_set_new(j, "bundle", v->bundle == 0 ? json_null() : json_integer((json_int_t)v->bundle));
	return j;
}

static json_t *
finding_row_json(const struct store_finding *f)
{
	json_t *j = parsed(f->text);

	if (json_object_size(j) == 0)
		json_object_set_new(j, "code", json_escaped(f->code));
	return j;
}

/* True: ${h} is there; else the request was answered. */
static bool
find_host(struct worker *w, struct http_request *r, struct store_host *h)
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

static void
reply(struct http_request *r, json_t *j)
{
	if (j == NULL)
		http_request_problem(r, 503, "memory", "out of memory");
	else
		http_request_json_reply(r, 0, NULL, j);
	json_decref(j);
}

static int
add_findings(struct worker *w, struct http_request *r, const struct store_host *h, json_t *j, struct err *e)
{
	struct store_finding *v;
	json_t *list = json_array();
	size_t n;
	int rc = store_findings(w->store, h->number, http_request_arena(r), &v, &n, e);

	json_object_set_new(j, "findings", list);
	for (size_t i = 0; rc == 0 && i < n; i++)
		json_array_append_new(list, finding_row_json(&v[i]));
	return rc;
}

void
job_host_show(struct worker *w, struct http_request *r)
{
	JSON_AUTO json_t *j = NULL;
	struct store_interval *v;
	struct store_host h;
	struct err e = { 0 };
	size_t n;

	if (!find_host(w, r, &h))
		return;
	if ((j = host_json(w->server, &h, server_now())) == NULL) {
		http_request_problem(r, 503, "memory", "out of memory");
		return;
	}
	if (store_intervals(w->store, h.number, 0, 1, http_request_arena(r), &v, &n, &e) != 0) {
		http_request_error(r, &e);
		return;
	}
	json_object_set_new(j, "reason", n == 0 ? json_null() : json_escaped(v[0].reason));
	json_object_set_new(j, "verdict_since", api_time(h.state.verdict_since));
	json_object_set_new(j, "bundle", n == 0 || v[0].bundle == 0 ? json_null() : json_integer((json_int_t)v[0].bundle));
	json_object_set_new(j, "boot", json_escaped(h.boot_id));
	json_object_set_new(j, "labels", parsed(h.labels));
	json_object_set_new(j, "facts", parsed(h.facts));
	http_request_json_reply(r, 0, NULL, j);
}

void
job_host_findings(struct worker *w, struct http_request *r)
{
	JSON_AUTO json_t *j = json_object();
	struct store_host h;
	struct err e = { 0 };

	if (!find_host(w, r, &h))
		return;
	json_object_set_new(j, "id", json_string(h.id));
	json_object_set_new(j, "total", json_integer((json_int_t)h.state.findings));
	if (add_findings(w, r, &h, j, &e) != 0)
		http_request_error(r, &e);
	else
		http_request_json_reply(r, 0, NULL, j);
}

void
job_host_history(struct worker *w, struct http_request *r)
{
	JSON_AUTO json_t *j = json_pack("{s:[]}", "history");
	struct store_interval *v;
	struct store_host h;
	struct err e = { 0 };
	uint64_t before, limit;
	size_t n;

	if (!http_request_query_u64(r, "before", 0, INT64_MAX, &before) ||
	    !http_request_query_u64(r, "limit", PAGE, LIMIT_STORE_PAGE, &limit) || !find_host(w, r, &h))
		return;
	if (store_intervals(w->store, h.number, before, (size_t)limit, http_request_arena(r), &v, &n, &e) != 0) {
		http_request_error(r, &e);
		return;
	}
	for (size_t i = 0; i < n; i++)
		json_array_append_new(json_object_get(j, "history"), interval_json(&v[i]));
	json_object_set_new(j, "next", n == limit && n > 0 ? json_integer((json_int_t)v[n - 1].number) : json_null());
	http_request_json_reply(r, 0, NULL, j);
}

/* A page ends with where the next begins: "NUMBER" or "NUMBER:NAME" in base64url. */
static json_t *
cursor_json(const struct store_host_cursor *c)
{
	BUF_AUTO struct buf b = buf_init(LIMIT_SMALL_FILE);

	if (!c->more)
		return json_null();
	buf_printf(&b, "%u.", c->number);
	buf_base64url(&b, c->name);
	return json_string(buf_cstr(&b));
}

static bool
cursor_parse(struct span s, struct arena *a, struct store_host_cursor *c)
{
	size_t dot = span_find(s, '.');
	BUF_AUTO struct buf name = buf_init(LIMIT_SMALL_FILE);
	uint64_t number;

	if (dot == s.n || !dec_u64(span_head(s, dot), &number) || number > UINT32_MAX ||
	    !base64url_decode(span_from(s, dot + 1), &name) || !arena_copy(a, buf_view(&name), &c->name))
		return false;
	c->number = (uint32_t)number;
	return true;
}

static bool
read_filter(struct http_request *r, struct store_host_filter *f, struct store_host_cursor *c)
{
	struct span v;

	*f = (struct store_host_filter){ .verdict = -1, .registration = -1 };
	if (http_request_query(r, "name", &v)) {
		f->name = v;
		f->name_prefix = true;
	}
	if (http_request_query(r, "label", &v)) {
		f->label = span_head(v, span_find(v, '='));
		f->label_value = span_from(v, f->label.n + 1);
	}
	if (http_request_query(r, "pending", &v) && span_is(v, "true"))
		f->registration = STORE_PENDING;
	if (http_request_query(r, "verdict", &v)) {
		for (unsigned i = 0; i < 4; i++)
			if (span_is(v, host_verdict_token(i)))
				f->verdict = (int)i;
		if (f->verdict < 0) {
			http_request_problem(r, 400, "verdict", "a verdict is trusted, untrusted, undecided or unknown");
			return false;
		}
	}
	if (http_request_query(r, "after", &v) && !cursor_parse(v, http_request_arena(r), c)) {
		http_request_problem(r, 400, "after", "\"after\" is what the page before gave as \"next\"");
		return false;
	}
	return true;
}

void
job_host_list(struct worker *w, struct http_request *r)
{
	JSON_AUTO json_t *j = json_pack("{s:[]}", "hosts");
	struct store_host_cursor c = { 0 };
	struct store_host_filter f;
	struct store_host *v;
	struct err e = { 0 };
	uint64_t limit;
	size_t n;

	if (!http_request_query_u64(r, "limit", PAGE, LIMIT_STORE_PAGE, &limit) || !read_filter(r, &f, &c))
		return;
	if (store_host_list(w->store, &f, &c, (size_t)limit, http_request_arena(r), &v, &n, &e) != 0) {
		http_request_error(r, &e);
		return;
	}
	for (size_t i = 0; i < n; i++)
		json_array_append_new(json_object_get(j, "hosts"), host_json(w->server, &v[i], server_now()));
	json_object_set_new(j, "next", cursor_json(&c));
	http_request_json_reply(r, 0, NULL, j);
}

/* Whoever changes a host says so in the events. */
static int
tell(struct worker *w, struct http_request *r, const struct store_host *h, const char *kind, struct err *e)
{
	BUF_AUTO struct buf body = buf_init(LIMIT_SMALL_FILE);
	JSON_AUTO json_t *j = json_pack("{s:s, s:o, s:s}", "id", h->id, "name", json_escaped(h->name),
	    "who", http_request_caller(r)->id);
	struct store_event ev = { .at = server_now(), .kind = span_str(kind), .host = h->number };

	json_write_compact(j, &body);
	ev.body = buf_view(&body);
	return store_event_add(w->store, &ev, 1, e);
}

static void
update(struct worker *w, struct http_request *r, struct store_host *h, const char *kind)
{
	struct err e = { 0 };
	int rc;

	if ((rc = store_host_update(w->store, h, &e)) == ERR_CONFLICT)
		http_request_problem(r, 409, "conflict", "the host was changed meanwhile: try again");
	else if (rc != 0 || (rc = tell(w, r, h, kind, &e)) != 0)
		http_request_error(r, &e);
	else
		reply(r, host_json(w->server, h, server_now()));
}

void
job_host_approve(struct worker *w, struct http_request *r)
{
	struct store_host h;

	if (!find_host(w, r, &h))
		return;
	if (h.registration == STORE_REMOVED) {
		http_request_problem(r, 409, "removed", "this host was removed");
		return;
	}
	h.registration = STORE_ENROLLED;
	update(w, r, &h, "approved");
}

void
job_host_remove(struct worker *w, struct http_request *r)
{
	struct store_host h;

	if (!find_host(w, r, &h))
		return;
	h.registration = STORE_REMOVED;
	update(w, r, &h, "removed");
}

/* Labels: an object of strings. */
static bool
labels_good(const json_t *labels)
{
	json_t *all = (json_t *)(uintptr_t)labels;	/* its iterators take no const */

	for (void *i = json_object_iter(all); i != NULL; i = json_object_iter_next(all, i))
		if (!json_is_string(json_object_iter_value(i)))
			return false;
	return json_is_object(labels);
}

void
job_host_change(struct worker *w, struct http_request *r)
{
	static const char *const members[] = { "name", "labels", NULL };
	BUF_AUTO struct buf labels = buf_init(LIMIT_SMALL_FILE);
	JSON_AUTO json_t *j = NULL;
	struct store_host h;
	struct err e = { 0 };
	json_t *v;

	if (!find_host(w, r, &h) || !http_request_json(r, &j))
		return;
	if (json_only(j, "the change", members, &e) != 0) {
		http_request_error(r, &e);
		return;
	}
	if ((v = json_object_get(j, "name")) != NULL && json_is_string(v) && json_string_span(v).n > 0)
		h.name = json_string_span(v);
	else if (v != NULL) {
		http_request_problem(r, 400, "name", "a name is a string that is not empty");
		return;
	}
	if ((v = json_object_get(j, "labels")) != NULL) {
		if (!labels_good(v)) {
			http_request_problem(r, 400, "labels", "labels are an object of strings");
			return;
		}
		json_write_compact(v, &labels);
		h.labels = buf_view(&labels);
	}
	update(w, r, &h, "changed");
}

void
job_bundle(struct worker *w, struct http_request *r)
{
	struct store_bundle v;
	struct err e = { 0 };
	uint64_t number;
	int rc;

	if (!dec_u64(http_request_param(r, "number"), &number))
		rc = ERR_NOT_FOUND;
	else
		rc = store_bundle_get(w->store, number, http_request_arena(r), &v, &e);
	if (rc == ERR_NOT_FOUND)
		http_request_problem(r, 404, "bundle", "there is no bundle of this number");
	else if (rc != 0)
		http_request_error(r, &e);
	else
		http_request_reply(r, &(struct http_answer){ .body = v.body });
}

void
job_health(struct worker *w, struct http_request *r)
{
	(void)w;
	reply(r, json_pack("{s:s, s:s}", "assay", ASSAY_VERSION, "status", "ok"));
}

void
job_status(struct worker *w, struct http_request *r)
{
	struct store_counts c;
	struct err e = { 0 };

	if (store_host_counts(w->store, &c, &e) != 0) {
		http_request_error(r, &e);
		return;
	}
	reply(r, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "trusted", (json_int_t)c.by_verdict[HOST_TRUSTED],
	    "untrusted", (json_int_t)c.by_verdict[HOST_UNTRUSTED], "undecided", (json_int_t)c.by_verdict[HOST_UNDECIDED],
	    "unknown", (json_int_t)c.by_verdict[HOST_UNKNOWN], "pending", (json_int_t)c.pending,
	    "removed", (json_int_t)c.removed));
}
