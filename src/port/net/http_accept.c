/* http_accept.c: a connection's birth: its bufferevent, its address, and whether it may stay. */
#include <arpa/inet.h>
#include <event2/bufferevent_ssl.h>
#include <sys/socket.h>

#include "port/net/http_internal.h"

static struct bufferevent *
bufferevent_make(struct event_base *base, struct conn *c)
{
	struct tls_server *tls = c->w->s->o.tls;
	struct bufferevent *bev;

	if (tls == NULL)
		return bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (tls_server_ssl(tls, &c->ssl, NULL) != 0)
		return NULL;
	/* It frees the SSL, also when it fails. */
	bev = bufferevent_openssl_socket_new(base, -1, c->ssl, BUFFEREVENT_SSL_ACCEPTING,
	    BEV_OPT_CLOSE_ON_FREE);
	if (bev == NULL)
		c->ssl = NULL;
	else
		bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}

struct bufferevent *
conn_new(struct event_base *base, void *arg)
{
	struct worker *w = arg;
	struct conn *c = calloc(1, sizeof(*c));

	/* For NULL evhttp would make a plain bufferevent, TLS or not; on_request answers
	 * nothing to what has no connection here. */
	if (c == NULL)
		return NULL;
	c->w = w;
	gate_init(&c->gate);
	if ((c->bev = bufferevent_make(base, c)) == NULL) {
		c->broken = true;
		c->bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	}
	if (c->bev == NULL || (c->input_cb = evbuffer_add_cb(bufferevent_get_input(c->bev), conn_input,
	    c)) == NULL) {
		struct bufferevent *bev = c->bev;

		free(c);
		return bev;
	}
	TAILQ_INSERT_TAIL(&w->phases[PHASE_FRESH], c, in_phase);
	w->n_conns++;
	(void)__atomic_add_fetch(&w->s->open, 1, __ATOMIC_RELAXED);
	worker_count(w, COUNT_CONNECTIONS);
	worker_later(w, c);	/* evhttp has not given it its socket yet */
	worker_accepted(w);
	return c->bev;
}

/* Addresses as text and as key: IPv4 whole, of IPv6 the network (a host has 2^64 there). */
static bool
conn_address(struct conn *c)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in6 six;
	struct sockaddr_in four;
	socklen_t n = sizeof(ss);

	if (getpeername(bufferevent_getfd(c->bev), (struct sockaddr *)&ss, &n) != 0)
		return false;
	if (ss.ss_family == AF_INET) {
		memcpy(&four, &ss, sizeof(four));
		c->peer.port = ntohs(four.sin_port);
		memcpy(c->key, &four.sin_addr, 4);
		return inet_ntop(AF_INET, &four.sin_addr, c->peer.address, sizeof(c->peer.address)) != NULL;
	}
	if (ss.ss_family != AF_INET6)
		return false;
	memcpy(&six, &ss, sizeof(six));
	c->peer.port = ntohs(six.sin6_port);
	if (IN6_IS_ADDR_V4MAPPED(&six.sin6_addr)) {
		memcpy(c->key, six.sin6_addr.s6_addr + 12, 4);
		return inet_ntop(AF_INET, c->key, c->peer.address, sizeof(c->peer.address)) != NULL;
	}
	memcpy(c->key, six.sin6_addr.s6_addr, 8);
	c->key[15] = 6;
	return inet_ntop(AF_INET6, &six.sin6_addr, c->peer.address, sizeof(c->peer.address)) != NULL;
}

static void
turn_away(struct conn *c, const char *why)
{
	uint64_t now = http_now_ms();

	worker_count(c->w, COUNT_REFUSED);
	/* Whoever tries to fill us with connections shall not fill the log. */
	if (now - c->w->said_at >= 1000) {
		http_say(c->w->s, HTTP_LOG_INFO, "%s: not accepted, %s", c->peer.address, why);
		c->w->said_at = now;
	}
	conn_close(c);
}

/* The first turn of the loop: may it stay? */
void
conn_admit(struct conn *c)
{
	const struct http_server_options *o = &c->w->s->o;

	conn_adopt(c);
	conn_phase(c, o->tls != NULL ? PHASE_HANDSHAKE : PHASE_HEAD);
	if (c->broken || !conn_address(c) ||
	    __atomic_load_n(&c->w->s->open, __ATOMIC_RELAXED) > o->max_connections) {
		turn_away(c, "there are too many connections");
		return;
	}
	if (!address_add(c->w->s->addresses, c->key, o->max_per_address)) {
		turn_away(c, "it has too many connections");
		return;
	}
	c->counted = true;
}
