/* Several policies as one: files and packages here, the rules beside them in
 * runtime_policy_unite.c. */
#include <stdlib.h>

#include "formats/policy_table_layout.h"
#include "formats/policy_unite.h"

/* How the numbers of one part become those of the whole. */
struct maps {
	uint32_t *layers, *packages;
};

static void
maps_free(struct maps *m)
{
	free(m->layers);
	free(m->packages);
}
#define MAPS_AUTO __attribute__((cleanup(maps_free)))

/* Packages by content: slots hold the number + 1. */
struct package_set {
	uint32_t *slots;
	size_t n_slots;
};

static uint64_t
package_hash(const struct policy_package *k)
{
	uint64_t h = XXH3_64bits_withSeed(k->name.p, k->name.n, k->layer);

	h = XXH3_64bits_withSeed(k->version.p, k->version.n, h);
	return XXH3_64bits_withSeed(k->arch.p, k->arch.n, h);
}

static bool
package_eq(const struct policy_package *a, const struct policy_package *b)
{
	return a->layer == b->layer && span_eq(a->name, b->name) &&
	    span_eq(a->version, b->version) && span_eq(a->arch, b->arch);
}

/* The slots are at least twice as many as all packages together: one is always free. */
static int
intern_package(struct policy_union *u, struct package_set *set, const struct policy_package *k,
    uint32_t *id)
{
	struct runtime_policy *p = u->out;
	size_t at = (size_t)package_hash(k) & (set->n_slots - 1);
	struct policy_package copy = { .layer = k->layer };

	for (; set->slots[at] != 0; at = (at + 1) & (set->n_slots - 1))
		if (package_eq(&p->packages[set->slots[at] - 1], k)) {
			*id = set->slots[at] - 1;
			return 0;
		}
	if (!arena_copy(&p->arena, k->name, &copy.name) ||
	    !arena_copy(&p->arena, k->version, &copy.version) ||
	    !arena_copy(&p->arena, k->arch, &copy.arch))
		return arena_err(&p->arena, u->e);
	*id = (uint32_t)p->n_packages;
	p->packages[p->n_packages++] = copy;
	set->slots[at] = (uint32_t)p->n_packages;
	return 0;
}

/* Two sources of one layer: both are told. */
static int
join_source(struct policy_union *u, struct policy_layer *l, struct span source)
{
	BUF_AUTO struct buf b = buf_init(LIMIT_SMALL_FILE);

	if (source.n == 0 || span_eq(l->source, source))
		return 0;
	if (l->source.n != 0) {
		buf_span(&b, l->source);
		buf_str(&b, "; ");
	}
	buf_span(&b, source);
	if (b.why != 0)
		return buf_done(&b, u->e);
	return arena_copy(&u->out->arena, buf_view(&b), &l->source) ? 0 :
	    arena_err(&u->out->arena, u->e);
}

static int
unite_layer(struct policy_union *u, const struct policy_layer *l, uint32_t *id)
{
	struct runtime_policy *p = u->out;
	size_t i = 0;

	while (i < p->n_layers && !span_eq(p->layers[i].name, l->name))
		i++;
	if (i == LIMIT_POLICY_LAYERS)
		return err_set(u->e, ERR_LIMIT, "a policy may have at most %d layers", LIMIT_POLICY_LAYERS);
	if (i == p->n_layers) {
		if (!arena_copy(&p->arena, l->name, &p->layers[i].name))
			return arena_err(&p->arena, u->e);
		p->n_layers++;
	}
	*id = (uint32_t)i;
	return join_source(u, &p->layers[i], l->source);
}

static int
map_part(struct policy_union *u, const struct runtime_policy *part, struct package_set *set,
    struct maps *m)
{
	int rc;

	m->layers = calloc(part->n_layers + 1, sizeof(*m->layers));
	m->packages = calloc(part->n_packages + 1, sizeof(*m->packages));
	if (m->layers == NULL || m->packages == NULL)
		return err_set(u->e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < part->n_layers; i++)
		if ((rc = unite_layer(u, &part->layers[i], &m->layers[i])) != 0)
			return rc;
	for (size_t i = 0; i < part->n_packages; i++) {
		struct policy_package k = part->packages[i];

		if (k.layer >= part->n_layers)
			return err_set(u->e, ERR_FORMAT, "a package of the policy is in no layer");
		k.layer = m->layers[k.layer];
		if ((rc = intern_package(u, set, &k, &m->packages[i])) != 0)
			return rc;
	}
	return 0;
}

static int
add_files(struct policy_union *u, const struct runtime_policy *part, const struct maps *m,
    struct policy_builder *b)
{
	struct policy_iter it;
	struct policy_digest d;
	struct digest whole;
	struct span path;
	int rc;

	for (uint64_t i = 0; i < part->table.n_paths; i++) {
		if (!policy_table_at(&part->table, i, &path, &it))
			return err_set(u->e, ERR_FORMAT, "the table of the policy is damaged");
		while (policy_iter_next(&it, &d)) {
			bool package = d.package != POLICY_NO_PACKAGE;

			if (d.layer >= part->n_layers || (package && d.package >= part->n_packages) ||
			    !digest_make(d.alg, d.bytes, &whole))
				return err_set(u->e, ERR_FORMAT, "the table of the policy is damaged");
			rc = policy_builder_add(b, path, &whole, m->layers[d.layer],
			    package ? m->packages[d.package] : POLICY_NO_PACKAGE, u->e);
			if (rc != 0)
				return rc;
		}
	}
	return 0;
}

static int
unite_all(struct policy_union *u, const struct runtime_policy *const *parts, size_t n,
    struct package_set *set, struct policy_builder *b)
{
	struct runtime_policy *p = u->out;
	size_t layers = 0, packages = 0;
	int rc;

	for (size_t i = 0; i < n; i++) {
		layers += parts[i]->n_layers;
		packages += parts[i]->n_packages;
	}
	for (set->n_slots = 16; set->n_slots < 2 * packages; )
		set->n_slots *= 2;
	set->slots = calloc(set->n_slots, sizeof(*set->slots));
	p->layers = arena_array(&p->arena, layers, sizeof(*p->layers));
	p->packages = arena_array(&p->arena, packages, sizeof(*p->packages));
	if (set->slots == NULL || p->layers == NULL || p->packages == NULL)
		return err_set(u->e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		MAPS_AUTO struct maps m = { 0 };

		if ((rc = map_part(u, parts[i], set, &m)) != 0 ||
		    (rc = add_files(u, parts[i], &m, b)) != 0 ||
		    (rc = policy_unite_rules(u, parts[i], m.layers)) != 0)
			return rc;
	}
	return runtime_policy_take(p, b, u->e);
}

int
runtime_policy_merge(const struct runtime_policy *const *parts, size_t n,
    struct runtime_policy *out, struct err *e)
{
	POLICY_BUILDER_AUTO struct policy_builder *b = NULL;
	struct package_set set = { 0 };
	struct runtime_policy p;
	struct policy_union u = { .out = &p, .e = e };
	int rc;

	runtime_policy_init(&p);
	p.source = POLICY_FROM_ASSAY;
	if ((rc = policy_builder_new(&b, e)) == 0)
		rc = unite_all(&u, parts, n, &set, b);
	free(set.slots);
	if (rc != 0) {
		runtime_policy_free(&p);
		return rc;
	}
	*out = p;
	return 0;
}
