#include "engine/policy_diff.h"

#include "base/json_out.h"
#include "formats/policy_write.h"

/* ---- files ---------------------------------------------------------------- */

typedef void change_fn(const struct policy_change *c, void *cookie);

/* One path of one policy, and the walk over all of them. */
struct side {
	const struct runtime_policy *p;
	struct arena arena;
	struct span *scopes;	/* for each layer the names of the scopes it is in */
	uint64_t i;
	struct span path;
	struct policy_iter it;
	bool there;
};

static int
load_side(struct side *s, struct err *e)
{
	s->there = s->i < s->p->table.n_paths;
	if (s->there && !policy_table_at(&s->p->table, s->i, &s->path, &s->it))
		return err_set(e, ERR_FORMAT, "the table of the policy is damaged");
	return 0;
}

static struct span
layer_name(const struct runtime_policy *p, uint32_t layer)
{
	return layer < p->n_layers ? p->layers[layer].name : span_lit("?");
}

static void
side_free(struct side *s)
{
	arena_free(&s->arena);
}
#define SIDE_AUTO __attribute__((cleanup(side_free)))

static int
side_init(struct side *s, const struct runtime_policy *p, struct err *e)
{
	*s = (struct side){ .p = p, .arena = arena_init(LIMIT_POLICY_ARENA) };
	if ((s->scopes = arena_array(&s->arena, p->n_layers, sizeof(*s->scopes))) == NULL)
		return arena_err(&s->arena, e);
	for (size_t i = 0; i < p->n_layers; i++) {
		BUF_AUTO struct buf names = buf_init(LIMIT_SMALL_FILE);

		for (size_t k = 0; k < p->n_scopes; k++)
			for (size_t l = 0; l < p->scopes[k].n_layers; l++)
				if (p->scopes[k].layers[l] == i) {
					buf_span(&names, p->scopes[k].name);
					buf_u8(&names, 0);
				}
		if (names.why != 0)
			return buf_done(&names, e);
		if (!arena_copy(&s->arena, buf_view(&names), &s->scopes[i]))
			return arena_err(&s->arena, e);
	}
	return 0;
}

static struct span
scopes_of(const struct side *s, uint32_t layer)
{
	return layer < s->p->n_layers ? s->scopes[layer] : span_lit("?");
}

/* Whether ${s} has this digest of its path in a layer of these scopes. */
static bool
has(const struct side *s, struct span scopes, const struct policy_digest *want)
{
	struct policy_iter it = s->it;
	struct policy_digest d;

	while (s->there && policy_iter_next(&it, &d))
		if (d.alg == want->alg && span_eq(d.bytes, want->bytes) &&
		    span_eq(scopes_of(s, d.layer), scopes))
			return true;
	return false;
}

/* What ${from} has of its path and ${other} has not; ${other} NULL: everything. */
static void
only_in(const struct side *from, const struct side *other, bool added, change_fn *each, void *cookie)
{
	struct policy_iter it = from->it;
	struct policy_digest d;

	while (policy_iter_next(&it, &d)) {
		struct policy_change c = {
			.added = added, .path = from->path, .alg = d.alg, .digest = d.bytes,
			.layer = layer_name(from->p, d.layer),
			.package = d.package < from->p->n_packages ? &from->p->packages[d.package] : NULL,
		};

		if (other == NULL || !has(other, scopes_of(from, d.layer), &d))
			each(&c, cookie);
	}
}

int
policy_diff_files(const struct runtime_policy *a, const struct runtime_policy *b,
    change_fn *each, void *cookie, struct err *e)
{
	SIDE_AUTO struct side x = { 0 }, y = { 0 };
	int rc, order;

	if ((rc = side_init(&x, a, e)) != 0 || (rc = side_init(&y, b, e)) != 0)
		return rc;
	for (;;) {
		if ((rc = load_side(&x, e)) != 0 || (rc = load_side(&y, e)) != 0)
			return rc;
		if (!x.there && !y.there)
			return 0;
		order = !x.there ? 1 : !y.there ? -1 : span_cmp(x.path, y.path);
		if (order <= 0)
			only_in(&x, order == 0 ? &y : NULL, false, each, cookie);
		if (order >= 0)
			only_in(&y, order == 0 ? &x : NULL, true, each, cookie);
		x.i += order <= 0;
		y.i += order >= 0;
	}
}

/* ---- everything else ------------------------------------------------------ */

/* Compared as text: each element of a policy's member as one line of JSON. */
struct lines {
	struct buf text;		/* all of them behind each other */
	struct { size_t at, n; } *v;
	size_t n, cap;
	struct arena arena;
};

static void
lines_free(struct lines *l)
{
	buf_free(&l->text);
	arena_free(&l->arena);
}
#define LINES_AUTO __attribute__((cleanup(lines_free)))

static struct lines
lines_init(void)
{
	return (struct lines){ .text = buf_init(LIMIT_POLICY_FILE), .arena = arena_init(LIMIT_POLICY_ARENA) };
}

static struct span
line(const struct lines *l, size_t i)
{
	return span_of(l->text.p + l->v[i].at, l->v[i].n);
}

static int
end_line(struct lines *l, size_t start, struct err *e)
{
	void *v = arena_grow(&l->arena, l->v, l->n, &l->cap, sizeof(*l->v));

	if (v == NULL)
		return arena_err(&l->arena, e);
	l->v = v;
	l->v[l->n].at = start;
	l->v[l->n++].n = l->text.n - start;
	return buf_done(&l->text, e);
}

static int
add_value(struct lines *l, const char *key, const json_t *value, struct err *e)
{
	size_t start = l->text.n;

	if (key != NULL) {
		struct json_out o = json_out_init(&l->text);

		json_out_string(&o, JSON_OUT_ELEMENT, span_str(key));
		buf_str(&l->text, ": ");
	}
	json_write_compact(value, &l->text);
	return end_line(l, start, e);
}

static int
add_member(struct lines *l, const json_t *member, struct err *e)
{
	const char *key;
	json_t *v;
	size_t i;
	int rc;

	if (json_is_array(member)) {
		json_array_foreach(member, i, v)
			if ((rc = add_value(l, NULL, v, e)) != 0)
				return rc;
		return 0;
	}
	if (json_is_object(member)) {
		json_object_foreach((json_t *)(uintptr_t)member, key, v)
			if ((rc = add_value(l, key, v, e)) != 0)
				return rc;
		return 0;
	}
	return member == NULL ? 0 : add_value(l, NULL, member, e);
}

static int
add_packages(struct lines *l, const struct runtime_policy *p, struct err *e)
{
	int rc;

	for (size_t i = 0; i < p->n_packages; i++) {
		const struct policy_package *k = &p->packages[i];
		struct json_out o = json_out_init(&l->text);
		size_t start = l->text.n;

		json_out_flat_object(&o, JSON_OUT_ELEMENT);
		json_out_string(&o, span_lit("layer"), layer_name(p, k->layer));
		json_out_string(&o, span_lit("name"), k->name);
		json_out_string(&o, span_lit("version"), k->version);
		json_out_string(&o, span_lit("architecture"), k->arch);
		json_out_close(&o);
		if ((rc = end_line(l, start, e)) != 0)
			return rc;
	}
	return 0;
}

static int
cmp_line(const void *x, const void *y, void *cookie)
{
	return span_cmp(line(cookie, *(const size_t *)x), line(cookie, *(const size_t *)y));
}

/* Numbers of the lines, sorted by their text; NULL and an error if memory ran out. */
static size_t *
sorted(struct lines *l, struct err *e)
{
	size_t *order = arena_array(&l->arena, l->n, sizeof(*order));

	if (order == NULL) {
		arena_err(&l->arena, e);
		return NULL;
	}
	for (size_t i = 0; i < l->n; i++)
		order[i] = i;
	if (l->n > 1)
		qsort_r(order, l->n, sizeof(*order), cmp_line, l);
	return order;
}

typedef void rule_fn(const char *section, bool added, struct span what, void *cookie);

static int
compare(const char *section, struct lines *a, struct lines *b, rule_fn *each, void *cookie,
    struct err *e)
{
	size_t *x = sorted(a, e), *y = sorted(b, e), i = 0, k = 0;

	if (x == NULL || y == NULL)
		return ERR_NOMEM;
	while (i < a->n || k < b->n) {
		int order = i == a->n ? 1 : k == b->n ? -1 : span_cmp(line(a, x[i]), line(b, y[k]));

		if (order < 0)
			each(section, false, line(a, x[i]), cookie);
		else if (order > 0)
			each(section, true, line(b, y[k]), cookie);
		i += order <= 0;
		k += order >= 0;
	}
	return 0;
}

/* The policy without its files, as a tree. */
static int
rules_of(const struct runtime_policy *p, json_t **root, struct err *e)
{
	BUF_AUTO struct buf text = buf_init(LIMIT_POLICY_FILE);
	int rc;

	if ((rc = policy_write_json(p, false, &text, e)) != 0)
		return rc;
	return json_parse(buf_view(&text), LIMIT_POLICY_FILE, root, e);
}

static int
diff_members(const json_t *x, const json_t *y, rule_fn *each, void *cookie, struct err *e)
{
	static const char *const sections[] = {
		"min_digest", "aliases", "scopes", "excludes", "keys", "revoked",
		"closed_directories", "violations", "buffers", "keyrings", "ima_policies", "boot",
	};
	int rc;

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		LINES_AUTO struct lines a = lines_init(), b = lines_init();

		if ((rc = add_member(&a, json_object_get(x, sections[i]), e)) != 0 ||
		    (rc = add_member(&b, json_object_get(y, sections[i]), e)) != 0 ||
		    (rc = compare(sections[i], &a, &b, each, cookie, e)) != 0)
			return rc;
	}
	return 0;
}

int
policy_diff_rules(const struct runtime_policy *a, const struct runtime_policy *b,
    rule_fn *each, void *cookie, struct err *e)
{
	LINES_AUTO struct lines pa = lines_init(), pb = lines_init();
	JSON_AUTO json_t *x = NULL, *y = NULL;
	int rc;

	if ((rc = add_packages(&pa, a, e)) != 0 || (rc = add_packages(&pb, b, e)) != 0 ||
	    (rc = compare("packages", &pa, &pb, each, cookie, e)) != 0 ||
	    (rc = rules_of(a, &x, e)) != 0 || (rc = rules_of(b, &y, e)) != 0)
		return rc;
	return diff_members(x, y, each, cookie, e);
}
