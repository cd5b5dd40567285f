/* Policies for other programs: Keylime's runtime policy v1, and lists as sha*sum
 * writes them. */
#include "base/json_out.h"
#include "base/text.h"
#include "formats/policy_read.h"

#define KEY(s) span_lit(s)

/* Keylime compares the kernel's names only: /bin/ls of a merged-/usr system must
 * become /usr/bin/ls. */
static int
put_mapped(const struct runtime_policy *p, struct span path, struct buf *out, struct err *e)
{
	const struct policy_alias *best = NULL;

	for (size_t i = 0; i < p->n_aliases; i++) {
		const struct policy_alias *a = &p->aliases[i];
		bool under = span_starts(path, a->from) &&
		    (path.n == a->from.n || path.p[a->from.n] == '/');

		if (under && (best == NULL || best->from.n < a->from.n))
			best = a;
	}
	out->n = 0;
	if (best != NULL) {
		buf_span(out, best->to);
		path = span_from(path, best->from.n);
	}
	buf_span(out, path);
	return buf_done(out, e);
}

/* The files as one layer under the kernel's names. */
static int
flatten(const struct runtime_policy *p, struct policy_builder *b, struct err *e)
{
	BUF_AUTO struct buf name = buf_init(LIMIT_SMALL_FILE);
	struct policy_iter it;
	struct policy_digest d;
	struct digest whole;
	struct span path;
	int rc;

	for (uint64_t i = 0; i < p->table.n_paths; i++) {
		if (!policy_table_at(&p->table, i, &path, &it))
			return err_set(e, ERR_FORMAT, "the table of the policy is damaged");
		if ((rc = put_mapped(p, path, &name, e)) != 0)
			return rc;
		while (policy_iter_next(&it, &d))
			if (d.bytes.n >= 20 && digest_make(d.alg, d.bytes, &whole) &&
			    (rc = policy_builder_add(b, buf_view(&name), &whole, 0,
			    POLICY_NO_PACKAGE, e)) != 0)
				return rc;
	}
	return 0;
}

static void
out_hex(struct json_out *o, struct span bytes)
{
	BUF_AUTO struct buf b = buf_init(4 * LIMIT_DIGEST);

	buf_hex(&b, bytes);
	json_out_string(o, JSON_OUT_ELEMENT, buf_view(&b));
}

static int
out_digests(struct json_out *o, const struct policy_table *t)
{
	struct policy_iter it;
	struct policy_digest d;
	struct span path;

	json_out_object(o, KEY("digests"));
	for (uint64_t i = 0; i < t->n_paths && policy_table_at(t, i, &path, &it); i++) {
		if (!utf8_valid(path))
			continue;
		json_out_flat_array(o, path);
		while (policy_iter_next(&it, &d))
			out_hex(o, d.bytes);
		json_out_close(o);
	}
	json_out_close(o);
	return o->b->why;
}

static void
out_excludes(struct json_out *o, const struct runtime_policy *p)
{
	json_out_array(o, KEY("excludes"));
	for (size_t i = 0; i < p->n_excludes; i++) {
		BUF_AUTO struct buf b = buf_init(2 * LIMIT_REGEX_LENGTH);

		/* Python's \Z is the very end. */
		if (p->excludes[i].match == POLICY_MATCH_FULL)
			buf_str(&b, "(?:");
		buf_span(&b, p->excludes[i].regex);
		if (p->excludes[i].match == POLICY_MATCH_FULL)
			buf_str(&b, ")\\Z");
		json_out_string(o, JSON_OUT_ELEMENT, buf_view(&b));
	}
	json_out_close(o);
}

static void
out_list(struct json_out *o, struct span name, const struct digest *v, size_t n)
{
	if (n == 0)
		return;		/* Keylime wants at least one */
	json_out_flat_array(o, name);
	for (size_t i = 0; i < n; i++)
		out_hex(o, digest_view(&v[i]));
	json_out_close(o);
}

static void
out_measured(struct json_out *o, const struct runtime_policy *p)
{
	json_out_object(o, KEY("keyrings"));
	for (size_t i = 0; i < p->n_keyrings; i++)
		if (!p->keyrings[i].ignore)
			out_list(o, p->keyrings[i].name, p->keyrings[i].digests, p->keyrings[i].n_digests);
	json_out_close(o);
	json_out_object(o, KEY("ima"));
	json_out_flat_array(o, KEY("ignored_keyrings"));
	for (size_t i = 0; i < p->n_keyrings; i++)
		if (p->keyrings[i].ignore)
			json_out_string(o, JSON_OUT_ELEMENT, p->keyrings[i].name);
	json_out_close(o);
	json_out_string(o, KEY("log_hash_alg"), KEY("sha1"));
	json_out_tree(o, KEY("dm_policy"), json_null());
	json_out_close(o);
	json_out_object(o, KEY("ima-buf"));
	for (size_t i = 0; i < p->n_buffers; i++)
		if (!p->buffers[i].ignore)
			out_list(o, p->buffers[i].name, p->buffers[i].digests, p->buffers[i].n_digests);
	json_out_close(o);
}

/* JSON inside a string: "" where there is no key. */
static void
out_keys(struct json_out *o, const struct policy_keylime_key *keys, size_t n)
{
	BUF_AUTO struct buf inner = buf_init(LIMIT_POLICY_FILE);

	if (n > 0) {
		buf_str(&inner, "{\"meta\": {\"version\": 1}, \"keyids\": [");
		for (size_t i = 0; i < n; i++)
			buf_printf(&inner, "%s%lu", i > 0 ? ", " : "", (unsigned long)keys[i].keyid);
		buf_str(&inner, "], \"pubkeys\": [");
		for (size_t i = 0; i < n; i++) {
			buf_str(&inner, i > 0 ? ", \"" : "\"");
			buf_base64(&inner, keys[i].spki);
			buf_str(&inner, "\"");
		}
		buf_str(&inner, "]}");
	}
	json_out_string(o, KEY("verification-keys"), buf_view(&inner));
}

int
runtime_policy_to_keylime(const struct runtime_policy *p, const struct policy_keylime_key *keys,
    size_t n, struct buf *out, struct err *e)
{
	POLICY_BUILDER_AUTO struct policy_builder *b = NULL;
	BUF_AUTO struct buf bytes = buf_init(LIMIT_POLICY_TABLE);
	struct json_out o = json_out_init(out);
	struct policy_table t;
	int rc;

	if ((rc = policy_builder_new(&b, e)) != 0 || (rc = flatten(p, b, e)) != 0 ||
	    (rc = policy_builder_finish(b, span_of(NULL, 0), &bytes, e)) != 0 ||
	    (rc = policy_table_open(buf_view(&bytes), &t, e)) != 0)
		return rc;
	json_out_object(&o, JSON_OUT_ELEMENT);
	json_out_object(&o, KEY("meta"));
	json_out_integer(&o, KEY("version"), 1);
	/* "LegacyAllowList".  With 0 or 1 Keylime would take the policy for none. */
	json_out_integer(&o, KEY("generator"), 3);
	if (p->created.n != 0)
		json_out_string(&o, KEY("timestamp"), p->created);
	json_out_close(&o);
	json_out_integer(&o, KEY("release"), 0);
	rc = out_digests(&o, &t);
	out_excludes(&o, p);
	out_measured(&o, p);
	out_keys(&o, keys, n);
	json_out_close(&o);
	json_out_end(&o);
	return rc != 0 || out->why != 0 ? buf_done(out, e) : 0;
}

/* Names that JSON cannot hold, and digests whose length does not tell their algorithm. */
static void
count_lost_files(const struct runtime_policy *p, uint64_t *names, uint64_t *digests)
{
	struct policy_iter it;
	struct policy_digest d;
	struct span path;

	for (uint64_t i = 0; i < p->table.n_paths && policy_table_at(&p->table, i, &path, &it); i++) {
		*names += !utf8_valid(path);
		while (policy_iter_next(&it, &d))
			*digests += d.alg != DIGEST_SHA1 && d.alg != DIGEST_SHA224 &&
			    d.alg != DIGEST_SHA256 && d.alg != DIGEST_SHA384 && d.alg != DIGEST_SHA512;
	}
}

static bool
scoped(const struct policy_key_scope *s)
{
	return s->n_paths + s->n_filesystems + s->n_keyrings + s->n_kinds != 0 ||
	    s->not_before != 0 || s->not_after != 0;
}

void
runtime_policy_keylime_losses(const struct runtime_policy *p, struct buf *out)
{
	uint64_t names = 0, digests = 0;
	size_t keys = 0, ignored = 0, untrusted = 0, empty = 0;

	count_lost_files(p, &names, &digests);
	for (size_t i = 0; i < p->n_keys; i++)
		keys += scoped(&p->keys[i].scope);
	for (size_t i = 0; i < p->n_buffers; i++) {
		ignored += p->buffers[i].ignore;
		empty += !p->buffers[i].ignore && p->buffers[i].n_digests == 0;
	}
	for (size_t i = 0; i < p->n_keyrings; i++) {
		untrusted += !p->keyrings[i].ignore && !p->keyrings[i].trust;
		empty += !p->keyrings[i].ignore && p->keyrings[i].n_digests == 0;
	}
	if (names > 0)
		buf_printf(out, "%llu files whose names are not UTF-8\n", (unsigned long long)names);
	if (digests > 0)
		buf_printf(out, "%llu digests of other algorithms than SHA-1 and SHA-2, or their algorithm\n",
		    (unsigned long long)digests);
	if (p->min_digest != DIGEST_NONE)
		buf_printf(out, "min_digest: Keylime accepts digests of any algorithm\n");
	if (p->n_scopes > 0)
		buf_printf(out, "%zu scopes: Keylime approves each file everywhere\n", p->n_scopes);
	if (keys > 0)
		buf_printf(out, "the scopes of %zu keys: Keylime lets each key sign everything\n", keys);
	if (p->n_revoked_keys + p->n_revoked_digests > 0)
		buf_printf(out, "%zu revoked keys and digests\n", p->n_revoked_keys + p->n_revoked_digests);
	if (p->n_closed_directories > 0)
		buf_printf(out, "%zu closed directories\n", p->n_closed_directories);
	if (p->n_violations > 0)
		buf_printf(out, "%zu rules for violations\n", p->n_violations);
	if (ignored > 0)
		buf_printf(out, "%zu ignored buffers: Keylime refuses what it does not know\n", ignored);
	if (untrusted > 0)
		buf_printf(out, "%zu keyrings without trust: Keylime trusts each key they load\n", untrusted);
	if (empty > 0)
		buf_printf(out, "%zu buffers or keyrings without digests\n", empty);
	if (p->ima.demanded)
		buf_printf(out, "the demand of an IMA policy\n");
	if (p->boot != NULL)
		buf_printf(out, "the demands on the boot\n");
}

/* coreutils marks a line with a backslash when its name needs escapes. */
static void
put_sum_line(struct buf *out, struct span digest, struct span path)
{
	bool odd = span_find(path, '\\') < path.n || span_find(path, '\n') < path.n ||
	    span_find(path, '\r') < path.n;

	if (odd)
		buf_u8(out, '\\');
	buf_hex(out, digest);
	buf_str(out, "  ");
	for (size_t i = 0; odd && i < path.n; i++) {
		uint8_t c = path.p[i];

		if (c == '\\' || c == '\n' || c == '\r')
			buf_printf(out, "\\%c", c == '\\' ? '\\' : c == '\n' ? 'n' : 'r');
		else
			buf_u8(out, c);
	}
	if (!odd)
		buf_span(out, path);
	buf_u8(out, '\n');
}

int
runtime_policy_to_sums(const struct runtime_policy *p, enum digest_alg alg, struct buf *out,
    struct err *e)
{
	struct policy_iter it;
	struct policy_digest d;
	struct span path;

	for (uint64_t i = 0; i < p->table.n_paths; i++) {
		struct span seen[32];
		size_t n = 0, k;

		if (!policy_table_at(&p->table, i, &path, &it))
			return err_set(e, ERR_FORMAT, "the table of the policy is damaged");
		while (policy_iter_next(&it, &d)) {
			if (d.alg != alg)
				continue;
			/* The same digest in several layers is one line. */
			for (k = 0; k < n && !span_eq(seen[k], d.bytes); k++)
				;
			if (k < n)
				continue;
			if (n < sizeof(seen) / sizeof(seen[0]))
				seen[n++] = d.bytes;
			put_sum_line(out, d.bytes, path);
		}
	}
	return buf_done(out, e);
}
