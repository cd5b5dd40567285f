#include "cmd/api_client.h"

#include <errno.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "svc/server/server.h"

#define TOKEN_FILE_MAX KIB(4)

/* Where the server is; strings belong to the command line, the environment or ${json}. */
struct place {
	const char *url, *ca, *token, *cert, *key, *data;
	json_t *json;
};

static void
place_free(struct place *p)
{
	json_decref(p->json);
}

static const char *
from_environment(const char *given, const char *name)
{
	const char *v = given != NULL ? given : getenv(name);

	return v != NULL && v[0] != '\0' ? v : NULL;
}

static int
no_server(const char *path, bool given, struct err *e)
{
	if (errno == EACCES)
		return err_hint(e, err_set(e, ERR_IO, "%s: only its owner may read it", path),
		    "ask as the server's user (sudo), or with a token of your own: --server URL --server-ca F --token-file F");
	return err_hint(e, err_set(e, ERR_USAGE, given ? "%s: no server has been started with this directory" :
	    "%s: no server is named, and none was started here", path),
	    "assay server --data DIR starts one; another machine's is named by --server URL --server-ca F --token-file F");
}

/* What the server wrote at its start. */
static int
read_data(struct place *p, struct err *e)
{
	BUF_AUTO struct buf path = buf_init(KIB(8));
	FILE_AUTO struct file f = { 0 };
	int rc;

	if (p->data == NULL && access(API_DATA "/server.json", F_OK) != 0 && errno == ENOENT &&
	    access(API_DATA_UP "/server.json", F_OK) == 0)
		buf_str(&path, API_DATA_UP "/server.json");
	else
		buf_printf(&path, "%s/server.json", p->data != NULL ? p->data : API_DATA);
	if (access(buf_cstr(&path), R_OK) != 0)
		return no_server(buf_cstr(&path), p->data != NULL, e);
	if ((rc = file_read(buf_cstr(&path), LIMIT_SMALL_FILE, &f, e)) != 0 ||
	    (rc = json_parse(file_view(&f), LIMIT_SMALL_FILE, &p->json, e)) != 0)
		return err_file(e, rc, buf_cstr(&path));
	if (p->url == NULL)
		p->url = json_string_value(json_object_get(p->json, "url"));
	if (p->ca == NULL)
		p->ca = json_string_value(json_object_get(p->json, "ca"));
	if (p->token == NULL && p->cert == NULL)
		p->token = json_string_value(json_object_get(p->json, "token_file"));
	return p->url != NULL ? 0 : err_set(e, ERR_FORMAT, "%s does not say where the server is", buf_cstr(&path));
}

static int
find_place(const struct invocation *in, struct place *p, struct err *e)
{
	int rc;

	*p = (struct place){ .url = opt_get(in, "server"), .ca = opt_get(in, "server-ca"),
	    .token = opt_get(in, "token-file"), .cert = opt_get(in, "cert"), .key = opt_get(in, "key"),
	    .data = opt_get(in, "data") };
	if ((p->cert == NULL) != (p->key == NULL))
		return err_set(e, ERR_USAGE, "--cert and --key belong together");
	if (p->cert != NULL && p->token != NULL)
		return err_set(e, ERR_USAGE, "--token-file and --cert exclude each other");
	if (p->data == NULL) {
		p->url = from_environment(p->url, "ASSAY_SERVER");
		p->ca = from_environment(p->ca, "ASSAY_SERVER_CA");
		if (p->cert == NULL)
			p->token = from_environment(p->token, "ASSAY_TOKEN_FILE");
	}
	if ((p->url == NULL || p->data != NULL) && (rc = read_data(p, e)) != 0)
		return rc;
	if (p->token == NULL && p->cert == NULL)
		return err_hint(e, err_set(e, ERR_USAGE, "nothing says who asks"),
		    "--token-file F (or ASSAY_TOKEN_FILE), or --cert F --key F; an administrator makes them: assay token add");
	if (p->ca == NULL && strncmp(p->url, "http:", 5) != 0)
		return err_hint(e, err_set(e, ERR_USAGE, "nothing says which authority %s must be of", p->url),
		    "--server-ca F (or ASSAY_SERVER_CA): the file ca.pem of its directory");
	return 0;
}

static int
read_token(const char *path, struct buf *token, struct err *e)
{
	FILE_AUTO struct file f = { 0 };
	struct span s;
	int rc = file_read(path, TOKEN_FILE_MAX, &f, e);

	if (rc != 0)
		return err_hint(e, rc, "that is the file with your token (--token-file)");
	s = file_view(&f);
	while (s.n > 0 && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
		s.n--;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return err_file(e, err_set(e, ERR_FORMAT, "is not a token: one word of printable characters"), path);
	if (s.n == 0)
		return err_file(e, err_set(e, ERR_FORMAT, "is empty, not a token"), path);
	buf_span(token, s);
	rc = buf_done(token, e);
	explicit_bzero(f.p, f.n);
	return rc;
}

static int
open_tls(const struct place *p, struct api *a, struct err *e)
{
	FILE_AUTO struct file ca = { 0 }, cert = { 0 }, key = { 0 };
	int rc;

	if (p->ca == NULL)
		return 0;
	if ((rc = file_read(p->ca, LIMIT_SMALL_FILE, &ca, e)) != 0 ||
	    (p->cert != NULL && ((rc = file_read(p->cert, LIMIT_SMALL_FILE, &cert, e)) != 0 ||
	    (rc = file_read(p->key, LIMIT_SMALL_FILE, &key, e)) != 0)))
		return rc;
	rc = tls_client_new(&(struct tls_client_options){ .server_ca = file_view(&ca), .chain = file_view(&cert),
	    .key = file_view(&key) }, &a->tls, e);
	if (key.p != NULL)
		explicit_bzero(key.p, key.n);
	return err_file(e, rc, p->cert != NULL ? p->cert : p->ca);
}

static int
open_place(const struct place *p, struct api *a, struct err *e)
{
	BUF_AUTO struct buf token = buf_init(TOKEN_FILE_MAX);
	int rc;

	if (p->token != NULL && (rc = read_token(p->token, &token, e)) != 0)
		return rc;
	a->with_cert = p->cert != NULL;
	if ((a->who = strdup(p->cert != NULL ? p->cert : p->token)) == NULL ||
	    (a->ca = strdup(p->ca != NULL ? p->ca : "")) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if ((rc = open_tls(p, a, e)) != 0)
		return rc;
	rc = http_client_new(&(struct http_client_options){ .url = p->url, .tls = a->tls,
	    .bearer = p->token != NULL ? buf_cstr(&token) : NULL, .user_agent = "assay/" ASSAY_VERSION }, &a->http, e);
	if (token.p != NULL)
		explicit_bzero(token.p, token.n);
	return rc;
}

int
api_open(const struct invocation *in, struct api *a, struct err *e)
{
	__attribute__((cleanup(place_free))) struct place p = { 0 };
	int rc;

	*a = (struct api){ 0 };
	return (rc = find_place(in, &p, e)) != 0 ? rc : open_place(&p, a, e);
}

int
api_open_data(const char *data, struct api *a, struct err *e)
{
	__attribute__((cleanup(place_free))) struct place p = { .data = data };
	int rc;

	*a = (struct api){ 0 };
	return (rc = read_data(&p, e)) != 0 ? rc : open_place(&p, a, e);
}

void
api_close(struct api *a)
{
	http_client_free(a->http);
	tls_client_free(a->tls);
	free(a->ca);
	free(a->who);
	*a = (struct api){ 0 };
}

int
api_hint(struct api *a, int rc, struct err *e)
{
	if (rc == ERR_KEY)
		return err_hint(e, rc, "%s is not known to this server, has expired or was revoked; or its role does not"
		    " allow this", a->who);
	switch (http_client_fault(a->http)) {
	case HTTP_FAULT_CONNECT:
		return err_hint(e, rc, "is the server running? assay server starts one; --server or --data names another");
	case HTTP_FAULT_UNTRUSTED:
		return err_hint(e, rc, "%s is not its authority, or that is not its name: give the file ca.pem of its directory"
		    " with --server-ca, and a name its certificate has with --server", a->ca);
	case HTTP_FAULT_TLS:
		return err_hint(e, rc, a->with_cert ? "the server may not accept the certificate %s" :
		    "is that the port of an assay server? (%s)", a->with_cert ? a->who : a->ca);
	case HTTP_FAULT_NONE:
	case HTTP_FAULT_SILENT:
	default:
		return rc;
	}
}

static int
refused(struct api *a, unsigned status, int rc, struct err *e)
{
	if (status == 401)
		return err_hint(e, rc, "%s is not a %s of this server, has expired or was revoked", a->who,
		    a->with_cert ? "certificate" : "token");
	if (status == 403)
		return err_hint(e, rc, "your role does not allow it; an administrator gives another: assay token add --role");
	return rc;
}

int
api_call(struct api *a, const struct http_call *call, struct http_result *out, struct err *e)
{
	HTTP_RESULT_AUTO struct http_result r = { 0 };
	int rc = http_client_call(a->http, call, &r, e);

	if (rc != 0)
		return api_hint(a, rc, e);
	if ((rc = http_result_check(&r, e)) != 0)
		return refused(a, r.status, rc, e);
	*out = r;
	r = (struct http_result){ 0 };
	return 0;
}

struct api_request
api_request_of(const char *operation, const char *const *params, size_t n)
{
	struct api_request q = { .target = buf_init(KIB(16)) };
	const char *pattern, *open;

	if (!server_route(operation, &q.method, &pattern))
		abort();	/* a name of ours that the table does not have */
	for (size_t i = 0; i < n; i++) {
		if ((open = strchr(pattern, '{')) == NULL)
			abort();
		buf_span(&q.target, span_of(pattern, (size_t)(open - pattern)));
		buf_percent(&q.target, span_str(params[i]));
		pattern = strchr(open, '}') + 1;
	}
	if (strchr(pattern, '{') != NULL)
		abort();
	buf_str(&q.target, pattern);
	return q;
}

struct api_request
api_request(const char *operation, const char *param)
{
	return api_request_of(operation, &param, param != NULL);
}

struct api_request
api_request_number(const char *operation, uint64_t number)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	return api_request(operation, text);
}

void
api_request_free(struct api_request *q)
{
	buf_free(&q->target);
}

int
api_ask(struct api *a, struct api_request *q, const json_t *body, json_t **out, struct err *e)
{
	BUF_AUTO struct buf text = buf_init(LIMIT_HTTP_BODY);
	HTTP_RESULT_AUTO struct http_result r = { 0 };
	int rc;

	if (body != NULL)
		json_write_compact(body, &text);
	if ((rc = buf_done(&text, e)) != 0 || (rc = buf_done(&q->target, e)) != 0 ||
	    (rc = api_call(a, &(struct http_call){ .method = q->method, .target = buf_cstr(&q->target),
	    .body = buf_view(&text) }, &r, e)) != 0 || out == NULL)
		return rc;
	rc = json_parse(buf_view(&r.body), LIMIT_HTTP_ANSWER, out, e);
	return rc == 0 ? 0 : err_ctx(e, ERR_NETWORK, "the server's answer (%d)", rc);
}

static bool
is_id(const char *s)
{
	return strlen(s) == 32 && strspn(s, "0123456789abcdef") == 32;
}

/* Names are given escaped; who types one may do so or not. */
static bool
called(const json_t *host, const char *name)
{
	BUF_AUTO struct buf escaped = buf_init(MIB(1));
	const char *have = api_str(host, "name");

	buf_escape(&escaped, span_str(name));
	return strcmp(have, name) == 0 || strcmp(have, buf_cstr(&escaped)) == 0;
}

/* Who has one machine need not name it. */
static int
only_host(struct api *a, char id[33], struct err *e)
{
	API_REQUEST_AUTO struct api_request q = api_request("hostList", NULL);
	JSON_AUTO json_t *j = NULL;
	const json_t *hosts;
	int rc;

	api_query(&q, "limit", "2");
	if ((rc = api_ask(a, &q, NULL, &j, e)) != 0)
		return rc;
	hosts = json_object_get(j, "hosts");
	if (json_array_size(hosts) != 1)
		return err_hint(e, err_set(e, ERR_USAGE, json_array_size(hosts) == 0 ? "no host has enrolled yet" :
		    "there are several hosts: name one"), "assay host list lists them");
	(void)snprintf(id, 33, "%s", api_str(json_array_get(hosts, 0), "id"));
	return is_id(id) ? 0 : err_set(e, ERR_NETWORK, "the server's answer names no host");
}

int
api_host(struct api *a, const char *name, char id[33], struct err *e)
{
	API_REQUEST_AUTO struct api_request q = api_request("hostList", NULL);
	BUF_AUTO struct buf ids = buf_init(400);
	JSON_AUTO json_t *j = NULL;
	const json_t *hosts, *found = NULL;
	size_t n = 0;
	int rc;

	if (name == NULL)
		return only_host(a, id, e);
	if (is_id(name)) {
		memcpy(id, name, 33);
		return 0;
	}
	api_query(&q, "limit", "10");
	api_query(&q, "name", name);
	if ((rc = api_ask(a, &q, NULL, &j, e)) != 0)
		return rc;
	hosts = json_object_get(j, "hosts");
	for (size_t i = 0; i < json_array_size(hosts); i++)
		if (called(json_array_get(hosts, i), name)) {
			found = json_array_get(hosts, i);
			buf_printf(&ids, "%s%s", n++ == 0 ? "" : ", ", api_str(found, "id"));
		}
	if (n == 0)
		return err_hint(e, err_set(e, ERR_USAGE, "there is no host called \"%s\"", name),
		    "assay host list lists them; one that was removed (--removed) is named by its id");
	if (n > 1)
		return err_hint(e, err_set(e, ERR_USAGE, "several hosts are called \"%s\"", name), "name one by its id: %s",
		    buf_cstr(&ids));
	(void)snprintf(id, 33, "%s", api_str(found, "id"));
	return is_id(id) ? 0 : err_set(e, ERR_NETWORK, "the server's answer names no host");
}

int
api_host_get(struct api *a, const char *name, json_t **j, struct err *e)
{
	char id[33];
	int rc = api_host(a, name, id, e);

	if (rc != 0)
		return rc;
	API_REQUEST_AUTO struct api_request q = api_request("hostShow", id);

	return api_ask(a, &q, NULL, j, e);
}

void
api_query(struct api_request *q, const char *name, const char *value)
{
	if (value == NULL)
		return;
	buf_printf(&q->target, "%c%s=", span_find(buf_view(&q->target), '?') == q->target.n ? '?' : '&', name);
	buf_percent(&q->target, span_str(value));
}

const char *
api_str(const json_t *j, const char *name)
{
	const char *s = json_string_value(json_object_get(j, name));

	return s != NULL ? s : "";
}

long long
api_int(const json_t *j, const char *name)
{
	return (long long)json_integer_value(json_object_get(j, name));
}
