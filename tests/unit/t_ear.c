/* A token affirms only what was found trusted: over every combination of verdict and checks
 * no other result yields a claim or a status in the affirming tier.  A token verifies with
 * its own key and in its own algorithm, and with one bit changed nowhere. */
#include "base/json.h"
#include "base/text.h"
#include "engine/ear.h"
#include "engine/verdict.h"
#include "tests/golden.h"

#define NOW 1790000000

static struct privkey *
load_key(const char *name)
{
	FILE_AUTO struct file f = golden(name);
	struct privkey *k = NULL;
	struct err e = { 0 };

	if (privkey_parse(file_view(&f), &k, &e) != 0) {
		printf("Bail out! %s: %s\n", name, e.message);
		exit(99);
	}
	return k;
}

static struct pubkey *
load_pub(const char *name)
{
	FILE_AUTO struct file f = golden(name);
	struct pubkey *k = NULL;
	struct err e = { 0 };

	if (pubkey_parse(file_view(&f), &k, &e) != 0) {
		printf("Bail out! %s: %s\n", name, e.message);
		exit(99);
	}
	return k;
}

/* ---- JWS ------------------------------------------------------------------------------ */

/* RFC 7515, appendix A.3: somebody else's ES256 token. */
static void
test_rfc7515(void)
{
	static const char token[] = "eyJhbGciOiJFUzI1NiJ9."
	    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
	    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
	BUF_AUTO struct buf x = buf_init(64);
	BUF_AUTO struct buf y = buf_init(64);
	BUF_AUTO struct buf payload = buf_init(4096);
	PUBKEY_AUTO struct pubkey *key = NULL;
	struct err e = { 0 };

	(void)!base64url_decode(span_lit("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"), &x);
	(void)!base64url_decode(span_lit("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"), &y);
	is_int(pubkey_from_ec("P-256", buf_view(&x), buf_view(&y), &key, &e), 0, "the RFC's key");
	is_int(jws_verify(key, span_str(token), NULL, &payload, &e), 0, "the RFC's token verifies");
	is_str(buf_cstr(&payload), "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}",
	    "and holds what the RFC says");
	is_int(jws_verify(key, span_str(token), "JWT", &payload, &e), ERR_FORMAT, "it has no type");
}

static const struct { const char *key, *pub; enum jws_alg alg; } kinds[] = {
	{ "ear/ec256.key", "ear/ec256.pub", JWS_ES256 }, { "ear/ec384.key", "ear/ec384.pub", JWS_ES384 },
	{ "ear/ec521.key", "ear/ec521.pub", JWS_ES512 }, { "ear/rsa.key", "ear/rsa.pub", JWS_PS256 },
	{ "ear/rsa.key", "ear/rsa.pub", JWS_RS256 },
};

static void
test_jws(void)
{
	for (size_t i = 0; i < 5; i++) {
		PRIVKEY_AUTO struct privkey *key = load_key(kinds[i].key);
		PUBKEY_AUTO struct pubkey *pub = load_pub(kinds[i].pub);
		PUBKEY_AUTO struct pubkey *other = load_pub(kinds[(i + 1) % 4].pub);
		BUF_AUTO struct buf token = buf_init(65536);
		BUF_AUTO struct buf payload = buf_init(65536);
		struct err e = { 0 };

		ok(jws_sign(key, kinds[i].alg, "JWT", span_lit("{\"a\":1}"), &token, &e) == 0, "%s signs",
		    jws_alg_name(kinds[i].alg));
		ok(jws_verify(pub, buf_view(&token), "JWT", &payload, &e) == 0, "and verifies");
		is_str(buf_cstr(&payload), "{\"a\":1}", "with its payload");
		ok(jws_verify(other, buf_view(&token), "JWT", &payload, &e) == ERR_SIGNATURE, "not with another key");
		ok(jws_verify(pub, buf_view(&token), "JOSE", &payload, &e) == ERR_FORMAT, "not as another type");
	}
}

/* Each bit of the token: the header decides nothing, the payload is signed, and base64url
 * has one form only, so that no bit is without meaning. */
static void
test_flipped(void)
{
	for (size_t i = 0; i < 5; i++) {
		PRIVKEY_AUTO struct privkey *key = load_key(kinds[i].key);
		PUBKEY_AUTO struct pubkey *pub = load_pub(kinds[i].pub);
		BUF_AUTO struct buf token = buf_init(65536);
		struct err e = { 0 };
		size_t accepted = 0, cut = 0;

		(void)!jws_sign(key, kinds[i].alg, "JWT", span_lit("{\"iat\":1}"), &token, &e);
		for (size_t bit = 0; bit < token.n * 8; bit++) {
			BUF_AUTO struct buf payload = buf_init(65536);

			token.p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
			accepted += jws_verify(pub, buf_view(&token), NULL, &payload, &e) == 0;
			token.p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		}
		for (size_t n = 0; n < token.n; n++) {
			BUF_AUTO struct buf payload = buf_init(65536);

			cut += jws_verify(pub, span_head(buf_view(&token), n), NULL, &payload, &e) == 0;
		}
		ok(accepted == 0 && cut == 0, "%s: no flipped bit and no cut token is accepted",
		    jws_alg_name(kinds[i].alg));
	}
}

static int
verify_header(const char *header)
{
	PUBKEY_AUTO struct pubkey *pub = load_pub("ear/ec256.pub");
	BUF_AUTO struct buf token = buf_init(65536);
	BUF_AUTO struct buf payload = buf_init(65536);
	struct err e = { 0 };

	buf_base64url(&token, span_str(header));
	buf_str(&token, ".e30.");
	for (int i = 0; i < 86; i++)
		buf_u8(&token, 'A');
	return jws_verify(pub, buf_view(&token), NULL, &payload, &e);
}

static void
test_headers(void)
{
	static const char *const bad[] = { "{\"alg\":\"none\"}", "{\"alg\":\"HS256\"}", "{\"alg\":\"ES384\"}",
		"{\"alg\":\"RS256\"}", "{\"alg\":\"es256\"}", "{}", "{\"alg\":5}", "[]", "{\"alg\":\"ES256\"",
		"{\"alg\":\"ES256\",\"crit\":[\"b64\"],\"b64\":false}", "{\"alg\":\"none\",\"alg\":\"ES256\"}",
		"{\"alg\":\"ES256\"}" /* zero signature */ };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(verify_header(bad[i]) != 0, "refused: %s", bad[i]);
}

/* ---- claims ------------------------------------------------------------------------------ */

static const struct ear_facts facts = { .issued = NOW, .developer = "Assay", .build = "assay test",
	.label = "linux-ima", .evidence_nonce = { (const uint8_t *)"0123456789abcdef", 16 },
	.instance_known = true, .firmware_approved = true };

static struct result
good_result(void)
{
	struct result r = result_init();

	for (size_t i = 0; i < CHECK_COUNT; i++) {
		check_require(&r, (enum check_id)i);
		(void)!check_pass(&r, (enum check_id)i);
	}
	result_decide(&r);
	return r;
}

static void
golden_claims(const char *name, const struct result *r, const struct ear_facts *f)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "ear/%s.json", name);

	FILE_AUTO struct file want = golden(path);
	BUF_AUTO struct buf got = buf_init(65536);
	JSON_AUTO json_t *j = NULL;
	struct err e = { 0 };

	if (!ok(ear_claims(r, f, &j, &e) == 0, "%s: claims", name))
		return;
	json_write(j, &got);
	if (!ok(span_eq(buf_view(&got), file_view(&want)), "%s: as recorded", name))
		diag("got:\n%s", buf_cstr(&got));
}

static void
test_golden(void)
{
	const uint8_t id[32] = { 1, 2, 3 };
	struct digest policy;
	struct ear_facts full = facts;
	struct err e = { 0 };
	struct finding f = { .reason = REASON_NOT_IN_POLICY, .entry = 7, .authenticated = true, .decides = true };
	RESULT_AUTO struct result r = good_result();

	(void)!digest_make(DIGEST_SHA256, span_of(id, sizeof(id)), &policy);
	full.policies = &policy;
	full.n_policies = 1;
	full.expires = NOW + 3600;
	full.nonce = span_lit("abcdefgh");
	golden_claims("trusted", &r, &full);
	r.integrity_only = true;
	golden_claims("trusted-integrity", &r, &facts);
	r.integrity_only = false;

	RESULT_AUTO struct result unknown = good_result();
	(void)!check_fail(&unknown, CHECK_POLICY, REASON_NOT_IN_POLICY, &e, "x");
	unknown.n_findings = 0;
	(void)!result_finding(&unknown, &f, &e, "x");
	result_decide(&unknown);
	golden_claims("untrusted-unknown-file", &unknown, &facts);
	f.reason = REASON_DIGEST_MISMATCH;
	(void)!result_finding(&unknown, &f, &e, "x");
	golden_claims("untrusted-changed-file", &unknown, &facts);

	RESULT_AUTO struct result forged = good_result();
	(void)!check_fail(&forged, CHECK_NONCE, REASON_QUOTE_NONCE, &e, "x");
	result_decide(&forged);
	golden_claims("untrusted-nonce", &forged, &facts);

	RESULT_AUTO struct result booted = good_result();
	(void)!check_fail(&booted, CHECK_BOOT_POLICY, REASON_BOOT_POLICY, &e, "x");
	result_decide(&booted);
	golden_claims("untrusted-boot", &booted, &facts);

	RESULT_AUTO struct result open = good_result();
	(void)!check_fail(&open, CHECK_REPLAY, REASON_PCR_MISMATCH, &e, "x");
	result_decide(&open);
	golden_claims("undecided", &open, &facts);
}

/* The promise at the top of this file. */
static void
test_affirming(void)
{
	size_t broken = 0, affirmed = 0, above = 0, n = 0;
	struct err e = { 0 };

	for (unsigned verdict = 0; verdict < 3; verdict++)
		for (unsigned state = 0; state < 3 * CHECK_COUNT; state++) {
			RESULT_AUTO struct result r = good_result();
			JSON_AUTO json_t *j = NULL;
			const char *name;
			json_t *part, *v;
			enum ear_tier worst = EAR_NONE, status;

			r.verdict = (enum verdict)verdict;
			r.checks[state / 3].state = (enum check_state)(state % 3);
			if (ear_claims(&r, &facts, &j, &e) != 0)
				continue;
			part = json_object_get(json_object_get(j, "submods"), "linux-ima");
			status = strcmp(json_string_value(json_object_get(part, "ear_status")), "affirming") == 0 ?
			    EAR_AFFIRMING : r.verdict == VERDICT_UNTRUSTED ? EAR_CONTRAINDICATED : EAR_NONE;
			json_object_foreach(json_object_get(part, "ear_trustworthiness_vector"), name, v) {
				enum ear_tier t = ear_tier_of((int)json_integer_value(v));

				affirmed += t == EAR_AFFIRMING;
				broken += t == EAR_AFFIRMING && r.verdict != VERDICT_TRUSTED;
				worst = t > worst ? t : worst;
			}
			broken += status == EAR_AFFIRMING && r.verdict != VERDICT_TRUSTED;
			above += worst >= EAR_WARNING && status < worst;
			n++;
		}
	is_int((int64_t)n, 3 * 3 * CHECK_COUNT, "every verdict with every check in every state");
	is_int((int64_t)broken, 0, "nothing affirms but a trusted verdict");
	is_int((int64_t)above, 0, "no status is better than its worst claim");
	ok(affirmed > 0, "and a trusted one does");
}

static void
test_tiers(void)
{
	static const struct { int claim; enum ear_tier tier; } t[] = {
		{ 0, EAR_NONE }, { 1, EAR_NONE }, { -1, EAR_NONE }, { 2, EAR_AFFIRMING }, { 31, EAR_AFFIRMING },
		{ -2, EAR_AFFIRMING }, { -32, EAR_AFFIRMING }, { 32, EAR_WARNING }, { 95, EAR_WARNING },
		{ -33, EAR_WARNING }, { -96, EAR_WARNING }, { 96, EAR_CONTRAINDICATED },
		{ 127, EAR_CONTRAINDICATED }, { -97, EAR_CONTRAINDICATED }, { -128, EAR_CONTRAINDICATED },
	};
	bool all = true;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		all &= ear_tier_of(t[i].claim) == t[i].tier;
	ok(all, "AR4SI values lie in their tiers");
}

static void
test_nonce(void)
{
	RESULT_AUTO struct result r = good_result();
	static const char zeros[65] = "";
	struct err e = { 0 };

	for (size_t n = 1; n <= 65; n += 8) {
		JSON_AUTO json_t *j = NULL;
		struct ear_facts f = facts;

		f.nonce = span_of(zeros, n);
		ok((ear_claims(&r, &f, &j, &e) == 0) == (n >= 8 && n <= 64), "a nonce of %zu bytes", n);
	}
}

/* ---- the relying party ------------------------------------------------------------------- */

/* A token with these claims, signed by the right key. */
static int
believe(const char *claims, struct span nonce, enum ear_tier *status)
{
	PRIVKEY_AUTO struct privkey *key = load_key("ear/ec256.key");
	PUBKEY_AUTO struct pubkey *pub = load_pub("ear/ec256.pub");
	BUF_AUTO struct buf token = buf_init(65536);
	JSON_AUTO json_t *j = NULL;
	struct err e = { 0 };
	int rc;

	*status = EAR_NONE;
	if ((rc = jws_sign(key, JWS_NONE, "JWT", span_str(claims), &token, &e)) != 0)
		return rc;
	return ear_verify(pub, buf_view(&token), NOW, nonce, status, &j, &e);
}

#define HEAD "{\"eat_profile\":\"" EAR_PROFILE "\",\"iat\":1790000000,\"ear_verifier_id\":{\"developer\":\"a\",\"build\":\"b\"},"
#define GOOD "\"ear_status\":\"affirming\",\"ear_trustworthiness_vector\":{\"executables\":2}"

static void
test_verify(void)
{
	static const struct { const char *claims; int rc; enum ear_tier status; const char *what; } t[] = {
		{ HEAD "\"submods\":{\"a\":{" GOOD "}}}", 0, EAR_AFFIRMING, "one part, affirmed" },
		{ HEAD "\"submods\":{\"a\":{" GOOD "},\"b\":{\"ear_status\":\"none\"}}}", 0, EAR_NONE,
		    "a part of which nothing is known" },
		{ HEAD "\"submods\":{\"a\":{" GOOD "},\"b\":{\"ear_status\":\"warning\"}}}", 0, EAR_WARNING, "a warning" },
		{ HEAD "\"ear_status\":\"affirming\",\"submods\":{\"b\":{\"ear_status\":\"warning\"}}}", ERR_MISMATCH, 0,
		    "better as a whole than in part" },
		{ HEAD "\"ear_status\":\"contraindicated\",\"submods\":{\"a\":{" GOOD "}}}", 0, EAR_CONTRAINDICATED,
		    "worse as a whole" },
		{ HEAD "\"ear_status\":\"none\",\"submods\":{\"a\":{" GOOD "}}}", 0, EAR_NONE, "no claim as a whole" },
		{ HEAD "\"submods\":{\"a\":{\"ear_status\":\"affirming\",\"ear_trustworthiness_vector\":{\"hardware\":96}}}}",
		    ERR_MISMATCH, 0, "affirmed with a bad claim" },
		{ HEAD "\"submods\":{\"a\":{\"ear_status\":\"none\",\"ear_trustworthiness_vector\":{\"hardware\":33}}}}",
		    ERR_MISMATCH, 0, "no claim with a bad one" },
		{ HEAD "\"submods\":{\"a\":{\"ear_status\":\"affirming\",\"ear_trustworthiness_vector\":{\"hardware\":2.0}}}}",
		    ERR_RANGE, 0, "a claim that is no integer" },
		{ HEAD "\"submods\":{\"a\":{\"ear_status\":\"fine\"}}}", ERR_FORMAT, 0, "an unknown status" },
		{ HEAD "\"submods\":{\"a\":{}}}", ERR_FORMAT, 0, "no status" },
		{ HEAD "\"submods\":{\"a\":7}}", ERR_FORMAT, 0, "a part that is no object" },
		{ HEAD "\"submods\":{}}", ERR_FORMAT, 0, "nothing appraised" },
		{ HEAD "\"exp\":1790000000,\"submods\":{\"a\":{" GOOD "}}}", ERR_MISMATCH, 0, "expired this second" },
		{ HEAD "\"exp\":1790000001,\"submods\":{\"a\":{" GOOD "}}}", 0, EAR_AFFIRMING, "expires in a second" },
		{ HEAD "\"exp\":1.79e9,\"submods\":{\"a\":{" GOOD "}}}", ERR_FORMAT, 0, "an end that is no integer" },
		{ "{\"eat_profile\":\"" EAR_PROFILE "\",\"iat\":1790000301,\"submods\":{\"a\":{" GOOD "}}}", ERR_MISMATCH, 0,
		    "from the future" },
		{ "{\"eat_profile\":\"tag:github.com,2023:veraison/ear\",\"iat\":1,\"submods\":{\"a\":{" GOOD "}}}",
		    ERR_VERSION, 0, "another profile" },
		{ "{\"iat\":1,\"submods\":{\"a\":{" GOOD "}}}", ERR_FORMAT, 0, "no profile" },
		{ "[]", ERR_FORMAT, 0, "no object" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		enum ear_tier status;
		int rc = believe(t[i].claims, span_of(NULL, 0), &status);

		if (!ok(rc == t[i].rc && status == t[i].status, "%s", t[i].what))
			diag("got %d (%s), %s", rc, err_token(rc), ear_tier_token(status));
	}
}

static void
test_freshness(void)
{
	enum ear_tier status;

	is_int(believe(HEAD "\"eat_nonce\":\"YWJjZGVmZ2g=\",\"submods\":{\"a\":{" GOOD "}}}", span_lit("abcdefgh"), &status),
	    0, "the right nonce");
	is_int(believe(HEAD "\"eat_nonce\":\"YWJjZGVmZ2k=\",\"submods\":{\"a\":{" GOOD "}}}", span_lit("abcdefgh"), &status),
	    ERR_MISMATCH, "another nonce");
	is_int(believe(HEAD "\"submods\":{\"a\":{" GOOD "}}}", span_lit("abcdefgh"), &status), ERR_FORMAT, "no nonce");
}

static void
test_round(void)
{
	for (size_t i = 0; i < 5; i++) {
		RESULT_AUTO struct result r = good_result();
		PRIVKEY_AUTO struct privkey *key = load_key(kinds[i].key);
		PUBKEY_AUTO struct pubkey *pub = load_pub(kinds[i].pub);
		BUF_AUTO struct buf token = buf_init(65536);
		JSON_AUTO json_t *j = NULL;
		enum ear_tier status = EAR_NONE;
		struct err e = { 0 };

		ok(ear_write(&r, &facts, key, kinds[i].alg, &token, &e) == 0 &&
		    ear_verify(pub, buf_view(&token), NOW, span_of(NULL, 0), &status, &j, &e) == 0 &&
		    status == EAR_AFFIRMING, "%s: written, verified, affirmed", jws_alg_name(kinds[i].alg));
	}
}

int
main(void)
{
	test_rfc7515();
	test_jws();
	test_flipped();
	test_headers();
	test_golden();
	test_affirming();
	test_tiers();
	test_nonce();
	test_verify();
	test_freshness();
	test_round();
	return done();
}
