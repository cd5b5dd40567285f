/* ear_verify.c: what a relying party asks of an EAR before it believes it. */
#include "base/json.h"
#include "engine/ear_internal.h"

/* Clocks of two machines that both ask the same time servers. */
#define SKEW 300

/* A tier by its word; "none" is one too. */
static bool
tier_by_token(const char *s, enum ear_tier *out)
{
	static const enum ear_tier tiers[] = { EAR_NONE, EAR_AFFIRMING, EAR_WARNING, EAR_CONTRAINDICATED };

	for (size_t i = 0; i < 4; i++)
		if (strcmp(s, ear_tier_token(tiers[i])) == 0) {
			*out = tiers[i];
			return true;
		}
	return false;
}

static int
read_status(const json_t *j, const char *where, bool required, enum ear_tier *out, bool *there,
    struct err *e)
{
	json_t *s;
	int rc = json_member(j, where, "ear_status", JSON_STRING, required, &s, e);

	*there = rc == 0 && s != NULL;
	if (!*there)
		return rc;
	return tier_by_token(json_string_value(s), out) ? 0 :
	    err_set(e, ERR_FORMAT, "%s: an unknown ear_status", where);
}

/* A status may not be better than the worst claim below it. */
static int
read_appraisal(const json_t *j, enum ear_tier *out, struct err *e)
{
	enum ear_tier status = EAR_NONE, worst = EAR_NONE;
	const char *name;
	json_t *v, *claim;
	bool there;
	int rc;

	if (!json_is_object(j))
		return err_set(e, ERR_FORMAT, "submods: an appraisal is not an object");
	if ((rc = read_status(j, "submods", true, &status, &there, e)) != 0 ||
	    (rc = json_member(j, "submods", "ear_trustworthiness_vector", JSON_OBJECT, false, &v, e)) != 0)
		return rc;
	json_object_foreach(v, name, claim) {
		if (!json_is_integer(claim) || json_integer_value(claim) < -128 || json_integer_value(claim) > 127)
			return err_set(e, ERR_RANGE, "submods: a trustworthiness claim is no number from -128 to 127");
		if (ear_tier_of((int)json_integer_value(claim)) > worst)
			worst = ear_tier_of((int)json_integer_value(claim));
	}
	if (worst >= EAR_WARNING && status < worst)
		return err_set(e, ERR_MISMATCH, "the token says \"%s\" of a machine of which it claims \"%s\"",
		    ear_tier_token(status), ear_tier_token(worst));
	*out = status;
	return 0;
}

static int
read_times(const json_t *j, int64_t now, struct err *e)
{
	json_t *iat, *exp;
	int rc;

	/* json_member wants integers, so a floating-point time is refused as the draft asks. */
	if ((rc = json_member(j, "claims", "iat", JSON_INTEGER, true, &iat, e)) != 0 ||
	    (rc = json_member(j, "claims", "exp", JSON_INTEGER, false, &exp, e)) != 0)
		return rc;
	if (json_integer_value(iat) > now + SKEW)
		return err_set(e, ERR_MISMATCH, "the token was issued in the future");
	if (exp != NULL && json_integer_value(exp) <= now)
		return err_set(e, ERR_MISMATCH, "the token has expired");
	return 0;
}

static int
read_nonce(const json_t *j, struct span nonce, struct err *e)
{
	BUF_AUTO struct buf want = buf_init(256);
	json_t *got;
	int rc;

	if (nonce.n == 0)
		return 0;
	if ((rc = json_member(j, "claims", "eat_nonce", JSON_STRING, true, &got, e)) != 0)
		return rc;
	buf_base64(&want, nonce);
	return span_eq(json_string_span(got), buf_view(&want)) ? 0 :
	    err_set(e, ERR_MISMATCH, "the token does not answer this nonce");
}

static int
read_profile(const json_t *j, struct err *e)
{
	json_t *profile;
	int rc = json_member(j, "claims", "eat_profile", JSON_STRING, true, &profile, e);

	if (rc != 0 || strcmp(json_string_value(profile), EAR_PROFILE) == 0)
		return rc;
	return err_set(e, ERR_VERSION, "the token is of another profile than %s", EAR_PROFILE);
}

/* The worst of the parts and of what the token says of the whole.  Affirming only if
 * all of them are: a part of which nothing is known keeps the whole from it. */
static int
read_whole(const json_t *j, enum ear_tier *out, struct err *e)
{
	enum ear_tier worst = EAR_NONE, part = EAR_NONE, whole = EAR_NONE;
	bool there, affirmed = true;
	const char *label;
	json_t *submods, *v;
	int rc;

	if ((rc = json_member(j, "claims", "submods", JSON_OBJECT, true, &submods, e)) != 0 ||
	    (rc = read_status(j, "claims", false, &whole, &there, e)) != 0)
		return rc;
	if (json_object_size(submods) == 0)
		return err_set(e, ERR_FORMAT, "the token appraises nothing (submods is empty)");
	json_object_foreach(submods, label, v) {
		if ((rc = read_appraisal(v, &part, e)) != 0)
			return rc;
		worst = part > worst ? part : worst;
		affirmed &= part == EAR_AFFIRMING;
	}
	if (there && worst >= EAR_WARNING && whole < worst)
		return err_set(e, ERR_MISMATCH, "the token as a whole says \"%s\", a part of it \"%s\"",
		    ear_tier_token(whole), ear_tier_token(worst));
	if (there && whole >= EAR_WARNING)
		worst = whole;
	affirmed &= !there || whole == EAR_AFFIRMING;
	*out = worst == EAR_AFFIRMING && !affirmed ? EAR_NONE : worst;
	return 0;
}

int
ear_read(struct span payload, int64_t now, struct span nonce, enum ear_tier *status,
    json_t **claims, struct err *e)
{
	JSON_AUTO json_t *j = NULL;
	enum ear_tier tier = EAR_NONE;
	int rc;

	if ((rc = json_parse(payload, LIMIT_JWS, &j, e)) != 0 ||
	    (rc = read_profile(j, e)) != 0 || (rc = read_times(j, now, e)) != 0 ||
	    (rc = read_nonce(j, nonce, e)) != 0 || (rc = read_whole(j, &tier, e)) != 0)
		return rc;
	*status = tier;
	*claims = j;
	j = NULL;
	return 0;
}

int
ear_verify(struct pubkey *key, struct span token, int64_t now, struct span nonce,
    enum ear_tier *status, json_t **claims, struct err *e)
{
	BUF_AUTO struct buf text = buf_init(LIMIT_JWS);
	int rc = jws_verify(key, token, NULL, &text, e);

	return rc != 0 ? rc : ear_read(buf_view(&text), now, nonce, status, claims, e);
}
