/* Who may use this API: tokens, which are shown once, and certificates of the server's CA,
 * whose key never leaves whoever asks.  The role is the store's, not the certificate's. */
#include "base/pem.h"
#include "base/random.h"
#include "crypto/digest.h"
#include "svc/server/api.h"

#define TOKEN_BYTES 32
#define DAY_MS ((int64_t)86400 * 1000)
#define DAYS_MOST 3650

static json_t *
principal_json(const struct store_principal *p)
{
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "number", (json_int_t)p->number,
	    "name", json_escaped(p->name), "kind", json_escaped(p->kind), "role", json_escaped(p->role),
	    "who", json_escaped(p->who), "made", api_time(p->made), "expires", api_time(p->expires),
	    "revoked", api_time(p->revoked));
}

void
job_principal_list(struct worker *w, struct http_request *r)
{
	JSON_AUTO json_t *j = json_pack("{s:[]}", "principals");
	struct store_principal *v;
	struct err e = { 0 };
	size_t n;

	if (store_principals(w->store, http_request_arena(r), &v, &n, &e) != 0) {
		http_request_error(r, &e);
		return;
	}
	for (size_t i = 0; i < n; i++)
		json_array_append_new(json_object_get(j, "principals"), principal_json(&v[i]));
	http_request_json_reply(r, 0, NULL, j);
}

static bool
holds(const struct store_principal *p, int64_t now)
{
	return p->revoked == 0 && (p->expires == 0 || p->expires > now);
}

/* What is asked for: name, role, kind, and of a certificate the request. */
struct order {
	struct span name, csr;
	enum principal role;
	bool certificate;
	int64_t days;		/* 0: without end */
};

static int
read_order(const json_t *body, struct order *o, struct err *e)
{
	static const char *const members[] = { "name", "role", "kind", "csr", "days", NULL };
	json_t *name, *role, *kind, *csr, *days;
	int rc;

	if ((rc = json_only(body, "the principal", members, e)) != 0 ||
	    (rc = json_member(body, "", "name", JSON_STRING, true, &name, e)) != 0 ||
	    (rc = json_member(body, "", "role", JSON_STRING, true, &role, e)) != 0 ||
	    (rc = json_member(body, "", "kind", JSON_STRING, false, &kind, e)) != 0 ||
	    (rc = json_member(body, "", "csr", JSON_STRING, false, &csr, e)) != 0 ||
	    (rc = json_member(body, "", "days", JSON_INTEGER, false, &days, e)) != 0)
		return rc;
	*o = (struct order){ .name = json_string_span(name), .csr = json_string_span(csr),
	    .role = principal_role(json_string_span(role)),
	    .certificate = kind != NULL && span_is(json_string_span(kind), "certificate"),
	    .days = days == NULL ? 0 : json_integer_value(days) };
	if (kind != NULL && !o->certificate && !span_is(json_string_span(kind), "token"))
		return err_set(e, ERR_FORMAT, "\"kind\" is \"token\" or \"certificate\"");
	if (o->role == PRINCIPAL_UNSET)
		return err_set(e, ERR_FORMAT, "\"role\" is \"viewer\", \"operator\" or \"admin\"");
	/* A certificate whose name is a host's id would be that host's. */
	if (!api_name_good(o->name) || o->name.n > TLS_CN_MAX || ek_host_id_valid(o->name))
		return err_set(e, ERR_FORMAT, "a principal's name has 1 to %d letters, digits, \".\", \"-\" and \"_\","
		    " and is no host's id", TLS_CN_MAX);
	if (o->certificate != (csr != NULL))
		return err_set(e, ERR_FORMAT, "\"csr\", a certificate request, belongs to kind \"certificate\"");
	if ((days != NULL && o->days < 1) || o->days > DAYS_MOST)
		return err_set(e, ERR_RANGE, "\"days\" is 1 to %d", DAYS_MOST);
	return 0;
}

/* The secret, which only the answer holds, and its digest, which only the store does. */
static int
make_token(json_t *answer, struct digest *d, struct err *e)
{
	BUF_AUTO struct buf token = buf_init(256);
	uint8_t secret[TOKEN_BYTES];
	int rc;

	if ((rc = random_bytes(secret, sizeof(secret), e)) != 0)
		return rc;
	buf_hex(&token, span_of(secret, sizeof(secret)));
	explicit_bzero(secret, sizeof(secret));
	if ((rc = digest_of(DIGEST_SHA256, buf_view(&token), d, e)) != 0)
		return rc;
	json_object_set_new(answer, "token", json_string(buf_cstr(&token)));
	explicit_bzero(token.p, token.n);
	return 0;
}

static int
make_certificate(struct worker *w, const struct order *o, int64_t now, json_t *answer, struct digest *d,
    int64_t *expires, struct err *e)
{
	BUF_AUTO struct buf der = buf_init(LIMIT_ATTEST_CERT), pem = buf_init(LIMIT_SMALL_FILE);
	struct store_certificate cert;
	char name[TLS_CN_MAX + 1];
	int rc;

	(void)snprintf(name, sizeof(name), "%.*s", (int)o->name.n, (const char *)o->name.p);
	if ((rc = authority_issue_for(w->server, o->csr, name, now, o->days, &der, &cert, e)) != 0)
		return rc;
	pem_write("CERTIFICATE", buf_view(&der), &pem);
	pem_write("CERTIFICATE", issuer_cert(w->server->issuer), &pem);
	json_object_set_new(answer, "certificate_pem", json_string(buf_cstr(&pem)));
	*expires = cert.expires;
	return digest_of(DIGEST_SHA256, buf_view(&der), d, e);
}

static int
check_new(struct worker *w, struct http_request *r, struct span name, int64_t now, struct err *e)
{
	struct store_principal *v;
	size_t n;
	int rc = store_principals(w->store, http_request_arena(r), &v, &n, e);

	for (size_t i = 0; rc == 0 && i < n; i++)
		if (holds(&v[i], now) && span_eq(v[i].name, name))
			return err_set(e, ERR_CONFLICT, "there is a principal of this name already: revoke it, or take another");
	return rc;
}

static int
tell_principal(struct worker *w, struct http_request *r, const char *kind, const struct store_principal *p,
    struct err *e)
{
	JSON_AUTO json_t *j = json_pack("{s:o, s:o, s:o}", "name", json_escaped(p->name), "kind", json_escaped(p->kind),
	    "role", json_escaped(p->role));

	return j == NULL ? err_set(e, ERR_NOMEM, "out of memory") : api_tell(w, r, kind, 0, j, e);
}

static int
add(struct worker *w, struct http_request *r, const json_t *body, json_t *secret, struct store_principal *p,
    struct err *e)
{
	struct order o;
	struct digest d;
	int rc;

	if ((rc = read_order(body, &o, e)) != 0 || (rc = check_new(w, r, o.name, p->made, e)) != 0)
		return rc;
	p->name = o.name;
	p->role = span_str(principal_name(o.role));
	p->kind = o.certificate ? span_lit("certificate") : span_lit("token");
	p->expires = o.days == 0 ? 0 : p->made + o.days * DAY_MS;
	rc = o.certificate ? make_certificate(w, &o, p->made, secret, &d, &p->expires, e) : make_token(secret, &d, e);
	if (rc != 0)
		return rc;
	p->digest = digest_view(&d);
	if ((rc = store_principal_add(w->store, p, e)) != 0 ||
	    (rc = tell_principal(w, r, "principal", p, e)) != 0)
		return rc;
	return principals_load(w->server, w->store, e);
}

void
job_principal_add(struct worker *w, struct http_request *r)
{
	JSON_AUTO json_t *body = NULL, *secret = json_object(), *j = NULL;
	struct store_principal p = { .made = server_now(), .who = span_str(http_request_caller(r)->id) };
	struct err e = { 0 };

	if (!http_request_json(r, &body))
		return;
	if (add(w, r, body, secret, &p, &e) != 0) {
		http_request_error(r, &e);
		return;
	}
	if ((j = principal_json(&p)) != NULL)
		(void)json_object_update(j, secret);
	api_reply(r, 201, json_incref(j));
}

/* The last administrator would lock everybody out. */
static int
check_last(const struct store_principal *v, size_t n, const struct store_principal *p, int64_t now, struct err *e)
{
	size_t others = 0;

	for (size_t i = 0; i < n; i++)
		others += v[i].number != p->number && holds(&v[i], now) && span_is(v[i].role, "admin");
	if (others > 0 || !holds(p, now) || !span_is(p->role, "admin"))
		return 0;
	return err_set(e, ERR_CONFLICT, "this is the last administrator: add another first");
}

static int
revoke(struct worker *w, struct http_request *r, uint64_t number, int64_t now, struct err *e)
{
	struct store_principal *v, *p = NULL;
	size_t n;
	int rc = store_principals(w->store, http_request_arena(r), &v, &n, e);

	for (size_t i = 0; rc == 0 && i < n; i++)
		if (v[i].number == number)
			p = &v[i];
	if (rc == 0 && p == NULL)
		rc = err_set(e, ERR_NOT_FOUND, "there is no principal of this number");
	if (rc != 0 || (rc = check_last(v, n, p, now, e)) != 0 ||
	    (rc = store_principal_revoke(w->store, number, now, e)) != 0 ||
	    (rc = tell_principal(w, r, "principal-revoked", p, e)) != 0)
		return rc;
	return principals_load(w->server, w->store, e);
}

void
job_principal_revoke(struct worker *w, struct http_request *r)
{
	struct err e = { 0 };
	uint64_t number;

	if (!dec_u64(http_request_param(r, "number"), &number) || number > INT64_MAX)
		http_request_problem(r, 404, "principal", "a principal has a number");
	else if (revoke(w, r, number, server_now(), &e) != 0)
		http_request_error(r, &e);
	else
		http_request_reply(r, &(struct http_answer){ .status = 204 });
}
