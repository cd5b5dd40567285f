#include "engine/ear.h"

#include "base/json.h"

/* AR4SI values (draft-ietf-rats-ar4si-09, 2.3.3), as far as they are used here. */
enum {
	NO_CLAIM = 0, UNKNOWN_ELEMENTS = 1,
	TRUSTWORTHY_INSTANCE = 2, APPROVED_CONFIG = 2, APPROVED_RUNTIME = 2, APPROVED_FILES = 2,
	GENUINE_HARDWARE = 2,
	UNRECOGNIZED_FILES = 32, UNRECOGNIZED_RUNTIME = 33,
	CONTRAINDICATED = 96,		/* the same number in each category */
	CRYPTO_FAILED = 99,
};

struct vector {
	int instance, configuration, hardware, executables, files;
};

const char *
ear_tier_token(enum ear_tier tier)
{
	return tier == EAR_AFFIRMING ? "affirming" : tier == EAR_WARNING ? "warning" :
	    tier == EAR_CONTRAINDICATED ? "contraindicated" : "none";
}

enum ear_tier
ear_tier_of(int claim)
{
	if (claim >= -1 && claim <= 1)
		return EAR_NONE;
	if ((claim >= 2 && claim <= 31) || (claim >= -32 && claim <= -2))
		return EAR_AFFIRMING;
	if ((claim >= 32 && claim <= 95) || (claim >= -96 && claim <= -33))
		return EAR_WARNING;
	return EAR_CONTRAINDICATED;
}

/* ---- from checks to claims --------------------------------------------------------- */

static bool
failed(const struct result *r, enum check_id id)
{
	return r->checks[id].state == CHECK_FAIL;
}

static bool
proved(const struct result *r, enum check_id id)
{
	return r->checks[id].required && r->checks[id].state == CHECK_PASS;
}

/* A quote of which any part does not hold proves nothing about who made it. */
static int
instance(const struct result *r)
{
	static const enum check_id quote[] = { CHECK_SIGNATURE, CHECK_MAGIC, CHECK_TYPE, CHECK_NONCE,
		CHECK_SELECTION, CHECK_DIGEST, CHECK_TRAILING_DATA };

	for (size_t i = 0; i < sizeof(quote) / sizeof(quote[0]); i++)
		if (failed(r, quote[i]))
			return CRYPTO_FAILED;
	return failed(r, CHECK_AK_ATTRIBUTES) ? CONTRAINDICATED : NO_CLAIM;
}

static int
boot(const struct result *r)
{
	if (failed(r, CHECK_EVENT_LOG) || failed(r, CHECK_BOOT_AGGREGATE))
		return CRYPTO_FAILED;
	return failed(r, CHECK_BOOT_POLICY) ? CONTRAINDICATED : NO_CLAIM;
}

/* The worst of what decides.  What nobody knows is less bad than what somebody forbade
 * or changed; both make the result untrusted. */
static void
files(const struct result *r, struct vector *v)
{
	if (failed(r, CHECK_TEMPLATE_DIGESTS) || failed(r, CHECK_REPLAY)) {
		v->executables = v->files = CRYPTO_FAILED;
		return;
	}
	if (!failed(r, CHECK_POLICY))
		return;
	v->executables = UNRECOGNIZED_RUNTIME;
	v->files = UNRECOGNIZED_FILES;
	for (size_t i = 0; i < r->n_findings; i++) {
		const struct finding *f = &r->findings[i];

		if (!f->decides || f->entry == 0 || f->reason == REASON_NOT_IN_POLICY ||
		    f->reason == REASON_SIGNATURE_UNKNOWN_KEY || f->reason == REASON_VIOLATION)
			continue;
		v->executables = v->files = CONTRAINDICATED;
	}
}

/* Each category in each verdict.  The one line that may affirm stands first. */
static struct vector
vector_of(const struct result *r, const struct ear_facts *facts)
{
	struct vector v = { 0 };

	if (r->verdict == VERDICT_TRUSTED) {
		bool booted = proved(r, CHECK_BOOT_POLICY);
		bool policy = !r->integrity_only && proved(r, CHECK_POLICY);

		v.instance = facts->instance_known && proved(r, CHECK_SIGNATURE) ? TRUSTWORTHY_INSTANCE : 0;
		v.configuration = booted ? APPROVED_CONFIG : 0;
		v.hardware = booted && facts->firmware_approved ? GENUINE_HARDWARE : 0;
		v.executables = policy ? APPROVED_RUNTIME : 0;
		v.files = policy ? APPROVED_FILES : 0;
	} else if (r->verdict == VERDICT_UNTRUSTED) {
		v.instance = instance(r);
		v.configuration = v.hardware = boot(r);
		files(r, &v);
	} else if (failed(r, CHECK_REPLAY)) {
		v.executables = v.files = UNKNOWN_ELEMENTS;
	}
	return v;
}

/* A result without a policy says that the evidence is sound, not that what it shows is
 * good; whoever reads only the status must not take the one for the other. */
static enum ear_tier
status_of(const struct result *r)
{
	if (r->verdict == VERDICT_TRUSTED)
		return r->integrity_only ? EAR_NONE : EAR_AFFIRMING;
	return r->verdict == VERDICT_UNTRUSTED ? EAR_CONTRAINDICATED : EAR_NONE;
}

/* ---- the claims set ------------------------------------------------------------------ */

/* RFC 6920: "ni:///sha-256;" and the digest in base64url. */
static json_t *
policy_ids(const struct ear_facts *facts)
{
	json_t *list = json_array();

	for (size_t i = 0; i < facts->n_policies; i++) {
		const struct digest *d = &facts->policies[i];
		BUF_AUTO struct buf b = buf_init(256);

		buf_str(&b, d->alg == DIGEST_SHA256 ? "ni:///sha-256;" : d->alg == DIGEST_SHA384 ?
		    "ni:///sha-384;" : d->alg == DIGEST_SHA512 ? "ni:///sha-512;" : "");
		if (b.n == 0)
			buf_printf(&b, "%s:", digest_alg_name(d->alg));
		buf_base64url(&b, digest_view(d));
		json_array_append_new(list, json_string(buf_cstr(&b)));
	}
	return list;
}

static int
add_nonce(json_t *to, struct span nonce, struct err *e)
{
	if (nonce.n < 8 || nonce.n > 64)
		return err_hint(e, err_set(e, ERR_RANGE, "an EAR cannot carry a nonce of %zu bytes", nonce.n),
		    "use one of 8 to 64 bytes");
	/* The draft says base64, 12 to 88 characters for 8 to 64 bytes: with padding. */
	return json_object_set_new(to, "eat_nonce", json_base64(nonce)) == 0 ? 0 :
	    err_set(e, ERR_NOMEM, "out of memory");
}

static int
appraisal(const struct result *r, const struct ear_facts *facts, json_t **out, struct err *e)
{
	struct vector v = vector_of(r, facts);
	JSON_AUTO json_t *j = json_pack("{s:s, s:{s:i, s:i, s:i, s:i, s:i}}",
	    "ear_status", ear_tier_token(status_of(r)), "ear_trustworthiness_vector",
	    "instance-identity", v.instance, "configuration", v.configuration,
	    "executables", v.executables, "file-system", v.files, "hardware", v.hardware);
	int rc;

	if (j == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (facts->n_policies > 0)
		json_object_set_new(j, "ear_appraisal_policy_ids", policy_ids(facts));
	/* A nonce that the quote does not answer was never in the evidence. */
	if (facts->evidence_nonce.n > 0 && r->checks[CHECK_NONCE].state == CHECK_PASS &&
	    (rc = add_nonce(j, facts->evidence_nonce, e)) != 0)
		return rc;
	*out = j;
	j = NULL;
	return 0;
}

int
ear_claims(const struct result *r, const struct ear_facts *facts, json_t **out, struct err *e)
{
	JSON_AUTO json_t *j = NULL;
	json_t *part;
	int rc;

	if ((rc = appraisal(r, facts, &part, e)) != 0)
		return rc;
	j = json_pack("{s:s, s:I, s:{s:s, s:s}, s:s, s:{s:o}}", "eat_profile", EAR_PROFILE,
	    "iat", (json_int_t)facts->issued, "ear_verifier_id", "developer", facts->developer,
	    "build", facts->build, "ear_status", ear_tier_token(status_of(r)),
	    "submods", facts->label, part);
	if (j == NULL)
		return err_set(e, ERR_ENCODING, "the name of the machine or of the verifier is not UTF-8");
	if (facts->expires != 0)
		json_object_set_new(j, "exp", json_integer((json_int_t)facts->expires));
	if (facts->nonce.n > 0 && (rc = add_nonce(j, facts->nonce, e)) != 0)
		return rc;
	*out = j;
	j = NULL;
	return 0;
}

int
ear_write(const struct result *r, const struct ear_facts *facts, struct privkey *key,
    enum jws_alg alg, struct buf *out, struct err *e)
{
	BUF_AUTO struct buf text = buf_init(LIMIT_JWS);
	JSON_AUTO json_t *claims = NULL;
	int rc;

	if ((rc = ear_claims(r, facts, &claims, e)) != 0)
		return rc;
	json_write_compact(claims, &text);
	if ((rc = buf_done(&text, e)) != 0)
		return rc;
	return jws_sign(key, alg, "JWT", buf_view(&text), out, e);
}
