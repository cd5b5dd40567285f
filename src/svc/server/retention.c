/* What the settings let go, in pieces: a round of the sweeper takes at most one of each kind, so
 * that nobody waits for it, and goes on half a second later where there is more. */
#include "base/json.h"
#include "svc/server/server_internal.h"

#define DAY_MS ((int64_t)86400 * 1000)
#define EVERY_MS ((int64_t)3600 * 1000)
#define HOSTS_AT_ONCE 10

/* The time before which ${days} ago is; 0: never. */
static int64_t
before(int64_t now, unsigned days)
{
	return days == 0 ? 0 : now - (int64_t)days * DAY_MS;
}

static int
drop_bundles(struct store *s, const struct server_keep *k, int64_t now, uint64_t *deleted, struct err *e)
{
	return store_bundles_delete(s, before(now, k->bundle_days), 0, deleted, e);
}

static int
drop_events(struct store *s, const struct server_keep *k, int64_t now, uint64_t *deleted, struct err *e)
{
	return store_events_delete(s, before(now, k->event_days), deleted, e);
}

static int
drop_history(struct store *s, const struct server_keep *k, int64_t now, uint64_t *deleted, struct err *e)
{
	return k->history_days == 0 ? 0 : store_intervals_delete(s, before(now, k->history_days), deleted, e);
}

static int
drop_lists(struct store *s, const struct server_keep *k, int64_t now, uint64_t *deleted, struct err *e)
{
	return store_boots_sweep(s, before(now, k->list_days), k->boots, deleted, e);
}

static int
tell_forgotten(struct store *s, const struct store_host *h, const char *who, int64_t now, struct err *e)
{
	BUF_AUTO struct buf body = buf_init(LIMIT_SMALL_FILE);
	JSON_AUTO json_t *j = json_pack("{s:s, s:o, s:o, s:s}", "id", h->id, "name", json_escaped(h->name), "last_seen",
	    api_time(h->state.last_seen), "who", who);
	struct store_event ev = { .at = now, .kind = span_lit("forgotten"), .host = h->number };

	json_write_compact(j, &body);
	ev.body = buf_view(&body);
	return store_event_add(s, &ev, 1, e);
}

/* Out first: from then on it cannot attest, and what it showed can go in pieces. */
int
retention_forget(struct store *s, struct store_host *h, const char *who, int64_t now, struct err *e)
{
	bool done = false;
	int rc = 0;

	if (h->registration != STORE_REMOVED) {
		h->registration = STORE_REMOVED;
		rc = store_host_update(s, h, e);
	}
	if (rc == 0)
		rc = tell_forgotten(s, h, who, now, e);
	while (rc == 0 && !done)
		rc = store_host_forget(s, h->number, &done, e);
	return rc;
}

static int
drop_host(struct store *s, uint32_t number, int64_t limit, int64_t now, struct err *e)
{
	ARENA_AUTO struct arena a = arena_init(MIB(16));
	struct store_host h;
	int rc = store_host_by_number(s, number, &a, &h, e);

	/* It may have come meanwhile, or somebody removed it. */
	if (rc != 0 || h.state.last_seen >= limit || h.registration >= STORE_REMOVED)
		return rc;
	svc_log(LOG_LEVEL_INFO, "host %s was not seen for too long and is forgotten", h.id);
	rc = retention_forget(s, &h, "retention", now, e);
	return rc == ERR_CONFLICT ? 0 : rc;	/* it came at this moment, or another server does it */
}

static int
drop_hosts(struct store *s, const struct server_keep *k, int64_t now, uint64_t *deleted, struct err *e)
{
	int64_t limit = before(now, k->host_days);
	uint32_t v[HOSTS_AT_ONCE];
	size_t n = 0;
	int rc = limit <= 0 ? 0 : store_hosts_unseen(s, limit, v, HOSTS_AT_ONCE, &n, e);

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = drop_host(s, v[i], limit, now, e);
	*deleted = n;
	return rc;
}

static int (*const kinds[RETENTION_KINDS])(struct store *, const struct server_keep *, int64_t, uint64_t *,
    struct err *) = { drop_bundles, drop_events, drop_history, drop_lists, drop_hosts };

/* What a reload changed is looked at at once. */
static void
begin(struct retention *r, uint64_t epoch, int64_t now)
{
	if (now - r->begun < EVERY_MS && now >= r->begun && epoch == r->epoch)
		return;
	r->begun = now;
	r->epoch = epoch;
	r->left = (1U << RETENTION_KINDS) - 1;
}

int
retention_round(struct retention *r, struct server *srv, struct store *s, int64_t now, struct err *e)
{
	struct settings *c;
	int rc = 0;

	begin(r, srv->settings_epoch + 1, now);
	if (r->left == 0)
		return 0;
	c = settings_hold(srv);
	for (unsigned i = 0; i < RETENTION_KINDS && rc == 0; i++) {
		uint64_t deleted = 0;

		if ((r->left >> i & 1) == 0)
			continue;
		rc = kinds[i](s, &c->keep, now, &deleted, e);
		if (rc == 0 && deleted == 0)
			r->left &= ~(1U << i);
	}
	settings_release(c);
	return rc;
}
