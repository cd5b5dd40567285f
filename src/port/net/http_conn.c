/* http_conn.c: one connection: its bytes through the gate, its phases, its end. */
#include <sys/socket.h>

#include "port/net/http_internal.h"
#include "port/net/http_text.h"

#define ONE_RECORD	KIB(16)	/* the most that a TLS record holds (RFC 8446 5.1) */

void
conn_phase(struct conn *c, enum phase p)
{
	TAILQ_REMOVE(&c->w->phases[c->phase], c, in_phase);
	c->phase = p;
	c->since = http_now_ms();
	TAILQ_INSERT_TAIL(&c->w->phases[p], c, in_phase);
}

/* A handshake that failed in the middle leaves the rest of the client's messages unread; closing
 * would then reset the connection, and the client would not learn from our alert why. */
static void
swallow(struct conn *c)
{
	uint8_t rest[4096];

	for (int i = 0; i < 4; i++)
		if (recv(bufferevent_getfd(c->bev), rest, sizeof(rest), MSG_DONTWAIT) <= 0)
			break;
}

/* evhttp calls it when it lets go of a connection, whatever the reason. */
static void
conn_closed(struct evhttp_connection *evcon, void *arg)
{
	struct conn *c = arg;
	struct worker *w = c->w;

	(void)evcon;
	if (c->phase == PHASE_HANDSHAKE)
		swallow(c);
	if (c->ssl != NULL)
		tls_goodbye(c->ssl);
	(void)evbuffer_remove_cb_entry(bufferevent_get_input(c->bev), c->input_cb);
	if (c->r != NULL) {
		c->r->c = NULL;
		if (c->ev == NULL)
			request_free(c->r);	/* no handler has it yet */
		else if (c->phase == PHASE_STREAM)
			stream_client_gone(c->r);
	}
	/* evhttp frees what is in its queue; what it took out is ours. */
	if (c->ev != NULL && evhttp_request_get_connection(c->ev) == NULL)
		evhttp_request_free(c->ev);
	if (c->waiting)
		TAILQ_REMOVE(&w->waiting, c, in_waiting);
	TAILQ_REMOVE(&w->phases[c->phase], c, in_phase);
	if (c->counted)
		address_remove(w->s->addresses, c->key);
	(void)__atomic_sub_fetch(&w->s->open, 1, __ATOMIC_RELAXED);
	w->n_conns--;
	gate_free(&c->gate);
	free(c);
}

/* evhttp's connection is the argument of the callbacks it set on its bufferevent. */
void
conn_adopt(struct conn *c)
{
	void *evcon = NULL;

	if (c->evcon != NULL)
		return;
	bufferevent_getcb(c->bev, NULL, NULL, NULL, &evcon);
	c->evcon = evcon;
	evhttp_connection_set_closecb(c->evcon, conn_closed, c);
}

void
conn_close(struct conn *c)
{
	conn_adopt(c);
	evhttp_connection_free(c->evcon);
}

struct conn *
conn_of(struct worker *w, struct evhttp_request *ev)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(ev);
	struct conn *c;

	TAILQ_FOREACH(c, &w->phases[PHASE_READY], in_phase)
		if (c->evcon == evcon)
			return c;
	return NULL;
}

/* ---- writing ---- */

/* evhttp's write callback, one function for all connections.
 *
 * A TLS bufferevent calls back about an empty output later, in the same turn of the loop, and
 * does not look again: what was written since (by a job of another thread) makes the call
 * stale.  evhttp takes any call for "all is sent": it would close the connection under an
 * answer, or stop writing in its middle. */
static bufferevent_data_cb evhttp_written;

static void
guarded_write(struct bufferevent *bev, void *evcon)
{
	bufferevent_data_cb written = __atomic_load_n(&evhttp_written, __ATOMIC_RELAXED);

	if (evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		written(bev, evcon);	/* else the true call comes when that is sent */
}

/* A client that talks on while it is answered is not listened to.  evhttp listens again with each
 * piece it writes, so this is said after each. */
static void
conn_hush(struct conn *c)
{
	if (c->unseen > LIMIT_HTTP_PIPELINE && c->gate.state == GATE_COMPLETE)
		(void)bufferevent_disable(c->bev, EV_READ);
}

void
conn_deaf(struct conn *c)
{
	bufferevent_data_cb write;
	bufferevent_event_cb event;
	void *evcon;

	bufferevent_getcb(c->bev, NULL, &write, &event, &evcon);
	bufferevent_setcb(c->bev, NULL, write, event, evcon);
}

void
conn_guard(struct conn *c)
{
	bufferevent_data_cb read, write;
	bufferevent_event_cb event;
	void *evcon;

	conn_hush(c);
	bufferevent_getcb(c->bev, &read, &write, &event, &evcon);
	if (write == NULL || write == guarded_write)
		return;
	__atomic_store_n(&evhttp_written, write, __ATOMIC_RELAXED);
	bufferevent_setcb(c->bev, read, guarded_write, event, evcon);
}

/* ---- refusing: the connection is taken from evhttp, told why, and closed. ---- */

static void
linger_read(struct bufferevent *bev, void *arg)
{
	(void)arg;	/* evhttp's late call passes its own */
	(void)evbuffer_drain(bufferevent_get_input(bev), evbuffer_get_length(bufferevent_get_input(bev)));
}

static void
linger_written(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	if (evbuffer_get_length(bufferevent_get_output(bev)) != 0)
		return;
	/* The client reads the answer before it learns that we do not listen: closing at
	 * once would make the kernel send a reset that overtakes it. */
	if (c->ssl != NULL)
		tls_goodbye(c->ssl);
	(void)shutdown(bufferevent_getfd(bev), SHUT_WR);
}

static void
linger_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev, (void)what;
	conn_close(arg);
}

static void
conn_refuse(struct conn *c)
{
	const struct http_gate *g = &c->gate;
	BUF_AUTO struct buf body = buf_init(KIB(4)), allow = buf_init(128);
	struct evbuffer *out = bufferevent_get_output(c->bev);

	worker_count(c->w, COUNT_REFUSED);
	http_say(c->w->s, HTTP_LOG_DEBUG, "%s: refused with %u: %s", c->peer.address, g->status, g->why);
	problem_text(&body, g->status, g->code, g->why);
	if (c->r != NULL)
		router_allow(c->r->allow, &allow);
	(void)evbuffer_add_printf(out, "HTTP/1.1 %u %s\r\nContent-Type: application/problem+json\r\n"
	    "Content-Length: %zu\r\nConnection: close\r\nCache-Control: no-store\r\n%s%s%s%s",
	    g->status, http_reason(g->status), body.n,
	    g->status == 405 ? "Allow: " : "", g->status == 405 ? buf_cstr(&allow) : "",
	    g->status == 405 ? "\r\n" : "", g->status == 401 ? "WWW-Authenticate: Bearer\r\n" : "");
	if (g->status == 503 || g->status == 429)
		(void)evbuffer_add_printf(out, "Retry-After: %d\r\n", HTTP_RETRY_AFTER);
	(void)evbuffer_add(out, "\r\n", 2);
	if (g->h.method != HTTP_HEAD)
		(void)evbuffer_add(out, body.p, body.n);
	if (c->r != NULL)
		request_free(c->r);
	c->r = NULL;
	c->broken = true;
	bufferevent_setcb(c->bev, linger_read, linger_written, linger_event, c);
	(void)bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	conn_phase(c, PHASE_LINGER);
}

/* ---- bytes ---- */

/* The first bytes after the handshake: now the peer is known. */
static void
conn_meet(struct conn *c)
{
	struct tls_facts facts;

	c->known = true;
	if (c->ssl == NULL)
		return;
	tls_facts(c->ssl, &facts);
	tls_peer(c->ssl, (int64_t)time(NULL), &c->peer.cert);
	worker_count(c->w, COUNT_HANDSHAKES);
	if (facts.resumed)
		worker_count(c->w, COUNT_RESUMED);
	tls_server_settle(c->w->s->o.tls, c->ssl);
}

static void
gate_step(struct conn *c, struct span bytes)
{
	size_t before = bytes.n;
	enum gate_event ev;

	if (c->phase == PHASE_HANDSHAKE || c->phase == PHASE_IDLE)
		conn_phase(c, PHASE_HEAD);
	ev = gate_feed(&c->gate, &bytes);
	c->unseen -= before - bytes.n;
	if (ev == GATE_HEAD) {
		ev = conn_decide(c);
		if (ev == GATE_MORE)
			conn_phase(c, PHASE_BODY);
	}
	if (ev == GATE_DONE)
		conn_phase(c, PHASE_READY);
	else if (ev == GATE_REFUSED)
		conn_refuse(c);
}

/* Shows the gate what it has not seen, up to the end of the request. */
static void
gate_run(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	struct evbuffer_iovec v[8];
	struct evbuffer_ptr at;

	while (c->unseen != 0 && !c->broken && c->gate.state != GATE_COMPLETE) {
		size_t n = evbuffer_get_length(in);
		int k;

		if (n < c->unseen || evbuffer_ptr_set(in, &at, n - c->unseen, EVBUFFER_PTR_SET) != 0 ||
		    (k = evbuffer_peek(in, -1, &at, v, 8)) <= 0) {
			(void)gate_refuse(&c->gate, 500, "internal", "the server lost its place");
			conn_refuse(c);
			return;
		}
		for (int i = 0; i < k && i < 8 && c->unseen != 0 && !c->broken &&
		    c->gate.state != GATE_COMPLETE; i++)
			if (v[i].iov_len != 0)
				gate_step(c, span_of(v[i].iov_base, v[i].iov_len));
	}
	conn_hush(c);
}

void
conn_input(struct evbuffer *in, const struct evbuffer_cb_info *info, void *arg)
{
	struct conn *c = arg;

	(void)in;
	if (info->n_added == 0 || c->broken)
		return;
	conn_adopt(c);
	if (!c->known)
		conn_meet(c);
	c->unseen += info->n_added;
	gate_run(c);
}

void
conn_later(struct conn *c)
{
	if (c->phase == PHASE_FRESH)
		conn_admit(c);
	else if (c->phase == PHASE_IDLE && c->w->stop_at != 0)
		conn_close(c);
	else if (c->phase == PHASE_IDLE)
		gate_run(c);	/* what came while the last request was answered */
}

/* ---- time ---- */

void
conn_answered(struct conn *c)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);

	conn_guard(c);
	c->out_total = evbuffer_get_length(out);
	/* Each piece of the buffer would be a TLS record and a system call of its own. */
	if (c->out_total <= ONE_RECORD)
		(void)evbuffer_pullup(out, -1);
	conn_phase(c, PHASE_WRITING);
}

/* How long this connection may be in its phase; 0: for ever.  Bytes that come or go buy
 * time only at LIMIT_HTTP_RATE. */
static uint64_t
allowance(const struct conn *c)
{
	const struct http_server_options *o = &c->w->s->o;
	size_t left;

	switch (c->phase) {
	case PHASE_HANDSHAKE:	return o->handshake_ms;
	case PHASE_HEAD:	return o->head_ms;
	case PHASE_READY:	return o->head_ms;
	case PHASE_IDLE:	return o->idle_ms;
	case PHASE_STREAM:	return o->heartbeat_ms;
	case PHASE_LINGER:	return LIMIT_HTTP_LINGER_MS;
	case PHASE_BODY:	return o->body_ms + c->gate.body * 1000 / LIMIT_HTTP_RATE;
	case PHASE_WRITING:
		left = evbuffer_get_length(bufferevent_get_output(c->bev));
		return o->write_ms + (left < c->out_total ? c->out_total - left : 0) * 1000 / LIMIT_HTTP_RATE;
	case PHASE_FRESH:
	case PHASE_HANDLING:
	case PHASE_COUNT:
		break;
	}
	return 0;
}

static void
expire(struct conn *c)
{
	bool answer = c->phase == PHASE_BODY || (c->phase == PHASE_HEAD && gate_started(&c->gate));

	if (c->phase == PHASE_STREAM) {
		stream_beat(c);
		return;
	}
	if (c->phase == PHASE_HANDSHAKE && tls_established(c->ssl)) {
		conn_phase(c, PHASE_HEAD);	/* it shook hands and is silent */
		return;
	}
	if (c->phase != PHASE_IDLE && c->phase != PHASE_LINGER)
		worker_count(c->w, COUNT_CUT);
	if (!answer) {
		conn_close(c);
		return;
	}
	(void)gate_refuse(&c->gate, 408, "timeout", "the request did not come in time");
	conn_refuse(c);
}

void
conn_tick(struct worker *w, uint64_t now)
{
	for (enum phase p = PHASE_HANDSHAKE; p < PHASE_COUNT; p++) {
		/* In these two the allowance grows; in the others the first is the oldest. */
		bool all = p == PHASE_BODY || p == PHASE_WRITING;
		struct conn *next;

		for (struct conn *c = TAILQ_FIRST(&w->phases[p]); c != NULL; c = next) {
			uint64_t most = allowance(c);

			next = TAILQ_NEXT(c, in_phase);
			if (most == 0 || (now - c->since < most && !all))
				break;
			if (now - c->since >= most)
				expire(c);
		}
	}
}

void
conn_stop(struct worker *w)
{
	static const enum phase idle[] = { PHASE_FRESH, PHASE_HANDSHAKE, PHASE_IDLE };
	struct conn *next;

	for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++)
		for (struct conn *c = TAILQ_FIRST(&w->phases[idle[i]]); c != NULL; c = next) {
			next = TAILQ_NEXT(c, in_phase);
			if (c->unseen == 0)
				conn_close(c);
		}
	for (struct conn *c = TAILQ_FIRST(&w->phases[PHASE_STREAM]); c != NULL; c = next) {
		next = TAILQ_NEXT(c, in_phase);
		stream_finish(c->r);
	}
}
