/* An appended signature is found and cut off exactly as the kernel does, or refused;
 * its PKCS#7 verifies with the key that made it and with no other, over no other digest. */
#include "crypto/cms.h"
#include "crypto/digest.h"
#include "formats/modsig.h"
#include "tests/golden.h"

static struct pubkey *
key(const char *name)
{
	struct file f = golden(name);
	struct pubkey *k = NULL;

	if (pubkey_parse(file_view(&f), &k, NULL) != 0)
		printf("Bail out! %s\n", name);
	file_free(&f);
	return k;
}

static void
test_parts(void)
{
	static const char *const names[] = { "modsig-rsa", "modsig-rsa-skid", "modsig-p384",
		"modsig-attributes" };
	struct file want = golden("ima-sig/modsig.want"), content = golden("ima-sig/content");
	struct buf b = buf_init(1 << 20);
	size_t same = 0;

	for (size_t i = 0; i < 4; i++) {
		char path[64];
		struct modsig m;

		(void)snprintf(path, sizeof(path), "ima-sig/%s.signed", names[i]);
		struct file f = golden(path);

		buf_printf(&b, "%s: ", names[i]);
		if (modsig_parse(file_view(&f), &m, NULL) == 1) {
			modsig_dump(&m, &b);
			same += span_eq(m.content, file_view(&content));
		}
		file_free(&f);
	}
	is_int((int64_t)same, 4, "the content comes out");
	if (!ok(span_eq(buf_view(&b), file_view(&want)), "dumps are as modsig.want has it"))
		printf("%s", buf_cstr(&b));
	file_free(&want);
	file_free(&content);
	buf_free(&b);
}

/* From the end of the file: 28 bytes marker, 4 size, 3 pad, 2 lengths, type, hash, algo. */
static void
test_trailer(void)
{
	struct file f = golden("ima-sig/modsig-rsa.signed");
	size_t head = f.n - 40, zeros = 0, sizes = 0, unsigned_ = 0;
	struct err e = { 0 };
	struct modsig m;

	for (size_t i = 0; i < 8; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			f.p[head + i] ^= (uint8_t)(1u << bit);
			zeros += modsig_parse(file_view(&f), &m, &e) == ERR_FORMAT;
			f.p[head + i] ^= (uint8_t)(1u << bit);
		}
	}
	is_int((int64_t)zeros, 64, "each bit of the eight fixed bytes is checked");
	for (uint32_t v = 0; v < 2000; v++) {
		f.p[f.n - 30] = (uint8_t)(v >> 8);
		f.p[f.n - 29] = (uint8_t)v;
		int rc = modsig_parse(file_view(&f), &m, &e);

		/* The kernel wants 0 < size < what lies in front, so at least a byte of content. */
		sizes += (rc == 1) == (v > 0 && v < head) && (rc == 1 || rc == ERR_RANGE);
	}
	is_int((int64_t)sizes, 2000, "a size must fit into the file and leave content");
	for (size_t i = f.n - 28; i < f.n; i++) {
		f.p[i] ^= 1;
		unsigned_ += modsig_parse(file_view(&f), &m, &e) == 0;
		f.p[i] ^= 1;
	}
	is_int((int64_t)unsigned_, 28, "without the exact marker the file is unsigned");
	ok(modsig_parse(span_from(file_view(&f), f.n - 40), &m, &e) == 0, "marker and header alone: unsigned");
	file_free(&f);
}

static void
test_truncation(void)
{
	struct file f = golden("ima-sig/modsig-p384.signed");
	struct modsig m;
	size_t signed_ = 0, accepted = 0;

	for (size_t n = 0; n < f.n; n++)
		signed_ += modsig_parse(span_of(f.p, n), &m, NULL) != 0;
	ok(signed_ == 0, "cut at the end: never signed");
	if (modsig_parse(file_view(&f), &m, NULL) != 1)
		return;
	for (size_t n = 0; n < m.pkcs7.n; n++) {
		CMS_SIG_AUTO struct cms_sig *sig = NULL;

		accepted += cms_sig_parse(span_of(m.pkcs7.p, n), &sig, NULL) == 0;
	}
	ok(accepted == 0, "no cut PKCS#7 message is accepted");
	CMS_SIG_AUTO struct cms_sig *sig = NULL;

	is_int(cms_sig_parse(span_of(m.pkcs7.p, m.pkcs7.n + 1), &sig, NULL), ERR_TRAILING,
	    "a byte behind the message is refused");
	file_free(&f);
}

struct fixture {
	struct file file, content;
	struct modsig m;
	struct cms_sig *sig;
	struct digest digest;
};

static bool
setup(const char *name, enum digest_alg alg, struct fixture *x)
{
	struct err e = { 0 };

	*x = (struct fixture){ .file = golden(name), .content = golden("ima-sig/content") };
	return ok(modsig_parse(file_view(&x->file), &x->m, &e) == 1 &&
	    cms_sig_parse(x->m.pkcs7, &x->sig, &e) == 0 && cms_sig_alg(x->sig) == alg &&
	    digest_of(alg, file_view(&x->content), &x->digest, &e) == 0, "%s reads", name);
}

static void
teardown(struct fixture *x)
{
	cms_sig_free(x->sig);
	file_free(&x->file);
	file_free(&x->content);
}

static void
test_verify(void)
{
	static const struct { const char *name; enum digest_alg alg; const char *key; enum cms_match bare; } t[] = {
		{ "ima-sig/modsig-rsa.signed", DIGEST_SHA256, "ima-sig/rsa2048.der", CMS_PERHAPS },
		{ "ima-sig/modsig-rsa-skid.signed", DIGEST_SHA512, "ima-sig/rsa2048.der", CMS_OTHER },
		{ "ima-sig/modsig-p384.signed", DIGEST_SHA384, "ima-sig/p384.der", CMS_PERHAPS },
	};

	for (size_t i = 0; i < 3; i++) {
		PUBKEY_AUTO struct pubkey *right = key(t[i].key), *wrong = key("ima-sig/rsa4096.der"),
		    *bare = key("ima-sig/p256.spki");
		struct err e = { 0 };
		struct fixture x;
		bool a = false, b = true, c = true;

		if (!setup(t[i].name, t[i].alg, &x))
			return;
		ok(cms_sig_verify(x.sig, right, &x.digest, &a, &e) == 0 && a, "verifies with its key");
		ok(cms_sig_verify(x.sig, wrong, &x.digest, &b, &e) == 0 && !b, "and with no other");
		x.digest.v[5] ^= 1;
		ok(cms_sig_verify(x.sig, right, &x.digest, &c, &e) == 0 && !c, "nor over another digest");
		ok(cms_sig_names(x.sig, right) == CMS_NAMED && cms_sig_names(x.sig, wrong) == CMS_OTHER &&
		    cms_sig_names(x.sig, bare) == t[i].bare, "its hints name the right certificate");
		teardown(&x);
	}
}

static void
test_refused(void)
{
	struct file f = golden("ima-sig/modsig-attributes.signed");
	CMS_SIG_AUTO struct cms_sig *sig = NULL;
	struct err e = { 0 };
	struct modsig m;

	ok(modsig_parse(file_view(&f), &m, &e) == 1 &&
	    cms_sig_parse(m.pkcs7, &sig, &e) == ERR_UNSUPPORTED, "signed attributes");
	file_free(&f);
	is_int(cms_sig_parse(span_of(NULL, 0), &sig, &e), ERR_FORMAT, "nothing");
	is_int(cms_sig_parse(span_lit("\x30\x03\x02\x01\x01"), &sig, &e), ERR_FORMAT, "another SEQUENCE");
}

/* No flipped bit of the message verifies, but those that are hints or not looked at. */
static void
test_bit_flips(void)
{
	PUBKEY_AUTO struct pubkey *right = key("ima-sig/rsa2048.der");
	struct fixture x;
	size_t good_in_signature = 0, good = 0;

	if (!setup("ima-sig/modsig-rsa.signed", DIGEST_SHA256, &x))
		return;
	for (size_t i = 0; i < x.m.pkcs7.n * 8; i++) {
		CMS_SIG_AUTO struct cms_sig *sig = NULL;
		uint8_t *p = x.file.p + x.m.content.n + i / 8;
		bool yes = false;

		*p ^= (uint8_t)(1u << i % 8);
		if (cms_sig_parse(x.m.pkcs7, &sig, NULL) == 0 &&
		    cms_sig_verify(sig, right, &x.digest, &yes, NULL) == 0 && yes) {
			good++;
			good_in_signature += i / 8 >= x.m.pkcs7.n - 256;
		}
		*p ^= (uint8_t)(1u << i % 8);
	}
	diag("%zu of %zu flips still verify: in names, versions and the outer algorithm list",
	    good, x.m.pkcs7.n * 8);
	ok(good_in_signature == 0, "none of them in the signature");
	teardown(&x);
}

int
main(void)
{
	test_parts();
	test_trailer();
	test_truncation();
	test_verify();
	test_refused();
	test_bit_flips();
	return done();
}
