#include "engine/ready_policy.h"

#include <stdlib.h>

bool
path_kernel_form(struct arena *a, struct span s, struct span *out)
{
	while (s.n > 1 && s.p[s.n - 1] == '/')
		s.n--;

	uint8_t *p = arena_alloc(a, s.n + 1);

	if (p == NULL)
		return false;
	for (size_t i = 0; i < s.n; i++)
		p[i] = s.p[i] == ' ' ? '_' : s.p[i];
	*out = span_of(p, s.n);
	return true;
}

static uint8_t *
bit_set(struct arena *a, size_t bits)
{
	return arena_alloc(a, bits / 8 + 1);
}

static bool
has_bit(const uint8_t *set, uint32_t i)
{
	return (set[i / 8] >> (i % 8)) & 1;
}

static int
by_length(const void *a, const void *b)
{
	const struct scope_prefix *x = a, *y = b;

	return (y->path.n > x->path.n) - (y->path.n < x->path.n);
}

/* Where the caller says that the volume ${label} is mounted. */
static size_t
mounts_of(const struct sig_context *ctx, struct span label)
{
	size_t n = 0;

	for (size_t i = 0; i < ctx->n_mounts; i++)
		n += span_eq(ctx->mounts[i].label, label);
	return n;
}

/* As policies write a prefix, to the one name that all names of a file map to. */
static bool
canonical_prefix(const struct runtime_policy *p, struct span prefix, struct arena *a, struct span *out)
{
	uint8_t room[POLICY_ALIASED_MAX];
	struct span kernel;

	return path_kernel_form(a, prefix, &kernel) && arena_copy(a, policy_canonical(p, kernel, room), out);
}

static int
add_scope(const struct policy_scope *s, const struct sig_context *ctx, const uint8_t *layers,
    struct arena *a, struct ready_policy *l, struct result *r, struct err *e)
{
	for (size_t i = 0; i < s->n_paths; i++) {
		struct scope_prefix *x = &l->scopes[l->n_scopes++];

		x->layers = layers;
		x->partition = s->partition;
		if (!canonical_prefix(l->p, s->paths[i], a, &x->path))
			return arena_err(a, e);
	}
	if (s->partition.n > 0 && s->n_paths == 0 && mounts_of(ctx, s->partition) == 0)
		return result_warn(r, e, "policy scope \"%.*s\" is for the volume %.*s, but nobody said"
		    " where that is mounted: the scope covers nothing", (int)s->name.n,
		    (const char *)s->name.p, (int)s->partition.n, (const char *)s->partition.p);
	for (size_t i = 0; s->partition.n > 0 && i < ctx->n_mounts; i++) {
		if (!span_eq(ctx->mounts[i].label, s->partition))
			continue;
		struct scope_prefix *x = &l->scopes[l->n_scopes++];

		x->layers = layers;
		x->partition = s->partition;
		if (!canonical_prefix(l->p, ctx->mounts[i].path, a, &x->path))
			return arena_err(a, e);
	}
	return 0;
}

static int
init_scopes(struct ready_policy *l, const struct sig_context *ctx, struct arena *a,
    struct result *r, struct err *e)
{
	const struct runtime_policy *p = l->p;
	uint8_t *open = bit_set(a, p->n_layers);
	size_t prefixes = 0;
	int rc;

	for (size_t i = 0; i < p->n_scopes; i++)
		prefixes += p->scopes[i].n_paths + mounts_of(ctx, p->scopes[i].partition);
	l->scopes = arena_array(a, prefixes + 1, sizeof(*l->scopes));
	if (open == NULL || l->scopes == NULL)
		return arena_err(a, e);
	memset(open, 0xff, p->n_layers / 8 + 1);
	for (size_t i = 0; i < p->n_scopes; i++) {
		uint8_t *layers = bit_set(a, p->n_layers);

		if (layers == NULL)
			return arena_err(a, e);
		for (size_t k = 0; k < p->scopes[i].n_layers; k++) {
			uint32_t layer = p->scopes[i].layers[k];

			layers[layer / 8] |= (uint8_t)(1u << (layer % 8));
			open[layer / 8] &= (uint8_t)~(1u << (layer % 8));
		}
		if ((rc = add_scope(&p->scopes[i], ctx, layers, a, l, r, e)) != 0)
			return rc;
	}
	qsort(l->scopes, l->n_scopes, sizeof(*l->scopes), by_length);
	l->open_layers = open;
	return 0;
}

static int
init_closed(struct ready_policy *l, struct arena *a, struct err *e)
{
	const struct runtime_policy *p = l->p;

	l->closed = arena_array(a, p->n_closed_directories + 1, sizeof(*l->closed));
	if (l->closed == NULL)
		return arena_err(a, e);
	for (size_t i = 0; i < p->n_closed_directories; i++) {
		if (!canonical_prefix(p, p->closed_directories[i], a, &l->closed[l->n_closed]))
			return arena_err(a, e);
		l->n_closed++;
	}
	return 0;
}

static int
init_patterns(struct ready_policy *l, struct arena *a, struct err *e)
{
	const struct runtime_policy *p = l->p;
	struct policy_pattern *rules = arena_array(a, p->n_violations + 1, sizeof(*rules));
	int rc;

	if (rules == NULL)
		return arena_err(a, e);
	for (size_t i = 0; i < p->n_violations; i++)
		rules[i] = p->violations[i].path;
	if ((rc = pattern_scratch_new(&l->scratch, e)) != 0)
		return rc;
	if ((rc = pattern_set_new(p->excludes, p->n_excludes, &l->excludes, e)) != 0)
		return err_ctx(e, rc, "the policy's excludes");
	if ((rc = pattern_set_new(rules, p->n_violations, &l->violations, e)) != 0)
		return err_ctx(e, rc, "the policy's violation rules");
	return 0;
}

/* Whoever copies "excludes": [".*"] switches the judgement off, and should not only learn
 * that from "policy show". */
static int
warn_excludes(const struct ready_policy *l, struct result *r, struct err *e)
{
	BUF_AUTO struct buf text = buf_init(KIB(4));
	size_t which;
	int rc = pattern_match(l->excludes, l->scratch, span_lit("/\x01is-called-so-by/nobody"), &which, e);

	if (rc != 0 || which == SIZE_MAX)
		return rc;
	buf_escape(&text, span_head(l->p->excludes[which].regex, 128));
	return result_warn(r, e, "exclude \"%s\" of policy \"%.*s\" covers every path: what nothing lists or signs is"
	    " let pass", buf_cstr(&text), (int)(l->p->name.n < 128 ? l->p->name.n : 128), (const char *)l->p->name.p);
}

int
ready_policy_init(const struct runtime_policy *p, const struct sig_context *ctx,
    struct arena *a, struct ready_policy *l, struct result *r, struct err *e)
{
	int rc;

	*l = (struct ready_policy){ .p = p };
	if ((rc = init_patterns(l, a, e)) != 0 || (rc = warn_excludes(l, r, e)) != 0 || (rc = init_scopes(l, ctx, a, r, e)) != 0 ||
	    (rc = init_closed(l, a, e)) != 0) {
		ready_policy_done(l);
		return rc;
	}
	if (p->weak_digests)
		return result_warn(r, e, "policy \"%.*s\" approves files by SHA-1 or MD5: who can make"
		    " two files of one digest can pass the second for the first",
		    (int)p->name.n, (const char *)p->name.p);
	return 0;
}

void
ready_policy_done(struct ready_policy *l)
{
	pattern_set_free(l->excludes);
	pattern_set_free(l->violations);
	pattern_scratch_free(l->scratch);
	l->excludes = l->violations = NULL;
	l->scratch = NULL;
}

static const uint8_t *
layers_of(const struct ready_policy *l, struct span path)
{
	for (size_t i = 0; i < l->n_scopes; i++)
		if (path_under(path, l->scopes[i].path))
			return l->scopes[i].layers;
	return l->open_layers;
}

void
ready_policy_volume(const struct ready_policy *l, struct span path, size_t *depth, struct span *label)
{
	uint8_t room[POLICY_ALIASED_MAX];
	struct span name = l->n_scopes == 0 ? path : policy_canonical(l->p, path, room);

	for (size_t i = 0; i < l->n_scopes && l->scopes[i].path.n > *depth; i++)
		if (l->scopes[i].partition.n > 0 && path_under(name, l->scopes[i].path)) {
			*depth = l->scopes[i].path.n;
			*label = l->scopes[i].partition;
		}
}

static const uint8_t *
layers_of_canonical(const struct ready_policy *l, struct span path)
{
	uint8_t room[POLICY_ALIASED_MAX];

	return layers_of(l, policy_canonical(l->p, path, room));
}

/* A scope holds for every name of a file, or another name would get it the open layers. */
static const uint8_t *
layers_for(const struct ready_policy *l, struct span path)
{
	return l->n_scopes == 0 || l->p->n_aliases == 0 ? layers_of(l, path) : layers_of_canonical(l, path);
}

static void
add_wanted(struct lookup_wanted *w, const struct policy_digest *d)
{
	if (w->n < sizeof(w->digests) / sizeof(w->digests[0]) &&
	    digest_make(d->alg, d->bytes, &w->digests[w->n]))
		w->n++;
}

static void
lookup_name(const struct ready_policy *l, const uint8_t *layers, struct span name,
    enum digest_alg alg, struct span digest, struct lookup *out)
{
	struct policy_iter it;
	struct policy_digest d;

	if (!policy_table_find(&l->p->table, name, &it))
		return;
	while (policy_iter_next(&it, &d)) {
		if (d.layer >= l->p->n_layers || !has_bit(layers, d.layer))
			continue;
		out->known = true;
		if (d.alg == alg && span_eq(d.bytes, digest)) {
			out->match = true;
			return;
		}
		if (out->wanted != NULL)
			add_wanted(out->wanted, &d);
	}
}

/* A list may use either name of a file: /bin/x where the kernel says /usr/bin/x. */
static void
lookup_aliases(const struct ready_policy *l, const uint8_t *layers, struct span path,
    enum digest_alg alg, struct span digest, struct lookup *out)
{
	const struct runtime_policy *p = l->p;
	uint8_t room[POLICY_ALIASED_MAX];

	for (size_t i = 0; !out->match && i < p->n_aliases; i++) {
		struct span s = policy_aliased(path, p->aliases[i].to, p->aliases[i].from, room);

		if (s.n > 0)
			lookup_name(l, layers, s, alg, digest, out);
		s = out->match ? span_of(NULL, 0) :
		    policy_aliased(path, p->aliases[i].from, p->aliases[i].to, room);
		if (s.n > 0)
			lookup_name(l, layers, s, alg, digest, out);
	}
}

/* The name as it stands is nearly always the listed one; the room for others, which the
 * compiler clears, is made only when it is not. */
void
ready_policy_lookup(const struct ready_policy *l, struct span path,
    enum digest_alg alg, struct span digest, struct lookup *out)
{
	const uint8_t *layers = layers_for(l, path);

	lookup_name(l, layers, path, alg, digest, out);
	if (!out->match && l->p->n_aliases > 0)
		lookup_aliases(l, layers, path, alg, digest, out);
}

void
ready_policy_expect(const struct ready_policy *l, struct span path, enum policy_table_step step)
{
	policy_table_expect(&l->p->table, path, step);
}

static bool
under_closed(const struct ready_policy *l, struct span path)
{
	uint8_t room[POLICY_ALIASED_MAX];
	struct span name = policy_canonical(l->p, path, room);

	for (size_t i = 0; i < l->n_closed; i++)
		if (path_under(name, l->closed[i]))
			return true;
	return false;
}

bool
ready_policy_closed(const struct ready_policy *l, struct span path)
{
	return l->n_closed > 0 && under_closed(l, path);
}
