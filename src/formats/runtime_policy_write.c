/* Assay's own policy JSON, written in the order of its schema: parsing the output and
 * writing it again gives the same bytes. */
#include <stdlib.h>

#include "base/json_out.h"
#include "base/rfc3339.h"
#include "base/text.h"
#include "formats/policy_read.h"
#include "formats/policy_write.h"

#define KEY(s) span_lit(s)

static void
out_digest(struct json_out *o, enum digest_alg alg, struct span bytes)
{
	BUF_AUTO struct buf b = buf_init(256);

	buf_printf(&b, "%s:", digest_alg_name(alg));
	buf_hex(&b, bytes);
	json_out_string(o, JSON_OUT_ELEMENT, buf_view(&b));
}

static void
out_digests(struct json_out *o, struct span key, const struct digest *v, size_t n)
{
	json_out_array(o, key);
	for (size_t i = 0; i < n; i++)
		out_digest(o, v[i].alg, digest_view(&v[i]));
	json_out_close(o);
}

static void
out_strings(struct json_out *o, struct span key, const struct span *v, size_t n)
{
	json_out_flat_array(o, key);
	for (size_t i = 0; i < n; i++)
		json_out_string(o, JSON_OUT_ELEMENT, v[i]);
	json_out_close(o);
}

/* Members that say nothing are left out. */
static void
out_optional(struct json_out *o, struct span key, struct span value)
{
	if (value.n != 0)
		json_out_string(o, key, value);
}

static void
out_optional_strings(struct json_out *o, struct span key, const struct span *v, size_t n)
{
	if (n != 0)
		out_strings(o, key, v, n);
}

/* The paths of the table, put in order of the (layer, package) that approves them: a
 * counting sort over the digests.  A path stands in a group once for each of its
 * digests there, so that equal neighbours are to be skipped. */
struct groups {
	const struct runtime_policy *p;
	size_t n;
	uint64_t *start;	/* where each group begins in paths; n + 1 of them */
	uint64_t *paths;
};

static void
groups_free(struct groups *g)
{
	free(g->start);
	free(g->paths);
}
#define GROUPS_AUTO __attribute__((cleanup(groups_free)))

/* The loose files of layer i are group i, those of package i come behind them. */
static size_t
group_of(const struct groups *g, const struct policy_digest *d)
{
	const struct runtime_policy *p = g->p;

	if (d->layer >= p->n_layers)
		return SIZE_MAX;
	if (d->package == POLICY_NO_PACKAGE)
		return d->layer;
	return d->package < p->n_packages && p->packages[d->package].layer == d->layer ?
	    p->n_layers + d->package : SIZE_MAX;
}

/* Calls ${visit} with the path number and the group of each digest. */
static int
each_digest(struct groups *g, bool (*visit)(struct groups *, size_t, uint64_t), struct err *e)
{
	const struct policy_table *t = &g->p->table;
	struct policy_iter it;
	struct policy_digest d;
	struct span path;

	for (uint64_t i = 0; i < t->n_paths; i++) {
		if (!policy_table_at(t, i, &path, &it))
			return err_set(e, ERR_FORMAT, "the table of the policy is damaged");
		while (policy_iter_next(&it, &d)) {
			size_t k = group_of(g, &d);

			if (k == SIZE_MAX)
				return err_set(e, ERR_FORMAT,
				    "the table of the policy names a layer or package that is not there");
			if (!visit(g, k, i))
				return err_set(e, ERR_IO, "the table of the policy changed while it was read");
		}
	}
	return 0;
}

static bool
count(struct groups *g, size_t group, uint64_t path)
{
	(void)path;
	g->start[group + 1]++;
	return true;
}

/* Each start moves to its group's end, which is where the next one began.  A mapped
 * file that somebody changes must not make us write behind it. */
static bool
place(struct groups *g, size_t group, uint64_t path)
{
	if (g->start[group] >= g->start[g->n])
		return false;
	g->paths[g->start[group]++] = path;
	return true;
}

static int
groups_make(const struct runtime_policy *p, struct groups *g, struct err *e)
{
	int rc;

	g->p = p;
	g->n = p->n_layers + p->n_packages;
	if ((g->start = calloc(g->n + 2, sizeof(*g->start))) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if ((rc = each_digest(g, count, e)) != 0)
		return rc;
	for (size_t i = 0; i < g->n; i++)
		g->start[i + 1] += g->start[i];
	if ((g->paths = calloc((size_t)g->start[g->n] + 1, sizeof(*g->paths))) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if ((rc = each_digest(g, place, e)) != 0)
		return rc;
	memmove(g->start + 1, g->start, g->n * sizeof(*g->start));
	g->start[0] = 0;
	return 0;
}

static void
out_file(struct json_out *o, const struct groups *g, size_t group, struct span path,
    struct policy_iter it, bool coded)
{
	BUF_AUTO struct buf name = buf_init(LIMIT_SMALL_FILE);
	struct policy_digest d;

	if (coded)
		buf_base64(&name, path);
	json_out_flat_array(o, coded ? buf_view(&name) : path);
	while (policy_iter_next(&it, &d))
		if (group_of(g, &d) == group)
			out_digest(o, d.alg, d.bytes);
	json_out_close(o);
}

/* The files of a group whose names are UTF-8, or (${coded}) those whose are not. */
static void
out_files(struct json_out *o, const struct groups *g, size_t group, bool coded)
{
	bool any = false;
	struct policy_iter it;
	struct span path;

	for (uint64_t i = g->start[group]; i < g->start[group + 1]; i++) {
		if (i > g->start[group] && g->paths[i] == g->paths[i - 1])
			continue;
		if (!policy_table_at(&g->p->table, g->paths[i], &path, &it) || utf8_valid(path) == coded)
			continue;
		if (!any)
			json_out_object(o, coded ? KEY("files_b64") : KEY("files"));
		any = true;
		out_file(o, g, group, path, it, coded);
	}
	if (any)
		json_out_close(o);
}

static void
out_packages(struct json_out *o, const struct groups *g, uint32_t layer)
{
	const struct runtime_policy *p = g->p;
	bool any = false;

	for (size_t i = 0; i < p->n_packages; i++) {
		const struct policy_package *k = &p->packages[i];

		if (k->layer != layer)
			continue;
		if (!any)
			json_out_array(o, KEY("packages"));
		any = true;
		json_out_object(o, JSON_OUT_ELEMENT);
		json_out_string(o, KEY("name"), k->name);
		out_optional(o, KEY("version"), k->version);
		out_optional(o, KEY("architecture"), k->arch);
		out_files(o, g, p->n_layers + i, false);
		out_files(o, g, p->n_layers + i, true);
		json_out_close(o);
	}
	if (any)
		json_out_close(o);
}

static void
out_layers(struct json_out *o, const struct runtime_policy *p, const struct groups *g)
{
	json_out_array(o, KEY("layers"));
	for (size_t i = 0; i < p->n_layers; i++) {
		json_out_object(o, JSON_OUT_ELEMENT);
		json_out_string(o, KEY("name"), p->layers[i].name);
		out_optional(o, KEY("source"), p->layers[i].source);
		if (g != NULL) {
			out_packages(o, g, (uint32_t)i);
			out_files(o, g, i, false);
			out_files(o, g, i, true);
		}
		json_out_close(o);
	}
	json_out_close(o);
}

static void
out_aliases(struct json_out *o, const struct runtime_policy *p)
{
	if (p->n_aliases == 0)
		return;
	json_out_array(o, KEY("aliases"));
	for (size_t i = 0; i < p->n_aliases; i++) {
		json_out_flat_array(o, JSON_OUT_ELEMENT);
		json_out_string(o, JSON_OUT_ELEMENT, p->aliases[i].from);
		json_out_string(o, JSON_OUT_ELEMENT, p->aliases[i].to);
		json_out_close(o);
	}
	json_out_close(o);
}

static void
out_scopes(struct json_out *o, const struct runtime_policy *p)
{
	if (p->n_scopes == 0)
		return;
	json_out_array(o, KEY("scopes"));
	for (size_t i = 0; i < p->n_scopes; i++) {
		const struct policy_scope *s = &p->scopes[i];

		json_out_object(o, JSON_OUT_ELEMENT);
		json_out_string(o, KEY("name"), s->name);
		out_optional_strings(o, KEY("paths"), s->paths, s->n_paths);
		out_optional(o, KEY("partition"), s->partition);
		json_out_flat_array(o, KEY("layers"));
		for (size_t k = 0; k < s->n_layers; k++)
			if (s->layers[k] < p->n_layers)
				json_out_string(o, JSON_OUT_ELEMENT, p->layers[s->layers[k]].name);
		json_out_close(o);
		json_out_close(o);
	}
	json_out_close(o);
}

static void
out_excludes(struct json_out *o, const struct runtime_policy *p)
{
	if (p->n_excludes == 0)
		return;
	json_out_array(o, KEY("excludes"));
	for (size_t i = 0; i < p->n_excludes; i++) {
		if (p->excludes[i].match == POLICY_MATCH_START) {
			json_out_string(o, JSON_OUT_ELEMENT, p->excludes[i].regex);
			continue;
		}
		json_out_flat_object(o, JSON_OUT_ELEMENT);
		json_out_string(o, KEY("regex"), p->excludes[i].regex);
		json_out_string(o, KEY("match"), KEY("full"));
		json_out_close(o);
	}
	json_out_close(o);
}

static void
out_time(struct json_out *o, struct span key, int64_t t)
{
	BUF_AUTO struct buf b = buf_init(64);

	if (t == 0)
		return;
	buf_rfc3339(&b, t);
	json_out_string(o, key, buf_view(&b));
}

static void
out_key(struct json_out *o, const struct policy_key *k)
{
	BUF_AUTO struct buf b = buf_init(LIMIT_SMALL_FILE * 2);
	const struct policy_key_scope *s = &k->scope;

	buf_base64(&b, k->der);
	json_out_object(o, JSON_OUT_ELEMENT);
	out_optional(o, KEY("name"), k->name);
	json_out_string(o, policy_der_kind(k->der) == POLICY_DER_PUBLIC_KEY ?
	    KEY("public_key") : KEY("certificate"), buf_view(&b));
	if (s->n_paths + s->n_filesystems + s->n_keyrings + s->n_kinds != 0 ||
	    s->not_before != 0 || s->not_after != 0) {
		json_out_object(o, KEY("scope"));
		out_optional_strings(o, KEY("paths"), s->paths, s->n_paths);
		out_optional_strings(o, KEY("filesystems"), s->filesystems, s->n_filesystems);
		out_optional_strings(o, KEY("keyrings"), s->keyrings, s->n_keyrings);
		out_optional_strings(o, KEY("kinds"), s->kinds, s->n_kinds);
		out_time(o, KEY("not_before"), s->not_before);
		out_time(o, KEY("not_after"), s->not_after);
		json_out_close(o);
	}
	json_out_close(o);
}

static void
out_keys(struct json_out *o, const struct runtime_policy *p)
{
	if (p->n_keys != 0) {
		json_out_array(o, KEY("keys"));
		for (size_t i = 0; i < p->n_keys; i++)
			out_key(o, &p->keys[i]);
		json_out_close(o);
	}
	if (p->n_revoked_keys + p->n_revoked_digests != 0) {
		json_out_object(o, KEY("revoked"));
		if (p->n_revoked_keys != 0)
			out_digests(o, KEY("keys"), p->revoked_keys, p->n_revoked_keys);
		if (p->n_revoked_digests != 0)
			out_digests(o, KEY("digests"), p->revoked_digests, p->n_revoked_digests);
		json_out_close(o);
	}
}

static void
out_violations(struct json_out *o, const struct runtime_policy *p)
{
	if (p->n_violations == 0)
		return;
	json_out_array(o, KEY("violations"));
	for (size_t i = 0; i < p->n_violations; i++) {
		const struct policy_violation_rule *v = &p->violations[i];

		json_out_flat_object(o, JSON_OUT_ELEMENT);
		json_out_string(o, KEY("path"), v->path.regex);
		if (v->path.match == POLICY_MATCH_FULL)
			json_out_string(o, KEY("match"), KEY("full"));
		json_out_string(o, KEY("action"),
		    v->action == POLICY_VIOLATION_IGNORE ? KEY("ignore") : KEY("finding"));
		json_out_close(o);
	}
	json_out_close(o);
}

static void
out_measured(struct json_out *o, const struct runtime_policy *p)
{
	if (p->n_buffers != 0) {
		json_out_object(o, KEY("buffers"));
		for (size_t i = 0; i < p->n_buffers; i++)
			if (p->buffers[i].ignore)
				json_out_string(o, p->buffers[i].name, KEY("ignore"));
			else
				out_digests(o, p->buffers[i].name, p->buffers[i].digests,
				    p->buffers[i].n_digests);
		json_out_close(o);
	}
	if (p->n_keyrings == 0)
		return;
	json_out_object(o, KEY("keyrings"));
	for (size_t i = 0; i < p->n_keyrings; i++) {
		const struct policy_keyring *k = &p->keyrings[i];

		if (k->ignore) {
			json_out_string(o, k->name, KEY("ignore"));
			continue;
		}
		json_out_object(o, k->name);
		out_digests(o, KEY("digests"), k->digests, k->n_digests);
		if (k->trust)
			json_out_bool(o, KEY("trust"), true);
		json_out_close(o);
	}
	json_out_close(o);
}

int
policy_write_json(const struct runtime_policy *p, bool files, struct buf *out, struct err *e)
{
	GROUPS_AUTO struct groups g = { 0 };
	struct json_out o = json_out_init(out);
	int rc;

	if (files && (rc = groups_make(p, &g, e)) != 0)
		return rc;
	json_out_object(&o, JSON_OUT_ELEMENT);
	json_out_integer(&o, KEY("assay_policy"), 1);
	out_optional(&o, KEY("name"), p->name);
	out_optional(&o, KEY("created"), p->created);
	out_optional(&o, KEY("generator"), p->generator);
	if (p->min_digest != DIGEST_NONE)
		json_out_string(&o, KEY("min_digest"), span_str(digest_alg_name(p->min_digest)));
	out_aliases(&o, p);
	out_layers(&o, p, files ? &g : NULL);
	out_scopes(&o, p);
	out_excludes(&o, p);
	out_keys(&o, p);
	out_optional_strings(&o, KEY("closed_directories"), p->closed_directories,
	    p->n_closed_directories);
	out_violations(&o, p);
	out_measured(&o, p);
	if (p->ima.demanded) {
		json_out_object(&o, KEY("ima_policies"));
		out_digests(&o, KEY("digests"), p->ima.digests, p->ima.n_digests);
		out_optional_strings(&o, KEY("paths"), p->ima.paths, p->ima.n_paths);
		json_out_close(&o);
	}
	if (p->boot != NULL)
		json_out_tree(&o, KEY("boot"), p->boot);
	json_out_close(&o);
	json_out_end(&o);
	if (out->why == ERR_ENCODING)
		return err_hint(e, err_set(e, ERR_ENCODING,
		    "a name, path prefix or regular expression of the policy is not UTF-8"),
		    "in a regular expression, write such bytes as \\xNN");
	return buf_done(out, e);
}
