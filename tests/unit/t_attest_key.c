/* The attestation key means the same in every form; names are the TPM's own; keys of
 * CVE-2017-15361 are known, sound ones are not taken for them. */
#include "base/text.h"
#include "crypto/ct.h"
#include "crypto/ecdsa.h"
#include "crypto/roca.h"
#include "engine/attest_key.h"
#include "tests/golden.h"

static struct attest_key
load(struct file *f)
{
	struct attest_key ak = { 0 };
	struct err e = { 0 };

	if (!ok(attest_key_parse(file_view(f), &ak, &e) == 0, "a key loads"))
		diag("%s", e.message);
	return ak;
}

static void
test_forms(void)
{
	static const char *const names[][2] = { { "debian12-vm/ak.pub", "debian12-vm/ak.pem" },
	    { "debian12-vm/akecc.pub", "debian12-vm/akecc.pem" } };

	for (size_t i = 0; i < 2; i++) {
		struct file pub = golden(names[i][0]), pem = golden(names[i][1]);
		struct attest_key a = load(&pub), b = load(&pem), c, d;
		struct err e = { 0 };

		ok(a.has_area && !b.has_area && pubkey_eq(a.key, b.key), "%s is %s", names[i][0], names[i][1]);
		ok(attest_key_parse(pubkey_spki(b.key), &c, &e) == 0 && pubkey_eq(a.key, c.key), "as DER");
		ok(attest_key_parse(span_from(file_view(&pub), 2), &d, &e) == 0 && pubkey_eq(a.key, d.key),
		    "as bare TPMT_PUBLIC");
		attest_key_free(&a);
		attest_key_free(&b);
		attest_key_free(&c);
		attest_key_free(&d);
		file_free(&pub);
		file_free(&pem);
	}
}

static void
test_refusals(void)
{
	struct file f = golden("debian12-vm/ak.pub");
	struct attest_key ak;
	struct err e = { 0 };

	f.p[17] = 0x0c;		/* keyBits' low and high byte stand at 20 and 21: first the scheme's hash */
	ok(attest_key_parse(file_view(&f), &ak, &e) == 0, "another scheme hash is still a key");
	attest_key_free(&ak);
	f.p[20] = 0x0c;
	is_int(attest_key_parse(file_view(&f), &ak, &e), ERR_KEY, "keyBits that are not the modulus's");
	is_int(attest_key_parse(span_lit("neither"), &ak, &e), ERR_KEY, "no key at all");
	ok(e.hint[0] != '\0', "with what to give");
	is_int(attest_key_parse(span_of(NULL, 0), &ak, &e), ERR_TRUNCATED, "an empty file");
	file_free(&f);
	f = golden("debian12-vm/akecc.pub");
	f.p[20] ^= 0xff;
	f.p[30] ^= 1;
	ok(attest_key_parse(file_view(&f), &ak, &e) != 0, "a point off the curve, or a curve unknown");
	file_free(&f);
}

/* The chain from the endorsement hierarchy to the quote's qualifiedSigner. */
static void
test_names(void)
{
	struct file ekf = golden("debian12-vm/ek.pub"), akf = golden("debian12-vm/ak.pub"),
	    q = golden("debian12-vm/quote1.msg");
	static const uint8_t endorsement[] = { 0x40, 0x00, 0x00, 0x0b };
	struct tpm_public ek, ak;
	struct tpm_name ek_name, ak_name, ek_qn, ak_qn;
	struct err e = { 0 };

	ok(tpm_public_parse(file_view(&ekf), &ek, &e) == 0 && tpm_public_parse(file_view(&akf), &ak, &e) == 0 &&
	    tpm_public_name(&ek, &ek_name, &e) == 0 && tpm_public_name(&ak, &ak_name, &e) == 0 &&
	    tpm_qualified_name(span_of(endorsement, 4), &ek_name, &ek_qn, &e) == 0 &&
	    tpm_qualified_name(tpm_name_view(&ek_qn), &ak_name, &ak_qn, &e) == 0, "names of EK and AK");
	ok(span_eq(tpm_name_view(&ak_qn), span_of(q.p + 8, 34)),
	    "the recorded quote's qualifiedSigner is the AK under the EK under the endorsement hierarchy");
	ak.name_hash = DIGEST_NONE;
	is_int(tpm_public_name(&ak, &ak_name, &e), ERR_UNSUPPORTED, "a name with an unknown hash");
	is_int(tpm_qualified_name(span_of(endorsement, 4), &(struct tpm_name){ .n = 4 }, &ak_qn, &e),
	    ERR_UNSUPPORTED, "a qualified name of a handle");
	file_free(&ekf);
	file_free(&akf);
	file_free(&q);
}

static void
test_roca(void)
{
	static const char *const sound[] = { "debian12-vm/ak.pem", "debian12-vm/ekrsa.der",
	    "debian12-vm/ima-rsa.der", "debian12-vm/ima-rogue.der", "debian12-vm/akecc.pem" };
	struct file f = golden("tpm/roca.der");
	struct attest_key ak = load(&f);
	uint8_t one[1] = { 1 }, n[256];

	ok(pubkey_roca(ak.key), "a key built as the library built them is weak");
	attest_key_free(&ak);
	file_free(&f);
	for (size_t i = 0; i < sizeof(sound) / sizeof(sound[0]); i++) {
		f = golden(sound[i]);
		ak = load(&f);
		ok(!pubkey_roca(ak.key), "%s is not", sound[i]);
		attest_key_free(&ak);
		file_free(&f);
	}
	ok(roca_weak(span_of(one, 1)), "1 is 65537^0");
	memset(n, 0x5a, sizeof(n));
	ok(!roca_weak(span_of(n, sizeof(n))), "any number is not a power");
}

static void
test_ecdsa(void)
{
	static const uint8_t r[] = { 0, 0, 0x80 }, s[] = { 0x7f }, want[] = { 0x30, 7, 2, 2, 0, 0x80, 2, 1, 0x7f };
	static const uint8_t big[LIMIT_TPM_COORDINATE + 1];
	struct buf b = buf_init(KIB(1));
	struct err e = { 0 };

	ok(ecdsa_der(span_of(r, 3), span_of(s, 1), &b, &e) == 0 && span_eq(buf_view(&b), span_of(want, sizeof(want))),
	    "r and s as DER: shortest form, never negative");
	ok(ecdsa_der(span_of(NULL, 0), span_of(s, 1), &b, &e) == 0, "an empty r is zero, for the verification to refuse");
	is_int(ecdsa_der(span_of(big, sizeof(big)), span_of(s, 1), &b, &e), ERR_RANGE, "more than any curve needs");
	buf_free(&b);
}

static void
test_ct(void)
{
	ok(ct_eq(span_lit("abc"), span_lit("abc")) && !ct_eq(span_lit("abc"), span_lit("abd")) &&
	    !ct_eq(span_lit("abc"), span_lit("ab")) && ct_eq(span_of(NULL, 0), span_of(NULL, 0)),
	    "comparison in constant time compares");
}

int
main(void)
{
	test_forms();
	test_refusals();
	test_names();
	test_roca();
	test_ecdsa();
	test_ct();
	return done();
}
