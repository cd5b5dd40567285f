#include "svc/agent/transport.h"

#include "base/json.h"
#include "base/limits.h"
#include "formats/attest_message.h"
#include "port/net/http_client.h"

struct transport_https {
	char *url, *server_name;	/* owned */
	struct buf ca;
	struct tls_client *tls;		/* owned */
	struct http_client *http;	/* owned; borrows tls */
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

static int
https_post(void *arg, const char *route, struct span body, struct agent_reply *out, struct err *e)
{
	struct transport_https *t = arg;
	struct http_call call = { .method = HTTP_POST, .target = route, .body = body,
	    .type = ATTEST_MESSAGE_TYPE, .accept = ATTEST_MESSAGE_TYPE, .answer_max = LIMIT_SMALL_FILE };
	HTTP_RESULT_AUTO struct http_result r = { 0 };
	int rc = http_client_call(t->http, &call, &r, e);

	if (rc != 0)
		return rc;
	*out = (struct agent_reply){ .status = r.status, .retry_after = r.retry_after };
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
	struct http_client_options o = { .url = t->url, .server_name = t->server_name,
	    .user_agent = "assay-agent/" ASSAY_VERSION };
	struct tls_client *fresh = NULL;
	int rc = tls_client_new(&tls, &fresh, e);

	if (rc != 0)
		return rc;
	o.tls = fresh;
	if (t->http == NULL && (rc = http_client_new(&o, &t->http, e)) != 0) {
		tls_client_free(fresh);
		return rc;
	}
	http_client_tls(t->http, fresh);
	tls_client_free(t->tls);
	t->tls = fresh;
	return 0;
}

int
transport_https_new(const struct transport_https_options *o, struct transport_https **out, struct err *e)
{
	struct transport_https *t = calloc(1, sizeof(*t));
	int rc;

	if (t == NULL || (t->url = strdup(o->url)) == NULL ||
	    (o->server_name != NULL && (t->server_name = strdup(o->server_name)) == NULL)) {
		transport_https_free(t);
		return err_set(e, ERR_NOMEM, "no memory for a connection");
	}
	t->ca = buf_init(LIMIT_SMALL_FILE);
	buf_span(&t->ca, o->server_ca);
	if ((rc = buf_done(&t->ca, e)) != 0 ||
	    (rc = https_identity(t, span_of(NULL, 0), span_of(NULL, 0), e)) != 0) {
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
	http_client_free(t->http);
	tls_client_free(t->tls);
	buf_free(&t->ca);
	free(t->url);
	free(t->server_name);
	free(t);
}

struct agent_transport
transport_https(struct transport_https *t)
{
	return (struct agent_transport){ t, https_post, https_identity };
}
