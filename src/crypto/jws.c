#include "crypto/jws.h"

#include "base/json.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/ecdsa.h"

static const struct {
	const char *name;
	enum pubkey_kind kind;
	unsigned bits;			/* of the curve; 0: any */
	enum sig_scheme scheme;
	enum digest_alg digest;
	size_t half;			/* bytes of r and of s; 0: RSA */
} algs[] = {
	[JWS_NONE] = { .name = "none" },
	[JWS_ES256] = { "ES256", PUBKEY_EC, 256, SIG_ECDSA, DIGEST_SHA256, 32 },
	[JWS_ES384] = { "ES384", PUBKEY_EC, 384, SIG_ECDSA, DIGEST_SHA384, 48 },
	[JWS_ES512] = { "ES512", PUBKEY_EC, 521, SIG_ECDSA, DIGEST_SHA512, 66 },
	[JWS_PS256] = { "PS256", PUBKEY_RSA, 0, SIG_RSAPSS, DIGEST_SHA256, 0 },
	[JWS_RS256] = { "RS256", PUBKEY_RSA, 0, SIG_RSASSA, DIGEST_SHA256, 0 },
};
#define N_ALGS (sizeof(algs) / sizeof(algs[0]))

const char *
jws_alg_name(enum jws_alg alg)
{
	return algs[alg].name;
}

static bool
alg_fits(enum jws_alg alg, const struct pubkey *key)
{
	return alg != JWS_NONE && algs[alg].kind == pubkey_kind(key) &&
	    (algs[alg].bits == 0 || algs[alg].bits == pubkey_bits(key));
}

enum jws_alg
jws_alg_of(const struct pubkey *key)
{
	for (size_t i = JWS_ES256; i < N_ALGS; i++)
		if (alg_fits((enum jws_alg)i, key))
			return (enum jws_alg)i;
	return JWS_NONE;
}

/* ---- signing ------------------------------------------------------------------------ */

static int
header(const struct pubkey *key, enum jws_alg alg, const char *type, struct buf *out, struct err *e)
{
	BUF_AUTO struct buf kid = buf_init(128);
	BUF_AUTO struct buf text = buf_init(1024);
	JSON_AUTO json_t *j = NULL;
	int rc;

	buf_base64url(&kid, digest_view(pubkey_fingerprint(key)));
	j = json_pack("{s:s, s:s, s:s}", "alg", algs[alg].name, "kid", buf_cstr(&kid), "typ", type);
	if (j == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	json_write_compact(j, &text);
	if ((rc = buf_done(&text, e)) == 0)
		buf_base64url(out, buf_view(&text));
	return rc;
}

int
jws_sign(struct privkey *key, enum jws_alg alg, const char *type, struct span payload,
    struct buf *out, struct err *e)
{
	const struct pubkey *public = privkey_public(key);
	BUF_AUTO struct buf message = buf_init(LIMIT_JWS);
	BUF_AUTO struct buf sig = buf_init(LIMIT_SIGNATURE);
	BUF_AUTO struct buf raw = buf_init(LIMIT_SIGNATURE);
	int rc;

	if (alg == JWS_NONE)
		alg = jws_alg_of(public);
	if (!alg_fits(alg, public))
		return err_set(e, ERR_KEY, "this key cannot sign with %s", algs[alg].name);
	if ((rc = header(public, alg, type, &message, e)) != 0)
		return rc;
	buf_u8(&message, '.');
	buf_base64url(&message, payload);
	if ((rc = buf_done(&message, e)) != 0 ||
	    (rc = privkey_sign(key, algs[alg].scheme, buf_view(&message), algs[alg].digest, &sig, e)) != 0)
		return rc;
	if (algs[alg].half != 0 && (rc = ecdsa_raw(buf_view(&sig), algs[alg].half, &raw, e)) != 0)
		return rc;
	buf_span(&message, span_lit("."));
	buf_base64url(&message, buf_view(algs[alg].half != 0 ? &raw : &sig));
	if ((rc = buf_done(&message, e)) != 0)
		return rc;
	buf_span(out, buf_view(&message));
	return buf_done(out, e);
}

/* ---- verifying ---------------------------------------------------------------------- */

/* Three parts and no more. */
static bool
split(struct span token, struct span part[3])
{
	for (int i = 0; i < 2; i++) {
		size_t n = span_find(token, '.');

		if (n == token.n)
			return false;
		part[i] = span_head(token, n);
		token = span_from(token, n + 1);
	}
	part[2] = token;
	return span_find(token, '.') == token.n;
}

/* What the header says must be what the key can mean. */
static int
check_header(struct span part, const struct pubkey *key, const char *type, enum jws_alg *alg,
    struct err *e)
{
	BUF_AUTO struct buf text = buf_init(LIMIT_SMALL_FILE);
	JSON_AUTO json_t *j = NULL;
	json_t *name, *typ = NULL;
	int rc;

	if (!base64url_decode(part, &text))
		return err_set(e, ERR_FORMAT, "the token's header is not base64url");
	if ((rc = json_parse(buf_view(&text), LIMIT_SMALL_FILE, &j, e)) != 0)
		return err_ctx(e, rc, "the token's header");
	if ((rc = json_member(j, "header", "alg", JSON_STRING, true, &name, e)) != 0)
		return rc;
	/* RFC 7515 4.1.11: what must be understood and is not. */
	if (json_object_get(j, "crit") != NULL)
		return err_set(e, ERR_UNSUPPORTED, "the token's header demands extensions (crit)");
	*alg = JWS_NONE;
	for (size_t i = JWS_ES256; i < N_ALGS; i++)
		if (strcmp(json_string_value(name), algs[i].name) == 0)
			*alg = (enum jws_alg)i;
	if (!alg_fits(*alg, key))
		return err_set(e, ERR_SIGNATURE, "the token names an algorithm that this key does not sign with");
	if (type == NULL)
		return 0;
	if ((rc = json_member(j, "header", "typ", JSON_STRING, true, &typ, e)) != 0)
		return rc;
	if (strcmp(json_string_value(typ), type) != 0)
		return err_set(e, ERR_FORMAT, "the token is not of type %s", type);
	return 0;
}

/* The signature as OpenSSL wants it. */
static int
decode_signature(struct span part, enum jws_alg alg, struct buf *sig, struct err *e)
{
	BUF_AUTO struct buf raw = buf_init(LIMIT_SIGNATURE);
	size_t half = algs[alg].half;

	if (!base64url_decode(part, &raw) || (half != 0 && raw.n != 2 * half))
		return err_set(e, ERR_SIGNATURE, "the token's signature has the wrong form");
	if (half != 0)
		return ecdsa_der(span_of(raw.p, half), span_of(raw.p + half, half), sig, e);
	buf_span(sig, buf_view(&raw));
	return buf_done(sig, e);
}

int
jws_verify(struct pubkey *key, struct span token, const char *type, struct buf *payload,
    struct err *e)
{
	BUF_AUTO struct buf sig = buf_init(LIMIT_SIGNATURE);
	BUF_AUTO struct buf text = buf_init(LIMIT_JWS);
	struct span part[3];
	struct digest d;
	enum jws_alg alg = JWS_NONE;
	bool good = false;
	int rc;

	if (token.n > LIMIT_JWS)
		return err_set(e, ERR_LIMIT, "a token of %zu bytes", token.n);
	if (!split(token, part))
		return err_set(e, ERR_FORMAT, "is not a signed token of three parts");
	if ((rc = check_header(part[0], key, type, &alg, e)) != 0 ||
	    (rc = decode_signature(part[2], alg, &sig, e)) != 0 ||
	    (rc = digest_of(algs[alg].digest, span_head(token, part[0].n + 1 + part[1].n), &d, e)) != 0 ||
	    (rc = pubkey_verify(key, algs[alg].scheme, &d, buf_view(&sig), &good, e)) != 0)
		return rc;
	if (!good)
		return err_set(e, ERR_SIGNATURE, "the token is not signed by this key");
	if (!base64url_decode(part[1], &text))
		return err_set(e, ERR_FORMAT, "the token's payload is not base64url");
	buf_span(payload, buf_view(&text));
	return buf_done(payload, e);
}
