/* Hosts, as people and scripts see them.
 *
 * Two axes: the verdict, which is about evidence and holds until valid_until, and the
 * reachability, which is about when evidence came.  A verdict that ran out is undecided. */
#include "svc/server/api.h"
#include "svc/server/gaps.h"

#define FEW_FINDINGS 3	/* of a host in a list: the others are a click away */
#define STALE_AFTER 10		/* times the interval without evidence: late becomes stale */

/* Seen before the clock was set back: nobody knows how long ago. */
static bool
of_the_future(const struct store_host *h, int64_t now)
{
	return h->state.last_seen > now + LIMIT_CLOCK_SKEW_MS;
}

static const char *
reachability(const struct settings *s, const struct store_host *h, int64_t now)
{
	if (h->state.last_seen == 0)
		return "never";
	if (h->state.next_due > now && !of_the_future(h, now))
		return "fresh";
	return now - h->state.last_seen < (int64_t)s->wait_ms * STALE_AFTER ? "late" : "stale";
}

static const char *const registrations[] = { "pending", "enrolled", "removed", "forgotten" };

static json_t *
interval_json(const struct store_interval *v)
{
	json_t *j = json_pack("{s:I, s:s, s:o, s:o, s:o, s:o}", "number", (json_int_t)v->number,
	    "verdict", host_verdict_token(v->verdict), "from", api_time(v->from), "to", api_time(v->to),
	    "reason", api_text(v->reason), "policy_version", json_escaped(v->policy));

	json_object_set_new(j, "bundle", v->bundle == 0 ? json_null() : json_integer((json_int_t)v->bundle));
	return j;
}

static json_t *
finding_row_json(const struct store_finding *f)
{
	json_t *j = api_object(f->text);

	if (json_object_size(j) == 0)
		json_object_set_new(j, "code", json_escaped(f->code));
	return j;
}

static int
add_findings(struct worker *w, struct http_request *r, const struct store_host *h, bool all, json_t *j,
    struct err *e)
{
	struct store_finding *v = NULL;
	json_t *list = json_array();
	size_t n = 0;
	int rc = 0;

	json_object_set_new(j, "findings", list);
	json_object_set_new(j, "findings_total", json_integer((json_int_t)h->state.findings));
	if (h->state.findings == 0)
		return 0;
	rc = all ? store_findings(w->store, h->number, http_request_arena(r), &v, &n, e) :
	    store_findings_first(w->store, h->number, FEW_FINDINGS, http_request_arena(r), &v, &n, e);
	for (size_t i = 0; rc == 0 && i < n; i++)
		json_array_append_new(list, finding_row_json(&v[i]));
	return rc;
}

/* What the verdict rests on, in a sentence, and where its evidence is. */
static int
add_reason(struct worker *w, struct http_request *r, const struct store_host *h, bool all, json_t *j,
    struct err *e)
{
	struct store_interval *v = NULL;
	size_t n = 0;
	int rc = 0;

	if (all || h->state.verdict != HOST_TRUSTED)
		rc = store_intervals(w->store, h->number, 0, 1, http_request_arena(r), &v, &n, e);
	if (rc != 0)
		return rc;
	json_object_set_new(j, "reason", n == 0 ? json_null() : api_text(v[0].reason));
	if (all)
		json_object_set_new(j, "bundle", n == 0 || v[0].bundle == 0 ? json_null() :
		    json_integer((json_int_t)v[0].bundle));
	return 0;
}

static json_t *
host_json(const struct settings *s, const struct store_host *h, int64_t now)
{
	bool expired = h->state.verdict != HOST_UNKNOWN &&
	    (h->state.valid_until <= now || of_the_future(h, now));
	json_t *j = json_pack("{s:s, s:o, s:s, s:s, s:b, s:s, s:o, s:o, s:o}", "id", h->id, "name", json_escaped(h->name),
	    "registration", registrations[h->registration], "verdict", host_verdict_token(expired ? HOST_UNDECIDED : h->state.verdict),
	    "expired", expired, "reachability", reachability(s, h, now),
	    "valid_until", api_time(h->state.valid_until), "last_seen", api_time(h->state.last_seen),
	    "trust_mode", json_escaped(h->trust_mode));

	if (j == NULL)
		return NULL;
	json_object_set_new(j, "policy", h->state.policy_set.n > 0 ? json_escaped(h->state.policy_set) : json_null());
	json_object_set_new(j, "entries", json_integer((json_int_t)h->state.entries));
	json_object_set_new(j, "labels", api_object(h->labels));
	return j;
}

static void
add_more(const struct store_host *h, json_t *j)
{
	json_object_set_new(j, "verdict_since", api_time(h->state.verdict_since));
	json_object_set_new(j, "policy_version", h->state.policy.n > 0 ? json_escaped(h->state.policy) : json_null());
	json_object_set_new(j, "enrolled", api_time(h->made));
	json_object_set_new(j, "boot", h->boot_id.n > 0 ? json_escaped(h->boot_id) : json_null());
	json_object_set_new(j, "facts", api_object(h->facts));
	json_object_set_new(j, "facts_at", api_time(h->facts_at));
}

int
api_host_json(struct worker *w, struct http_request *r, const struct store_host *h, bool all, json_t **out,
    struct err *e)
{
	JSON_AUTO json_t *j = host_json(w->settings, h, server_now());
	int rc;

	if (j == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if ((rc = add_findings(w, r, h, all, j, e)) != 0 || (rc = add_reason(w, r, h, all, j, e)) != 0)
		return rc;
	if (all) {
		add_more(h, j);
		if ((rc = gaps_add(w, h, j, e)) != 0)
			return rc;
	}
	if (all && (rc = api_host_ima(w, r, h, strcmp(json_string_value(json_object_get(j, "verdict")), "trusted") == 0, j, e)) != 0)
		return rc;
	*out = j;
	j = NULL;
	return 0;
}

void
job_host_show(struct worker *w, struct http_request *r)
{
	struct store_host h;
	struct err e = { 0 };
	json_t *j;

	if (!api_find_host(w, r, &h))
		return;
	if (api_host_json(w, r, &h, true, &j, &e) != 0)
		http_request_error(r, &e);
	else
		api_reply_tagged(r, j);
}

void
job_host_findings(struct worker *w, struct http_request *r)
{
	JSON_AUTO json_t *j = json_object();
	struct store_host h;
	struct err e = { 0 };

	if (!api_find_host(w, r, &h))
		return;
	json_object_set_new(j, "id", json_string(h.id));
	if (add_findings(w, r, &h, true, j, &e) != 0)
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
	struct api_page page;
	size_t n;

	if (!api_page(r, &page) || !api_find_host(w, r, &h))
		return;
	if (store_intervals(w->store, h.number, page.before, (size_t)page.limit, http_request_arena(r), &v, &n, &e) != 0) {
		http_request_error(r, &e);
		return;
	}
	for (size_t i = 0; i < n; i++)
		json_array_append_new(json_object_get(j, "history"), interval_json(&v[i]));
	api_page_next(&page, n, n > 0 ? v[n - 1].number : 0, j);
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
read_states(struct http_request *r, struct store_host_filter *f)
{
	struct span v;

	if (http_request_query(r, "pending", &v) && span_is(v, "true"))
		f->registration = STORE_PENDING;
	if (http_request_query(r, "registration", &v)) {
		f->registration = -1;
		for (int i = 0; i < 4; i++)
			if (span_is(v, registrations[i]))
				f->registration = i;
		if (f->registration < 0) {
			http_request_problem(r, 400, "registration", "a registration is pending, enrolled, removed or forgotten");
			return false;
		}
	}
	if (http_request_query(r, "verdict", &v)) {
		for (unsigned i = 0; i < 4; i++)
			if (span_is(v, host_verdict_token(i)))
				f->verdict = (int)i;
		if (f->verdict < 0) {
			http_request_problem(r, 400, "verdict", "a verdict is trusted, untrusted, undecided or unknown");
			return false;
		}
	}
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
	if (!read_states(r, f))
		return false;
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

	if (!http_request_query_u64(r, "limit", API_PAGE, LIMIT_STORE_PAGE, &limit) || !read_filter(r, &f, &c))
		return;
	if (store_host_list(w->store, &f, &c, (size_t)limit, http_request_arena(r), &v, &n, &e) != 0) {
		http_request_error(r, &e);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		json_t *one;

		if (api_host_json(w, r, &v[i], false, &one, &e) != 0) {
			http_request_error(r, &e);
			return;
		}
		json_array_append_new(json_object_get(j, "hosts"), one);
	}
	json_object_set_new(j, "next", cursor_json(&c));
	http_request_json_reply(r, 0, NULL, j);
}
