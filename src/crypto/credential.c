#include "crypto/credential.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "crypto/hmac.h"
#include "crypto/openssl_err.h"
#include "crypto/pubkey_x509.h"
#include "crypto/tpm_kdf.h"

/* Kept apart from the rest because it must be wiped on every way out. */
struct seed {
	uint8_t v[LIMIT_DIGEST];
	size_t n;
};

static void
seed_wipe(struct seed *s)
{
	OPENSSL_cleanse(s, sizeof(*s));
}
#define SEED_AUTO __attribute__((cleanup(seed_wipe)))

static int
check_key(const struct credential_key *ek, struct err *e)
{
	unsigned bits = pubkey_bits(ek->key);
	bool rsa = pubkey_kind(ek->key) == PUBKEY_RSA;

	if (ek->name_alg != DIGEST_SHA256 && ek->name_alg != DIGEST_SHA384 &&
	    ek->name_alg != DIGEST_SHA512)
		return err_set(e, ERR_UNSUPPORTED, "endorsement key named by %s",
		    digest_alg_name(ek->name_alg));
	if (ek->aes_bits != 128 && ek->aes_bits != 256)
		return err_set(e, ERR_UNSUPPORTED, "endorsement key that protects by AES of %u bits",
		    ek->aes_bits);
	if (rsa ? bits < 2048 || bits > 4096 : bits != 256 && bits != 384)
		return err_set(e, ERR_KEY, "endorsement key of %u bits, want RSA of 2048 to 4096, P-256 or P-384",
		    bits);
	if (!rsa && (ek->x.n == 0 || ek->x.n > bits / 8))
		return err_set(e, ERR_KEY, "endorsement key with an x coordinate of %zu bytes", ek->x.n);
	return 0;
}

/* B.10.4: RSAES_OAEP, hash and mask by the name algorithm, the label with its NUL. */
static bool
seal_rsa(const struct credential_key *ek, const struct seed *seed, struct credential *c)
{
	const char *md = digest_alg_openssl(ek->name_alg);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pubkey_pkey(ek->key), NULL);
	unsigned char *label = OPENSSL_memdup("IDENTITY", 9);
	size_t n = sizeof(c->secret);
	bool ok = ctx != NULL && label != NULL && EVP_PKEY_encrypt_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, md, NULL) == 1 &&
	    EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, md, NULL) == 1;

	/* The context owns the label from here on, if the call succeeds. */
	if (ok && (ok = EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, 9) == 1))
		label = NULL;
	ok = ok && EVP_PKEY_encrypt(ctx, c->secret, &n, seed->v, seed->n) == 1;
	OPENSSL_free(label);
	EVP_PKEY_CTX_free(ctx);
	c->n_secret = ok ? n : 0;
	return ok;
}

/* The shared x coordinate; OpenSSL gives it padded to the field's size, as the TPM has it. */
static bool
agree(EVP_PKEY *own, EVP_PKEY *peer, uint8_t *z, size_t field)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	size_t n = field;
	bool ok = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
	    EVP_PKEY_derive_set_peer(ctx, peer) == 1 && EVP_PKEY_derive(ctx, z, &n) == 1 && n == field;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

/* 04 || x || y of a fresh key on the same curve. */
static bool
ephemeral_point(EVP_PKEY *key, uint8_t *xy, size_t field)
{
	uint8_t point[1 + 2 * 66];
	size_t n = 0;

	if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point,
	    sizeof(point), &n) != 1 || n != 1 + 2 * field || point[0] != 4)
		return false;
	memcpy(xy, point + 1, 2 * field);
	return true;
}

/* C.6.4: one-pass ECDH with an ephemeral key, then KDFe. */
static int
seal_ecc(const struct credential_key *ek, struct seed *seed, struct credential *c, struct err *e)
{
	size_t field = pubkey_bits(ek->key) / 8;
	EVP_PKEY *own = EVP_PKEY_Q_keygen(NULL, NULL, "EC", field == 32 ? "P-256" : "P-384");
	uint8_t z[48];
	int rc;

	c->ecc = true;
	if (own == NULL || !agree(own, pubkey_pkey(ek->key), z, field) ||
	    !ephemeral_point(own, c->secret, field)) {
		rc = openssl_err(e, ERR_CRYPTO, "agreeing with an endorsement key");
	} else {
		c->n_secret = 2 * field;
		rc = tpm_kdfe(ek->name_alg, span_of(z, field), "IDENTITY", span_of(c->secret, field),
		    ek->x, (unsigned)seed->n * 8, seed->v, e);
	}
	OPENSSL_cleanse(z, sizeof(z));
	EVP_PKEY_free(own);
	return rc;
}

static bool
encrypt_cfb(unsigned bits, const uint8_t *key, const uint8_t *in, size_t n, uint8_t *out)
{
	static const uint8_t iv[16];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int m = 0, rest = 0;
	bool ok = ctx != NULL &&
	    EVP_EncryptInit_ex(ctx, bits == 128 ? EVP_aes_128_cfb128() : EVP_aes_256_cfb128(), NULL,
	    key, iv) == 1 && EVP_EncryptUpdate(ctx, out, &m, in, (int)n) == 1 &&
	    EVP_EncryptFinal_ex(ctx, out + m, &rest) == 1 && (size_t)(m + rest) == n;

	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

/* The outer wrap (Part 1, "Credential Protection"): encrypt, then authenticate with the name. */
static int
protect(const struct credential_key *ek, const struct seed *seed, struct span name,
    struct span secret, struct credential *c, struct err *e)
{
	const unsigned digest_bits = (unsigned)digest_alg_size(ek->name_alg) * 8;
	uint8_t plain[sizeof(c->identity)] = { 0, (uint8_t)secret.n }, key[LIMIT_DIGEST];
	struct span parts[2];
	int rc;

	memcpy(plain + 2, secret.p, secret.n);
	c->n_identity = 2 + secret.n;
	rc = tpm_kdfa(ek->name_alg, span_of(seed->v, seed->n), "STORAGE", name, span_of(NULL, 0),
	    ek->aes_bits, key, e);
	if (rc == 0 && !encrypt_cfb(ek->aes_bits, key, plain, c->n_identity, c->identity))
		rc = openssl_err(e, ERR_CRYPTO, "encrypting a credential");
	if (rc == 0)
		rc = tpm_kdfa(ek->name_alg, span_of(seed->v, seed->n), "INTEGRITY", span_of(NULL, 0),
		    span_of(NULL, 0), digest_bits, key, e);
	parts[0] = span_of(c->identity, c->n_identity);
	parts[1] = name;
	if (rc == 0)
		rc = hmac_of(ek->name_alg, span_of(key, digest_bits / 8), parts, 2, &c->integrity, e);
	OPENSSL_cleanse(plain, sizeof(plain));
	OPENSSL_cleanse(key, sizeof(key));
	return rc;
}

int
credential_make(const struct credential_key *ek, struct span name, struct span secret,
    struct credential *out, struct err *e)
{
	SEED_AUTO struct seed seed = { .n = digest_alg_size(ek->name_alg) };
	struct credential c = { 0 };
	int rc;

	if ((rc = check_key(ek, e)) != 0)
		return rc;
	if (secret.n == 0 || secret.n > seed.n)
		return err_set(e, ERR_RANGE, "a credential of %zu bytes, want 1 to %zu", secret.n, seed.n);
	if (pubkey_kind(ek->key) == PUBKEY_EC) {
		if ((rc = seal_ecc(ek, &seed, &c, e)) != 0)
			return rc;
	} else if (RAND_priv_bytes(seed.v, (int)seed.n) != 1 || !seal_rsa(ek, &seed, &c)) {
		return openssl_err(e, ERR_CRYPTO, "sealing for an endorsement key");
	}
	if ((rc = protect(ek, &seed, name, secret, &c, e)) != 0)
		return rc;
	*out = c;
	return 0;
}
