/* GET /v1/events: what happens, as it happens.  One thread reads the store's events and gives
 * them to all who listen, so that events of every server that shares the store are told.
 *
 * Each listener has a place of its own.  Those at the head are told together, from one read.  Who asks for
 * what was, or takes what it gets more slowly than it happens, is behind: such are read for one
 * by one, in turn, a few events each and a page in a round, and only as far as their clients take them.
 * So nobody who listens delays another, is cut off for being slow, or has more waiting in memory than
 * half of a stream's queue. */
#include <stdlib.h>
#include <time.h>

#include "base/rfc3339.h"
#include "base/text.h"
#include "svc/server/server_internal.h"

#define POLL_MS 200
#define PAGE 256
/* Of those who are behind: events for one of them in its turn, and the pause behind a round in which
 * somebody still was: some 10,000 events a second for all of them. */
#define TURN 64
#define CATCH_UP_MS 20
/* What waits for a client that takes no more for now, and the largest event that is told whole: one more
 * of these always fits into the queue. */
#define ROOM (LIMIT_HTTP_STREAM_QUEUE / 2)
#define LARGE (LIMIT_HTTP_STREAM_QUEUE / 2 - KIB(1))

struct listener { struct http_stream *stream; uint64_t after, principal; bool live; };

struct broadcaster {
	struct server *server;
	struct store *store;
	pthread_t thread;
	pthread_mutex_t lock;		/* of the list; only the thread takes from it */
	bool stopping;
	struct listener list[LIMIT_LISTENERS];
	size_t n;
	size_t turn;			/* who is behind is looked for from here */
	uint64_t head;			/* what all who are live were told up to */
};

/* The body, an object, with its moment in front. */
static void
stamp(const struct store_event *v, struct buf *out)
{
	bool empty = v->body.n <= 2, large = v->body.n > LARGE;

	buf_str(out, "{\"at\":\"");
	buf_rfc3339(out, v->at / 1000);
	buf_str(out, empty ? "\"}" : "\",");
	if (large)
		buf_printf(out, "\"too_large\":%zu}", v->body.n);
	else if (!empty)
		buf_span(out, span_from(v->body, 1));
}

/* False: not now. */
static bool
tell(struct listener *l, const struct store_event *v)
{
	BUF_AUTO struct buf body = buf_init(LIMIT_HTTP_STREAM_QUEUE);
	char id[32], kind[64];

	if (v->sequence <= l->after)
		return true;
	if (http_stream_behind(l->stream) > ROOM)
		return false;
	stamp(v, &body);
	(void)snprintf(id, sizeof(id), "%llu", (unsigned long long)v->sequence);
	(void)snprintf(kind, sizeof(kind), "%.*s", (int)v->kind.n, (const char *)v->kind.p);
	l->after = v->sequence;
	(void)http_stream_send(l->stream, kind, id, buf_view(&body));
	return true;
}

/* Up to ${max} events behind ${after}; fewer if they are large. */
static int
read_events(struct broadcaster *b, uint64_t after, size_t max, struct arena *a, struct store_event **v, size_t *n,
    struct err *e)
{
	int rc;

	for (;; max /= 2) {
		*a = arena_init(MIB(16));
		if ((rc = store_events(b->store, after, 0, max, a, v, n, e)) != ERR_LIMIT || max == 1)
			return rc;
		arena_free(a);
	}
}

/* Those that went away, and those whose token was revoked while they listened. */
static void
drop_gone(struct broadcaster *b)
{
	for (size_t i = 0; i < b->n;) {
		if (!http_stream_gone(b->list[i].stream) && principals_holds(b->server, b->list[i].principal)) {
			i++;
			continue;
		}
		http_stream_end(b->list[i].stream);
		b->list[i] = b->list[--b->n];
	}
}

static bool
any_live(const struct broadcaster *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->list[i].live)
			return true;
	return false;
}

/* What is new; who has no room for it is behind from now on. */
static void
tell_live(struct broadcaster *b, const struct store_event *v, size_t n)
{
	for (size_t k = 0; k < b->n; k++) {
		struct listener *l = &b->list[k];

		for (size_t i = 0; i < n && l->live; i++)
			l->live = tell(l, &v[i]);
	}
	if (n > 0)
		b->head = v[n - 1].sequence;
}

/* Whether there is more. */
static bool
go_on(struct broadcaster *b)
{
	ARENA_AUTO struct arena a = arena_init(0);
	struct store_event *v = NULL;
	struct err e = { 0 };
	size_t n = 0;

	pthread_mutex_lock(&b->lock);
	bool any = any_live(b);

	pthread_mutex_unlock(&b->lock);
	if (!any || read_events(b, b->head, PAGE, &a, &v, &n, &e) != 0)
		return false;
	pthread_mutex_lock(&b->lock);
	tell_live(b, v, n);
	pthread_mutex_unlock(&b->lock);
	return n == PAGE;
}

/* The next who is behind and takes something; b->n if there is none. */
static size_t
whose_turn(struct broadcaster *b, size_t *looked)
{
	while (*looked < b->n) {
		size_t i = (b->turn + (*looked)++) % b->n;

		if (!b->list[i].live && !http_stream_gone(b->list[i].stream) && http_stream_behind(b->list[i].stream) <= ROOM)
			return i;
	}
	return b->n;
}

/* Who has come as far as the others is live; that is decided where nothing can be missed. */
static void
tell_one(struct broadcaster *b, struct listener *l, const struct store_event *v, size_t n)
{
	size_t i = 0;

	while (i < n && tell(l, &v[i]))
		i++;
	if (i < n || n == TURN || (any_live(b) && l->after < b->head))
		return;
	if (!any_live(b))
		b->head = l->after;
	l->live = true;
}

/* A round for those who are behind.  Whether one still is, and can be told something. */
static bool
catch_up(struct broadcaster *b)
{
	size_t told = 0, looked = 0, i;
	struct err e = { 0 };

	pthread_mutex_lock(&b->lock);
	while (told < PAGE && (i = whose_turn(b, &looked)) < b->n) {
		ARENA_AUTO struct arena a = arena_init(0);
		uint64_t after = b->list[i].after;
		struct store_event *v = NULL;
		size_t n = 0;

		pthread_mutex_unlock(&b->lock);
		if (read_events(b, after, TURN, &a, &v, &n, &e) != 0)
			return false;
		pthread_mutex_lock(&b->lock);
		tell_one(b, &b->list[i], v, n);
		told += n;
	}
	b->turn = b->n == 0 ? 0 : (b->turn + looked) % b->n;
	pthread_mutex_unlock(&b->lock);
	return told > 0;
}

static void *
listen_on(void *arg)
{
	struct broadcaster *b = arg;

	for (;;) {
		bool more = go_on(b), behind = catch_up(b);
		struct timespec pause = { .tv_nsec = (behind ? CATCH_UP_MS : POLL_MS) * 1000000L };

		pthread_mutex_lock(&b->lock);
		drop_gone(b);
		bool stopping = b->stopping;

		pthread_mutex_unlock(&b->lock);
		if (stopping)
			return NULL;
		if (behind || !more)
			nanosleep(&pause, NULL);
	}
}

/* Why this one may not listen too; NULL: it may. */
static const char *
refused(const struct broadcaster *b, const struct listener *l, unsigned *status)
{
	size_t his = 0;

	for (size_t i = 0; i < b->n; i++)
		his += b->list[i].principal == l->principal;
	*status = his >= LIMIT_LISTENERS_PRINCIPAL ? 429 : 503;
	if (his >= LIMIT_LISTENERS_PRINCIPAL)
		return "you listen too often already";
	return b->n == LIMIT_LISTENERS || b->stopping ? "too many listen already" : NULL;
}

/* From where: behind Last-Event-ID, else from now on. */
void
job_events(struct worker *w, struct http_request *r)
{
	struct broadcaster *b = w->server->broadcaster;
	struct listener l = { .principal = http_request_caller(r)->number };
	struct err e = { 0 };
	struct span last;
	const char *why;
	unsigned status;

	if ((!http_request_header(r, "Last-Event-ID", &last) || !dec_u64(last, &l.after)) &&
	    store_event_last(w->store, &l.after, &e) != 0) {
		http_request_error(r, &e);
		return;
	}
	if (l.after > INT64_MAX)
		l.after = INT64_MAX;	/* no event is behind it, as behind what was asked for */
	pthread_mutex_lock(&b->lock);
	if ((why = refused(b, &l, &status)) != NULL) {
		pthread_mutex_unlock(&b->lock);
		http_request_problem(r, status, "listeners", "%s", why);
		return;
	}
	l.stream = http_stream_begin(r);
	b->list[b->n++] = l;
	pthread_mutex_unlock(&b->lock);
}

int
broadcaster_start(struct server *s, struct broadcaster **out, struct err *e)
{
	struct broadcaster *b = calloc(1, sizeof(*b));
	int rc;

	if (b == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	b->server = s;
	pthread_mutex_init(&b->lock, NULL);
	if ((rc = store_open(s->store_url, STORE_SERVE, &b->store, e)) != 0) {
		free(b);
		return rc;
	}
	if (pthread_create(&b->thread, NULL, listen_on, b) != 0) {
		store_close(b->store);
		free(b);
		return err_set(e, ERR_NOMEM, "cannot start a thread");
	}
	*out = b;
	return 0;
}

void
broadcaster_stop(struct broadcaster *b)
{
	if (b == NULL || b->stopping)
		return;
	pthread_mutex_lock(&b->lock);
	b->stopping = true;
	pthread_mutex_unlock(&b->lock);
	pthread_join(b->thread, NULL);
	for (size_t i = 0; i < b->n; i++)
		http_stream_end(b->list[i].stream);
}

void
broadcaster_free(struct broadcaster *b)
{
	if (b == NULL)
		return;
	broadcaster_stop(b);
	store_close(b->store);
	pthread_mutex_destroy(&b->lock);
	free(b);
}
