#include "cmd/load_policy.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "crypto/digest.h"
#include "engine/dsse_sign.h"

int
policy_keys_load(const struct invocation *in, const char *option, struct policy_keys *k,
    struct err *e)
{
	size_t n = opt_count(in, option);
	int rc;

	*k = (struct policy_keys){ .keys = calloc(n + 1, sizeof(*k->keys)) };
	if (k->keys == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		const char *path = opt_nth(in, option, i);
		FILE_AUTO struct file f = { 0 };

		if ((rc = file_read(path, LIMIT_SMALL_FILE, &f, e)) != 0)
			return rc;
		if ((rc = pubkey_parse(file_view(&f), &k->keys[i], e)) != 0)
			return err_file(e, rc, path);
		k->n++;
	}
	return 0;
}

void
policy_keys_free(struct policy_keys *k)
{
	for (size_t i = 0; i < k->n; i++)
		pubkey_free(k->keys[i]);
	free(k->keys);
	*k = (struct policy_keys){ 0 };
}

void
loaded_policy_free(struct loaded_policy *lp)
{
	runtime_policy_free(&lp->policy);
	file_free(&lp->file);
	buf_free(&lp->payload);
	*lp = (struct loaded_policy){ 0 };
}

/* A compiled table is mapped, so that loading it costs the same whatever its size;
 * everything else is read, so that nobody can change it while it is judged. */
static int
read_or_map(const char *path, struct file *f, struct err *e)
{
	struct err ignored;
	struct stat st;

	/* A named pipe must be opened once only, or its writer sees us go away. */
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    file_map(path, LIMIT_POLICY_TABLE, f, &ignored) == 0) {
		if (policy_table_sniff(file_view(f)))
			return 0;
		file_free(f);
	}
	return file_read(path, LIMIT_POLICY_FILE / 3 * 4 + MIB(1), f, e);
}

static int
check_signature(const struct dsse *d, const struct policy_keys *keys, enum load_policy_mode mode,
    struct loaded_policy *lp, struct err *e)
{
	size_t which = 0, n = keys == NULL ? 0 : keys->n;
	int rc;

	if (n == 0 && mode == LOAD_POLICY_PEEK)
		return 0;
	if (n == 0)
		return err_hint(e, err_set(e, ERR_SIGNATURE,
		    "is a signed policy, and no key was given to check its signature"),
		    "give the signer's public key or certificate with --policy-key");
	if ((rc = dsse_verify(d, keys->keys, n, &which, e)) != 0)
		return rc;
	if (which == n)
		return err_set(e, ERR_SIGNATURE, "its signature was made by none of the given keys, "
		    "or the policy was changed after it was signed");
	lp->signer = keys->keys[which];
	return 0;
}

/* The type is signed too: what it says and what is inside must agree. */
static int
check_type(const struct dsse *d, const struct runtime_policy *p, struct err *e)
{
	bool keylime = p->source == POLICY_FROM_KEYLIME || p->source == POLICY_FROM_KEYLIME_ALLOWLIST;

	if (span_is(d->payload_type, DSSE_TYPE_POLICY) && p->source == POLICY_FROM_ASSAY)
		return 0;
	if (span_is(d->payload_type, DSSE_TYPE_KEYLIME) && keylime)
		return 0;
	return err_set(e, ERR_MISMATCH, "its envelope is of the type \"%.*s\", which is not what it holds",
	    (int)(d->payload_type.n < 120 ? d->payload_type.n : 120), d->payload_type.p);
}

static int
open_envelope(const struct policy_keys *keys, enum load_policy_mode mode,
    struct loaded_policy *lp, struct err *e)
{
	DSSE_AUTO struct dsse d = { 0 };
	int rc;

	if ((rc = dsse_parse(file_view(&lp->file), &d, e)) != 0 ||
	    (rc = check_signature(&d, keys, mode, lp, e)) != 0)
		return rc;
	lp->enveloped = true;
	lp->payload = d.payload;	/* taken over */
	d.payload = (struct buf){ 0 };
	if ((rc = runtime_policy_parse(buf_view(&lp->payload), &lp->policy, e)) != 0)
		return err_ctx(e, rc, "inside the envelope");
	return check_type(&d, &lp->policy, e);
}

/* A table has checksums of all it holds in its header (docs/formats/policy-table.md), so
 * that the rest need not be read. */
static int
identify(struct span bytes, struct digest *id, struct err *e)
{
	return digest_of(DIGEST_SHA256, policy_table_sniff(bytes) ? span_head(bytes, 168) : bytes, id, e);
}

static int
load(const char *path, const struct policy_keys *keys, enum load_policy_mode mode,
    struct loaded_policy *lp, struct err *e)
{
	int rc;

	if ((rc = read_or_map(path, &lp->file, e)) != 0 ||
	    (rc = identify(file_view(&lp->file), &lp->id, e)) != 0)
		return rc;
	if (dsse_sniff(file_view(&lp->file)))
		return open_envelope(keys, mode, lp, e);
	if (keys != NULL && keys->n > 0)
		return err_hint(e, err_set(e, ERR_SIGNATURE,
		    "is not signed, and a key was given that it should be signed with"),
		    "assay policy sign makes an envelope; a compiled policy cannot be signed");
	if ((rc = runtime_policy_parse(file_view(&lp->file), &lp->policy, e)) != 0)
		return rc;
	if (lp->policy.source != POLICY_FROM_TABLE)
		file_free(&lp->file);		/* nothing points into it: give it back early */
	return 0;
}

int
load_policy(const char *path, const struct policy_keys *keys, enum load_policy_mode mode,
    struct loaded_policy *out, struct err *e)
{
	struct loaded_policy lp = { 0 };
	int rc = load(path, keys, mode, &lp, e);

	if (rc != 0) {
		loaded_policy_free(&lp);
		return err_file(e, rc, path);
	}
	*out = lp;
	return 0;
}
