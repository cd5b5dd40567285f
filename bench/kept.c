/* Connections that are kept, to a server that runs: bench-kept URL DATA STORE CONNECTIONS full|resumed FIRST.
 *
 * LANES hosts with certificates open them from addresses 127.x.y.z, each one after the other, with
 * full handshakes or (after its first) resumed ones; over each it says hello as an agent does, and
 * again a minute later, as long as this runs.  FIRST: the number of the first host and address, if
 * there are some already.  When all are open it prints a line of JSON; at a
 * line from standard input it prints how many still are, and ends. */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/text.h"
#include "bench/attester.h"
#include "bench/measure.h"
#include "formats/attest_message.h"

#define LANES 64		/* hosts, and handshakes at once */
#define PER_ADDRESS 500		/* a server takes 1,024 from one */
#define AGAIN_S 60.0		/* agents speak every 30 to 120 s */

struct kept {
	struct bufferevent *bev;
	struct lane *lane;	/* whose it is */
	bool open;		/* its first answer came */
	double said;		/* when it said hello last */
};

struct lane {
	bool busy;		/* a host says one thing at a time */
	struct attester h;
	struct tls_client *tls;
};

static struct lane lanes[LANES];
static struct kept *all;
static size_t n_all, n_begun, n_open, n_resumed, n_lost, first;
static struct event_base *base;
static struct watch start;
static struct sockaddr_in server;
static struct buf hello = { .max = 4096 };

static _Noreturn void
die(const char *what)
{
	(void)fprintf(stderr, "bench-kept: %s\n", what);
	exit(3);
}

/* Bound to an address, so that the server sees as many as hosts would have. */
static int
socket_from(size_t i)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	uint32_t n = (uint32_t)((first + i) / PER_ADDRESS);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const int on = 1;

	from.sin_addr.s_addr = htonl(0x7f010001U + ((n / 250) << 8) + n % 250);
	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) != 0 ||
	    bind(fd, (const struct sockaddr *)&from, sizeof(from)) != 0)
		die("a socket cannot be made (ulimit -n?)");
	return fd;
}

static void begin_next(struct lane *l);

/* An answer is complete when its body is; what else it says does not matter here. */
static void
on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct kept *k = arg;
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	struct lane *l = k->lane;
	struct tls_facts f;
	const char *head, *length;

	if (end.pos < 0)
		return;
	head = (const char *)evbuffer_pullup(in, end.pos + 4);
	if (head == NULL || memcmp(head, "HTTP/1.1 200", 12) != 0 ||
	    (length = memmem(head, (size_t)end.pos, "Content-Length: ", 16)) == NULL) {
		(void)fprintf(stderr, "bench-kept: the server answered %.*s\n", head == NULL ? 0 : (int)evbuffer_get_length(in), head);
		die("that is not 200");
	}
	if (evbuffer_get_length(in) < (size_t)end.pos + 4 + strtoul(length + 16, NULL, 10))
		return;
	(void)evbuffer_drain(in, evbuffer_get_length(in));
	l->busy = false;
	if (k->open)
		return;
	tls_facts(bufferevent_openssl_get_ssl(bev), &f);
	n_open++;
	n_resumed += f.resumed;
	k->open = true;
	begin_next(l);
}

static void
speak(struct kept *k)
{
	k->lane->busy = true;
	k->said = watch_since(start).wall;
	(void)bufferevent_write(k->bev, hello.p, hello.n);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct kept *k = arg;

	if ((what & BEV_EVENT_CONNECTED) != 0) {
		speak(k);
		return;
	}
	if (!k->open)
		die("a connection could not be opened");
	bufferevent_free(bev);
	k->bev = NULL;
	n_lost++;
}

static void
begin_next(struct lane *l)
{
	struct kept *k = &all[n_begun];
	struct ssl_st *ssl;
	struct err e = { 0 };

	if (n_begun == n_all) {
		if (n_open == n_all)
			(void)event_base_loopbreak(base);
		return;
	}
	if (tls_client_ssl(l->tls, "127.0.0.1", &ssl, &e) != 0)
		bench_die("connecting", &e);
	k->bev = bufferevent_openssl_socket_new(base, socket_from(n_begun), ssl, BUFFEREVENT_SSL_CONNECTING,
	    BEV_OPT_CLOSE_ON_FREE);
	n_begun++;
	k->lane = l;
	l->busy = true;
	if (k->bev == NULL)
		die("out of memory");
	bufferevent_setcb(k->bev, on_read, NULL, on_event, k);
	(void)bufferevent_enable(k->bev, EV_READ | EV_WRITE);
	if (bufferevent_socket_connect(k->bev, (const struct sockaddr *)&server, sizeof(server)) != 0)
		die("the server cannot be reached");
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	double now = watch_since(start).wall;

	(void)fd, (void)what, (void)arg;
	for (size_t i = 0; i < n_begun; i++)
		if (all[i].bev != NULL && all[i].open && !all[i].lane->busy && now - all[i].said > AGAIN_S)
			speak(&all[i]);
}

static void
on_input(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	(void)event_base_loopbreak(base);
}

static void
make_hello(const char *address)
{
	const struct attest_message m = { .type = ATTEST_EVIDENCE };
	BUF_AUTO struct buf body = buf_init(1024);
	struct err e = { 0 };

	if (attest_message_write(&m, &body, &e) != 0)
		bench_die("a message", &e);
	buf_printf(&hello, "POST /v1/agent/attest HTTP/1.1\r\nHost: %s\r\nUser-Agent: assay-agent\r\n"
	    "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n", address, ATTEST_MESSAGE_TYPE, body.n);
	buf_span(&hello, buf_view(&body));
	if (buf_done(&hello, &e) != 0)
		bench_die("a message", &e);
}

static void
make_hosts(const char *data, const char *store, bool resumed)
{
	STORE_AUTO struct store *s = NULL;
	FILE_AUTO struct file ca = { 0 };
	struct attesters *made;
	char path[4096];
	struct err e = { 0 };

	(void)snprintf(path, sizeof(path), "%s/ca.pem", data);
	if (file_read(path, MIB(1), &ca, &e) != 0 || attesters_new(data, 0, &made, &e) != 0 ||
	    store_open(store, 0, &s, &e) != 0)
		bench_die("starting", &e);
	for (size_t i = 0; i < LANES; i++) {
		struct lane *l = &lanes[i];

		if (attester_put(made, s, (unsigned)(first + i), &l->h, &e) != 0 ||
		    tls_client_new(&(struct tls_client_options){ .server_ca = file_view(&ca), .no_resumption = !resumed,
		    .chain = buf_view(&l->h.chain_pem), .key = buf_view(&l->h.key_pem) }, &l->tls, &e) != 0)
			bench_die("hosts", &e);
	}
	attesters_free(made);
}

static void
serve(void)
{
	struct timeval second = { .tv_sec = 1 };
	struct event *tick = event_new(base, -1, EV_PERSIST, on_second, NULL);
	struct event *input = event_new(base, 0, EV_READ, on_input, NULL);
	struct rusage own;

	if (tick == NULL || input == NULL || event_add(tick, &second) != 0)
		die("out of memory");
	start = watch_now();
	for (size_t i = 0; i < LANES; i++)
		begin_next(&lanes[i]);
	(void)event_base_dispatch(base);
	getrusage(RUSAGE_SELF, &own);
	(void)printf("{\"open\":%zu,\"resumed\":%zu,\"lost\":%zu,\"wall_s\":%.3f,\"own_cpu_s\":%.3f}\n", n_open, n_resumed,
	    n_lost, watch_since(start).wall, (double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec));
	(void)fflush(stdout);
	if (event_add(input, NULL) == 0)
		(void)event_base_dispatch(base);
	(void)printf("{\"open\":%zu}\n", n_open - n_lost);
}

int
main(int argc, char **argv)
{
	uint64_t n, number, port;
	const char *at = argc == 7 ? strrchr(argv[1], ':') : NULL;

	if (at == NULL || !dec_u64(span_str(argv[4]), &n) || n == 0 || n > 1000000 || !dec_u64(span_str(argv[6]), &number) ||
	    number > 10000000 || !dec_u64(span_str(at + 1), &port) || port > 65535) {
		(void)fprintf(stderr, "usage: bench-kept https://127.0.0.1:PORT DATA STORE CONNECTIONS full|resumed FIRST\n");
		return 2;
	}
	first = (size_t)number;
	n_all = (size_t)n;
	server = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if ((all = calloc(n_all, sizeof(*all))) == NULL || (base = event_base_new()) == NULL)
		die("out of memory");
	make_hosts(argv[2], argv[3], strcmp(argv[5], "resumed") == 0);
	make_hello("127.0.0.1");
	(void)signal(SIGPIPE, SIG_IGN);
	serve();
	buf_free(&hello);
	return 0;
}
