/* What we seal for an endorsement key opens with its private half, and only for the object
 * whose name it was made for; the derivations are those of an independent implementation;
 * the blobs are framed as the TPM reads them.  (tests/e2e/identity.t asks a TPM.) */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/text.h"
#include "crypto/credential.h"
#include "crypto/digest.h"
#include "crypto/hmac.h"
#include "crypto/tpm_kdf.h"
#include "engine/ek_public.h"
#include "formats/tpm_credential.h"
#include "tests/dump.h"
#include "tests/ek_case.h"

static struct span
word(struct span *rest)
{
	size_t n = span_find(*rest, ' ');
	struct span w = span_head(*rest, n);

	*rest = span_from(*rest, n + 1);
	return w;
}

static void
hex_word(struct span *rest, struct buf *b)
{
	struct span w = word(rest);

	if (!span_is(w, "-") && !hex_decode(w, b))
		printf("Bail out! bad hex in kdf.txt\n"), exit(99);
}

static bool
try_vector(struct span line)
{
	BUF_AUTO struct buf key = buf_init(KIB(1)), u = buf_init(KIB(1)), v = buf_init(KIB(1));
	BUF_AUTO struct buf want = buf_init(KIB(1));
	bool a = span_is(word(&line), "kdfa");
	enum digest_alg alg = digest_alg_by_name(word(&line));
	char label[32] = "";
	uint8_t got[128];
	uint64_t bits = 0;
	struct err e = { 0 };

	hex_word(&line, &key);
	struct span l = word(&line);
	memcpy(label, l.p, l.n);
	hex_word(&line, &u);
	hex_word(&line, &v);
	if (!dec_u64(word(&line), &bits))
		return false;
	hex_word(&line, &want);
	int rc = (a ? tpm_kdfa : tpm_kdfe)(alg, buf_view(&key), label, buf_view(&u), buf_view(&v),
	    (unsigned)bits, got, &e);
	return rc == 0 && span_eq(span_of(got, bits / 8), buf_view(&want));
}

static void
test_kdf(void)
{
	struct file f = ek_file("kdf.txt");
	struct rd r = rd_init(file_view(&f));
	struct err e = { 0 };
	struct span line;
	uint8_t out[256];
	int good = 0, all = 0;

	while (rd_line(&r, KIB(4), &line)) {
		if (line.n == 0 || line.p[0] == '#')
			continue;
		all++;
		good += try_vector(line);
	}
	is_int(all, 120, "vectors of KDFa and KDFe");
	is_int(good, all, "all as Python derives them");
	is_int(tpm_kdfa(DIGEST_SHA256, span_lit("k"), "X", span_lit(""), span_lit(""), 7, out, &e),
	    ERR_RANGE, "no half octets");
	is_int(tpm_kdfe(DIGEST_SHA256, span_lit("k"), "X", span_lit(""), span_lit(""), 2048, out, &e),
	    ERR_RANGE, "no more than any key has");
	is_int(tpm_kdfa(DIGEST_MD5, span_lit("k"), "X", span_lit(""), span_lit(""), 128, out, &e),
	    ERR_UNSUPPORTED, "no hash that a TPM has not");
	file_free(&f);
}

/* RFC 4231, test case 2. */
static void
test_hmac(void)
{
	const struct span parts[] = { span_lit("what do ya want "), span_lit("for nothing?") };
	struct buf want = buf_init(64);
	struct err e = { 0 };
	struct digest d;
	bool good;

	ok(hex_decode(span_lit("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"), &want) &&
	    hmac_of(DIGEST_SHA256, span_lit("Jefe"), parts, 2, &d, &e) == 0 &&
	    span_eq(digest_view(&d), buf_view(&want)), "HMAC-SHA256 of RFC 4231");
	ok(hmac_check(DIGEST_SHA256, span_lit("Jefe"), parts, 2, buf_view(&want), &good, &e) == 0 && good,
	    "checks");
	ok(hmac_check(DIGEST_SHA256, span_lit("Jefe"), parts, 2, span_head(buf_view(&want), 31), &good, &e) == 0 &&
	    !good, "a prefix does not");
	ok(hmac_check(DIGEST_SHA256, span_lit("jefe"), parts, 2, buf_view(&want), &good, &e) == 0 && !good,
	    "nor under another key");
	ok(hmac_of(DIGEST_SHA256, span_lit(""), NULL, 0, &d, &e) == 0 && d.v[0] == 0xb6 && d.v[1] == 0x13,
	    "an empty key and nothing at all");
	buf_free(&want);
}

/* --- TPM2_ActivateCredential by hand: what a TPM does with the blobs (Part 3, 12.5) */

static EVP_PKEY *
private_key(const char *name)
{
	struct file f = ek_file(name);
	BIO *in = BIO_new_mem_buf(f.p, (int)f.n);
	EVP_PKEY *k = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);

	BIO_free(in);
	file_free(&f);
	return k;
}

static bool
open_rsa(EVP_PKEY *k, const char *md, struct span sealed, uint8_t *seed, size_t want)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k, NULL);
	uint8_t out[512];
	size_t n = sizeof(out);
	bool good = EVP_PKEY_decrypt_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, md, NULL) == 1 &&
	    EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, md, NULL) == 1 &&
	    EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, OPENSSL_memdup("IDENTITY", 9), 9) == 1 &&
	    EVP_PKEY_decrypt(ctx, out, &n, sealed.p, sealed.n) == 1 && n == want;

	if (good)
		memcpy(seed, out, want);
	EVP_PKEY_CTX_free(ctx);
	return good;
}

static bool
open_ecc(EVP_PKEY *k, const struct tpm_public *ek, const struct tpm_encrypted_secret *s, uint8_t *seed)
{
	uint8_t point[1 + 2 * 48] = { 4 }, z[48];
	size_t n = sizeof(z);
	EVP_PKEY *peer = EVP_PKEY_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k, NULL);
	struct err e = { 0 };

	memcpy(point + 1, s->x.p, s->x.n);
	memcpy(point + 1 + s->x.n, s->y.p, s->y.n);
	bool good = EVP_PKEY_copy_parameters(peer, k) == 1 &&
	    EVP_PKEY_set1_encoded_public_key(peer, point, 1 + s->x.n + s->y.n) == 1 &&
	    EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
	    EVP_PKEY_derive(ctx, z, &n) == 1 &&
	    tpm_kdfe(ek->name_hash, span_of(z, n), "IDENTITY", s->x, ek->x,
	    (unsigned)digest_alg_size(ek->name_hash) * 8, seed, &e) == 0;

	EVP_PKEY_free(peer);
	EVP_PKEY_CTX_free(ctx);
	return good;
}

static bool
decrypt(const struct tpm_public *ek, const uint8_t *key, struct span in, uint8_t *out)
{
	static const uint8_t iv[16];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	bool good = EVP_DecryptInit_ex(ctx, ek->symmetric_bits == 128 ? EVP_aes_128_cfb128() :
	    EVP_aes_256_cfb128(), NULL, key, iv) == 1 &&
	    EVP_DecryptUpdate(ctx, out, &n, in.p, (int)in.n) == 1 && (size_t)n == in.n;

	EVP_CIPHER_CTX_free(ctx);
	return good;
}

/* The secret for the object ${name}, appended to ${out}; false as the TPM refuses. */
static bool
activate(const char *keyfile, const struct tpm_public *ek, struct span id_object,
    struct span encrypted, struct span name, struct buf *out)
{
	EVP_PKEY *k = private_key(keyfile);
	size_t h = digest_alg_size(ek->name_hash);
	uint8_t seed[64], key[64], plain[128];
	struct tpm_id_object o;
	struct tpm_encrypted_secret s;
	struct span parts[2], none = span_of(NULL, 0);
	struct err e = { 0 };
	bool ecc = ek->type == TPM_ALG_ECC, good;

	if (tpm_id_object_parse(id_object, &o, &e) != 0 ||
	    tpm_encrypted_secret_parse(encrypted, ecc, &s, &e) != 0) {
		EVP_PKEY_free(k);
		return false;
	}
	good = ecc ? open_ecc(k, ek, &s, seed) :
	    open_rsa(k, digest_alg_openssl(ek->name_hash), s.rsa, seed, h);
	EVP_PKEY_free(k);
	parts[0] = o.identity;
	parts[1] = name;
	if (!good || tpm_kdfa(ek->name_hash, span_of(seed, h), "INTEGRITY", none, none, (unsigned)h * 8, key, &e) != 0 ||
	    hmac_check(ek->name_hash, span_of(key, h), parts, 2, o.integrity, &good, &e) != 0 || !good ||
	    tpm_kdfa(ek->name_hash, span_of(seed, h), "STORAGE", name, none, ek->symmetric_bits, key, &e) != 0 ||
	    !decrypt(ek, key, o.identity, plain))
		return false;
	size_t n = (size_t)plain[0] << 8 | plain[1];
	if (n + 2 != o.identity.n)
		return false;
	buf_put(out, plain + 2, n);
	return true;
}

struct kind {
	const char *pub, *key, *what;
};
static const struct kind kinds[] = {
	{ "ek-rsa.pub", "key-ek-rsa.pem", "RSA-2048 (L-1)" },
	{ "ek-rsa-high.pub", "key-ek-rsa.pem", "RSA-2048 (H-1)" },
	{ "ek-rsa3072.pub", "key-ek-rsa3072.pem", "RSA-3072 (H-6)" },
	{ "ek-ecc.pub", "key-ek-ecc.pem", "P-256 (L-2)" },
	{ "ek-p384.pub", "key-ek-p384.pem", "P-384 (H-3)" },
	{ "ek-zero.pub", "key-ek-zero.pem", "P-256 with a zero octet" },
	{ "ek-zero-stripped.pub", "key-ek-zero.pem", "P-256 with its zero octet left out" },
};

static void
test_kind(const struct kind *k, const struct tpm_name *ak, const struct tpm_name *other)
{
	struct file f = ek_file(k->pub);
	struct buf id = buf_init(KIB(1)), enc = buf_init(KIB(2)), got = buf_init(KIB(1));
	struct tpm_public ek;
	struct pubkey *key = NULL;
	struct err e = { 0 };
	uint8_t secret[32];

	memset(secret, 0x5a, sizeof(secret));
	ok(tpm_public_parse(file_view(&f), &ek, &e) == 0 && tpm_public_key(&ek, &key, &e) == 0 &&
	    ek_credential(&ek, key, ak, span_of(secret, 32), &id, &enc, &e) == 0, "%s: a challenge", k->what);
	ok(activate(k->key, &ek, buf_view(&id), buf_view(&enc), tpm_name_view(ak), &got) &&
	    span_eq(buf_view(&got), span_of(secret, 32)), "opens for the named object");
	ok(!activate(k->key, &ek, buf_view(&id), buf_view(&enc), tpm_name_view(other), &got),
	    "and not for another");
	ok(!activate(ek.type == TPM_ALG_ECC ? "key-inter.pem" : "key-other-rsa.pem", &ek, buf_view(&id),
	    buf_view(&enc), tpm_name_view(ak), &got), "nor with another key");
	for (size_t i = 0; i < 4; i++) {
		struct buf *b = i % 2 == 0 ? &id : &enc;
		size_t at = i < 2 ? b->n - 1 : 4;

		b->p[at] ^= 1;
		ok(!activate(k->key, &ek, buf_view(&id), buf_view(&enc), tpm_name_view(ak), &got),
		    "nor with a bit of %s changed", i % 2 == 0 ? "the object" : "the secret");
		b->p[at] ^= 1;
	}
	pubkey_free(key);
	buf_free(&id);
	buf_free(&enc);
	buf_free(&got);
	file_free(&f);
}

static void
names(struct tpm_name *ak, struct tpm_name *other)
{
	struct file a = golden("debian12-vm/akecc.pub"), b = golden("debian12-vm/ak.pub");
	struct tpm_public p;
	struct err e = { 0 };

	ok(tpm_public_parse(file_view(&a), &p, &e) == 0 && tpm_public_name(&p, ak, &e) == 0 &&
	    tpm_public_parse(file_view(&b), &p, &e) == 0 && tpm_public_name(&p, other, &e) == 0,
	    "names of two attestation keys");
	file_free(&a);
	file_free(&b);
}

static void
test_refusals(const struct tpm_name *ak)
{
	struct file f = ek_file("ek-rsa.pub");
	struct buf id = buf_init(KIB(1)), enc = buf_init(KIB(2));
	struct tpm_public ek;
	struct pubkey *key = NULL;
	struct err e = { 0 };
	uint8_t secret[65] = { 1 };

	ok(tpm_public_parse(file_view(&f), &ek, &e) == 0 && tpm_public_key(&ek, &key, &e) == 0, "an RSA key");
	is_int(ek_credential(&ek, key, ak, span_of(secret, 33), &id, &enc, &e), ERR_RANGE,
	    "a secret longer than the TPM takes");
	is_int(ek_credential(&ek, key, ak, span_of(secret, 0), &id, &enc, &e), ERR_RANGE, "no secret");
	ek.symmetric_bits = 192;
	is_int(ek_credential(&ek, key, ak, span_of(secret, 32), &id, &enc, &e), ERR_UNSUPPORTED, "AES-192");
	ek.symmetric_bits = 128;
	ek.symmetric = TPM_ALG_TDES;
	is_int(ek_credential(&ek, key, ak, span_of(secret, 32), &id, &enc, &e), ERR_UNSUPPORTED, "3DES");
	ek.symmetric = TPM_ALG_AES;
	ek.name_hash = DIGEST_SHA1;
	is_int(ek_credential(&ek, key, ak, span_of(secret, 20), &id, &enc, &e), ERR_UNSUPPORTED, "SHA-1");
	ok(id.n == 0 && enc.n == 0, "and nothing was written");
	pubkey_free(key);
	buf_free(&id);
	buf_free(&enc);
	file_free(&f);
}

static void
test_blobs(void)
{
	uint8_t id[] = { 0, 9, 0, 3, 'h', 'm', 'c', 'i', 'd', 'i', 'd' };
	uint8_t ecc[] = { 0, 9, 0, 3, 'x', 'x', 'x', 0, 2, 'y', 'y' };
	struct tpm_id_object o;
	struct tpm_encrypted_secret s, rsa;
	struct buf b = buf_init(KIB(1));
	struct err e = { 0 };
	int accepted = 0;

	ok(tpm_id_object_parse(span_of(id, sizeof(id)), &o, &e) == 0 && span_is(o.integrity, "hmc") &&
	    span_is(o.identity, "idid"), "TPM2B_ID_OBJECT");
	ok(tpm_encrypted_secret_parse(span_of(ecc, sizeof(ecc)), true, &s, &e) == 0 &&
	    span_is(s.x, "xxx") && span_is(s.y, "yy"), "TPM2B_ENCRYPTED_SECRET with a point");
	ok(tpm_encrypted_secret_parse(span_of(ecc, sizeof(ecc)), false, &rsa, &e) == 0 && rsa.rsa.n == 9,
	    "and as a ciphertext");
	for (size_t n = 0; n < sizeof(id); n++) {
		accepted += tpm_id_object_parse(span_of(id, n), &o, &e) == 0;
		accepted += tpm_encrypted_secret_parse(span_of(ecc, n), true, &s, &e) == 0;
		accepted += tpm_encrypted_secret_parse(span_of(ecc, n), false, &rsa, &e) == 0;
	}
	is_int(accepted, 0, "cut at any byte they are none");
	tpm_id_object_write(&o, &b);
	ok(span_eq(buf_view(&b), span_of(id, sizeof(id))), "written as it was read");
	b.n = 0;
	tpm_encrypted_secret_write(&s, &b);
	ok(span_eq(buf_view(&b), span_of(ecc, sizeof(ecc))), "both");
	b.n = 0;
	tpm_credential_dump(&o, &s, &b);
	is_str(buf_cstr(&b), "integrity 686d63\nidentity 69646964\nx 787878\ny 7979\n", "dumped");
	id[1] = 8;
	is_int(tpm_id_object_parse(span_of(id, sizeof(id)), &o, &e), ERR_TRAILING, "a byte behind it");
	ecc[1] = 10;
	ecc[8] = 1;
	is_int(tpm_encrypted_secret_parse(span_of(ecc, sizeof(ecc)), true, &s, &e), ERR_TRUNCATED,
	    "a size beyond the end");
	ecc[1] = 9;
	is_int(tpm_encrypted_secret_parse(span_of(ecc, sizeof(ecc)), true, &s, &e), ERR_TRAILING,
	    "a byte behind the point");
	id[1] = 5;
	is_int(tpm_id_object_parse(span_of(id, 7), &o, &e), ERR_TRUNCATED, "no credential inside");
	buf_free(&b);
}

int
main(void)
{
	struct tpm_name ak = { 0 }, other = { 0 };

	test_kdf();
	test_hmac();
	names(&ak, &other);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		test_kind(&kinds[i], &ak, &other);
	test_refusals(&ak);
	test_blobs();
	return done();
}
