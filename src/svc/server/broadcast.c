/* GET /v1/events: what happens, as it happens.  One thread reads the store's events and gives
 * them to all who listen, so that events of every server that shares the store are told. */
#include <stdlib.h>
#include <time.h>

#include "base/rfc3339.h"
#include "base/text.h"
#include "svc/server/server_internal.h"

#define LISTENERS 256
#define POLL_MS 200
#define PAGE 256

struct listener { struct http_stream *stream; uint64_t after, principal; };

struct broadcaster {
	struct server *server;
	struct store *store;
	pthread_t thread;
	pthread_mutex_t lock;
	bool stopping;
	struct listener list[LISTENERS];
	size_t n;
};

/* The body, an object, with its moment in front. */
static void
stamp(const struct store_event *v, struct buf *out)
{
	bool empty = v->body.n <= 2;

	buf_str(out, "{\"at\":\"");
	buf_rfc3339(out, v->at / 1000);
	buf_str(out, empty ? "\"}" : "\",");
	if (!empty)
		buf_span(out, span_from(v->body, 1));
}

static bool
tell(struct listener *l, const struct store_event *v)
{
	BUF_AUTO struct buf body = buf_init(LIMIT_HTTP_SSE_LINE);
	char id[32], kind[64];

	if (v->sequence <= l->after)
		return true;
	stamp(v, &body);
	(void)snprintf(id, sizeof(id), "%llu", (unsigned long long)v->sequence);
	(void)snprintf(kind, sizeof(kind), "%.*s", (int)v->kind.n, (const char *)v->kind.p);
	l->after = v->sequence;
	return http_stream_send(l->stream, kind, id, buf_view(&body));
}

/* The oldest sequence that some listener has yet to be told. */
static bool
least(struct broadcaster *b, uint64_t *after)
{
	pthread_mutex_lock(&b->lock);
	for (size_t i = 0; i < b->n; i++)
		if (i == 0 || b->list[i].after < *after)
			*after = b->list[i].after;
	bool any = b->n > 0;

	pthread_mutex_unlock(&b->lock);
	return any;
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

static void
pass_on(struct broadcaster *b, const struct store_event *v, size_t n)
{
	pthread_mutex_lock(&b->lock);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < b->n; k++)
			(void)tell(&b->list[k], &v[i]);
	drop_gone(b);
	pthread_mutex_unlock(&b->lock);
}

static void *
listen_on(void *arg)
{
	struct broadcaster *b = arg;
	struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };

	for (;;) {
		ARENA_AUTO struct arena a = arena_init(MIB(64));
		struct store_event *v = NULL;
		struct err e = { 0 };
		uint64_t after = 0;
		size_t n = 0;

		pthread_mutex_lock(&b->lock);
		bool stopping = b->stopping;

		pthread_mutex_unlock(&b->lock);
		if (stopping)
			return NULL;
		if (least(b, &after) && store_events(b->store, after, 0, PAGE, &a, &v, &n, &e) == 0)
			pass_on(b, v, n);
		if (n < PAGE)
			nanosleep(&pause, NULL);
	}
}

/* From where: behind Last-Event-ID, else from now on. */
void
job_events(struct worker *w, struct http_request *r)
{
	struct broadcaster *b = w->server->broadcaster;
	struct listener l = { .principal = http_request_caller(r)->number };
	struct err e = { 0 };
	struct span last;

	if ((!http_request_header(r, "Last-Event-ID", &last) || !dec_u64(last, &l.after)) &&
	    store_event_last(w->store, &l.after, &e) != 0) {
		http_request_error(r, &e);
		return;
	}
	pthread_mutex_lock(&b->lock);
	if (b->n == LISTENERS || b->stopping) {
		pthread_mutex_unlock(&b->lock);
		http_request_problem(r, 503, "listeners", "too many listen already");
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
	if (b == NULL)
		return;
	pthread_mutex_lock(&b->lock);
	b->stopping = true;
	pthread_mutex_unlock(&b->lock);
	pthread_join(b->thread, NULL);
	for (size_t i = 0; i < b->n; i++)
		http_stream_end(b->list[i].stream);
	store_close(b->store);
	pthread_mutex_destroy(&b->lock);
	free(b);
}
