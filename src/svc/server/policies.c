/* Which policies a host is judged by: the assignment of the highest rank that selects it, and
 * during the overlap behind a change the one before too; where none does, the configuration's
 * default policy; beside any of them its default excludes.  Compiled once for each worker. */
#include <stdlib.h>

#include "base/json.h"
#include "crypto/digest.h"
#include "formats/dsse.h"
#include "svc/server/server_internal.h"

/* Sets of policies that a worker has ready: fleets have some; a big policy is 20 MiB. */
#define READY 16
#define REFRESH_MS 1000

struct document {
	struct runtime_policy policy;
	struct arena arena;		/* the store's bytes */
	struct buf payload;		/* of an envelope */
};

struct ready {
	struct digest key;		/* of the versions */
	uint64_t used;			/* larger: later */
	struct document *docs;		/* owned */
	const struct runtime_policy **list;
	size_t n;
	struct sig_context ctx;
	struct host_policies policies;
};

struct policy_cache {
	struct ready ready[READY];
	uint64_t uses;
	struct arena arena;		/* assignments */
	struct store_assignment *assignments;
	size_t n_assignments;
	int64_t read_at;
	uint64_t epoch;
	struct buf set;			/* name handed out last */
};

static void
ready_free(struct ready *r)
{
	appraiser_free(r->policies.appraiser);
	for (size_t i = 0; i < r->n; i++) {
		runtime_policy_free(&r->docs[i].policy);
		arena_free(&r->docs[i].arena);
		buf_free(&r->docs[i].payload);
	}
	free(r->docs);
	free(r->list);
	*r = (struct ready){ 0 };
}

int
policy_cache_new(struct policy_cache **out, struct err *e)
{
	struct policy_cache *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	c->set = buf_init(KIB(64));
	*out = c;
	return 0;
}

void
policy_cache_free(struct policy_cache *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < READY; i++)
		ready_free(&c->ready[i]);
	arena_free(&c->arena);
	buf_free(&c->set);
	free(c);
}

bool
labels_match(struct span labels, struct span selector)
{
	JSON_AUTO json_t *j = NULL;
	struct err ignored;

	if (selector.n == 0)
		return true;
	if (labels.n == 0 || json_parse(labels, LIMIT_SMALL_FILE, &j, &ignored) != 0)
		return false;
	while (selector.n > 0) {
		size_t end = span_find(selector, ',');
		struct span one = span_head(selector, end);
		size_t eq = span_find(one, '=');
		json_t *v = json_object_getn(j, (const char *)one.p, eq);

		if (eq == one.n || !json_is_string(v) || !span_eq(json_string_span(v), span_from(one, eq + 1)))
			return false;
		selector = span_from(selector, end + 1);
	}
	return true;
}

static int
refresh(struct policy_cache *c, struct worker *w, int64_t now, struct err *e)
{
	uint64_t epoch = w->server->policy_epoch;
	struct arena a = arena_init(MIB(64));
	struct store_assignment *v;
	size_t n;
	int rc;

	if (c->read_at != 0 && now - c->read_at < REFRESH_MS && now >= c->read_at && epoch == c->epoch)
		return 0;
	if ((rc = store_assignments(w->store, now, &a, &v, &n, e)) != 0) {
		arena_free(&a);
		return rc;
	}
	arena_free(&c->arena);
	c->arena = a;
	c->assignments = v;
	c->n_assignments = n;
	c->read_at = now;
	c->epoch = epoch;
	return 0;
}

/* Whether what ended held for the hosts of ${now} until that took its place: one of a lower rank, or
 * one that was older all the while, was overruled, and approved nothing for them. */
static bool
held_before(const struct store_assignment *now, const struct store_assignment *ended)
{
	return now == NULL || ended->rank > now->rank ||
	    (ended->rank == now->rank && (ended->number > now->number || now->began >= ended->ended));
}

/* The one that holds, and the one that held before and still does beside it. */
static void
select_for(const struct policy_cache *c, struct span labels, const struct store_assignment **now,
    const struct store_assignment **before)
{
	*now = *before = NULL;
	for (size_t i = 0; i < c->n_assignments && *now == NULL; i++)
		if (c->assignments[i].ended == 0 && labels_match(labels, c->assignments[i].selector))
			*now = &c->assignments[i];
	for (size_t i = 0; i < c->n_assignments && *before == NULL; i++)
		if (c->assignments[i].ended != 0 && held_before(*now, &c->assignments[i]) &&
		    labels_match(labels, c->assignments[i].selector))
			*before = &c->assignments[i];
	if (*now != NULL && *before != NULL && span_eq((*now)->version, (*before)->version))
		*before = NULL;
}

static int
open_document(struct document *d, struct span bytes, struct err *e)
{
	DSSE_AUTO struct dsse env = { 0 };
	int rc;

	if (!dsse_sniff(bytes))
		return runtime_policy_parse(bytes, &d->policy, e);
	/* Who signed it was checked when it came (api_policies.c). */
	if ((rc = dsse_parse(bytes, &env, e)) != 0)
		return rc;
	d->payload = env.payload;	/* taken over */
	env.payload = (struct buf){ 0 };
	return runtime_policy_parse(buf_view(&d->payload), &d->policy, e);
}

static int
load_document(struct ready *r, struct store *s, const json_t *member, struct err *e)
{
	struct document *d = &r->docs[r->n];
	struct store_policy p;
	int rc;

	d->arena = arena_init(LIMIT_POLICY_FILE);
	r->n++;
	if ((rc = store_policy_get(s, json_string_span(json_object_get(member, "policy")),
	    json_string_span(json_object_get(member, "version")), &d->arena, &p, e)) != 0 ||
	    (rc = open_document(d, p.document, e)) != 0)
		return rc;
	r->list[r->n - 1] = &d->policy;
	return 0;
}

static int
room_for(struct ready *r, size_t n, struct err *e)
{
	struct document *docs = realloc(r->docs, (r->n + n + 1) * sizeof(*docs));

	if (docs == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	r->docs = docs;
	memset(docs + r->n, 0, (n + 1) * sizeof(*docs));
	const struct runtime_policy **list = realloc(r->list, (r->n + n + 1) * sizeof(*list));

	if (list == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	r->list = list;
	for (size_t i = 0; i < r->n; i++)	/* docs may have moved */
		r->list[i] = &r->docs[i].policy;
	return 0;
}

static int
load_members(struct ready *r, struct store *s, const struct store_policy_set *set, struct err *e)
{
	JSON_AUTO json_t *members = NULL;
	size_t n;
	int rc;

	if ((rc = json_parse(set->members, LIMIT_SMALL_FILE, &members, e)) != 0)
		return rc;
	n = json_array_size(members);
	if (n > LIMIT_POLICY_LAYERS)
		return err_set(e, ERR_LIMIT, "the policy set has %zu members", n);
	if ((rc = room_for(r, n, e)) != 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		if ((rc = load_document(r, s, json_array_get(members, i), e)) != 0)
			return err_ctx(e, rc, "policy set \"%.*s\"", (int)set->name.n, (const char *)set->name.p);
	return 0;
}

/* ${pending}: a set that is not stored, which is meant instead. */
static int
load_set(struct ready *r, struct store *s, const struct store_assignment *a, const struct store_policy_set *pending,
    struct err *e)
{
	ARENA_AUTO struct arena tmp = arena_init(MIB(64));
	struct store_policy_set set;
	int rc;

	if (pending != NULL)
		return load_members(r, s, pending, e);
	if (a == NULL)
		return 0;
	if ((rc = store_policy_set_get(s, a->set, a->version, &tmp, &set, e)) != 0)
		return rc;
	return load_members(r, s, &set, e);
}

/* One that the configuration brings.  A copy, because the settings can go before this does. */
static int
load_configured(struct ready *r, const struct settings_policy *p, struct err *e)
{
	struct span copy;
	struct document *d;
	int rc = room_for(r, 1, e);

	if (rc != 0)
		return rc;
	d = &r->docs[r->n];
	d->arena = arena_init(LIMIT_POLICY_FILE);
	r->n++;
	if (!arena_copy(&d->arena, p->document, &copy))
		return arena_err(&d->arena, e);
	if ((rc = open_document(d, copy, e)) != 0)
		return err_ctx(e, rc, "the configuration's policy");
	r->list[r->n - 1] = &d->policy;
	return 0;
}

static int
make_ready(struct ready *r, struct worker *w, const struct store_assignment *now,
    const struct store_assignment *before, const struct store_policy_set *pending, struct err *e)
{
	const struct settings *c = w->settings;
	int rc;

	if ((rc = load_set(r, w->store, now, pending, e)) != 0 || (rc = load_set(r, w->store, before, NULL, e)) != 0 ||
	    (now == NULL && c->fallback.document.n > 0 && (rc = load_configured(r, &c->fallback, e)) != 0) ||
	    (r->n > 0 && c->excludes.document.n > 0 && (rc = load_configured(r, &c->excludes, e)) != 0))
		return rc;
	/* No mounts: what the host says of its own (facts, "volumes") is shown and decides nothing, or
	 * it could move the volume on which a vendor's files are good.  Policies say where volumes are. */
	r->ctx = (struct sig_context){ .now = server_now() / 1000 };
	r->policies = (struct host_policies){ .policies = r->list, .n = r->n, .id = r->key };
	return r->n == 0 ? 0 : appraiser_new(r->list, r->n, &r->ctx, &r->policies.appraiser, e);
}

static int
key_of(const struct settings *c, const struct store_assignment *now, const struct store_assignment *before,
    struct digest *key, struct err *e)
{
	BUF_AUTO struct buf b = buf_init(MIB(1));
	int rc;

	if (now != NULL)
		buf_span(&b, now->version);
	else
		buf_str(&b, c->fallback.version);
	buf_u8(&b, 0);
	if (before != NULL)
		buf_span(&b, before->version);
	if (c->excludes.document.n > 0) {
		buf_u8(&b, 0);
		buf_str(&b, c->excludes.version);
	}
	return (rc = buf_done(&b, e)) != 0 ? rc : digest_of(DIGEST_SHA256, buf_view(&b), key, e);
}

static struct ready *
find_ready(struct policy_cache *c, const struct digest *key, bool *hit)
{
	struct ready *oldest = &c->ready[0];

	*hit = true;
	for (size_t i = 0; i < READY; i++) {
		if (digest_eq(&c->ready[i].key, key))
			return &c->ready[i];
		if (c->ready[i].used < oldest->used)
			oldest = &c->ready[i];
	}
	*hit = false;
	return oldest;
}

static int
choose(struct policy_cache *c, struct worker *w, const struct store_assignment *now,
    const struct store_assignment *before, const struct store_policy_set *pending, struct policy_choice *out,
    struct err *e)
{
	BUF_AUTO struct buf hex = buf_init(128);
	struct digest key;
	struct ready *r;
	bool hit;
	int rc = key_of(w->settings, now, before, &key, e);

	if (rc != 0)
		return rc;
	r = find_ready(c, &key, &hit);
	if (!hit) {
		ready_free(r);
		r->key = key;
		if ((rc = make_ready(r, w, now, before, pending, e)) != 0) {
			ready_free(r);
			return rc;
		}
	}
	r->used = ++c->uses;
	c->set.n = 0;
	if (now != NULL)
		buf_span(&c->set, now->set);
	else if (w->settings->fallback.document.n > 0)
		buf_str(&c->set, "default");
	buf_hex(&hex, digest_view(&key));
	*out = (struct policy_choice){ .policies = &r->policies, .set = buf_view(&c->set) };
	memcpy(out->version, buf_cstr(&hex), sizeof(out->version));
	return buf_done(&c->set, e);
}

int
policy_cache_choose(struct policy_cache *c, struct worker *w, const struct store_host *host, int64_t at,
    struct policy_choice *out, struct err *e)
{
	const struct store_assignment *now, *before;
	int rc = refresh(c, w, at, e);

	if (rc != 0)
		return rc;
	select_for(c, host->labels, &now, &before);
	return choose(c, w, now, before, NULL, out, e);
}

int
policy_cache_pending(struct policy_cache *c, struct worker *w, const struct store_policy_set *set,
    struct policy_choice *out, struct err *e)
{
	const struct store_assignment as_if = { .set = set->name, .version = set->version };

	return choose(c, w, &as_if, NULL, set, out, e);
}
