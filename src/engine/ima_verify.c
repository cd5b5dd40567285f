#include "engine/ima_verify.h"

#include "crypto/cms.h"
#include "engine/ima_evm.h"
#include "formats/ima_xattr.h"

const char *
sig_state_name(enum sig_state s)
{
	switch (s) {
	case SIG_NONE:		return "none";
	case SIG_GOOD:		return "good";
	case SIG_INVALID:	return "invalid";
	case SIG_UNKNOWN_KEY:	return "unknown-key";
	case SIG_OUT_OF_SCOPE:	return "out-of-scope";
	case SIG_REVOKED:	return "revoked";
	case SIG_UNSUPPORTED:	return "unsupported";
	default:		return "unknown";
	}
}

void
sig_outcome_set(struct sig_outcome *o, enum sig_state state, const char *why)
{
	o->state = state;
	o->why = why;
}

/* NULL, or why no signature of such a digest can count. */
static const char *
unusable_alg(enum digest_alg alg)
{
	if (alg == DIGEST_NONE)
		return "its signature is over a digest of an algorithm that is not known";
	if (alg == DIGEST_MD5)
		return "its signature is over an MD5 digest, which proves nothing";
	if (digest_alg_openssl(alg) == NULL)
		return "its signature is over a digest of an algorithm that cannot be computed here";
	return NULL;
}

/* One candidate.  True when the search is over; a key out of scope leaves room for
 * another record of the same key. */
static int
try_key(struct keyring *ring, const struct trusted_key *key, const struct sig_target *t,
    struct sig_outcome *o, bool *over, struct err *e)
{
	const char *why;
	bool good;
	int rc = keyring_verify(ring, key, t->digest, t->sig, &good, e);

	*over = false;
	if (rc == ERR_UNSUPPORTED && o->key == NULL)
		sig_outcome_set(o, SIG_UNSUPPORTED, "its signature is over a digest of an algorithm"
		    " that cannot be verified with this kind of key");
	if (rc != 0)
		return rc == ERR_UNSUPPORTED ? 0 : rc;
	if (!good) {
		if (o->state == SIG_UNKNOWN_KEY)
			sig_outcome_set(o, SIG_INVALID, "its signature does not fit its content");
		return 0;
	}
	o->key = key;
	if (key->revoked) {
		sig_outcome_set(o, SIG_REVOKED, "its signature is by a key that the policy revokes");
		*over = true;
	} else if (key_in_scope(key, o->place, t->path, t->ctx, &why)) {
		sig_outcome_set(o, SIG_GOOD, "signed by a trusted key");
		*over = true;
	} else {
		sig_outcome_set(o, SIG_OUT_OF_SCOPE, why);
	}
	return 0;
}

int
sig_try_keyid(struct keyring *ring, const struct sig_target *t, struct sig_outcome *o, struct err *e)
{
	const struct trusted_key *key = NULL;
	const char *why = unusable_alg(t->digest->alg);
	bool over = why != NULL;
	int rc;

	if (why != NULL)
		sig_outcome_set(o, SIG_UNSUPPORTED, why);
	else
		sig_outcome_set(o, SIG_UNKNOWN_KEY, "its signature is by a key that is not trusted");
	while (!over && (key = keyring_find(ring, o->keyid, key)) != NULL)
		if ((rc = try_key(ring, key, t, o, &over, e)) != 0)
			return rc;
	return 0;
}

int
sig_parse(struct span in, struct ima_xattr *x, struct sig_outcome *o)
{
	int rc = ima_xattr_parse(in, x, NULL);

	if (rc != 0) {
		sig_outcome_set(o, rc == ERR_UNSUPPORTED ? SIG_UNSUPPORTED : SIG_INVALID,
		    rc == ERR_UNSUPPORTED ? "its signature is of a type or version that is not known" :
		    "its signature is malformed");
		return rc;
	}
	o->keyid = x->keyid;
	o->version = x->version;
	o->alg = x->alg;
	return 0;
}

int
sig_file_id(struct keyring *ring, const struct ima_xattr *x, const struct digest *digest,
    struct digest *out, struct err *e)
{
	const uint8_t head[2] = { (uint8_t)x->type, x->hash_id };
	const struct span parts[] = { span_of(head, 2), digest_view(digest) };

	return keyring_digest(ring, x->alg, parts, 2, out, e);
}

/* What can be said before any key is asked; NULL if nothing is wrong. */
static const char *
check_header(const struct ima_xattr *x, const struct digest *digest, bool verity, enum sig_state *state)
{
	*state = SIG_INVALID;
	if (x->version == 1) {
		*state = SIG_UNSUPPORTED;
		return "its signature is of version 1, which nothing verifies any more";
	}
	if (verity != (x->type == IMA_XATTR_VERITY))
		return verity ? "its signature is not for an fs-verity digest, which was measured" :
		    "its signature is for an fs-verity digest, which was not measured";
	if (x->alg != digest->alg && x->alg != DIGEST_NONE)
		return "its signature names another digest algorithm than the measured one";
	*state = SIG_UNSUPPORTED;
	return unusable_alg(x->alg);
}

int
ima_verify_xattr(struct keyring *ring, struct span xattr, const struct digest *digest, bool verity,
    struct span path, const struct sig_context *ctx, struct sig_outcome *o, struct err *e)
{
	struct sig_outcome n = { .place = SIG_PLACE_IMA };
	struct ima_xattr x;
	struct digest id = *digest;
	enum sig_state state;
	const char *why;
	int rc = sig_parse(xattr, &x, &n);

	if (rc == 0 && (!ima_xattr_is_signature(&x) || x.type == IMA_XATTR_PORTABLE)) {
		sig_outcome_set(&n, SIG_UNSUPPORTED, "its attribute is not a signature of its content");
	} else if (rc == 0 && (why = check_header(&x, digest, verity, &state)) != NULL) {
		sig_outcome_set(&n, state, why);
	} else if (rc == 0) {
		if (x.version == 3 && (rc = sig_file_id(ring, &x, digest, &id, e)) != 0)
			return rc;
		struct sig_target t = { &id, x.sig, path, ctx };

		if ((rc = sig_try_keyid(ring, &t, &n, e)) != 0)
			return rc;
	}
	*o = n;
	return 0;
}

/* The hints select; a bare key that they cannot name is tried on the chance, and says
 * nothing when it does not fit. */
static int
try_named(struct keyring *ring, const struct cms_sig *cms, const struct sig_target *t,
    struct sig_outcome *o, struct err *e)
{
	static const char unknown[] = "its appended signature is by a key that is not trusted";
	bool over = false, named = false;
	int rc;

	sig_outcome_set(o, SIG_UNKNOWN_KEY, unknown);
	for (size_t i = 0; i < keyring_count(ring) && !over; i++) {
		const struct trusted_key *key = keyring_at(ring, i);
		enum cms_match m = cms_sig_names(cms, key->pub);

		if (m == CMS_OTHER || pubkey_kind(key->pub) != cms_sig_kind(cms))
			continue;
		named |= m == CMS_NAMED;
		if ((rc = try_key(ring, key, t, o, &over, e)) != 0)
			return rc;
	}
	if (!named && o->key == NULL)
		sig_outcome_set(o, SIG_UNKNOWN_KEY, unknown);
	return 0;
}

int
ima_verify_modsig(struct keyring *ring, struct span pkcs7, const struct digest *digest,
    struct span path, const struct sig_context *ctx, struct sig_outcome *o, struct err *e)
{
	CMS_SIG_AUTO struct cms_sig *cms = NULL;
	struct sig_outcome n = { .place = SIG_PLACE_MODSIG };
	struct err why = { 0 };
	int rc = cms_sig_parse(pkcs7, &cms, &why);

	if (rc == ERR_NOMEM) {
		if (e != NULL)
			*e = why;
		return rc;
	}
	if (rc == ERR_UNSUPPORTED) {
		sig_outcome_set(&n, SIG_UNSUPPORTED, "its appended signature is not of the form that"
		    " the kernel verifies");
	} else if (rc != 0) {
		sig_outcome_set(&n, SIG_INVALID, "its appended signature is malformed");
	} else {
		struct sig_target t = { digest, cms_sig_value(cms), path, ctx };

		n.keyid = cms_sig_keyid(cms);
		n.alg = cms_sig_alg(cms);
		if (n.alg != digest->alg)
			sig_outcome_set(&n, SIG_INVALID, "its appended signature names another digest"
			    " algorithm than the measured one");
		else if (unusable_alg(n.alg) != NULL)
			sig_outcome_set(&n, SIG_UNSUPPORTED, unusable_alg(n.alg));
		else if ((rc = try_named(ring, cms, &t, &n, e)) != 0)
			return rc;
	}
	*o = n;
	return 0;
}

static bool
has_field(const struct ima_entry *n, enum ima_field_id id)
{
	for (size_t i = 0; i < n->n_fields; i++)
		if (n->fields[i].id == id)
			return true;
	return false;
}

/* The sig field: security.ima, or a portable security.evm. */
static int
entry_sig(struct keyring *ring, const struct ima_entry *n, const struct digest *digest,
    const struct sig_context *ctx, struct sig_outcome *o, struct err *e)
{
	uint8_t type = n->sig.p[0];

	if (type == IMA_XATTR_PORTABLE)
		return ima_evm_entry(ring, n, n->sig, digest, ctx, o, e);
	/* With d-ng nobody can tell an fs-verity digest from a file that holds a descriptor. */
	if (type == IMA_XATTR_VERITY && !has_field(n, IMA_FIELD_D_NGV2)) {
		*o = (struct sig_outcome){ .place = SIG_PLACE_IMA };
		sig_outcome_set(o, SIG_UNSUPPORTED, "its signature is for an fs-verity digest, and the"
		    " template does not say what the measured digest is (ima-sigv2 does)");
		return 0;
	}
	return ima_verify_xattr(ring, n->sig, digest, n->digest_type == IMA_DIGEST_VERITY, n->path,
	    ctx, o, e);
}

static int
entry_modsig(struct keyring *ring, const struct ima_entry *n, const struct sig_context *ctx,
    struct sig_outcome *o, struct err *e)
{
	struct digest digest;

	if (digest_make(n->modsig_alg, n->modsig_digest, &digest))
		return ima_verify_modsig(ring, n->modsig, &digest, n->path, ctx, o, e);
	*o = (struct sig_outcome){ .place = SIG_PLACE_MODSIG };
	sig_outcome_set(o, SIG_UNSUPPORTED, "its appended signature comes without the digest it signs");
	return 0;
}

/* Whether ${b} says more than ${a} did.  INVALID and REVOKED end the search before, and
 * a revoked key beats any approval, be it by another signature. */
static bool
says_more(enum sig_state a, enum sig_state b)
{
	static const int rank[] = { [SIG_NONE] = 0, [SIG_UNSUPPORTED] = 1, [SIG_UNKNOWN_KEY] = 2,
		[SIG_OUT_OF_SCOPE] = 3, [SIG_INVALID] = 4, [SIG_GOOD] = 5, [SIG_REVOKED] = 6 };

	return rank[b] > rank[a];
}

int
ima_verify_entry(struct keyring *ring, const struct ima_entry *n, const struct sig_context *ctx,
    struct sig_outcome *o, struct err *e)
{
	struct sig_outcome best = { .why = "it carries no signature" };
	const struct span *carried[] = { &n->sig, &n->evmsig, &n->modsig };
	struct digest digest;

	if (!n->well_formed || n->violation) {
		best.why = n->violation ? "what a violation says is not authenticated" :
		    "the entry does not fit its template";
		*o = best;
		return 0;
	}
	if (n->sig.n + n->evmsig.n + n->modsig.n != 0 &&
	    !digest_make(n->file_alg, n->file_digest, &digest)) {
		sig_outcome_set(&best, SIG_UNSUPPORTED, "its digest is of an algorithm that is not known");
		*o = best;
		return 0;
	}
	for (size_t i = 0; i < 3 && best.state != SIG_INVALID && best.state != SIG_REVOKED; i++) {
		struct sig_outcome found;
		int rc;

		if (carried[i]->n == 0)
			continue;
		rc = i == 0 ? entry_sig(ring, n, &digest, ctx, &found, e) :
		    i == 1 ? ima_evm_entry(ring, n, n->evmsig, &digest, ctx, &found, e) :
		    entry_modsig(ring, n, ctx, &found, e);
		if (rc != 0)
			return rc;
		if (says_more(best.state, found.state))
			best = found;
	}
	*o = best;
	return 0;
}
