/* Who may ask: administrators' tokens and certificates, in memory for the loops. */
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "crypto/ct.h"
#include "crypto/digest.h"
#include "svc/server/server_internal.h"

#define TOKEN_BYTES 32

enum principal
principal_role(struct span role)
{
	return span_is(role, "admin") ? PRINCIPAL_ADMIN : span_is(role, "operator") ? PRINCIPAL_OPERATOR :
	    span_is(role, "viewer") ? PRINCIPAL_VIEWER : PRINCIPAL_UNSET;
}

int
principals_load(struct server *s, struct store *store, struct err *e)
{
	ARENA_AUTO struct arena a = arena_init(MIB(64));
	struct known_principal *list;
	struct store_principal *v;
	size_t n, used = 0;
	int rc = store_principals(store, &a, &v, &n, e);

	if (rc != 0)
		return rc;
	if ((list = calloc(n + 1, sizeof(*list))) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		struct known_principal *p = &list[used];

		if (v[i].revoked != 0 || v[i].digest.n != sizeof(p->digest) || principal_role(v[i].role) == PRINCIPAL_UNSET)
			continue;
		memcpy(p->digest, v[i].digest.p, sizeof(p->digest));
		p->certificate = span_is(v[i].kind, "certificate");
		p->role = principal_role(v[i].role);
		p->expires = v[i].expires;
		p->number = v[i].number;
		(void)snprintf(p->name, sizeof(p->name), "%.*s", (int)v[i].name.n, (const char *)v[i].name.p);
		used++;
	}
	pthread_rwlock_wrlock(&s->principals_lock);
	free(s->principals);
	s->principals = list;
	s->n_principals = used;
	pthread_rwlock_unlock(&s->principals_lock);
	return 0;
}

void
principals_free(struct server *s)
{
	free(s->principals);
	s->principals = NULL;
}

static bool
find(struct server *s, struct span digest, bool certificate, struct http_caller *out)
{
	int64_t now = server_now();
	bool found = false;

	pthread_rwlock_rdlock(&s->principals_lock);
	for (size_t i = 0; i < s->n_principals; i++) {
		const struct known_principal *p = &s->principals[i];

		if (p->certificate != certificate || !ct_eq(span_of(p->digest, sizeof(p->digest)), digest) || (p->expires != 0 && p->expires <= now))
			continue;
		out->principal = p->role;
		out->number = p->number;
		memcpy(out->id, p->name, sizeof(out->id));
		found = true;
	}
	pthread_rwlock_unlock(&s->principals_lock);
	return found;
}

bool
principals_holds(struct server *s, uint64_t number)
{
	int64_t now = server_now();
	bool holds = false;

	pthread_rwlock_rdlock(&s->principals_lock);
	for (size_t i = 0; i < s->n_principals; i++)
		holds = holds || (s->principals[i].number == number &&
		    (s->principals[i].expires == 0 || s->principals[i].expires > now));
	pthread_rwlock_unlock(&s->principals_lock);
	return holds;
}

/* A certificate of our CA that is no administrator's is a host's, if its name is a host's id;
 * whether that host still may is the worker's to look up. */
void
principals_who(void *arg, const struct http_peer *peer, struct span bearer, struct http_caller *out)
{
	struct server *s = arg;
	struct digest d;
	struct err ignored;

	if (bearer.n > 0) {
		if (digest_of(DIGEST_SHA256, bearer, &d, &ignored) == 0)
			(void)find(s, digest_view(&d), false, out);
		return;
	}
	if (!peer->cert.present || find(s, span_of(peer->cert.sha256, sizeof(peer->cert.sha256)), true, out))
		return;
	if (ek_host_id_valid(span_str(peer->cert.cn))) {
		out->principal = PRINCIPAL_HOST;
		memcpy(out->id, peer->cert.cn, strlen(peer->cert.cn) + 1);
	}
}

int
principals_first(struct server *s, struct store *store, struct err *e)
{
	BUF_AUTO struct buf token = buf_init(256), path = buf_init(KIB(8));
	uint8_t secret[TOKEN_BYTES];
	struct digest d;
	int rc;

	buf_printf(&path, "%s/admin.token", s->o.data);
	if ((s->token_file = arena_str(&s->arena, buf_view(&path))) == NULL)
		return arena_err(&s->arena, e);
	if (access(s->token_file, F_OK) == 0 || s->n_principals > 0)
		return 0;
	if ((rc = random_bytes(secret, sizeof(secret), e)) != 0)
		return rc;
	buf_hex(&token, span_of(secret, sizeof(secret)));
	if ((rc = digest_of(DIGEST_SHA256, buf_view(&token), &d, e)) != 0)
		return rc;
	struct store_principal p = { .name = span_lit("first"), .kind = span_lit("token"), .digest = digest_view(&d),
	    .role = span_lit("admin"), .who = span_lit("assay server"), .made = server_now() };

	buf_u8(&token, '\n');
	if ((rc = file_write(s->token_file, buf_view(&token), 0600, e)) != 0 ||
	    (rc = store_principal_add(store, &p, e)) != 0)
		return rc;
	return principals_load(s, store, e);
}
