#include "engine/appraise_internal.h"

#include <stdlib.h>

static int
digest_order(const void *a, const void *b)
{
	const struct digest *x = a, *y = b;

	if (x->alg != y->alg)
		return x->alg < y->alg ? -1 : 1;
	return memcmp(x->v, y->v, x->size);
}

size_t
appraise_strength(enum digest_alg alg)
{
	return digest_alg_weak(alg) ? digest_alg_size(alg) : 100 + digest_alg_size(alg);
}

static int
gather(struct appraiser *a, struct err *e)
{
	size_t n = 0, boots = 0;

	for (size_t i = 0; i < a->n_policies; i++)
		n += a->policies[i].p->n_revoked_digests;
	a->revoked = arena_array(&a->arena, n + 1, sizeof(*a->revoked));
	a->boot = arena_array(&a->arena, a->n_policies + 1, sizeof(*a->boot));
	if (a->revoked == NULL || a->boot == NULL)
		return arena_err(&a->arena, e);
	for (size_t i = 0; i < a->n_policies; i++) {
		const struct runtime_policy *p = a->policies[i].p;

		if (p->n_revoked_digests > 0)
			memcpy(a->revoked + a->n_revoked, p->revoked_digests,
			    p->n_revoked_digests * sizeof(*a->revoked));
		a->n_revoked += p->n_revoked_digests;
		a->revokes_keys |= p->n_revoked_keys > 0;
		if (p->boot != NULL)
			a->boot[boots++] = p->boot;
		if (p->min_digest != DIGEST_NONE && (a->min_digest == DIGEST_NONE ||
		    appraise_strength(p->min_digest) > appraise_strength(a->min_digest)))
			a->min_digest = p->min_digest;
	}
	qsort(a->revoked, a->n_revoked, sizeof(*a->revoked), digest_order);
	return 0;
}

int
appraiser_new(const struct runtime_policy *const *policies, size_t n,
    const struct sig_context *ctx, struct appraiser **out, struct err *e)
{
	APPRAISER_AUTO struct appraiser *a = calloc(1, sizeof(*a));
	int rc;

	if (a == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	a->arena = arena_init(LIMIT_APPRAISAL_ARENA);
	a->ctx = *ctx;
	a->made = result_init();
	a->policies = arena_array(&a->arena, n + 1, sizeof(*a->policies));
	if (a->policies == NULL)
		return arena_err(&a->arena, e);
	for (; a->n_policies < n; a->n_policies++)
		if ((rc = ready_policy_init(policies[a->n_policies], ctx, &a->arena,
		    &a->policies[a->n_policies], &a->made, e)) != 0)
			return rc;
	if ((rc = gather(a, e)) != 0 || (rc = ima_demand_make(policies, n, &a->arena, &a->ima, e)) != 0 || (rc = keyring_new(policies, n, &a->keyring, e)) != 0)
		return rc;
	*out = a;
	a = NULL;	/* transferred */
	return 0;
}

int
appraiser_begin(struct appraiser *a, int64_t now, struct result *r, struct err *e)
{
	int rc;

	a->ctx.now = now;
	keyring_forget(a->keyring);
	for (size_t i = 0; i < a->made.n_warnings; i++)
		if ((rc = result_warn(r, e, "%s", a->made.warnings[i])) != 0)
			return rc;
	return 0;
}

void
appraiser_free(struct appraiser *a)
{
	if (a == NULL)
		return;
	for (size_t i = 0; i < a->n_policies; i++)
		ready_policy_done(&a->policies[i]);
	for (size_t i = 0; i < DIGEST_ALG_COUNT; i++)
		hasher_free(a->hashers[i]);
	keyring_free(a->keyring);
	result_free(&a->made);
	arena_free(&a->arena);
	free(a);
}

const json_t *const *
appraiser_boot(const struct appraiser *a)
{
	return a->boot;
}

const struct ima_demand *
appraiser_ima_demand(const struct appraiser *a)
{
	return &a->ima;
}

struct keyring *
appraiser_keyring(struct appraiser *a)
{
	return a->keyring;
}

struct finding
appraise_finding(const struct ima_entry *n, enum reason reason)
{
	struct finding f = { .reason = reason, .entry = n->number, .authenticated = true,
	    .path_authenticated = true, .path = n->path };

	if (n->file_alg != DIGEST_NONE && !digest_make(n->file_alg, n->file_digest, &f.seen))
		f.seen = (struct digest){ 0 };
	return f;
}

bool
appraise_revoked(const struct appraiser *a, const struct ima_entry *n)
{
	struct digest d;

	return a->n_revoked > 0 && n->file_alg != DIGEST_NONE &&
	    digest_make(n->file_alg, n->file_digest, &d) &&
	    bsearch(&d, a->revoked, a->n_revoked, sizeof(d), digest_order) != NULL;
}

static int
appraise_violation(struct appraiser *a, const struct ima_entry *n, struct result *r, struct err *e)
{
	struct finding f = appraise_finding(n, REASON_VIOLATION);
	int rc;

	f.path_authenticated = false;
	f.seen = (struct digest){ 0 };
	for (size_t i = 0; i < a->n_policies; i++) {
		const struct ready_policy *l = &a->policies[i];

		for (size_t k = 0; k < l->p->n_violations; k++) {
			bool hit;

			if ((rc = pattern_match_one(l->violations, l->scratch, k, n->path, &hit, e)) != 0)
				return rc;
			if (hit && l->p->violations[k].action == POLICY_VIOLATION_IGNORE)
				return 0;
			if (hit)
				break;	/* the first rule that matches decides */
		}
	}
	return result_finding(r, &f, e, "was open for writing while it was measured;"
	    " which file this was is not authenticated");
}

int
appraise_form(const struct ima_entry *n, struct result *r, bool *sound, struct err *e)
{
	BUF_AUTO struct buf name = buf_init(KIB(1));
	struct finding f = appraise_finding(n, n->known_template ? REASON_MALFORMED_ENTRY : REASON_UNKNOWN_TEMPLATE);

	/* What a violation's record says is not measured; its form proves nothing either way. */
	*sound = n->violation || ima_entry_sound(n);
	if (*sound)
		return 0;
	f.path = span_of(NULL, 0);
	f.seen = (struct digest){ 0 };
	buf_escape(&name, span_head(n->template_name, 64));
	if (!n->known_template)
		return result_finding(r, &f, e, "template \"%s\" is not known, so the entry cannot be judged",
		    buf_cstr(&name));
	if (n->ambiguous)
		return result_finding(r, &f, e, "the format \"%s\" leaves open which of its fields are"
		    " the file's digest and name: it is covered by no digest", buf_cstr(&name));
	return result_finding(r, &f, e, "the entry does not fit its template: %s", n->why);
}

static int
judge(struct appraiser *a, const struct ima_entry *n, bool authenticated,
    struct result *r, struct err *e)
{
	bool sound;
	int rc;

	if (n->violation)
		return appraise_violation(a, n, r, e);
	if ((rc = appraise_form(n, r, &sound, e)) != 0 || !sound)
		return rc;
	/* Its value is the boot engine's to judge; later ones must repeat the first. */
	if (ima_entry_is_boot_aggregate(n))
		return 0;
	if (n->has_buf)
		return appraise_buffer(a, n, authenticated, r, e);
	return appraise_file(a, n, r, e);
}

void
appraise_expect(const struct appraiser *a, const struct ima_entry *n, enum policy_table_step step)
{
	for (size_t i = 0; i < a->n_policies; i++)
		ready_policy_expect(&a->policies[i], n->path, step);
}

/* The deepest volume above the path, of all that a policy or the operator knows. */
static struct span
volume_of(const struct appraiser *a, struct span path)
{
	struct span label = { 0 };
	size_t depth = 0;

	for (size_t i = 0; i < a->ctx.n_mounts; i++)
		if (path_under(path, a->ctx.mounts[i].path) && a->ctx.mounts[i].path.n >= depth) {
			depth = a->ctx.mounts[i].path.n;
			label = a->ctx.mounts[i].label;
		}
	for (size_t i = 0; i < a->n_policies; i++)
		ready_policy_volume(&a->policies[i], path, &depth, &label);
	return label;
}

int
appraise_entry(struct appraiser *a, const struct ima_entry *n, bool authenticated,
    struct result *r, struct err *e)
{
	size_t before = r->n_findings;
	int rc = judge(a, n, authenticated, r, e);

	for (size_t i = before; i < r->n_findings; i++) {
		struct finding *f = &r->findings[i];

		f->authenticated = authenticated;
		if (f->path.n > 0 && !arena_copy(&r->arena, volume_of(a, f->path), &f->partition))
			return arena_err(&r->arena, e);
	}
	return rc;
}
