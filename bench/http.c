/* http: what the HTTPS server costs, without anything behind it.
 *
 *	http SERVER.pem SERVER-KEY.pem CA.pem CLIENT.pem CLIENT-KEY.pem [ROUNDS]
 *
 * The server runs in this process, whose CPU time is the figure; the clients are children,
 * so theirs is not in it.  All present a certificate.  Requests go over kept connections;
 * handshakes bring one request each.  The wall rate says what this machine did with clients
 * and server together.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "bench/measure.h"
#include "port/net/http_client.h"
#include "port/net/http_server.h"

#define CLIENTS		4
#define REQUESTS	1500	/* of each client in a round */
#define HANDSHAKES	60
#define CONNECTIONS	250	/* of each client, open at once */

enum task { TASK_KEPT = 'k', TASK_BODY = 'b', TASK_FULL = 'f', TASK_RESUMED = 'r', TASK_OPEN = 'o' };

static struct file pems[5];
static struct client { int ask, answer; pid_t pid; } clients[CLIENTS];

/* ---- the server ---- */

static void
small(struct http_request *r, void *arg)
{
	(void)arg;
	http_request_reply(r, &(struct http_answer){ .type = "text/plain", .body = span_lit("answer\n") });
}

static const struct route routes[] = {
	ROUTE(GET, "/v1/small", HOST, 0, small, "small", "A small answer."),
	ROUTE(POST, "/v1/body", HOST, 65536, small, "body", "Takes a body."),
};

static void
who(void *arg, const struct http_peer *peer, struct span bearer, struct http_caller *out)
{
	(void)arg, (void)bearer;
	out->principal = peer->cert.present ? PRINCIPAL_HOST : PRINCIPAL_UNSET;
}

/* ---- a client ---- */

static struct http_client *
client_new(uint16_t port, struct tls_client *tls)
{
	char url[64];
	const struct http_client_options o = { .url = url, .tls = tls };
	struct http_client *c;
	struct err e = { 0 };

	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%u", port);
	if (http_client_new(&o, &c, &e) != 0)
		bench_die("client", &e);
	return c;
}

static void
ask_once(struct http_client *c, enum task task)
{
	static const uint8_t bytes[1024];
	HTTP_RESULT_AUTO struct http_result r = { 0 };
	const struct http_call get = { .method = HTTP_GET, .target = "/v1/small" };
	const struct http_call post = { .method = HTTP_POST, .target = "/v1/body",
	    .type = "application/octet-stream", .body = span_of(bytes, sizeof(bytes)) };
	struct err e = { 0 };

	if (http_client_call(c, task == TASK_BODY ? &post : &get, &r, &e) != 0 || http_result_check(&r, &e) != 0)
		bench_die("request", &e);
}

static struct tls_client *
tls_make(bool no_resumption)
{
	const struct tls_client_options o = { .server_ca = file_view(&pems[2]),
	    .chain = file_view(&pems[3]), .key = file_view(&pems[4]), .no_resumption = no_resumption };
	struct tls_client *tls;
	struct err e = { 0 };

	if (tls_client_new(&o, &tls, &e) != 0)
		bench_die("TLS", &e);
	return tls;
}

static void
keep_open(uint16_t port, struct tls_client *tls, struct http_client **open)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		if (open[i] == NULL) {
			open[i] = client_new(port, tls);
			ask_once(open[i], TASK_KEPT);
		} else {
			http_client_free(open[i]);
			open[i] = NULL;
		}
	}
}

static _Noreturn void
client_main(int ask, int answer)
{
	static struct http_client *open[CONNECTIONS];
	struct tls_client *resuming = tls_make(false), *never = tls_make(true);
	struct http_client *kept, *fresh, *full;
	uint16_t port;
	char task;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(ask, &port, sizeof(port)) != sizeof(port))
		exit(3);
	kept = client_new(port, resuming);
	fresh = client_new(port, resuming);
	full = client_new(port, never);
	while (read(ask, &task, 1) == 1) {
		struct http_client *c = task == TASK_FULL ? full : task == TASK_RESUMED ? fresh : kept;
		bool handshake = task == TASK_FULL || task == TASK_RESUMED;

		for (int i = 0; i < (handshake ? HANDSHAKES : REQUESTS) && task != TASK_OPEN; i++) {
			if (handshake)
				http_client_close(c);
			ask_once(c, (enum task)task);
		}
		if (task == TASK_OPEN)
			keep_open(port, resuming, open);
		if (write(answer, &task, 1) != 1)
			exit(3);
	}
	exit(0);
}

static void
clients_start(void)
{
	for (int i = 0; i < CLIENTS; i++) {
		int there[2], back[2];

		if (pipe(there) != 0 || pipe(back) != 0 || (clients[i].pid = fork()) < 0)
			exit(3);
		if (clients[i].pid == 0) {
			(void)close(there[1]);
			(void)close(back[0]);
			client_main(there[0], back[1]);
		}
		(void)close(there[0]);
		(void)close(back[1]);
		clients[i].ask = there[1];
		clients[i].answer = back[0];
	}
}

/* All clients do one task; the server's CPU time meanwhile. */
static struct watch
round_of(enum task task)
{
	struct watch start = watch_now();
	char c = (char)task;

	for (int i = 0; i < CLIENTS; i++)
		if (write(clients[i].ask, &c, 1) != 1)
			exit(3);
	for (int i = 0; i < CLIENTS; i++)
		if (read(clients[i].answer, &c, 1) != 1) {
			fprintf(stderr, "http: a client failed\n");
			exit(3);
		}
	return watch_since(start);
}

static void
measure(enum task task, size_t rounds, int n, const char *name, const char *title)
{
	static struct samples s;
	char rate[96];

	s.n = 0;
	(void)round_of(task);	/* connects, or gets its first ticket */
	for (size_t i = 0; i < rounds; i++)
		samples_add(&s, round_of(task));
	figure_print(&(struct figure){ .name = name, .title = title, .unit = "us",
	    .scale = 1e6 / (n * CLIENTS), .subject = &s });
	(void)snprintf(rate, sizeof(rate), "%s: wall rate", title);
	figure_value(name, rate, "/s", n * CLIENTS / samples_median(s.wall, s.n), 0);
}

static double
resident_kib(void)
{
	FILE_AUTO struct file f = { 0 };
	struct err e = { 0 };
	unsigned long pages;

	if (file_read("/proc/self/statm", KIB(4), &f, &e) != 0)
		bench_die("statm", &e);
	f.p[f.n - 1] = '\0';
	pages = strtoul(strchr((char *)f.p, ' ') + 1, NULL, 10);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024;
}

int
main(int argc, char **argv)
{
	size_t rounds = argc > 6 ? strtoul(argv[6], NULL, 10) : 10;
	TLS_SERVER_AUTO struct tls_server *tls = NULL;
	ROUTER_AUTO struct router *router = NULL;
	struct http_server_options o = { .address = "127.0.0.1", .who = who };
	struct http_server *server;
	struct http_server_facts f;
	struct err e = { 0 };
	double before;
	uint16_t port;

	if (argc < 6)
		return 2;
	for (int i = 0; i < 5; i++)
		if (file_read(argv[i + 1], KIB(64), &pems[i], &e) != 0)
			bench_die(argv[i + 1], &e);
	clients_start();
	if (tls_server_new(&(struct tls_server_options){ .chain = file_view(&pems[0]), .key = file_view(&pems[1]),
	    .client_ca = file_view(&pems[2]) }, &tls, &e) != 0 ||
	    router_new(routes, 2, &router, &e) != 0)
		bench_die("server", &e);
	o.tls = tls;
	o.router = router;
	o.max_per_address = 10000;
	if (http_server_new(&o, &server, &e) != 0)
		bench_die("server", &e);
	port = http_server_port(server);
	for (int i = 0; i < CLIENTS; i++)
		if (write(clients[i].ask, &port, sizeof(port)) != sizeof(port))
			exit(3);
	measure(TASK_KEPT, rounds, REQUESTS, "http-kept", "HTTPS request, kept connection");
	measure(TASK_BODY, rounds, REQUESTS, "http-body", "the same with a body of 1 KiB");
	measure(TASK_FULL, rounds, HANDSHAKES, "http-full", "full handshake, mutual, and a request");
	measure(TASK_RESUMED, rounds, HANDSHAKES, "http-resumed", "resumed handshake and a request");
	before = resident_kib();
	(void)round_of(TASK_OPEN);
	http_server_facts(server, &f);
	figure_value("http-open", "memory of an open connection", "KiB",
	    (resident_kib() - before) / (CONNECTIONS * CLIENTS), 0);
	if (f.resumed == 0 || f.open < CONNECTIONS * CLIENTS) {
		fprintf(stderr, "http: %llu resumed, %u open\n", (unsigned long long)f.resumed, f.open);
		return 3;
	}
	for (int i = 0; i < CLIENTS; i++)
		(void)close(clients[i].ask);
	for (int i = 0; i < CLIENTS; i++)
		(void)waitpid(clients[i].pid, NULL, 0);
	http_server_free(server);
	for (int i = 0; i < 5; i++)
		file_free(&pems[i]);
	return 0;
}
