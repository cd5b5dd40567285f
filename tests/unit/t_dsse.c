/* An envelope verifies for the key that signed exactly these bytes of exactly this type,
 * and for no other key and no other byte; what openssl and Keylime sign is taken, too. */
#include "base/json.h"
#include "crypto/digest.h"
#include "engine/dsse_sign.h"
#include "tests/golden.h"

static void
bail(const char *what, const struct err *e)
{
	printf("Bail out! %s: %s\n", what, e->message);
	exit(99);
}

static struct pubkey *
key(const char *name)
{
	struct file f = golden(name);
	struct pubkey *k;
	struct err e = { 0 };

	if (pubkey_parse(file_view(&f), &k, &e) != 0)
		bail(name, &e);
	file_free(&f);
	return k;
}

static bool
verifies(struct span in, struct pubkey *k, struct err *e)
{
	struct dsse d;
	size_t which = 9;
	bool yes;

	if (dsse_parse(in, &d, e) != 0)
		return false;
	yes = dsse_verify(&d, &k, 1, &which, e) == 0 && which == 0;
	dsse_free(&d);
	return yes;
}

static void
test_golden(void)
{
	PUBKEY_AUTO struct pubkey *ours = key("policy/signer.pem"), *keylime = key("policy/keylime-signer.pem");
	struct file a = golden("policy/policy.dsse"), b = golden("policy/keylime.dsse");
	struct file json = golden("policy/policy-v1.json");
	struct dsse d;
	struct err e = { 0 };

	ok(verifies(file_view(&a), ours, &e), "a policy signed by P-384 verifies %s", e.message);
	ok(!verifies(file_view(&a), keylime, &e), "not for another key");
	ok(verifies(file_view(&b), keylime, &e), "a policy signed Keylime's way verifies %s", e.message);
	ok(dsse_sniff(file_view(&a)) && dsse_sniff(file_view(&b)) && !dsse_sniff(file_view(&json)) &&
	    !dsse_sniff(span_lit("{\"a\":{\"payloadType\":1}}")) && !dsse_sniff(span_lit("{\"a\":\"payloadType\"}")) &&
	    !dsse_sniff(span_lit("[{\"payloadType\":1}]")) && dsse_sniff(span_lit(" {\"a\\\"\":[1],\"payloadType\" :1}")),
	    "envelopes are told from policies");
	ok(dsse_parse(file_view(&a), &d, &e) == 0 && span_eq(buf_view(&d.payload), file_view(&json)) &&
	    span_is(d.payload_type, DSSE_TYPE_POLICY), "the payload is the policy, byte for byte");
	dsse_free(&d);
	file_free(&a);
	file_free(&b);
	file_free(&json);
}

/* Every bit of payload, type and signature counts. */
static void
test_flips(void)
{
	PUBKEY_AUTO struct pubkey *k = key("policy/keylime-signer.pem");
	struct file f = golden("policy/keylime.dsse");
	struct dsse d;
	struct err e = { 0 };
	size_t which = 0, taken = 0, n = 0;

	if (dsse_parse(file_view(&f), &d, &e) != 0)
		bail("keylime.dsse", &e);
	for (size_t i = 0; i < 8 * d.payload.n; i += 7, n++) {
		d.payload.p[i / 8] ^= (uint8_t)(1u << (i % 8));
		taken += dsse_verify(&d, &k, 1, &which, &e) != 0 || which == 0;
		d.payload.p[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	ok(taken == 0, "%zu flipped bits of the payload", n);
	uint8_t *sig = (uint8_t *)(uintptr_t)d.signatures[0].sig.p;

	for (size_t i = n = 0; i < 8 * d.signatures[0].sig.n; i++, n++) {
		sig[i / 8] ^= (uint8_t)(1u << (i % 8));
		taken += dsse_verify(&d, &k, 1, &which, &e) != 0 || which == 0;
		sig[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	ok(taken == 0, "%zu flipped bits of the signature", n);
	d.payload_type = span_lit("application/vnd.assay.policy+json");
	ok(dsse_verify(&d, &k, 1, &which, &e) == 0 && which == 1, "another type");
	d.payload_type = span_lit(DSSE_TYPE_KEYLIME);
	d.n_signatures = 0;
	ok(dsse_verify(&d, &k, 1, &which, &e) == 0 && which == 1, "no signature at all");
	d.n_signatures = 1;
	ok(dsse_verify(&d, &k, 0, &which, &e) == 0 && which == 0, "no key: none of none");
	dsse_free(&d);
	file_free(&f);
}

static void
test_sign(void)
{
	struct file f = golden("policy/signer.key");
	PRIVKEY_AUTO struct privkey *priv = NULL;
	PUBKEY_AUTO struct pubkey *pub = key("policy/signer.pem"), *other = key("policy/keylime-signer.pem");
	BUF_AUTO struct buf one = buf_init(MIB(1)), two = buf_init(MIB(1));
	struct pubkey *keys[2] = { other, pub };
	struct err e = { 0 };
	struct dsse d;
	size_t which = 9;

	if (privkey_parse(file_view(&f), &priv, &e) != 0)
		bail("signer.key", &e);
	ok(dsse_sign(priv, span_lit("t"), span_lit("payload"), &one, &e) == 0 &&
	    verifies(buf_view(&one), pub, &e), "what is signed verifies %s", e.message);
	ok(!verifies(buf_view(&one), other, &e), "but not for everybody");
	if (dsse_parse(buf_view(&one), &d, &e) != 0)
		bail("own envelope", &e);
	ok(span_starts(d.signatures[0].keyid, span_lit("sha256:")) && d.signatures[0].keyid.n == 71, "key id");
	ok(dsse_countersign(&d, priv, &two, &e) == 0, "a second signature %s", e.message);
	dsse_free(&d);
	if (dsse_parse(buf_view(&two), &d, &e) != 0)
		bail("countersigned", &e);
	ok(d.n_signatures == 2 && dsse_verify(&d, keys, 2, &which, &e) == 0 && which == 1,
	    "of two signatures and two keys, one of each fits");
	dsse_free(&d);
	file_free(&f);
}

static void
test_pae(void)
{
	BUF_AUTO struct buf b = buf_init(KIB(1));

	dsse_pae(span_lit("http://example.com/HelloWorld"), span_lit("hello world"), &b);
	is_str(buf_cstr(&b), "DSSEv1 29 http://example.com/HelloWorld 11 hello world",
	    "the specification's example of a PAE");
}

static void
test_refusals(void)
{
	static const struct { const char *text; int code; const char *says; } bad[] = {
		{ "", ERR_TRUNCATED, "" },
		{ "[]", ERR_FORMAT, "object" },
		{ "{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":[]}", ERR_FORMAT, "no signature" },
		{ "{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":[{}]}", ERR_FORMAT, "sig" },
		{ "{\"payload\":\"?\",\"payloadType\":\"t\",\"signatures\":[{\"sig\":\"\"}]}", ERR_ENCODING, "base64" },
		{ "{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":[{\"sig\":\"?\"}]}", ERR_ENCODING, "base64" },
		{ "{\"payload\":\"\",\"payloadType\":1,\"signatures\":[{\"sig\":\"\"}]}", ERR_FORMAT, "string" },
		{ "{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":[{\"sig\":\"\"}],\"x\":1}", ERR_FORMAT, "\"x\"" },
		{ "{\"payload\":\"\",\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":[]}", ERR_DUPLICATE, "payload" },
	};
	struct dsse d;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e = { 0 };
		int rc = dsse_parse(span_str(bad[i].text), &d, &e);

		if (!ok(rc == bad[i].code && strstr(e.message, bad[i].says) != NULL, "refused, number %zu: %s",
		    i, e.message))
			diag("got %s", err_token(rc));
	}
	struct err e = { 0 };

	ok(dsse_parse(span_lit("{\"payload\":\"-_8\",\"payloadType\":\"t\",\"signatures\":[{\"sig\":\"-_8=\"}]}"),
	    &d, &e) == 0 && d.payload.n == 2, "URL-safe base64 is taken, padded or not %s", e.message);
	dsse_free(&d);
}

static void
test_truncation(void)
{
	struct file f = golden("policy/keylime.dsse");
	size_t parsed = 0;

	for (size_t n = 0; n < f.n; n++) {
		struct err e = { 0 };
		uint8_t *copy = malloc(n + 1);
		struct dsse d;

		memcpy(copy, f.p, n);
		if (dsse_parse(span_of(copy, n), &d, &e) == 0) {
			parsed++;
			dsse_free(&d);
		}
		(void)dsse_sniff(span_of(copy, n));
		free(copy);
	}
	ok(parsed == 0, "cut at each of %zu bytes it is no envelope", f.n);
	file_free(&f);
}

int
main(void)
{
	test_golden();
	test_flips();
	test_sign();
	test_pae();
	test_refusals();
	test_truncation();
	return done();
}
