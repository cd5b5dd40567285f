/* assay policy export: a policy for other programs. */
#include <stdlib.h>

#include "cmd/load_policy.h"
#include "crypto/pubkey.h"

static const struct option_spec options[] = {
	{ .name = "format", .arg = "FORMAT", .complete = COMPLETE_WORDS, .words = "keylime sums",
	  .help = "keylime (its runtime policy, version 1) or sums (as sha256sum writes)" },
	{ .name = "hash", .arg = "ALG", .complete = COMPLETE_WORDS,
	  .words = "sha1 sha224 sha256 sha384 sha512",
	  .help = "with sums: which digests; sha256 if not given" },
	{ .name = "lossy", .help = "with keylime: leave out what Keylime cannot express" },
	{ .name = "output", .letter = 'o', .arg = "F", .complete = COMPLETE_FILE,
	  .help = "where to write; standard output if not given" },
	{ .name = "policy-key", .arg = "F", .repeat = true, .complete = COMPLETE_FILE,
	  .help = "key or certificate that must have signed the policy" },
	{ .name = NULL },
};

/* Keylime lists public keys with their ids. */
struct key_list {
	struct pubkey **keys;
	struct policy_keylime_key *v;
	size_t n;
};

static void
key_list_free(struct key_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		pubkey_free(l->keys[i]);
	free(l->keys);
	free(l->v);
}

static int
list_keys(const struct runtime_policy *p, struct key_list *l, struct err *e)
{
	int rc;

	l->keys = calloc(p->n_keys + 1, sizeof(*l->keys));
	l->v = calloc(p->n_keys + 1, sizeof(*l->v));
	if (l->keys == NULL || l->v == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (; l->n < p->n_keys; l->n++) {
		if ((rc = pubkey_parse(p->keys[l->n].der, &l->keys[l->n], e)) != 0)
			return err_ctx(e, rc, "key %zu of the policy", l->n + 1);
		l->v[l->n] = (struct policy_keylime_key){
			.spki = pubkey_spki(l->keys[l->n]), .keyid = pubkey_keyid(l->keys[l->n]),
		};
	}
	return 0;
}

/* Each line of ${losses} as a warning. */
static void
warn_losses(struct span losses)
{
	while (losses.n > 0) {
		size_t n = span_find(losses, '\n');

		fprintf(stderr, "assay: warning: left out: %.*s\n", (int)n, (const char *)losses.p);
		losses = span_from(losses, n + 1);
	}
}

static int
to_keylime(const struct invocation *in, const struct runtime_policy *p, struct buf *out, struct err *e)
{
	__attribute__((cleanup(key_list_free))) struct key_list keys = { 0 };
	BUF_AUTO struct buf losses = buf_init(LIMIT_SMALL_FILE);
	int rc;

	runtime_policy_keylime_losses(p, &losses);
	if (losses.n > 0 && !opt_has(in, "lossy"))
		return err_hint(e, err_set(e, ERR_UNSUPPORTED,
		    "Keylime cannot express all of this policy: %.*s", (int)losses.n - 1,
		    (const char *)losses.p), "--lossy leaves such things out");
	if ((rc = list_keys(p, &keys, e)) != 0)
		return rc;
	warn_losses(buf_view(&losses));
	return runtime_policy_to_keylime(p, keys.v, keys.n, out, e);
}

/* Paths that have digests, but none of this algorithm. */
static uint64_t
count_without(const struct runtime_policy *p, enum digest_alg alg)
{
	uint64_t without = 0;
	struct policy_iter it;
	struct policy_digest d;
	struct span path;

	for (uint64_t i = 0; i < p->table.n_paths && policy_table_at(&p->table, i, &path, &it); i++) {
		bool has = false;

		while (policy_iter_next(&it, &d))
			has = has || d.alg == alg;
		without += !has;
	}
	return without;
}

static int
to_sums(const struct runtime_policy *p, enum digest_alg alg, struct buf *out, struct err *e)
{
	uint64_t without = count_without(p, alg);

	if (p->table.n_paths > 0 && without == p->table.n_paths)
		return err_hint(e, err_set(e, ERR_UNSUPPORTED, "policy has no %s digest",
		    digest_alg_name(alg)), "--hash chooses another algorithm");
	if (without > 0)
		fprintf(stderr, "assay: warning: %llu files have no %s digest and are left out\n",
		    (unsigned long long)without, digest_alg_name(alg));
	return runtime_policy_to_sums(p, alg, out, e);
}

static enum exit_status
export(const struct invocation *in, struct err *e)
{
	LOADED_POLICY_AUTO struct loaded_policy lp = { 0 };
	POLICY_KEYS_AUTO struct policy_keys keys = { 0 };
	BUF_AUTO struct buf out = buf_init(SIZE_MAX / 4);
	const char *format = opt_get(in, "format"), *hash = opt_get(in, "hash");
	bool sums = format != NULL && strcmp(format, "sums") == 0;
	enum digest_alg alg = hash == NULL ? DIGEST_SHA256 : digest_alg_by_name(span_str(hash));

	if (format == NULL || (!sums && strcmp(format, "keylime") != 0))
		return cmd_usage(in, "want --format keylime or --format sums");
	if (alg == DIGEST_NONE)
		return cmd_usage(in, "unknown digest algorithm \"%s\"", hash);
	if ((hash != NULL && !sums) || (opt_has(in, "lossy") && sums))
		return cmd_usage(in, "--hash is for sums, --lossy for keylime");
	if (policy_keys_load(in, "policy-key", &keys, e) != 0 ||
	    load_policy(in->operands[0], &keys, LOAD_POLICY_TRUST, &lp, e) != 0)
		return cmd_error(in, e);
	if ((sums ? to_sums(&lp.policy, alg, &out, e) : to_keylime(in, &lp.policy, &out, e)) != 0) {
		err_file(e, e->code, in->operands[0]);
		return cmd_error(in, e);
	}
	if (cmd_output(opt_get(in, "output"), buf_view(&out), e) != 0)
		return cmd_error(in, e);
	return EXIT_GOOD;
}

const struct command cmd_policy_export = {
	.noun = "policy", .verb = "export",
	.summary = "write a policy for Keylime or as a list of digests",
	.operands = "POLICY", .min_operands = 1, .max_operands = 1, .complete = COMPLETE_FILE,
	.description =
	    "keylime writes Keylime's runtime policy, version 1, with names as the kernel of a\n"
	    "merged-/usr system has them if the policy has such aliases. What Keylime cannot express\n"
	    "(scopes, revocations, closed directories, ...) is named, and nothing is written, unless\n"
	    "--lossy is given.\n"
	    "\n"
	    "sums writes \"digest  /path\" lines in byte order of the paths, with the escapes that\n"
	    "sha256sum uses. Spaces of names are '_', as the kernel writes them.",
	.example =
	    "  $ assay policy export --format sums --hash sha256 policy.json | head -n 1\n"
	    "  f47b4c00d87f4b5378487972ded9d447074d4771bea98af3f852220ee34392e5  /boot/System.map",
	.options = options,
	.run = export,
};
