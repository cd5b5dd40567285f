/* http_client_link.c: one connection of the client: found, made, and told why it failed. */
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "port/net/http_client_internal.h"

void
link_close(struct link *l)
{
	PIPE_GUARD;

	if (l->evcon != NULL) {
		evhttp_connection_set_closecb(l->evcon, NULL, NULL);
		if (l->ssl != NULL && !l->closed)
			tls_goodbye(l->ssl);
		evhttp_connection_free(l->evcon);
	}
	*l = (struct link){ 0 };
}

enum http_fault
http_client_fault(const struct http_client *c)
{
	return c->fault;
}

static void
on_closed(struct evhttp_connection *evcon, void *arg)
{
	struct link *l = arg;

	(void)evcon;
	/* Without a close_notify of ours OpenSSL calls the session bad, and it could not be
	 * resumed. */
	if (l->ssl != NULL)
		tls_goodbye(l->ssl);
	l->closed = true;
}

static void
on_output(struct evbuffer *out, const struct evbuffer_cb_info *info, void *arg)
{
	struct exchange *x = arg;

	(void)out;
	if (info->n_added == 0 || x->link->sent)
		return;
	x->link->sent = true;
	(void)event_base_loopbreak(x->c->base);	/* the other deadline begins */
}

/* What OpenSSL says went wrong on a connection; false if it says nothing. */
bool
link_tls_failure(struct exchange *x)
{
	const struct link *l = x->link;
	struct err *e = x->e;
	const char *refused = l->ssl == NULL ? NULL : tls_verify_text(l->ssl);
	BUF_AUTO struct buf text = buf_init(512);
	unsigned long code = 0;

	if (refused != NULL) {
		x->c->fault = HTTP_FAULT_UNTRUSTED;
		err_set(e, ERR_NETWORK, "the server's certificate is not trusted: %s", refused);
		return true;
	}
	/* Codes below a library's number are SSL_ERROR_*, not reasons. */
	if (l->ssl != NULL)
		do
			code = bufferevent_get_openssl_error(l->bev);
		while (code != 0 && code < 0x1000);
	if (code == 0)
		return false;
	tls_error_text(code, &text);
	x->c->fault = HTTP_FAULT_TLS;
	err_set(e, ERR_NETWORK, "TLS failed: %s", buf_cstr(&text));
	return true;
}

/* Why it could not connect, asked before evhttp closes the socket and forgets. */
static void
on_connect(struct exchange *x, short what)
{
	int why = EVUTIL_SOCKET_ERROR();

	if ((what & BEV_EVENT_CONNECTED) != 0 || link_tls_failure(x))
		return;
	x->c->fault = HTTP_FAULT_CONNECT;
	if (what & BEV_EVENT_TIMEOUT)
		err_set(x->e, ERR_NETWORK, "connecting took too long");
	else
		err_set(x->e, ERR_NETWORK, "cannot connect: %s",
		    why == 0 || why == EAGAIN || why == EINPROGRESS ? "the connection was closed" :
		    strerror(why));
}

/* on_connect in front of evhttp's own callback. */
static void
hooked_event(struct bufferevent *bev, short what, void *arg)
{
	struct connect_hook h = *(struct connect_hook *)arg;

	on_connect(h.x, what);
	h.cb(bev, what, h.arg);
}

static int
link_new(struct exchange *x, const struct addrinfo *ai, struct err *e)
{
	struct http_client *c = x->c;
	struct link *l = x->link;
	char address[64], port[8];
	int rc;

	*l = (struct link){ 0 };
	if (getnameinfo(ai->ai_addr, ai->ai_addrlen, address, sizeof(address), port, sizeof(port),
	    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return err_set(e, ERR_NETWORK, "%s has an address that cannot be used", c->url.host);
	if (c->url.tls) {
		rc = tls_client_ssl(c->tls, c->server_name != NULL ? c->server_name : c->url.host, &l->ssl, e);
		if (rc != 0)
			return rc;
		l->bev = bufferevent_openssl_socket_new(c->base, -1, l->ssl, BUFFEREVENT_SSL_CONNECTING,
		    BEV_OPT_CLOSE_ON_FREE);
	} else {
		l->bev = bufferevent_socket_new(c->base, -1, BEV_OPT_CLOSE_ON_FREE);
	}
	if (l->bev == NULL || (l->evcon = evhttp_connection_base_bufferevent_new(c->base, NULL, l->bev,
	    address, c->url.port)) == NULL) {
		if (l->bev != NULL)
			bufferevent_free(l->bev);
		*l = (struct link){ 0 };
		return err_set(e, ERR_NOMEM, "a connection");
	}
	evhttp_connection_set_timeout(l->evcon, 24 * 3600);	/* we have our own */
	evhttp_connection_set_closecb(l->evcon, on_closed, l);
	return 0;
}

/* Small requests must not wait for the acknowledgement of the last answer. */
static void
set_nodelay(const struct link *l)
{
	const int on = 1;
	int fd = bufferevent_getfd(l->bev);

	if (fd >= 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static enum evhttp_cmd_type
command(enum http_method m)
{
	switch (m) {
	case HTTP_GET:		return EVHTTP_REQ_GET;
	case HTTP_HEAD:		return EVHTTP_REQ_HEAD;
	case HTTP_POST:		return EVHTTP_REQ_POST;
	case HTTP_PUT:		return EVHTTP_REQ_PUT;
	case HTTP_PATCH:	return EVHTTP_REQ_PATCH;
	case HTTP_DELETE:	return EVHTTP_REQ_DELETE;
	case HTTP_OPTIONS:	return EVHTTP_REQ_OPTIONS;
	}
	return EVHTTP_REQ_GET;
}

/* Sends on x->link; with ${hook}, it has to connect first. */
int
link_send(struct exchange *x, const struct http_call *call, struct connect_hook *hook,
    struct err *e)
{
	struct link *l = x->link;
	bool kept = hook == NULL;
	int rc;

	if ((rc = client_make(x, call, e)) != 0)
		return rc;
	l->sent = false;
	if (!kept)
		l->watch = evbuffer_add_cb(bufferevent_get_output(l->bev), on_output, x);
	if (!kept && l->watch == NULL) {
		evhttp_request_free(x->ev);
		return err_set(e, ERR_NOMEM, "a request");
	}
	if (evhttp_make_request(l->evcon, x->ev, command(call->method), call->target) != 0) {
		evhttp_request_free(x->ev);
		return err_set(e, ERR_NETWORK, "the request could not be sent");
	}
	if (kept) {
		l->sent = true;
		return 0;
	}
	hook->x = x;
	bufferevent_getcb(l->bev, NULL, NULL, &hook->cb, &hook->arg);
	if (!x->done && hook->cb != NULL)
		bufferevent_setcb(l->bev, NULL, NULL, hooked_event, hook);
	set_nodelay(l);
	return 0;
}

static int
open_address(struct exchange *x, const struct addrinfo *ai, unsigned ms,
    const struct http_call *call, struct err *e)
{
	struct connect_hook hook = { 0 };
	int rc;

	x->done = x->timed_out = false;
	x->failure = -1;
	if ((rc = link_new(x, ai, e)) != 0 || (rc = link_send(x, call, &hook, e)) != 0) {
		link_close(x->link);
		return rc;
	}
	client_deadline(x->c, ms);
	while (!x->link->sent && !x->done && !x->timed_out)
		if (event_base_loop(x->c->base, EVLOOP_ONCE) != 0)
			break;
	if (x->link->sent) {
		(void)evbuffer_remove_cb_entry(bufferevent_get_output(x->link->bev), x->link->watch);
		return 0;
	}
	if (x->timed_out || e->code == 0)
		err_set(e, ERR_NETWORK, x->timed_out ? "connecting took too long" :
		    "the connection was closed at once");
	if (x->link->ssl != NULL)
		tls_client_unsent(x->c->tls, x->link->ssl);
	link_close(x->link);
	return ERR_NETWORK;
}

int
client_open(struct exchange *x, const struct http_call *call, struct err *e)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	uint64_t start = client_now_ms(), end = start + x->c->connect_ms;
	unsigned n = 0, i = 0;
	struct addrinfo *all;
	struct err last = { 0 };
	char port[8];
	int rc;

	(void)snprintf(port, sizeof(port), "%u", x->c->url.port);
	x->c->fault = HTTP_FAULT_CONNECT;
	if ((rc = getaddrinfo(x->c->url.host, port, &hints, &all)) != 0)
		return err_set(e, ERR_NETWORK, "%s: %s", x->c->url.field, gai_strerror(rc));
	for (const struct addrinfo *ai = all; ai != NULL; ai = ai->ai_next)
		n++;
	rc = ERR_NETWORK;
	for (const struct addrinfo *ai = all; ai != NULL && rc != 0; ai = ai->ai_next, i++) {
		uint64_t now = client_now_ms();

		if (now >= end)
			break;
		last = (struct err){ 0 };
		x->e = &last;
		rc = open_address(x, ai, (unsigned)((end - now) / (n - i)) + 1, call, &last);
	}
	freeaddrinfo(all);
	x->e = e;
	if (rc == 0) {
		x->c->fault = HTTP_FAULT_NONE;
		return 0;
	}
	return err_set(e, rc, "%s: %s", x->c->url.field,
	    last.code == 0 ? "connecting took too long" : last.message);
}
