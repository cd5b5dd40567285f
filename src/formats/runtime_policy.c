#include "formats/runtime_policy.h"

#include "formats/policy_alias.h"
#include "formats/policy_read.h"
#include "formats/policy_scan.h"
#include "formats/policy_write.h"

void
runtime_policy_init(struct runtime_policy *p)
{
	*p = (struct runtime_policy){
		.arena = arena_init(LIMIT_POLICY_ARENA),
		.table_bytes = buf_init(LIMIT_POLICY_TABLE),
	};
}

void
runtime_policy_free(struct runtime_policy *p)
{
	json_decref(p->boot);
	buf_free(&p->table_bytes);
	arena_free(&p->arena);
	*p = (struct runtime_policy){ 0 };
}

static void
note_weak(struct runtime_policy *p)
{
	for (enum digest_alg a = DIGEST_NONE + 1; a < DIGEST_ALG_COUNT; a++)
		if (digest_alg_weak(a) && (p->table.algs >> digest_alg_ima(a) & 1) != 0)
			p->weak_digests = true;
}

int
runtime_policy_take(struct runtime_policy *p, struct policy_builder *b, struct err *e)
{
	int rc;

	p->table_bytes.n = 0;
	if (p->table_bytes.max == 0)
		p->table_bytes = buf_init(LIMIT_POLICY_TABLE);
	if ((rc = policy_builder_finish(b, span_of(NULL, 0), &p->table_bytes, e)) != 0 ||
	    (rc = policy_table_open(buf_view(&p->table_bytes), &p->table, e)) != 0)
		return rc;
	note_weak(p);
	return 0;
}

static int
read_packages(struct runtime_policy *p, struct err *e)
{
	size_t n = (size_t)p->table.n_packages;

	if ((p->packages = arena_array(&p->arena, n, sizeof(*p->packages))) == NULL)
		return arena_err(&p->arena, e);
	for (; p->n_packages < n; p->n_packages++) {
		struct policy_package *k = &p->packages[p->n_packages];

		if (!policy_table_package(&p->table, p->n_packages, k) || k->layer >= p->n_layers)
			return err_set(e, ERR_FORMAT, "compiled policy is damaged in its packages");
	}
	return 0;
}

static int
parse_table(struct span in, struct runtime_policy *p, struct err *e)
{
	struct policy_reader r = { .p = p, .e = e };
	JSON_AUTO json_t *meta = NULL;
	int rc;

	p->source = POLICY_FROM_TABLE;
	if ((rc = policy_table_open(in, &p->table, e)) != 0)
		return rc;
	if ((rc = json_parse(policy_table_meta(&p->table), LIMIT_POLICY_FILE, &meta, e)) != 0 ||
	    (rc = policy_read_json(&r, meta)) != 0)
		return err_ctx(e, rc, "meta data of the compiled policy");
	if ((rc = read_packages(p, e)) != 0)
		return rc;
	note_weak(p);
	return 0;
}

static int
parse_tree(struct policy_reader *r, const json_t *root)
{
	if (json_object_get(root, "assay_policy") != NULL) {
		r->p->source = POLICY_FROM_ASSAY;
		return policy_read_json(r, root);
	}
	if (json_object_get(root, "payloadType") != NULL)
		return err_hint(r->e, err_set(r->e, ERR_FORMAT,
		    "is a signed envelope (DSSE), whose signature must be checked before it is opened"),
		    "assay policy verify --key KEY FILE -o POLICY does both");
	if (policy_is_keylime(root))
		return policy_read_keylime(r, root);
	return err_set(r->e, ERR_FORMAT, "is JSON but no policy: it has neither \"assay_policy\" nor "
	    "the members of a Keylime policy (\"digests\", \"hashes\", \"allowlist\")");
}

/* Our own JSON with its files scanned (policy_scan.h).  False: nothing was decided, and
 * ${p} is as it was. */
static bool
parse_scanned(struct span in, struct runtime_policy *p)
{
	POLICY_BUILDER_AUTO struct policy_builder *b = NULL;
	BUF_AUTO struct buf rest = buf_init(LIMIT_POLICY_TREE);
	JSON_AUTO json_t *root = NULL;
	struct runtime_policy got;
	struct policy_reader r = { .p = &got };

	runtime_policy_init(&got);
	got.source = POLICY_FROM_ASSAY;
	if (policy_builder_new(&b, NULL) == 0) {
		r.files = b;
		if (policy_scan(in, b, &rest) &&
		    json_parse(buf_view(&rest), LIMIT_POLICY_TREE, &root, NULL) == 0 &&
		    policy_read_json(&r, root) == 0 && runtime_policy_take(&got, b, NULL) == 0) {
			*p = got;
			return true;
		}
	}
	runtime_policy_free(&got);
	return false;
}

int
policy_parse_text(struct span in, struct runtime_policy *p, struct err *e)
{
	POLICY_BUILDER_AUTO struct policy_builder *b = NULL;
	struct policy_reader r = { .p = p, .e = e };
	JSON_AUTO json_t *root = NULL;
	size_t i = 0;
	int rc;

	if ((rc = policy_builder_new(&b, e)) != 0)
		return rc;
	r.files = b;
	while (i < in.n && memchr(" \t\r\n", in.p[i], 4) != NULL)
		i++;
	if (i == in.n)
		return err_set(e, ERR_FORMAT, "is empty: no policy and no list of digests");
	if (in.p[i] == '{') {
		if ((rc = json_parse(in, LIMIT_POLICY_TREE, &root, e)) != 0 ||
		    (rc = parse_tree(&r, root)) != 0)
			return rc;
	} else if ((rc = policy_read_lines(&r, in)) != 0) {
		return rc;
	}
	return runtime_policy_take(p, b, e);
}

int
runtime_policy_parse(struct span in, struct runtime_policy *out, struct err *e)
{
	struct runtime_policy p;
	int rc;

	runtime_policy_init(&p);
	if (policy_table_sniff(in))
		rc = parse_table(in, &p, e);
	else
		rc = parse_scanned(in, &p) ? 0 : policy_parse_text(in, &p, e);
	if (rc != 0) {
		runtime_policy_free(&p);
		return rc;
	}
	*out = p;
	return 0;
}

int
runtime_policy_compile(const struct runtime_policy *p, struct buf *out, struct err *e)
{
	BUF_AUTO struct buf meta = buf_init(LIMIT_POLICY_FILE);
	int rc;

	if ((rc = policy_write_json(p, false, &meta, e)) != 0)
		return rc;
	return policy_table_with(&p->table, buf_view(&meta), p->packages, p->n_packages, out, e);
}

int
runtime_policy_to_json(const struct runtime_policy *p, struct buf *out, struct err *e)
{
	return policy_write_json(p, true, out, e);
}

int
runtime_policy_merged_usr(struct runtime_policy *p, struct err *e)
{
	static const struct { struct span from, to; } usual[] = {
		{ span_lit("/bin"), span_lit("/usr/bin") },
		{ span_lit("/sbin"), span_lit("/usr/sbin") },
		{ span_lit("/lib"), span_lit("/usr/lib") },
		{ span_lit("/lib32"), span_lit("/usr/lib32") },
		{ span_lit("/lib64"), span_lit("/usr/lib64") },
		{ span_lit("/libx32"), span_lit("/usr/libx32") },
	};
	const size_t n_usual = sizeof(usual) / sizeof(usual[0]);
	struct policy_alias *v = arena_array(&p->arena, p->n_aliases + n_usual, sizeof(*v));

	if (v == NULL)
		return arena_err(&p->arena, e);
	if (p->n_aliases > 0)
		memcpy(v, p->aliases, p->n_aliases * sizeof(*v));
	p->aliases = v;
	for (size_t i = 0, k; i < n_usual; i++) {
		for (k = 0; k < p->n_aliases && !span_eq(v[k].from, usual[i].from); k++)
			;
		if (k == p->n_aliases)
			v[p->n_aliases++] = (struct policy_alias){ usual[i].from, usual[i].to };
	}
	return policy_aliases_check(p, e);
}
