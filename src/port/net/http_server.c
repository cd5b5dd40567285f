/* http_server.c: options, sockets, workers: the server's beginning and end. */
#include "port/net/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "port/net/http_internal.h"

#define BACKLOG		4096	/* what net.core.somaxconn allows, if nobody changed it */
#define FDS_RESERVED	256	/* descriptors left to the rest of the program */

void
http_say(const struct http_server *s, enum http_log_level level, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	if (s->o.log == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	s->o.log(s->o.arg, level, line);
}

uint64_t
http_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* libevent would print: only cmd/ does. */
static void
silence(int severity, const char *message)
{
	(void)severity, (void)message;
}

static void
silence_libevent(void)
{
	event_set_log_callback(silence);
}

static unsigned
cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

static void
default_to(unsigned *v, unsigned otherwise)
{
	if (*v == 0)
		*v = otherwise;
}

static void
fill_defaults(struct http_server *s)
{
	struct http_server_options *o = &s->o;
	struct rlimit fds;

	default_to(&o->workers, cpus());
	if (o->workers > LIMIT_HTTP_WORKERS)
		o->workers = LIMIT_HTTP_WORKERS;
	default_to(&o->max_connections, LIMIT_HTTP_CONNECTIONS);
	default_to(&o->max_per_address, LIMIT_HTTP_PER_ADDRESS);
	default_to(&o->handshake_ms, LIMIT_HTTP_HANDSHAKE_MS);
	default_to(&o->head_ms, LIMIT_HTTP_HEAD_MS);
	default_to(&o->body_ms, LIMIT_HTTP_BODY_MS);
	default_to(&o->write_ms, LIMIT_HTTP_WRITE_MS);
	default_to(&o->idle_ms, LIMIT_HTTP_IDLE_MS);
	default_to(&o->heartbeat_ms, LIMIT_HTTP_HEARTBEAT_MS);
	if (o->bodies_max == 0)
		o->bodies_max = LIMIT_HTTP_BODIES;
	if (o->stream_queue == 0)
		o->stream_queue = LIMIT_HTTP_STREAM_QUEUE;
	if (getrlimit(RLIMIT_NOFILE, &fds) == 0 && fds.rlim_cur > 2 * FDS_RESERVED &&
	    fds.rlim_cur - FDS_RESERVED < o->max_connections) {
		o->max_connections = (unsigned)(fds.rlim_cur - FDS_RESERVED);
		http_say(s, HTTP_LOG_INFO, "at most %u connections, because of the limit of open files",
		    o->max_connections);
	}
}

static bool
is_loopback(const struct sockaddr *sa)
{
	struct sockaddr_in6 six;
	struct sockaddr_in four;

	if (sa->sa_family == AF_INET) {
		memcpy(&four, sa, sizeof(four));
		return ntohl(four.sin_addr.s_addr) >> 24 == 127;
	}
	memcpy(&six, sa, sizeof(six));
	return IN6_IS_ADDR_LOOPBACK(&six.sin6_addr);
}

static void
set_port(struct sockaddr_storage *ss, uint16_t port)
{
	/* The port stands at the same place in both. */
	struct sockaddr_in any;

	memcpy(&any, ss, sizeof(any));
	any.sin_port = htons(port);
	memcpy(ss, &any, sizeof(any));
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in any;
	socklen_t n = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &n) != 0)
		return 0;
	memcpy(&any, &ss, sizeof(any));
	return ntohs(any.sin_port);
}

static int
set_options(int fd, bool share)
{
	const int on = 1, idle = 60, every = 20, times = 3;

	/* What is set here, accepted sockets inherit (Linux).  Without TCP_NODELAY an answer
	 * waits for the delayed ACK of the one before it: 23 requests a second. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    (share && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) ||
	    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) != 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle)) != 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every)) != 0)
		return -1;
	return setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
}

static int
listen_at(const struct sockaddr_storage *ss, socklen_t n, bool share, int *out, struct err *e)
{
	int fd = socket(ss->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int off = 0;
	int rc;

	if (fd < 0)
		return err_errno(e, "socket");
	if (ss->ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (set_options(fd, share) != 0 || bind(fd, (const struct sockaddr *)ss, n) != 0 ||
	    listen(fd, BACKLOG) != 0) {
		rc = err_errno(e, "listening");
		(void)close(fd);
		return rc;
	}
	*out = fd;
	return 0;
}

/* A socket for each worker, so that the kernel spreads the connections. */
static int
listen_all(struct http_server *s, struct sockaddr_storage *ss, socklen_t n, struct err *e)
{
	int probe, rc;

	/* Sockets that share a port would share it with another server of the same user: one
	 * that does not share tells whether there is one. */
	if (s->o.port != 0) {
		if ((rc = listen_at(ss, n, false, &probe, e)) != 0)
			return rc;
		(void)close(probe);
	}
	for (unsigned i = 0; i < s->n_workers; i++) {
		if ((rc = listen_at(ss, n, true, &s->workers[i].listen_fd, e)) != 0)
			return rc;
		if (i == 0)
			s->port = port_of(s->workers[0].listen_fd);
		set_port(ss, s->port);
	}
	return 0;
}

static int
bind_server(struct http_server *s, struct err *e)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_PASSIVE,
	    .ai_socktype = SOCK_STREAM };
	struct sockaddr_storage ss = { 0 };
	struct addrinfo *ai;
	socklen_t n;
	bool loopback;
	int rc;

	if (s->o.address == NULL || (rc = getaddrinfo(s->o.address, NULL, &hints, &ai)) != 0)
		return err_set(e, ERR_USAGE, "\"%s\" is not an IP address to listen at",
		    s->o.address == NULL ? "" : s->o.address);
	n = ai->ai_addrlen;
	memcpy(&ss, ai->ai_addr, n);
	loopback = is_loopback(ai->ai_addr);
	freeaddrinfo(ai);
	if (s->o.tls == NULL && !s->o.plain)
		return err_set(e, ERR_USAGE, "a server without TLS must be asked for");
	if (s->o.tls == NULL && !loopback)
		return err_set(e, ERR_USAGE, "a server without TLS listens at loopback only, not at %s",
		    s->o.address);
	set_port(&ss, s->o.port);
	if ((rc = listen_all(s, &ss, n, e)) != 0)
		return err_ctx(e, rc, "%s port %u", s->o.address, s->o.port);
	return 0;
}

static int
start_all(struct http_server *s, struct err *e)
{
	int rc;

	if ((rc = bind_server(s, e)) != 0)
		return rc;
	for (unsigned i = 0; i < s->n_workers; i++)
		if ((rc = worker_init(&s->workers[i], e)) != 0)
			return rc;
	for (unsigned i = 0; i < s->n_workers; i++)
		if ((rc = worker_start(&s->workers[i], e)) != 0)
			return rc;
	return 0;
}

static void
server_freep(struct http_server **s)
{
	http_server_free(*s);
}

int
http_server_new(const struct http_server_options *o, struct http_server **out, struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	__attribute__((cleanup(server_freep))) struct http_server *s = calloc(1, sizeof(*s));
	int rc;

	(void)pthread_once(&once, silence_libevent);
	if (s == NULL || (s->addresses = address_table_new()) == NULL)
		return err_set(e, ERR_NOMEM, "the HTTP server");
	s->o = *o;
	fill_defaults(s);
	(void)pthread_mutex_init(&s->bodies_lock, NULL);
	if ((s->workers = calloc(s->o.workers, sizeof(*s->workers))) == NULL)
		return err_set(e, ERR_NOMEM, "the HTTP server");
	s->n_workers = s->o.workers;
	for (unsigned i = 0; i < s->n_workers; i++) {
		s->workers[i].s = s;
		s->workers[i].number = i;
		s->workers[i].listen_fd = s->workers[i].wake_fd = -1;
	}
	if ((rc = start_all(s, e)) != 0)
		return rc;
	*out = s;
	s = NULL;
	return 0;
}

uint16_t
http_server_port(const struct http_server *s)
{
	return s->port;
}

void
http_server_stop(struct http_server *s, unsigned grace_ms)
{
	if (s->stopped)
		return;
	s->stopped = true;
	for (unsigned i = 0; i < s->n_workers; i++)
		worker_stop(&s->workers[i], grace_ms);
	for (unsigned i = 0; i < s->n_workers; i++)
		if (s->workers[i].started)
			(void)pthread_join(s->workers[i].thread, NULL);
}

void
http_server_free(struct http_server *s)
{
	if (s == NULL)
		return;
	http_server_stop(s, 0);
	for (unsigned i = 0; i < s->n_workers; i++)
		worker_done(&s->workers[i]);
	free(s->workers);
	address_table_free(s->addresses);
	(void)pthread_mutex_destroy(&s->bodies_lock);
	free(s);
}

void
http_server_facts(const struct http_server *s, struct http_server_facts *out)
{
	uint64_t sum[COUNT_COUNT] = { 0 };

	for (unsigned i = 0; i < s->n_workers; i++)
		for (int k = 0; k < COUNT_COUNT; k++)
			sum[k] += __atomic_load_n(&s->workers[i].counters[k], __ATOMIC_RELAXED);
	*out = (struct http_server_facts){
		.connections = sum[COUNT_CONNECTIONS], .handshakes = sum[COUNT_HANDSHAKES],
		.resumed = sum[COUNT_RESUMED], .requests = sum[COUNT_REQUESTS],
		.refused = sum[COUNT_REFUSED], .cut = sum[COUNT_CUT],
		.streams_dropped = sum[COUNT_DROPPED], .streams = (unsigned)sum[COUNT_STREAMS],
		.open = __atomic_load_n(&s->open, __ATOMIC_RELAXED),
	};
}
