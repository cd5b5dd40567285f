#include "svc/agent/transport.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/random.h"
#include "formats/attest_message.h"
#include "port/net/http_client.h"

struct transport_https {
	struct { char *url; struct http_client *http; } servers[LIMIT_AGENT_SERVERS];	/* owned; borrow tls */
	size_t n, at;
	char *server_name;		/* owned */
	struct buf ca;
	struct tls_client *tls;		/* owned */
};

void
agent_reply_free(struct agent_reply *r)
{
	buf_free(&r->body);
}

static void
take_text(const json_t *problem, const char *key, char *out, size_t n)
{
	BUF_AUTO struct buf b = buf_init(n - 1);
	const json_t *j = json_object_get(problem, key);

	if (json_is_string(j))
		buf_escape(&b, json_string_span(j));
	(void)snprintf(out, n, "%s", b.why == 0 ? buf_cstr(&b) : "");
}

static void
take_problem(struct span body, struct agent_reply *r)
{
	JSON_AUTO json_t *j = NULL;

	if (json_parse(body, KIB(64), &j, NULL) != 0)
		return;
	take_text(j, "code", r->code, sizeof(r->code));
	take_text(j, "detail", r->detail, sizeof(r->detail));
}

/* The next message goes to another server: this one is gone, or hangs, or cannot reach its store. */
static void
turn_to_next(struct transport_https *t)
{
	http_client_close(t->servers[t->at].http);
	t->at = (t->at + 1) % t->n;
}

static int
https_post(void *arg, const char *route, struct span body, struct agent_reply *out, struct err *e)
{
	struct transport_https *t = arg;
	struct http_call call = { .method = HTTP_POST, .target = route, .body = body,
	    .type = ATTEST_MESSAGE_TYPE, .accept = ATTEST_MESSAGE_TYPE, .answer_max = LIMIT_SMALL_FILE };
	HTTP_RESULT_AUTO struct http_result r = { 0 };
	int rc;

	if (t->n > 1)
		call.answer_ms = LIMIT_AGENT_ANSWER_MS + (unsigned)(body.n / LIMIT_HTTP_RATE) * 1000;
	rc = http_client_call(t->servers[t->at].http, &call, &r, e);
	if (t->n > 1 && (rc != 0 || (r.status >= 502 && r.status <= 504)))
		turn_to_next(t);
	if (rc != 0)
		return rc;
	*out = (struct agent_reply){ .status = r.status, .retry_after = r.retry_after };
	/* When to ask again is about the server that said it. */
	if (t->n > 1 && r.status >= 502 && r.status <= 504)
		out->retry_after = 0;
	if (r.status != 200) {
		take_problem(buf_view(&r.body), out);
	} else if (strcmp(r.type, ATTEST_MESSAGE_TYPE) != 0) {
		return err_set(e, ERR_NETWORK, "the server's answer is of type \"%s\"; is it an assay server?", r.type);
	} else {
		out->body = r.body;
		r.body = (struct buf){ 0 };	/* transferred */
	}
	return 0;
}

static int
https_identity(void *arg, struct span chain, struct span key, struct err *e)
{
	struct transport_https *t = arg;
	struct tls_client_options tls = { .server_ca = buf_view(&t->ca), .chain = chain, .key = key };
	struct tls_client *fresh = NULL;
	int rc = tls_client_new(&tls, &fresh, e);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < t->n; i++)
		http_client_tls(t->servers[i].http, fresh);
	tls_client_free(t->tls);
	t->tls = fresh;
	return 0;
}

static const char *
https_where(void *arg)
{
	struct transport_https *t = arg;

	return t->servers[t->at].url;
}

static int
add_server(struct transport_https *t, const char *url, bool alone, struct err *e)
{
	struct http_client_options o = { .url = url, .server_name = t->server_name, .tls = t->tls,
	    .user_agent = "assay-agent/" ASSAY_VERSION, .connect_ms = alone ? 0 : LIMIT_AGENT_CONNECT_MS };
	int rc = http_client_new(&o, &t->servers[t->n].http, e);

	if (rc == 0 && (t->servers[t->n].url = strdup(url)) == NULL) {
		http_client_free(t->servers[t->n].http);
		rc = err_set(e, ERR_NOMEM, "no memory for a connection");
	}
	t->n += rc == 0;
	return rc;
}

static int
add_servers(struct transport_https *t, const struct transport_https_options *o, struct err *e)
{
	uint32_t first = 0;
	int rc = random_bytes(&first, sizeof(first), e);

	if (o->n_urls == 0 || o->n_urls > LIMIT_AGENT_SERVERS)
		return err_set(e, ERR_USAGE, "%zu servers; an agent takes 1 to %d", o->n_urls, LIMIT_AGENT_SERVERS);
	for (size_t i = 0; i < o->n_urls && rc == 0; i++)
		rc = add_server(t, o->urls[i], o->n_urls == 1, e);
	t->at = first % o->n_urls;
	return rc;
}

int
transport_https_new(const struct transport_https_options *o, struct transport_https **out, struct err *e)
{
	struct transport_https *t = calloc(1, sizeof(*t));
	int rc;

	if (t == NULL || (o->server_name != NULL && (t->server_name = strdup(o->server_name)) == NULL)) {
		transport_https_free(t);
		return err_set(e, ERR_NOMEM, "no memory for a connection");
	}
	t->ca = buf_init(LIMIT_SMALL_FILE);
	buf_span(&t->ca, o->server_ca);
	if ((rc = buf_done(&t->ca, e)) != 0 ||
	    (rc = https_identity(t, span_of(NULL, 0), span_of(NULL, 0), e)) != 0 || (rc = add_servers(t, o, e)) != 0) {
		transport_https_free(t);
		return rc;
	}
	*out = t;
	return 0;
}

void
transport_https_free(struct transport_https *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++) {
		http_client_free(t->servers[i].http);
		free(t->servers[i].url);
	}
	tls_client_free(t->tls);
	buf_free(&t->ca);
	free(t->server_name);
	free(t);
}

struct agent_transport
transport_https(struct transport_https *t)
{
	return (struct agent_transport){ t, https_post, https_identity, https_where };
}
