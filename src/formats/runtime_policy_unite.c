/* The rules of several policies as one: lists are united, each element once; where two
 * parts contradict each other nobody can say which of them is meant, so that is an
 * error and not a choice. */
#include "formats/policy_unite.h"

#include "formats/policy_alias.h"

static int
nomem(struct policy_union *u)
{
	return arena_err(&u->out->arena, u->e);
}

static int
contradiction(struct policy_union *u, const char *what, struct span name)
{
	return err_set(u->e, ERR_MISMATCH, "the policies say different things about %s \"%.*s\"", what,
	    (int)(name.n < 200 ? name.n : 200), name.p);
}

/* Room for one more element at the end of ${*array}; NULL and an error if there is none. */
static void *
one_more(struct policy_union *u, void *array, size_t n, size_t *cap, size_t size)
{
	void **p = array;
	void *q = arena_grow(&u->out->arena, *p, n, cap, size);

	if (q == NULL) {
		nomem(u);
		return NULL;
	}
	*p = q;
	return (uint8_t *)q + n * size;
}

static bool
copy(struct policy_union *u, struct span s, struct span *out)
{
	return arena_copy(&u->out->arena, s, out);
}

static bool
spans_eq(const struct span *a, size_t na, const struct span *b, size_t nb)
{
	if (na != nb)
		return false;
	for (size_t i = 0; i < na; i++)
		if (!span_eq(a[i], b[i]))
			return false;
	return true;
}

static bool
copy_spans(struct policy_union *u, const struct span *v, size_t n, struct span **out, size_t *n_out)
{
	struct span *q = arena_array(&u->out->arena, n, sizeof(*q));

	if (q == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!copy(u, v[i], &q[i]))
			return false;
	*out = q;
	*n_out = n;
	return true;
}

static int
unite_digests(struct policy_union *u, struct digest **all, size_t *n, size_t *cap,
    const struct digest *v, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t k = 0;
		struct digest *d;

		while (k < *n && !digest_eq(&(*all)[k], &v[i]))
			k++;
		if (k < *n)
			continue;
		if ((d = one_more(u, all, *n, cap, sizeof(*d))) == NULL)
			return u->out->arena.why;
		*d = v[i];
		++*n;
	}
	return 0;
}

static int
unite_aliases(struct policy_union *u, const struct runtime_policy *part)
{
	struct runtime_policy *p = u->out;

	for (size_t i = 0; i < part->n_aliases; i++) {
		const struct policy_alias *a = &part->aliases[i];
		struct policy_alias *q;
		size_t k = 0;

		while (k < p->n_aliases && !span_eq(p->aliases[k].from, a->from))
			k++;
		if (k < p->n_aliases && !span_eq(p->aliases[k].to, a->to))
			return contradiction(u, "the alias of", a->from);
		if (k < p->n_aliases)
			continue;
		if ((q = one_more(u, &p->aliases, p->n_aliases, &u->cap_aliases, sizeof(*q))) == NULL)
			return p->arena.why;
		if (!copy(u, a->from, &q->from) || !copy(u, a->to, &q->to))
			return nomem(u);
		p->n_aliases++;
	}
	return 0;
}

static bool
scope_eq(const struct policy_scope *a, const struct policy_scope *b, const uint32_t *layers)
{
	if (!spans_eq(a->paths, a->n_paths, b->paths, b->n_paths) ||
	    !span_eq(a->partition, b->partition) || a->n_layers != b->n_layers)
		return false;
	for (size_t i = 0; i < a->n_layers; i++)
		if (a->layers[i] != layers[b->layers[i]])
			return false;
	return true;
}

static int
unite_scopes(struct policy_union *u, const struct runtime_policy *part, const uint32_t *layers)
{
	struct runtime_policy *p = u->out;

	for (size_t i = 0; i < part->n_scopes; i++) {
		const struct policy_scope *s = &part->scopes[i];
		struct policy_scope *q;
		size_t k = 0;

		while (k < p->n_scopes && !span_eq(p->scopes[k].name, s->name))
			k++;
		if (k < p->n_scopes && !scope_eq(&p->scopes[k], s, layers))
			return contradiction(u, "the scope", s->name);
		if (k < p->n_scopes)
			continue;
		if ((q = one_more(u, &p->scopes, p->n_scopes, &u->cap_scopes, sizeof(*q))) == NULL)
			return p->arena.why;
		*q = (struct policy_scope){ .n_layers = s->n_layers };
		q->layers = arena_array(&p->arena, s->n_layers, sizeof(*q->layers));
		if (q->layers == NULL || !copy(u, s->name, &q->name) ||
		    !copy(u, s->partition, &q->partition) ||
		    !copy_spans(u, s->paths, s->n_paths, &q->paths, &q->n_paths))
			return nomem(u);
		for (k = 0; k < s->n_layers; k++)
			q->layers[k] = layers[s->layers[k]];
		p->n_scopes++;
	}
	return 0;
}

static bool
pattern_eq(const struct policy_pattern *a, const struct policy_pattern *b)
{
	return a->match == b->match && span_eq(a->regex, b->regex);
}

static int
unite_patterns(struct policy_union *u, const struct runtime_policy *part)
{
	struct runtime_policy *p = u->out;
	struct policy_pattern *q;
	struct policy_violation_rule *v;
	size_t k;

	for (size_t i = 0; i < part->n_excludes; i++) {
		for (k = 0; k < p->n_excludes && !pattern_eq(&p->excludes[k], &part->excludes[i]); k++)
			;
		if (k < p->n_excludes)
			continue;
		if ((q = one_more(u, &p->excludes, k, &u->cap_excludes, sizeof(*q))) == NULL)
			return p->arena.why;
		*q = part->excludes[i];
		if (!copy(u, part->excludes[i].regex, &q->regex))
			return nomem(u);
		p->n_excludes++;
	}
	for (size_t i = 0; i < part->n_violations; i++) {
		const struct policy_violation_rule *r = &part->violations[i];

		for (k = 0; k < p->n_violations && !pattern_eq(&p->violations[k].path, &r->path); k++)
			;
		if (k < p->n_violations && p->violations[k].action != r->action)
			return contradiction(u, "violations on", r->path.regex);
		if (k < p->n_violations)
			continue;
		if ((v = one_more(u, &p->violations, k, &u->cap_violations, sizeof(*v))) == NULL)
			return p->arena.why;
		*v = *r;
		if (!copy(u, r->path.regex, &v->path.regex))
			return nomem(u);
		p->n_violations++;
	}
	return 0;
}

static bool
key_eq(const struct policy_key *a, const struct policy_key *b)
{
	const struct policy_key_scope *s = &a->scope, *t = &b->scope;

	return span_eq(a->der, b->der) && s->not_before == t->not_before &&
	    s->not_after == t->not_after &&
	    spans_eq(s->paths, s->n_paths, t->paths, t->n_paths) &&
	    spans_eq(s->filesystems, s->n_filesystems, t->filesystems, t->n_filesystems) &&
	    spans_eq(s->keyrings, s->n_keyrings, t->keyrings, t->n_keyrings) &&
	    spans_eq(s->kinds, s->n_kinds, t->kinds, t->n_kinds);
}

/* The same key with two scopes stays twice: what either allows is allowed. */
static int
unite_keys(struct policy_union *u, const struct runtime_policy *part)
{
	struct runtime_policy *p = u->out;

	for (size_t i = 0; i < part->n_keys; i++) {
		const struct policy_key *a = &part->keys[i];
		const struct policy_key_scope *s = &a->scope;
		struct policy_key *q;
		size_t k = 0;

		while (k < p->n_keys && !key_eq(&p->keys[k], a))
			k++;
		if (k < p->n_keys)
			continue;
		if ((q = one_more(u, &p->keys, p->n_keys, &u->cap_keys, sizeof(*q))) == NULL)
			return p->arena.why;
		*q = *a;
		if (!copy(u, a->der, &q->der) || !copy(u, a->name, &q->name) ||
		    !copy_spans(u, s->paths, s->n_paths, &q->scope.paths, &q->scope.n_paths) ||
		    !copy_spans(u, s->filesystems, s->n_filesystems, &q->scope.filesystems,
		    &q->scope.n_filesystems) ||
		    !copy_spans(u, s->keyrings, s->n_keyrings, &q->scope.keyrings, &q->scope.n_keyrings) ||
		    !copy_spans(u, s->kinds, s->n_kinds, &q->scope.kinds, &q->scope.n_kinds))
			return nomem(u);
		p->n_keys++;
	}
	return 0;
}

static int
unite_closed(struct policy_union *u, const struct runtime_policy *part)
{
	struct runtime_policy *p = u->out;

	for (size_t i = 0; i < part->n_closed_directories; i++) {
		struct span s = part->closed_directories[i], *q;
		size_t k = 0;

		while (k < p->n_closed_directories && !span_eq(p->closed_directories[k], s))
			k++;
		if (k < p->n_closed_directories)
			continue;
		if ((q = one_more(u, &p->closed_directories, k, &u->cap_closed, sizeof(*q))) == NULL)
			return p->arena.why;
		if (!copy(u, s, q))
			return nomem(u);
		p->n_closed_directories++;
	}
	return 0;
}

static int
unite_buffers(struct policy_union *u, const struct runtime_policy *part)
{
	struct runtime_policy *p = u->out;
	int rc;

	for (size_t i = 0; i < part->n_buffers; i++) {
		const struct policy_buffer *b = &part->buffers[i];
		struct policy_buffer *q;
		size_t k = 0, cap;

		while (k < p->n_buffers && !span_eq(p->buffers[k].name, b->name))
			k++;
		if (k < p->n_buffers && p->buffers[k].ignore != b->ignore)
			return contradiction(u, "the measured buffer", b->name);
		if (k == p->n_buffers) {
			if ((q = one_more(u, &p->buffers, k, &u->cap_buffers, sizeof(*q))) == NULL)
				return p->arena.why;
			*q = (struct policy_buffer){ .ignore = b->ignore };
			if (!copy(u, b->name, &q->name))
				return nomem(u);
			p->n_buffers++;
		}
		q = &p->buffers[k];
		cap = q->n_digests;
		if ((rc = unite_digests(u, &q->digests, &q->n_digests, &cap, b->digests, b->n_digests)) != 0)
			return rc;
	}
	return 0;
}

static int
unite_keyrings(struct policy_union *u, const struct runtime_policy *part)
{
	struct runtime_policy *p = u->out;
	int rc;

	for (size_t i = 0; i < part->n_keyrings; i++) {
		const struct policy_keyring *r = &part->keyrings[i];
		struct policy_keyring *q;
		size_t k = 0, cap;

		while (k < p->n_keyrings && !span_eq(p->keyrings[k].name, r->name))
			k++;
		if (k < p->n_keyrings &&
		    (p->keyrings[k].ignore != r->ignore || p->keyrings[k].trust != r->trust))
			return contradiction(u, "the keyring", r->name);
		if (k == p->n_keyrings) {
			if ((q = one_more(u, &p->keyrings, k, &u->cap_keyrings, sizeof(*q))) == NULL)
				return p->arena.why;
			*q = (struct policy_keyring){ .ignore = r->ignore, .trust = r->trust };
			if (!copy(u, r->name, &q->name))
				return nomem(u);
			p->n_keyrings++;
		}
		q = &p->keyrings[k];
		cap = q->n_digests;
		if ((rc = unite_digests(u, &q->digests, &q->n_digests, &cap, r->digests, r->n_digests)) != 0)
			return rc;
	}
	return 0;
}

/* Any of the demands is a demand; what any of them allows is allowed. */
static int
unite_ima(struct policy_union *u, const struct runtime_policy *part)
{
	struct policy_ima *to = &u->out->ima;
	const struct policy_ima *from = &part->ima;
	size_t cap = to->n_digests, cap_paths = to->n_paths;
	int rc = unite_digests(u, &to->digests, &to->n_digests, &cap, from->digests, from->n_digests);

	to->demanded |= from->demanded;
	for (size_t i = 0; rc == 0 && i < from->n_paths; i++) {
		size_t k = 0;
		struct span *q;

		while (k < to->n_paths && !span_eq(to->paths[k], from->paths[i]))
			k++;
		if (k < to->n_paths)
			continue;
		if ((q = one_more(u, &to->paths, k, &cap_paths, sizeof(*q))) == NULL)
			return u->out->arena.why;
		if (!copy(u, from->paths[i], q))
			return nomem(u);
		to->n_paths++;
	}
	return rc;
}

static int
unite_head(struct policy_union *u, const struct runtime_policy *part)
{
	struct runtime_policy *p = u->out;
	enum digest_alg have = p->min_digest, more = part->min_digest;

	if (p->name.n == 0 && !copy(u, part->name, &p->name))
		return nomem(u);
	/* The stronger demand holds. */
	if (have == DIGEST_NONE || (more != DIGEST_NONE &&
	    (digest_alg_weak(have) > digest_alg_weak(more) ||
	    (digest_alg_weak(have) == digest_alg_weak(more) &&
	    digest_alg_size(have) < digest_alg_size(more)))))
		p->min_digest = more;
	if (part->boot == NULL)
		return 0;
	if (p->boot != NULL && !json_equal(p->boot, part->boot))
		return err_set(u->e, ERR_MISMATCH, "the policies say different things about the boot");
	if (p->boot == NULL && (p->boot = json_deep_copy(part->boot)) == NULL)
		return err_set(u->e, ERR_NOMEM, "out of memory");
	return 0;
}

int
policy_unite_rules(struct policy_union *u, const struct runtime_policy *part, const uint32_t *layers)
{
	struct runtime_policy *p = u->out;
	int rc;

	if ((rc = unite_head(u, part)) != 0 || (rc = unite_aliases(u, part)) != 0 ||
	    (rc = policy_aliases_check(p, u->e)) != 0 ||
	    (rc = unite_scopes(u, part, layers)) != 0 || (rc = unite_patterns(u, part)) != 0 ||
	    (rc = unite_keys(u, part)) != 0 || (rc = unite_closed(u, part)) != 0 ||
	    (rc = unite_buffers(u, part)) != 0 || (rc = unite_keyrings(u, part)) != 0 || (rc = unite_ima(u, part)) != 0 ||
	    (rc = unite_digests(u, &p->revoked_keys, &p->n_revoked_keys, &u->cap_revoked_keys,
	    part->revoked_keys, part->n_revoked_keys)) != 0)
		return rc;
	return unite_digests(u, &p->revoked_digests, &p->n_revoked_digests, &u->cap_revoked_digests,
	    part->revoked_digests, part->n_revoked_digests);
}
