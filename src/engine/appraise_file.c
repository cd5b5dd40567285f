/* Files: what lists or signs them, and what nothing approves. */
#include "engine/appraise_internal.h"

static int
excluded(const struct appraiser *a, struct span path, bool *hit, struct err *e)
{
	size_t which = SIZE_MAX;
	int rc;

	for (size_t i = 0; which == SIZE_MAX && i < a->n_policies; i++)
		if ((rc = pattern_match(a->policies[i].excludes, a->policies[i].scratch, path, &which, e)) != 0)
			return rc;
	*hit = which != SIZE_MAX;
	return 0;
}

static int
weak(const struct appraiser *a, const struct ima_entry *n, enum digest_alg by, struct result *r,
    struct err *e)
{
	struct finding f = appraise_finding(n, REASON_WEAK_DIGEST);

	return result_finding(r, &f, e, "is approved, but only by %s; the policy wants at least %s",
	    digest_alg_name(by), digest_alg_name(a->min_digest));
}

/* Like a policy that lists SHA-1: told once, and for min_digest to forbid. */
static int
tell_weak_signature(struct appraiser *a, const struct ima_entry *n, enum digest_alg by, struct result *r, struct err *e)
{
	BUF_AUTO struct buf path = buf_init(4 * LIMIT_PATH);

	if (a->told_of_weak_signature || !digest_alg_weak(by))
		return 0;
	a->told_of_weak_signature = true;
	buf_escape(&path, n->path);
	return result_warn(r, e, "%s is approved by a signature over %s, perhaps others too: who can make two files of one"
	    " digest can pass the second for the first (a policy's min_digest forbids it)", buf_cstr(&path),
	    digest_alg_name(by));
}

/* fs-verity digests are not file digests, though they may have the same algorithm. */
static enum digest_alg
listed_alg(const struct ima_entry *n)
{
	return n->digest_type == IMA_DIGEST_VERITY ? DIGEST_NONE : n->file_alg;
}

/* Once more, only now that it goes into a finding, what is listed for the file. */
static void
collect_wanted(const struct appraiser *a, const struct ima_entry *n, struct lookup_wanted *wanted)
{
	struct lookup look = { .wanted = wanted };

	for (size_t i = 0; i < a->n_policies && listed_alg(n) != DIGEST_NONE; i++)
		ready_policy_lookup(&a->policies[i], n->path, listed_alg(n), n->file_digest, &look);
}

static int
other_digest(const struct appraiser *a, const struct ima_entry *n, const struct sig_outcome *sig,
    struct result *r, struct err *e)
{
	struct lookup_wanted wanted = { 0 };
	struct finding f = appraise_finding(n, REASON_DIGEST_MISMATCH);

	collect_wanted(a, n, &wanted);
	f.keyid = sig->keyid;
	f.wanted = wanted.digests;
	f.n_wanted = wanted.n;
	return result_finding(r, &f, e, "is listed, but with %s%s", wanted.n == 1 ?
	    "another digest" : "other digests",
	    sig->state == SIG_NONE ? "" : "; its signature does not approve it either");
}

/* The finding for a file that nothing approved and nothing lists. */
static int
not_approved(const struct ima_entry *n, const struct sig_outcome *sig, struct result *r, struct err *e)
{
	struct finding f = appraise_finding(n, REASON_NOT_IN_POLICY);

	f.keyid = sig->keyid;
	switch (sig->state) {
	case SIG_INVALID:
		f.reason = REASON_SIGNATURE_INVALID;
		break;
	case SIG_UNKNOWN_KEY:
		f.reason = REASON_SIGNATURE_UNKNOWN_KEY;
		break;
	case SIG_OUT_OF_SCOPE:
		f.reason = REASON_SIGNATURE_OUT_OF_SCOPE;
		break;
	case SIG_REVOKED:
		f.reason = REASON_REVOKED;
		break;
	case SIG_NONE:
	case SIG_GOOD:
	case SIG_UNSUPPORTED:
	default:
		break;
	}
	if (sig->state == SIG_NONE)
		return result_finding(r, &f, e, "is not listed and carries no signature");
	return result_finding(r, &f, e, "is not listed; %s", sig->why);
}

static int
closed(const struct appraiser *a, const struct ima_entry *n, bool known, struct result *r, struct err *e)
{
	struct lookup_wanted wanted = { 0 };
	struct finding f = appraise_finding(n, REASON_CLOSED_DIRECTORY);

	collect_wanted(a, n, &wanted);
	f.wanted = wanted.digests;
	f.n_wanted = wanted.n;
	return result_finding(r, &f, e, known ?
	    "has a content that is not listed for this name in a closed directory" :
	    "is a name that is not listed in a closed directory");
}

/* What the kernel may have been given as its policy; no list, signature or exclude speaks for
 * another one. */
static int
appraise_ima_policy(const struct appraiser *a, const struct ima_entry *n, struct result *r, struct err *e)
{
	struct finding f = appraise_finding(n, REASON_IMA_POLICY);

	if (listed_alg(n) == DIGEST_NONE || !ima_demand_allows(&a->ima, &f.seen)) {
		f.wanted = a->ima.parts[0]->digests;
		f.n_wanted = a->ima.parts[0]->n_digests;
		return result_finding(r, &f, e, "is an IMA policy that the policy does not allow");
	}
	return a->min_digest != DIGEST_NONE && appraise_strength(n->file_alg) < appraise_strength(a->min_digest) ?
	    weak(a, n, n->file_alg, r, e) : 0;
}

int
appraise_file(struct appraiser *a, const struct ima_entry *n, struct result *r, struct err *e)
{
	struct lookup look = { 0 };
	struct sig_outcome sig = { .state = SIG_NONE };
	bool is_closed = false, hit;
	enum digest_alg alg = listed_alg(n), approving;
	int rc;

	if (appraise_revoked(a, n)) {
		struct finding f = appraise_finding(n, REASON_REVOKED);
		return result_finding(r, &f, e, "has a digest that the policy revokes");
	}
	if (a->ima.n > 0 && ima_demand_path(&a->ima, n->path))
		return appraise_ima_policy(a, n, r, e);
	for (size_t i = 0; i < a->n_policies; i++) {
		if (alg != DIGEST_NONE && !look.match)
			ready_policy_lookup(&a->policies[i], n->path, alg, n->file_digest, &look);
		is_closed |= ready_policy_closed(&a->policies[i], n->path);
	}
	/* A revoked key's signature speaks even against a listed digest. */
	if ((!look.match && !is_closed) || a->revokes_keys) {
		if ((rc = ima_verify_entry(a->keyring, n, &a->ctx, &sig, e)) != 0)
			return rc;
		if (sig.state == SIG_REVOKED)
			return not_approved(n, &sig, r, e);
	}
	if (is_closed && !look.match)
		return closed(a, n, look.known, r, e);
	if (!look.match && sig.state != SIG_GOOD) {
		if ((rc = excluded(a, n->path, &hit, e)) != 0 || hit)
			return rc;
		return look.known ? other_digest(a, n, &sig, r, e) : not_approved(n, &sig, r, e);
	}
	/* What approved it may be another digest than the entry's: an appended signature's. */
	approving = look.match ? n->file_alg : sig.alg;
	if (a->min_digest != DIGEST_NONE && appraise_strength(approving) < appraise_strength(a->min_digest)) {
		if ((rc = excluded(a, n->path, &hit, e)) != 0 || hit)
			return rc;
		return weak(a, n, approving, r, e);
	}
	return look.match ? 0 : tell_weak_signature(a, n, approving, r, e);
}
