/* http_tool.c: a small server and client on the HTTP modules, for http.t and by hand.
 *
 *	http-tool serve NAME=VALUE...	cert= key= ca= (files), plain=1, address=, port=, workers=,
 *		handshake_ms= head_ms= body_ms= write_ms= idle_ms= heartbeat_ms= queue=
 *		max= per_address= bodies= grace_ms=
 * prints "port N" and serves until SIGTERM (ends gracefully, prints its counters) or
 * SIGHUP (reads certificate and key again).
 *
 *	http-tool call URL METHOD TARGET NAME=VALUE...	ca= cert= key= bearer= body= (a file)
 *		times= pause_ms= fresh=1 repeatable=1 stream=1 events= connect_ms= answer_ms= most=
 *		name= out= if_match= if_none_match= type=
 * prints a line for each answer.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "port/net/http_client.h"
#include "port/net/http_server.h"

static int n_args;
static char **args;

static const char *
arg(const char *name, const char *otherwise)
{
	size_t n = strlen(name);

	for (int i = 0; i < n_args; i++)
		if (strncmp(args[i], name, n) == 0 && args[i][n] == '=')
			return args[i] + n + 1;
	return otherwise;
}

static unsigned
number(const char *name)
{
	return (unsigned)strtoul(arg(name, "0"), NULL, 10);
}

static _Noreturn void
die(const struct err *e)
{
	fprintf(stderr, "http-tool: %s (%s)\n", e->message, err_token(e->code));
	exit(3);
}

static void
pause_ms(unsigned ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&t, NULL);
}

/* ---- the server's handlers ---- */

static struct router *router;
static struct http_server *server;

static void
text(struct http_request *r, const char *s)
{
	http_request_reply(r, &(struct http_answer){ .type = "text/plain", .body = span_str(s) });
}

static void
hello(struct http_request *r, void *a)
{
	(void)a;
	text(r, "hello\n");
}

static void
whoami(struct http_request *r, void *a)
{
	const struct http_caller *c = http_request_caller(r);
	const struct http_peer *p = http_request_peer(r);
	JSON_AUTO json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:b}", "role", principal_name(c->principal),
	    "id", c->id, "cn", p->cert.cn, "address", p->address, "certificate", p->cert.present);

	(void)a;
	http_request_json_reply(r, 0, NULL, j);
}

static void
echo(struct http_request *r, void *a)
{
	(void)a;
	http_request_reply(r, &(struct http_answer){ .type = "application/octet-stream",
	    .body = http_request_body(r) });
}

static void
length(struct http_request *r, void *a)
{
	char s[32];

	(void)a;
	(void)snprintf(s, sizeof(s), "%zu\n", http_request_body(r).n);
	text(r, s);
}

static void
item(struct http_request *r, void *a)
{
	struct span id = http_request_param(r, "id"), like = { 0 };
	BUF_AUTO struct buf b = buf_init(KIB(64));

	(void)a;
	if (http_request_not_modified(r, "v1")) {
		http_request_reply(r, &(struct http_answer){ .status = 304, .etag = "v1" });
		return;
	}
	buf_escape(&b, id);
	if (http_request_query(r, "like", &like)) {
		buf_str(&b, " like ");
		buf_escape(&b, like);
	}
	http_request_reply(r, &(struct http_answer){ .type = "text/plain", .body = buf_view(&b),
	    .etag = "v1" });
}

static void
item_put(struct http_request *r, void *a)
{
	JSON_AUTO json_t *j = NULL;

	(void)a;
	if (http_request_if_match(r, "v1") == HTTP_DIFFERS)
		http_request_problem(r, 412, "changed", "somebody else changed it");
	else if (http_request_json(r, &j))
		http_request_json_reply(r, 0, "v2", j);
}

static void
big(struct http_request *r, void *a)
{
	uint64_t n;
	uint8_t *p;

	(void)a;
	if (!http_request_query_u64(r, "bytes", 0, MIB(256), &n))
		return;
	if ((p = calloc(1, n + 1)) == NULL)
		abort();
	http_request_reply(r, &(struct http_answer){ .type = "application/octet-stream",
	    .body = span_of(p, n) });
	free(p);
}

static void
bad_answer(struct http_request *r, void *a)
{
	(void)a;
	http_request_reply(r, &(struct http_answer){ .etag = "x", .n_fields = 1,
	    .fields = &(struct http_field){ "X-Split", "a\r\nSet-Cookie: b" } });
}

static void
facts(struct http_request *r, void *a)
{
	struct http_server_facts f;
	JSON_AUTO json_t *j = NULL;

	(void)a;
	http_server_facts(__atomic_load_n(&server, __ATOMIC_ACQUIRE), &f);
	j = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "connections", (json_int_t)f.connections,
	    "handshakes", (json_int_t)f.handshakes, "resumed", (json_int_t)f.resumed,
	    "requests", (json_int_t)f.requests, "refused", (json_int_t)f.refused, "cut", (json_int_t)f.cut,
	    "dropped", (json_int_t)f.streams_dropped, "open", (json_int_t)f.open,
	    "streams", (json_int_t)f.streams);
	http_request_json_reply(r, 0, NULL, j);
}

static void
openapi(struct http_request *r, void *a)
{
	const struct openapi_info info = { .title = "http-tool", .version = "1" };
	BUF_AUTO struct buf b = buf_init(MIB(1));
	struct err e = { 0 };

	(void)a;
	if (router_openapi(router, &info, &b, &e) != 0)
		http_request_error(r, &e);
	else
		http_request_reply(r, &(struct http_answer){ .body = buf_view(&b) });
}

/* ---- answers from another thread ---- */

struct task { struct http_request *r; struct http_stream *s; uint64_t ms, n, size; };

static void
spawn(void *(*f)(void *), struct task t)
{
	struct task *copy = malloc(sizeof(*copy));
	pthread_t id;

	if (copy == NULL)
		abort();
	*copy = t;
	if (pthread_create(&id, NULL, f, copy) != 0)
		abort();
	(void)pthread_detach(id);
}

static int busy;

static void *
later_main(void *p)
{
	struct task *t = p;

	pause_ms((unsigned)t->ms);
	text(t->r, "later\n");
	free(t);
	(void)__atomic_sub_fetch(&busy, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void
later(struct http_request *r, void *a)
{
	struct task t = { .r = r };

	(void)a;
	if (!http_request_query_u64(r, "ms", 0, 60000, &t.ms))
		return;
	(void)__atomic_add_fetch(&busy, 1, __ATOMIC_RELAXED);
	spawn(later_main, t);
}

static void *
stream_main(void *p)
{
	struct task *t = p;
	char *data = malloc(t->size + 1);
	bool good = true;

	if (data == NULL)
		abort();
	memset(data, 'x', t->size);
	for (uint64_t i = 0; i < t->n && good; i++) {
		char id[32];

		(void)snprintf(id, sizeof(id), "%llu", (unsigned long long)i);
		good = http_stream_send(t->s, "tick", id, span_of(data, t->size));
		if (t->ms != 0)
			pause_ms((unsigned)t->ms);
	}
	http_stream_end(t->s);
	free(data);
	free(t);
	(void)__atomic_sub_fetch(&busy, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void
stream(struct http_request *r, void *a)
{
	struct task t = { .r = r };

	(void)a;
	if (!http_request_query_u64(r, "n", 3, UINT32_MAX, &t.n) ||
	    !http_request_query_u64(r, "size", 5, 100000, &t.size) ||
	    !http_request_query_u64(r, "ms", 0, 60000, &t.ms))
		return;
	(void)__atomic_add_fetch(&busy, 1, __ATOMIC_RELAXED);
	t.s = http_stream_begin(r);
	spawn(stream_main, t);
}

static const struct route_param item_params[] = {
	{ "id", "string", "which", true }, { "like", "string", "bytes", false }, { 0 } };
static const struct route_param number_params[] = {
	{ "bytes", "integer", "size", false }, { "ms", "integer", "milliseconds", false },
	{ "n", "integer", "how many", false }, { "size", "integer", "of each", false }, { 0 } };

static const struct route routes[] = {
	ROUTE(GET, "/v1/hello", PUBLIC, 0, hello, "hello", "Says hello."),
	ROUTE(GET, "/v1/whoami", VIEWER, 0, whoami, "whoami", "Who asks."),
	ROUTE(GET, "/v1/agent", HOST, 0, whoami, "agentWhoami", "Which host asks."),
	ROUTE(POST, "/v1/agent", HOST, 1000000, length, "agentSend", "Takes evidence."),
	ROUTE(POST, "/v1/echo", PUBLIC, 1048576, echo, "echo", "Gives the body back."),
	ROUTE(PUT, "/v1/echo", PUBLIC, 100, echo, "echoSmall", "The same, but little."),
	ROUTE(DELETE, "/v1/echo", OPERATOR, 0, hello, "echoDelete", "For operators."),
	ROUTE(POST, "/v1/length", PUBLIC, MIB(64), length, "length", "Counts the body."),
	ROUTE(GET, "/v1/items/{id}", PUBLIC, 0, item, "itemShow", "Shows one.", .params = item_params),
	ROUTE(PUT, "/v1/items/{id}", ADMIN, 1000, item_put, "itemPut", "Sets one.",
	    .body_type = "application/json"),
	ROUTE(GET, "/v1/big", PUBLIC, 0, big, "big", "A large answer.", .params = number_params),
	ROUTE(GET, "/v1/bad-answer", PUBLIC, 0, bad_answer, "badAnswer", "A handler's mistake."),
	ROUTE(GET, "/v1/later", PUBLIC, 0, later, "later", "From another thread.", .params = number_params),
	ROUTE(GET, "/v1/stream", PUBLIC, 0, stream, "stream", "Events.", .params = number_params,
	    .answer_type = "text/event-stream"),
	ROUTE(GET, "/v1/facts", PUBLIC, 0, facts, "facts", "Counters."),
	ROUTE(GET, "/v1/openapi.json", PUBLIC, 0, openapi, "openapi", "This."),
};

static void
who(void *a, const struct http_peer *peer, struct span bearer, struct http_caller *out)
{
	(void)a;
	if (peer->cert.present && strncmp(peer->cert.cn, "host-", 5) == 0)
		out->principal = PRINCIPAL_HOST;
	else if (peer->cert.present && strncmp(peer->cert.cn, "admin-", 6) == 0)
		out->principal = PRINCIPAL_ADMIN;
	else if (span_is(bearer, "viewer"))
		out->principal = PRINCIPAL_VIEWER;
	else if (span_is(bearer, "operator"))
		out->principal = PRINCIPAL_OPERATOR;
	(void)snprintf(out->id, sizeof(out->id), "%s", peer->cert.cn);
}

static void
say(void *a, enum http_log_level level, const char *line)
{
	(void)a;
	fprintf(stderr, "%d %s\n", (int)level, line);
}

/* ---- files ---- */

static struct span
file_arg(const char *name, struct file *f)
{
	const char *path = arg(name, NULL);
	struct err e = { 0 };

	if (path == NULL)
		return span_of(NULL, 0);
	if (file_read(path, LIMIT_HTTP_BODY, f, &e) != 0)
		die(&e);
	return file_view(f);
}

struct pems { struct file cert, key, ca; };

static void
pems_free(struct pems *p)
{
	file_free(&p->cert);
	file_free(&p->key);
	file_free(&p->ca);
}

static struct tls_server_options
server_pems(struct pems *p)
{
	*p = (struct pems){ 0 };
	return (struct tls_server_options){ .chain = file_arg("cert", &p->cert),
	    .key = file_arg("key", &p->key), .client_ca = file_arg("ca", &p->ca) };
}

static void
wait_for_end(struct tls_server *tls)
{
	sigset_t set;
	int sig;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	while (sigwait(&set, &sig) == 0 && sig == SIGHUP) {
		__attribute__((cleanup(pems_free))) struct pems p;
		struct tls_server_options o = server_pems(&p);
		struct err e = { 0 };

		if (tls_server_reload(tls, &o, &e) != 0)
			fprintf(stderr, "reload: %s\n", e.message);
		else
			fprintf(stderr, "reloaded\n");
	}
}

static void
fill(struct http_server_options *o)
{
	o->address = arg("address", "127.0.0.1");
	o->port = (uint16_t)number("port");
	o->plain = number("plain") != 0;
	o->workers = number("workers");
	o->max_connections = number("max");
	o->max_per_address = number("per_address");
	o->handshake_ms = number("handshake_ms");
	o->head_ms = number("head_ms");
	o->body_ms = number("body_ms");
	o->write_ms = number("write_ms");
	o->idle_ms = number("idle_ms");
	o->heartbeat_ms = number("heartbeat_ms");
	o->stream_queue = number("queue");
	o->bodies_max = number("bodies");
	o->who = who;
	o->log = say;
}

static int
serve(void)
{
	TLS_SERVER_AUTO struct tls_server *tls = NULL;
	__attribute__((cleanup(pems_free))) struct pems p = { 0 };
	struct http_server_options o = { 0 };
	struct http_server *made;
	struct http_server_facts f;
	struct err e = { 0 };
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	fill(&o);
	if (!o.plain) {
		struct tls_server_options t = server_pems(&p);

		if (tls_server_new(&t, &tls, &e) != 0)
			die(&e);
	}
	if (router_new(routes, sizeof(routes) / sizeof(routes[0]), &router, &e) != 0)
		die(&e);
	o.tls = tls;
	o.router = router;
	if (http_server_new(&o, &made, &e) != 0)
		die(&e);
	__atomic_store_n(&server, made, __ATOMIC_RELEASE);
	printf("port %u\n", http_server_port(server));
	(void)fflush(stdout);
	wait_for_end(tls);
	http_server_stop(server, arg("grace_ms", NULL) == NULL ? 3000 : number("grace_ms"));
	http_server_facts(server, &f);
	while (__atomic_load_n(&busy, __ATOMIC_ACQUIRE) != 0)
		pause_ms(10);
	printf("open %u streams %u\n", f.open, f.streams);
	http_server_free(server);
	router_free(router);
	return 0;
}

/* ---- the client ---- */

static bool
show_event(void *a, const struct http_event *ev)
{
	static unsigned n;

	(void)a;
	if (ev == NULL)
		return true;
	printf("%.*s %.*s %.*s\n", (int)ev->event.n, (const char *)ev->event.p, (int)ev->id.n,
	    (const char *)ev->id.p, (int)ev->data.n, (const char *)ev->data.p);
	return ++n != number("events");
}

static int
call_once(struct http_client *c, const struct http_call *call)
{
	HTTP_RESULT_AUTO struct http_result r = { 0 };
	struct tls_facts f = { 0 };
	struct err e = { 0 };

	if (http_client_call(c, call, &r, &e) != 0) {
		printf("error %s: %s\n", err_token(e.code), e.message);
		return 3;
	}
	(void)http_client_facts(c, &f);
	printf("%u %s %s%s%zu %s\n", r.status, r.type, r.etag, r.etag[0] == '\0' ? "" : " ", r.body.n,
	    f.resumed ? "resumed" : "full");
	if (arg("out", NULL) != NULL && file_write(arg("out", NULL), buf_view(&r.body), 0600, &e) != 0)
		die(&e);
	if (http_result_check(&r, &e) != 0)
		printf("%s: %s\n", err_token(e.code), e.message);
	return 0;
}

static int
calls(struct http_client *c, enum http_method method, const char *target)
{
	__attribute__((cleanup(file_free))) struct file body = { 0 };
	const struct http_call call = { .method = method, .target = target,
	    .body = file_arg("body", &body), .repeatable = number("repeatable") != 0,
	    .answer_max = number("most"), .if_match = arg("if_match", NULL),
	    .if_none_match = arg("if_none_match", NULL), .type = arg("type", NULL) };
	unsigned times = number("times") == 0 ? 1 : number("times");
	int rc = 0;

	for (unsigned i = 0; i < times; i++) {
		if (i != 0)
			pause_ms(number("pause_ms"));
		if (number("fresh") != 0)
			http_client_close(c);
		rc |= call_once(c, &call);
		(void)fflush(stdout);
	}
	return rc;
}

static int
client(const char *url, const char *method, const char *target)
{
	TLS_CLIENT_AUTO struct tls_client *tls = NULL;
	HTTP_CLIENT_AUTO struct http_client *c = NULL;
	__attribute__((cleanup(pems_free))) struct pems p = { 0 };
	struct err e = { 0 };
	struct http_client_options o = { .url = url, .bearer = arg("bearer", NULL),
	    .server_name = arg("name", NULL), .connect_ms = number("connect_ms"),
	    .answer_ms = number("answer_ms") };
	int rc;

	if (arg("ca", NULL) != NULL) {
		const struct tls_client_options t = { .server_ca = file_arg("ca", &p.ca),
		    .chain = file_arg("cert", &p.cert), .key = file_arg("key", &p.key) };

		if (tls_client_new(&t, &tls, &e) != 0)
			die(&e);
	}
	o.tls = tls;
	if (http_client_new(&o, &c, &e) != 0)
		die(&e);
	if (number("stream") == 0)
		return calls(c, http_method_parse(span_str(method)), target);
	rc = http_client_stream(c, target, NULL, show_event, NULL, &e);
	if (rc != 0)
		printf("error %s: %s\n", err_token(e.code), e.message);
	return rc != 0 ? 3 : 0;
}

int
main(int argc, char **argv)
{
	if (argc >= 5 && strcmp(argv[1], "call") == 0) {
		args = argv + 5;
		n_args = argc - 5;
		return client(argv[2], argv[3], argv[4]);
	}
	args = argv + 2;
	n_args = argc - 2;
	if (argc >= 2 && strcmp(argv[1], "serve") == 0)
		return serve();
	fprintf(stderr, "usage: see http_tool.c\n");
	return 2;
}
