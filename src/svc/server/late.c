#include "svc/server/late.h"

#include "base/json.h"
#include "base/text.h"
#include "svc/server/server_internal.h"

#define PAGE 500
#define SETTING "late"
#define JUMP_MS ((int64_t)3600 * 1000)
#define DOUBT_MS (24 * JUMP_MS)

static bool
next_number(struct span *text, uint64_t *v)
{
	size_t n = span_find(*text, ' ');
	bool good = dec_u64(span_head(*text, n), v);

	*text = span_from(*text, n + 1 < text->n ? n + 1 : text->n);
	return good;
}

static int
read_progress(struct store *s, int64_t now, struct late_progress *p, struct err *e)
{
	ARENA_AUTO struct arena a = arena_init(KIB(64));
	struct span text = { 0 };
	uint64_t done, until, host;
	int rc = store_setting_get(s, span_lit(SETTING), &a, &text, e);

	if (rc != 0 && rc != ERR_NOT_FOUND)
		return rc;
	if (rc == ERR_NOT_FOUND || !next_number(&text, &done) || !next_number(&text, &until) ||
	    !next_number(&text, &host) || done > INT64_MAX || until > INT64_MAX || host > UINT32_MAX)
		*p = (struct late_progress){ .done = now };
	else
		*p = (struct late_progress){ (int64_t)done, (int64_t)until, (uint32_t)host };
	return rc == ERR_NOT_FOUND ? ERR_NOT_FOUND : 0;
}

static int
write_progress(struct store *s, const struct late_progress *p, struct err *e)
{
	char text[80];

	(void)snprintf(text, sizeof(text), "%lld %lld %u", (long long)p->done, (long long)p->until, p->host);
	return store_setting_put(s, span_lit(SETTING), span_str(text), e);
}

static int
tell(struct store *s, const struct store_host *h, int64_t now, struct err *e)
{
	BUF_AUTO struct buf body = buf_init(LIMIT_SMALL_FILE);
	JSON_AUTO json_t *j = json_pack("{s:s, s:o, s:o, s:o}", "id", h->id, "name", json_escaped(h->name),
	    "last_seen", api_time(h->state.last_seen), "due", api_time(h->state.next_due));
	struct store_event ev = { .at = now, .kind = span_lit("late"), .host = h->number };

	json_write_compact(j, &body);
	ev.body = buf_view(&body);
	svc_log(LOG_LEVEL_WARNING, "host %s is late: its evidence was due", h->id);
	return store_event_add(s, &ev, 1, e);
}

/* One page's events and how far it went, together or not at all. */
static int
write_page(struct late *l, const struct store_host *const *v, size_t n, const struct late_progress *p, int64_t now,
    struct err *e)
{
	struct store *s = l->turn->store;
	int rc = store_begin(s, e);

	if (rc == 0)
		rc = turn_hold(l->turn, e);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = tell(s, v[i], now, e);
	if (rc == 0)
		rc = write_progress(s, p, e);
	if (rc == 0)
		rc = store_commit(s, e);
	if (rc != 0)
		store_rollback(s);
	return rc;
}

/* Which hosts of a page are meant: those due in [from, to), or seen behind ${to}. */
struct choice { bool future; int64_t from, to; };

static bool
is_meant(const struct choice *c, const struct store_host *h)
{
	return c->future ? h->state.last_seen > c->to : h->state.next_due >= c->from && h->state.next_due < c->to;
}

static int
all_pages(struct late *l, const struct choice *c, struct late_progress *p, int64_t now, struct err *e)
{
	struct store_host_filter f = { .verdict = -1, .registration = STORE_ENROLLED, .by_number = true,
	    .due_before = c->future ? 0 : c->to };
	struct store_host_cursor cursor = { .number = p->host };
	int rc = 0;

	do {
		ARENA_AUTO struct arena a = arena_init(MIB(256));
		const struct store_host *meant[PAGE];
		struct store_host *v;
		size_t n, k = 0;

		if ((rc = store_host_list(l->turn->store, &f, &cursor, PAGE, &a, &v, &n, e)) != 0)
			return rc;
		cursor.name = span_of(NULL, 0);	/* lay in the arena; the number decides */
		for (size_t i = 0; i < n; i++)
			if (is_meant(c, &v[i]))
				meant[k++] = &v[i];
		p->host = cursor.number;
		if (k > 0 && (rc = write_page(l, meant, k, p, now, e)) != 0)
			return rc;
	} while (cursor.more);
	return 0;
}

/* What is to be done, as the store has it; a new store's hosts are watched from now on. */
static int
begin(struct late *l, int64_t now, struct err *e)
{
	int rc = read_progress(l->turn->store, now, &l->p, e);

	if (rc == ERR_NOT_FOUND)
		rc = write_page(l, NULL, 0, &l->p, now, e);
	if (rc == 0 && l->p.done > now + LIMIT_CLOCK_SKEW_MS)
		l->back_at = turn_clock() + l->patience;
	l->known = rc == 0;
	return rc;
}

static int
look(struct late *l, int64_t now, struct err *e)
{
	int rc;

	if (!l->known && (rc = begin(l, now, e)) != 0)
		return rc;
	if (l->p.done > now)	/* the clock was set back */
		l->p = (struct late_progress){ .done = now };
	if (l->p.host == 0 || l->p.until > now)
		l->p.until = now;
	struct choice c = { .from = l->p.done, .to = l->p.until };

	if ((rc = all_pages(l, &c, &l->p, now, e)) != 0)
		return rc;
	/* Not written: who goes on from what is written finds nobody else in there. */
	l->p = (struct late_progress){ .done = c.to };
	return 0;
}

static int
look_ahead(struct late *l, int64_t now, struct err *e)
{
	struct choice c = { .future = true, .to = now + LIMIT_CLOCK_SKEW_MS };
	struct late_progress p = { .done = l->p.done };
	int rc = all_pages(l, &c, &p, now, e);

	l->back_at = 0;
	return rc;
}

/* What the two clocks say since the last round. */
static void
compare_clocks(struct late *l, int64_t clock, int64_t now)
{
	int64_t passed = clock - l->watched;

	if (l->watched == 0 || passed > 2 * TURN_LEASE_MS)
		l->quiet = clock + l->patience;
	if (l->watched != 0 && now - l->wall < passed - LIMIT_CLOCK_SKEW_MS) {
		svc_log(LOG_LEVEL_WARNING, "the clock was set back by %lld s", (long long)(passed - (now - l->wall)) / 1000);
		l->back_at = clock + l->patience;
	}
	if (l->watched != 0 && now - l->wall > passed + JUMP_MS) {
		svc_log(LOG_LEVEL_WARNING, "the clock was set forward by %lld s: nothing is deleted for a day",
		    (long long)(now - l->wall - passed) / 1000);
		l->doubt = clock + DOUBT_MS;
	}
}

int
late_round(struct late *l, int64_t now, struct err *e)
{
	int64_t clock = turn_clock();
	int rc = turn_ask(l->turn, e);

	if (rc == 0) {
		compare_clocks(l, clock, now);
		l->watched = clock;
		l->wall = now;
	}
	if (rc != 0 || !l->turn->ours) {
		l->known = false;
		return rc;
	}
	if (clock < l->quiet || clock < l->next)
		return 0;
	if ((rc = look(l, now, e)) == 0 && l->back_at != 0 && clock >= l->back_at)
		rc = look_ahead(l, now, e);
	if (rc != 0)
		l->known = false;
	/* At 100,000 hosts a look takes a while: never more than a twentieth of the time. */
	l->next = clock + (turn_clock() - clock) * 20;
	return rc == ERR_CONFLICT ? 0 : rc;
}
