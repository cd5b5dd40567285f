/* What people change of a host: whether it may attest, its name, its labels.
 *
 * Evidence changes the same row all the time, so a change that meets one is made again on
 * what the row has become: none of these depends on the verdict. */
#include "svc/server/api.h"

#include <time.h>

#define TRIES 20
#define LABELS 64
#define LABEL_KEY 128
#define LABEL_VALUE 256

/* Changes ${h} as it was read; false: the request was answered. */
typedef bool host_edit(struct http_request *r, struct store_host *h, void *ctx);

static void
answer_changed(struct worker *w, struct http_request *r, const struct store_host *h, const char *kind)
{
	JSON_AUTO json_t *event = json_pack("{s:s, s:o}", "id", h->id, "name", json_escaped(h->name));
	struct err e = { 0 };
	json_t *j;

	if (event == NULL || api_tell(w, r, kind, h->number, event, &e) != 0 ||
	    api_host_json(w, r, h, false, &j, &e) != 0)
		http_request_error(r, &e);
	else
		api_reply(r, 0, j);
}

static void
change(struct worker *w, struct http_request *r, const char *kind, host_edit *edit, void *ctx)
{
	struct timespec pause = { .tv_nsec = 5000000 };
	struct store_host h;
	struct err e = { 0 };
	int rc = ERR_CONFLICT;

	for (unsigned i = 0; i < TRIES && rc == ERR_CONFLICT; i++) {
		if (i > 0)
			nanosleep(&pause, NULL);
		e = (struct err){ 0 };
		if (!api_find_host(w, r, &h) || !edit(r, &h, ctx))
			return;
		rc = store_host_update(w->store, &h, &e);
	}
	if (rc == ERR_CONFLICT)
		http_request_problem(r, 409, "conflict", "the host is changed all the time: try again");
	else if (rc != 0)
		http_request_error(r, &e);
	else
		answer_changed(w, r, &h, kind);
}

static bool
approve(struct http_request *r, struct store_host *h, void *ctx)
{
	(void)ctx;
	if (h->registration == STORE_REMOVED) {
		http_request_problem(r, 409, "removed", "this host was removed: forget it, and it may enrol again");
		return false;
	}
	if (h->registration == STORE_FORGOTTEN) {
		http_request_problem(r, 409, "forgotten", "this host was forgotten: it may enrol again");
		return false;
	}
	h->registration = STORE_ENROLLED;
	return true;
}

void
job_host_approve(struct worker *w, struct http_request *r)
{
	change(w, r, "approved", approve, NULL);
}

static bool
remove_host(struct http_request *r, struct store_host *h, void *ctx)
{
	(void)r;
	(void)ctx;
	h->registration = STORE_REMOVED;
	return true;
}

void
job_host_remove(struct worker *w, struct http_request *r)
{
	change(w, r, "removed", remove_host, NULL);
}

/* Its evidence, if some is on its way, meets the removal and is refused. */
void
job_host_forget(struct worker *w, struct http_request *r)
{
	struct store_host h;
	struct err e = { 0 };
	int rc = ERR_CONFLICT;
	json_t *j;

	for (unsigned i = 0; i < TRIES && rc == ERR_CONFLICT; i++) {
		e = (struct err){ 0 };
		if (!api_find_host(w, r, &h))
			return;
		store_patient(w->store, true);	/* a list of years */
		rc = h.registration == STORE_FORGOTTEN ? 0 :
		    retention_forget(w->store, &h, http_request_caller(r)->id, server_now(), &e);
		store_patient(w->store, false);
	}
	if (rc != 0) {
		http_request_error(r, &e);
		return;
	}
	if (!api_find_host(w, r, &h))
		return;
	if (api_host_json(w, r, &h, false, &j, &e) != 0)
		http_request_error(r, &e);
	else
		api_reply(r, 0, j);
}

/* A key is written as KEY=VALUE and in lists of those. */
static bool
label_good(const char *key, const json_t *value)
{
	struct span k = span_str(key), v = json_string_span(value);

	for (size_t i = 0; i < k.n; i++)
		if (k.p[i] <= ' ' || k.p[i] > '~' || k.p[i] == '=' || k.p[i] == ',')
			return false;
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] < ' ' || v.p[i] > '~' || v.p[i] == ',')
			return false;
	return k.n > 0 && k.n <= LABEL_KEY && v.n <= LABEL_VALUE && (json_is_string(value) || json_is_null(value));
}

/* RFC 7396: a value sets, null removes, what is not named stays. */
static bool
merge_labels(struct http_request *r, json_t *changes, json_t *labels)
{
	for (void *i = json_object_iter(changes); i != NULL; i = json_object_iter_next(changes, i)) {
		const char *key = json_object_iter_key(i);
		json_t *value = json_object_iter_value(i);

		if (!label_good(key, value)) {
			http_request_problem(r, 400, "label", "a label's key is printable without \"=\" and \",\", its value"
			    " without \",\"; null removes it");
			return false;
		}
		if (json_is_null(value))
			(void)json_object_del(labels, key);
		else
			json_object_set(labels, key, value);
	}
	if (json_object_size(labels) <= LABELS)
		return true;
	http_request_problem(r, 400, "label", "a host has at most %d labels", LABELS);
	return false;
}

static bool
apply(struct http_request *r, struct store_host *h, void *ctx)
{
	json_t *body = ctx, *name = json_object_get(body, "name"), *labels = json_object_get(body, "labels");
	JSON_AUTO json_t *all = api_object(h->labels);
	BUF_AUTO struct buf text = buf_init(LIMIT_SMALL_FILE);

	if (name != NULL)
		h->name = json_string_span(name);
	if (labels == NULL)
		return true;
	if (!merge_labels(r, labels, all))
		return false;
	json_write_compact(all, &text);
	if (text.why == 0 && arena_copy(http_request_arena(r), buf_view(&text), &h->labels))
		return true;
	http_request_problem(r, 503, "memory", "out of memory");
	return false;
}

/* A name is for people: one line of text. */
static bool
host_name_good(const json_t *name)
{
	struct span s = json_string_span(name);

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return s.n > 0 && s.n <= 253;
}

void
job_host_change(struct worker *w, struct http_request *r)
{
	static const char *const members[] = { "name", "labels", NULL };
	JSON_AUTO json_t *j = NULL;
	struct err e = { 0 };
	json_t *name, *labels;

	if (!http_request_json(r, &j))
		return;
	if (json_only(j, "the change", members, &e) != 0 ||
	    json_member(j, "", "name", JSON_STRING, false, &name, &e) != 0 ||
	    json_member(j, "", "labels", JSON_OBJECT, false, &labels, &e) != 0)
		http_request_error(r, &e);
	else if (name != NULL && !host_name_good(name))
		http_request_problem(r, 400, "name", "a name is one line of at most 253 bytes, and not empty");
	else
		change(w, r, "changed", apply, j);
}
