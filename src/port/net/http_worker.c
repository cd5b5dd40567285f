/* http_worker.c: a thread, its loop, and how others reach it. */
#include <errno.h>
#include <event2/listener.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "port/net/http_internal.h"

#define TICK_MS		100	/* how late a deadline may be noticed */
#define ACCEPTED_A_TURN	64	/* 50 ms of handshakes */

static _Thread_local struct worker *this_worker;

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	struct job_list jobs = STAILQ_HEAD_INITIALIZER(jobs);
	struct job *j;
	uint64_t n;

	(void)what;
	(void)!read(fd, &n, sizeof(n));
	(void)pthread_mutex_lock(&w->lock);
	STAILQ_CONCAT(&jobs, &w->inbox);
	(void)pthread_mutex_unlock(&w->lock);
	while ((j = STAILQ_FIRST(&jobs)) != NULL) {
		STAILQ_REMOVE_HEAD(&jobs, next);
		j->run(j, true);
	}
}

bool
worker_here(const struct worker *w)
{
	return w == this_worker;
}

void
worker_post(struct worker *w, struct job *j)
{
	const uint64_t one = 1;
	bool gone, first;

	(void)pthread_mutex_lock(&w->lock);
	gone = w->gone;
	first = STAILQ_EMPTY(&w->inbox);
	if (!gone)
		STAILQ_INSERT_TAIL(&w->inbox, j, next);
	(void)pthread_mutex_unlock(&w->lock);
	if (gone)
		j->run(j, false);
	else if (first)
		(void)!write(w->wake_fd, &one, sizeof(one));
}

static void
on_later(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	struct conn *c;

	(void)fd, (void)what;
	while ((c = TAILQ_FIRST(&w->waiting)) != NULL) {
		TAILQ_REMOVE(&w->waiting, c, in_waiting);
		c->waiting = false;
		conn_later(c);
	}
	if (w->accepted >= ACCEPTED_A_TURN && !w->accept_paused && w->bound != NULL)
		(void)evconnlistener_enable(evhttp_bound_socket_get_listener(w->bound));
	w->accepted = 0;
}

/* A fleet that comes back at one moment: if all were taken in at once, each handshake's first half would
 * come before anybody's second, and all would be late together.  What waits in the kernel's queue
 * has no deadline yet, and costs nothing. */
void
worker_accepted(struct worker *w)
{
	if (++w->accepted >= ACCEPTED_A_TURN && w->bound != NULL)
		(void)evconnlistener_disable(evhttp_bound_socket_get_listener(w->bound));
}

void
worker_later(struct worker *w, struct conn *c)
{
	if (c->waiting)
		return;
	c->waiting = true;
	TAILQ_INSERT_TAIL(&w->waiting, c, in_waiting);
	event_active(w->later, EV_TIMEOUT, 0);
}

/* accept() failed: with no descriptor left, trying again at once would never end. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct worker *w = this_worker;	/* ${arg} is evhttp's */
	int why = errno;

	(void)arg;
	if (why != EMFILE && why != ENFILE && why != ENOBUFS && why != ENOMEM)
		return;
	(void)evconnlistener_disable(listener);
	w->accept_paused = true;
	http_say(w->s, HTTP_LOG_WARNING, "connections cannot be accepted: %s", strerror(why));
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	uint64_t now = http_now_ms();

	(void)fd, (void)what;
	if (w->accept_paused && w->bound != NULL) {
		w->accept_paused = false;
		(void)evconnlistener_enable(evhttp_bound_socket_get_listener(w->bound));
	}
	/* A loop that was held up (a busy machine, a stopped process) looks at what came meanwhile
	 * before it calls anybody late: that is read in the turn before the next tick. */
	if (now - w->ticked_at <= 3 * TICK_MS || w->forgave)
		conn_tick(w, now);
	w->forgave = now - w->ticked_at > 3 * TICK_MS && !w->forgave;
	w->ticked_at = now;
	if (w->stop_at != 0 && (w->n_conns == 0 || now >= w->stop_at))
		(void)event_base_loopbreak(w->base);
}

struct stop_job {
	struct job job;
	struct worker *w;
	unsigned grace_ms;
};

static void
run_stop(struct job *j, bool open)
{
	struct stop_job *stop = (struct stop_job *)j;
	struct worker *w = stop->w;

	if (open && w->stop_at == 0) {
		w->stop_at = http_now_ms() + stop->grace_ms;
		if (w->bound != NULL)
			evhttp_del_accept_socket(w->http, w->bound);
		w->bound = NULL;
		conn_stop(w);
		event_active(w->tick, EV_TIMEOUT, 0);
	}
	free(stop);
}

void
worker_stop(struct worker *w, unsigned grace_ms)
{
	struct stop_job *j = calloc(1, sizeof(*j));

	if (!w->started) {
		free(j);
		return;
	}
	if (j == NULL)		/* nothing else can be done than to leave */
		abort();
	*j = (struct stop_job){ .job.run = run_stop, .w = w, .grace_ms = grace_ms };
	worker_post(w, &j->job);
}

/* Nobody will answer any more: what is in the inbox, and what comes after, is freed. */
static void
close_inbox(struct worker *w)
{
	struct job_list jobs = STAILQ_HEAD_INITIALIZER(jobs);
	struct job *j;

	(void)pthread_mutex_lock(&w->lock);
	w->gone = true;
	STAILQ_CONCAT(&jobs, &w->inbox);
	(void)pthread_mutex_unlock(&w->lock);
	while ((j = STAILQ_FIRST(&jobs)) != NULL) {
		STAILQ_REMOVE_HEAD(&jobs, next);
		j->run(j, false);
	}
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;
	struct conn *c;

	this_worker = w;
	(void)event_base_dispatch(w->base);
	for (enum phase p = PHASE_FRESH; p < PHASE_COUNT; p++)
		while ((c = TAILQ_FIRST(&w->phases[p])) != NULL)
			conn_close(c);
	close_inbox(w);
	/* Closed bufferevents are finalized by the loop. */
	(void)event_base_loop(w->base, EVLOOP_NONBLOCK);
	return NULL;
}

static void
on_request(struct evhttp_request *ev, void *arg);

static bool
make_events(struct worker *w)
{
	struct timeval tick = { .tv_usec = TICK_MS * 1000 };

	w->wake = event_new(w->base, w->wake_fd, EV_READ | EV_PERSIST, on_wake, w);
	w->tick = event_new(w->base, -1, EV_PERSIST, on_tick, w);
	w->later = event_new(w->base, -1, 0, on_later, w);
	return w->wake != NULL && w->tick != NULL && w->later != NULL &&
	    event_add(w->wake, NULL) == 0 && event_add(w->tick, &tick) == 0;
}

static struct event_base *
base_make(void)
{
	struct event_config *cfg = event_config_new();
	struct event_base *base;

	if (cfg == NULL)
		return NULL;
	/* One thread uses each loop; others write to its eventfd. */
	(void)event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
	base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	return base;
}

int
worker_init(struct worker *w, struct err *e)
{
	const ev_uint16_t methods = EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
	    EVHTTP_REQ_PUT | EVHTTP_REQ_PATCH | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS;

	for (enum phase p = PHASE_FRESH; p < PHASE_COUNT; p++)
		TAILQ_INIT(&w->phases[p]);
	TAILQ_INIT(&w->waiting);
	STAILQ_INIT(&w->inbox);
	(void)pthread_mutex_init(&w->lock, NULL);
	if ((w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		return err_errno(e, "eventfd");
	if ((w->base = base_make()) == NULL || (w->http = evhttp_new(w->base)) == NULL ||
	    !make_events(w))
		return err_set(e, ERR_NOMEM, "a loop for the HTTP server");
	/* The gate allows less than these; they are a second fence. */
	evhttp_set_max_headers_size(w->http, LIMIT_HTTP_HEAD);
	evhttp_set_max_body_size(w->http, (ev_ssize_t)LIMIT_HTTP_BODY);
	evhttp_set_allowed_methods(w->http, methods);
	evhttp_set_default_content_type(w->http, NULL);
	evhttp_set_bevcb(w->http, conn_new, w);
	evhttp_set_gencb(w->http, on_request, w);
	if ((w->bound = evhttp_accept_socket_with_handle(w->http, w->listen_fd)) == NULL)
		return err_set(e, ERR_NOMEM, "a listening socket for the HTTP server");
	w->listen_fd = -1;
	evconnlistener_set_error_cb(evhttp_bound_socket_get_listener(w->bound), on_accept_error);
	return 0;
}

int
worker_start(struct worker *w, struct err *e)
{
	sigset_t all, old;
	int rc;

	/* Signals are for the program's own threads; SIGPIPE is for nobody. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&w->thread, NULL, worker_main, w);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0)
		return err_set(e, ERR_NOMEM, "a thread for the HTTP server: %s", strerror(rc));
	w->started = true;
	return 0;
}

/* The thread has ended or never began. */
void
worker_done(struct worker *w)
{
	if (w->http != NULL)
		evhttp_free(w->http);
	if (w->wake != NULL)
		event_free(w->wake);
	if (w->tick != NULL)
		event_free(w->tick);
	if (w->later != NULL)
		event_free(w->later);
	if (w->base != NULL)
		event_base_free(w->base);
	if (w->wake_fd >= 0)
		(void)close(w->wake_fd);
	if (w->listen_fd >= 0)
		(void)close(w->listen_fd);
	(void)pthread_mutex_destroy(&w->lock);
}

static const struct { enum http_method ours; enum evhttp_cmd_type theirs; } methods[] = {
	{ HTTP_GET, EVHTTP_REQ_GET }, { HTTP_HEAD, EVHTTP_REQ_HEAD }, { HTTP_POST, EVHTTP_REQ_POST },
	{ HTTP_PUT, EVHTTP_REQ_PUT }, { HTTP_PATCH, EVHTTP_REQ_PATCH },
	{ HTTP_DELETE, EVHTTP_REQ_DELETE }, { HTTP_OPTIONS, EVHTTP_REQ_OPTIONS },
};

/* Whether evhttp read the same request as the gate. */
static bool
agrees(const struct conn *c, struct evhttp_request *ev)
{
	const struct http_gate *g = &c->gate;
	const char *uri = evhttp_request_get_uri(ev);

	if (g->state != GATE_COMPLETE || uri == NULL || !span_is(g->h.target, uri) ||
	    evbuffer_get_length(evhttp_request_get_input_buffer(ev)) != g->body)
		return false;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (methods[i].theirs == evhttp_request_get_command(ev))
			return methods[i].ours == g->h.method;
	return false;
}

static void
on_sent(struct evhttp_request *ev, void *arg)
{
	struct conn *c = arg;

	(void)ev;
	c->ev = NULL;
	c->out_total = 0;
	if (c->closing)
		return;		/* evhttp closes it now */
	gate_reset(&c->gate);
	conn_phase(c, PHASE_IDLE);
	if (c->unseen != 0 || c->w->stop_at != 0)
		worker_later(c->w, c);
}

static void
on_request(struct evhttp_request *ev, void *arg)
{
	struct worker *w = arg;
	struct conn *c = conn_of(w, ev);
	struct http_request *r;

	/* Without a connection of ours it came past the gate: that must not be. */
	if (c == NULL || c->r == NULL) {
		evhttp_send_error(ev, 500, NULL);
		return;
	}
	r = c->r;
	c->ev = ev;
	conn_phase(c, PHASE_HANDLING);
	conn_deaf(c);
	evhttp_request_set_on_complete_cb(ev, on_sent, c);
	worker_count(w, COUNT_REQUESTS);
	if (!agrees(c, ev)) {
		http_say(w->s, HTTP_LOG_WARNING, "%s: the gate and evhttp disagree about a request",
		    c->peer.address);
		c->closing = true;
		http_request_problem(r, 400, "bad-request", "the request can be read in two ways");
		return;
	}
	if (!request_take(r, ev)) {
		http_request_problem(r, 503, "out-of-memory", "the server is short of memory");
		return;
	}
	if (r->verdict.status != 0)
		http_request_problem(r, r->verdict.status, r->verdict.code, "%s", r->verdict.why);
	else if (r->method == HTTP_OPTIONS)
		http_request_reply(r, &(struct http_answer){ .status = 204 });
	else
		r->route->handler(r, w->s->o.arg);
}
