#include "crypto/pubkey.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "crypto/digest.h"
#include "crypto/openssl_err.h"
#include "crypto/pubkey_x509.h"
#include "crypto/roca.h"

struct pubkey {
	EVP_PKEY *pkey;			/* owned */
	X509 *x509;			/* owned; NULL for a bare key */
	EVP_PKEY_CTX *verify;		/* owned; initialised for (scheme, alg) below, or NULL */
	enum sig_scheme scheme;
	enum digest_alg alg;
	enum pubkey_kind kind;
	unsigned bits;
	uint32_t keyid, keyid_bits;
	struct buf spki, cert;
	struct digest fingerprint;
	char *subject;			/* owned, or NULL */
	bool has_validity;
	time_t not_before, not_after;
};

void
pubkey_free(struct pubkey *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_CTX_free(key->verify);
	EVP_PKEY_free(key->pkey);
	X509_free(key->x509);
	buf_free(&key->spki);
	buf_free(&key->cert);
	free(key->subject);
	free(key);
}

/* The allow-list: what this program trusts to be a key at all. */
static int
check_strength(struct pubkey *key, struct err *e)
{
	int type = EVP_PKEY_get_base_id(key->pkey);

	key->bits = (unsigned)EVP_PKEY_get_bits(key->pkey);
	if (type == EVP_PKEY_RSA) {
		BIGNUM *exp = NULL, *mod = NULL;
		bool sound = EVP_PKEY_get_bn_param(key->pkey, OSSL_PKEY_PARAM_RSA_E, &exp) == 1 &&
		    BN_is_odd(exp) && BN_num_bits(exp) >= 2;
		bool odd = EVP_PKEY_get_bn_param(key->pkey, OSSL_PKEY_PARAM_RSA_N, &mod) == 1 &&
		    BN_is_odd(mod);

		BN_free(exp);
		BN_free(mod);
		key->kind = PUBKEY_RSA;
		if (!sound)
			return err_set(e, ERR_KEY, "RSA key has an unusable public exponent");
		if (!odd)
			return err_set(e, ERR_KEY, "RSA key has an even modulus");
		if (key->bits < 2048 || key->bits > 8192)
			return err_set(e, ERR_KEY, "RSA key has %u bits, want 2048 to 8192", key->bits);
		return 0;
	}
	if (type == EVP_PKEY_EC) {
		char group[64] = "";

		key->kind = PUBKEY_EC;
		(void)EVP_PKEY_get_group_name(key->pkey, group, sizeof(group), NULL);
		if (strcmp(group, "prime256v1") != 0 && strcmp(group, "P-256") != 0 &&
		    strcmp(group, "secp384r1") != 0 && strcmp(group, "P-384") != 0 &&
		    strcmp(group, "secp521r1") != 0 && strcmp(group, "P-521") != 0)
			return err_set(e, ERR_KEY, "EC key is on curve %s, want P-256, P-384 or P-521",
			    group[0] == '\0' ? "(unnamed)" : group);
		return 0;
	}
	return err_set(e, ERR_KEY, "key is of a type that IMA and TPM quotes do not use; want RSA or EC");
}

/* keyid from the key itself: SHA-1 over the subjectPublicKey BIT STRING's content. */
static bool
keyid_of_bits(struct pubkey *key)
{
	X509_PUBKEY *x = NULL;
	const unsigned char *bits;
	uint8_t md[SHA_DIGEST_LENGTH];
	int n;
	bool ok = X509_PUBKEY_set(&x, key->pkey) == 1 &&
	    X509_PUBKEY_get0_param(NULL, &bits, &n, NULL, x) == 1 &&
	    EVP_Digest(bits, (size_t)n, md, NULL, EVP_sha1(), NULL) == 1;

	X509_PUBKEY_free(x);
	if (ok)
		key->keyid_bits = (uint32_t)md[16] << 24 | (uint32_t)md[17] << 16 |
		    (uint32_t)md[18] << 8 | md[19];
	key->keyid = key->keyid_bits;
	return ok;
}

int
pubkey_from_pkey(EVP_PKEY *pkey, struct pubkey **out, struct err *e)
{
	struct pubkey *key = calloc(1, sizeof(*key));
	unsigned char *der = NULL;
	int n, rc;

	if (key == NULL) {
		EVP_PKEY_free(pkey);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	key->pkey = pkey;
	key->spki = buf_init(LIMIT_SMALL_FILE);
	key->cert = buf_init(LIMIT_SMALL_FILE);
	if ((rc = check_strength(key, e)) != 0)
		goto fail;
	rc = ERR_CRYPTO;
	if ((n = i2d_PUBKEY(pkey, &der)) <= 0 || !keyid_of_bits(key)) {
		openssl_err(e, rc, "encoding a public key");
		goto fail;
	}
	buf_put(&key->spki, der, (size_t)n);
	if ((rc = buf_done(&key->spki, e)) != 0 ||
	    (rc = digest_of(DIGEST_SHA256, buf_view(&key->spki), &key->fingerprint, e)) != 0)
		goto fail;
	OPENSSL_free(der);
	*out = key;
	return 0;
fail:
	OPENSSL_free(der);
	pubkey_free(key);
	return rc;
}

static time_t
asn1_time(const ASN1_TIME *t)
{
	struct tm tm;

	return t != NULL && ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : (time_t)-1;
}

static int
add_cert_facts(struct pubkey *key, X509 *cert, struct err *e)
{
	const ASN1_OCTET_STRING *skid = X509_get0_subject_key_id(cert);
	unsigned char *der = NULL;
	BIO *text;
	char *p;
	int n = i2d_X509(cert, &der);

	if (n <= 0)
		return openssl_err(e, ERR_CRYPTO, "encoding a certificate");
	buf_put(&key->cert, der, (size_t)n);
	OPENSSL_free(der);
	if (X509_up_ref(cert) != 1)
		return openssl_err(e, ERR_CRYPTO, "keeping a certificate");
	key->x509 = cert;
	if (skid != NULL && ASN1_STRING_length(skid) >= 4) {
		const unsigned char *s = ASN1_STRING_get0_data(skid) + ASN1_STRING_length(skid) - 4;

		key->keyid = (uint32_t)s[0] << 24 | (uint32_t)s[1] << 16 |
		    (uint32_t)s[2] << 8 | s[3];
	}
	key->not_before = asn1_time(X509_get0_notBefore(cert));
	key->not_after = asn1_time(X509_get0_notAfter(cert));
	key->has_validity = true;

	/* XN_FLAG_RFC2253 escapes control characters: safe to print. */
	if ((text = BIO_new(BIO_s_mem())) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	X509_NAME_print_ex(text, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253);
	n = (int)BIO_get_mem_data(text, &p);
	key->subject = n > 0 ? strndup(p, (size_t)n) : NULL;
	BIO_free(text);
	return buf_done(&key->cert, e);
}

static int
from_cert(X509 *cert, struct pubkey **out, struct err *e)
{
	EVP_PKEY *pkey = X509_get_pubkey(cert);
	struct pubkey *key;
	int rc;

	if (pkey == NULL)
		return openssl_err(e, ERR_KEY, "certificate holds no usable public key");
	if ((rc = pubkey_from_pkey(pkey, &key, e)) != 0)
		return rc;
	if ((rc = add_cert_facts(key, cert, e)) != 0) {
		pubkey_free(key);
		return rc;
	}
	*out = key;
	return 0;
}

static int
parse_pem(struct span bytes, struct pubkey **key, struct err *e)
{
	BIO *in = BIO_new_mem_buf(bytes.p, (int)bytes.n);
	X509 *cert = in == NULL ? NULL : PEM_read_bio_X509(in, NULL, NULL, NULL);
	EVP_PKEY *pkey = NULL;
	int rc;

	if (cert != NULL) {
		rc = from_cert(cert, key, e);
	} else {
		BIO_free(in);
		in = BIO_new_mem_buf(bytes.p, (int)bytes.n);
		pkey = in == NULL ? NULL : PEM_read_bio_PUBKEY(in, NULL, NULL, NULL);
		rc = pkey != NULL ? pubkey_from_pkey(pkey, key, e) :
		    openssl_err(e, ERR_KEY, "PEM text holds no certificate and no public key");
	}
	X509_free(cert);
	BIO_free(in);
	return rc;
}

static int
parse_der(struct span bytes, struct pubkey **key, struct err *e)
{
	const unsigned char *p = bytes.p;
	X509 *cert = d2i_X509(NULL, &p, (long)bytes.n);
	EVP_PKEY *pkey;
	int rc;

	if (cert != NULL) {
		rc = p == bytes.p + bytes.n ? from_cert(cert, key, e) :
		    err_at(e, ERR_TRAILING, (uint64_t)(p - bytes.p), "data follows the certificate");
		X509_free(cert);
		return rc;
	}
	p = bytes.p;
	if ((pkey = d2i_PUBKEY(NULL, &p, (long)bytes.n)) == NULL)
		return openssl_err(e, ERR_KEY, "is neither a certificate nor a public key (DER or PEM)");
	if (p != bytes.p + bytes.n) {
		EVP_PKEY_free(pkey);
		return err_at(e, ERR_TRAILING, (uint64_t)(p - bytes.p), "data follows the public key");
	}
	ERR_clear_error();
	return pubkey_from_pkey(pkey, key, e);
}

int
pubkey_parse(struct span bytes, struct pubkey **key, struct err *e)
{
	if (bytes.n == 0 || bytes.n > LIMIT_SMALL_FILE)
		return err_set(e, bytes.n == 0 ? ERR_TRUNCATED : ERR_LIMIT,
		    "a key or certificate of %zu bytes", bytes.n);
	if (memmem(bytes.p, bytes.n, "-----BEGIN ", 11) != NULL)
		return parse_pem(bytes, key, e);
	return parse_der(bytes, key, e);
}

/* From provider parameters; takes ${bld} over. */
static int
from_params(const char *type, OSSL_PARAM_BLD *bld, struct pubkey **key, struct err *e)
{
	OSSL_PARAM *params = bld == NULL ? NULL : OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;
	bool ok = params != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) == 1;
	bool ec = strcmp(type, "EC") == 0;
	EVP_PKEY_CTX *check = ok && ec ? EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL) : NULL;

	/* For EC this is what proves that the point lies on the curve.  For RSA it would look
	 * for primes for some milliseconds, and prove nothing about who made the key. */
	if (ec)
		ok = check != NULL && EVP_PKEY_public_check(check) == 1;
	EVP_PKEY_CTX_free(check);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	if (!ok) {
		EVP_PKEY_free(pkey);
		return openssl_err(e, ERR_KEY, "not a valid %s public key", type);
	}
	return pubkey_from_pkey(pkey, key, e);
}

int
pubkey_from_rsa(struct span n, uint32_t exp, struct pubkey **key, struct err *e)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *mod = n.n <= 1024 ? BN_bin2bn(n.p, (int)n.n, NULL) : NULL;
	BIGNUM *e_bn = BN_new();
	int rc = ERR_NOMEM;

	if (bld != NULL && mod != NULL && e_bn != NULL && BN_set_word(e_bn, exp) == 1 &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, mod) == 1 &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e_bn) == 1) {
		rc = from_params("RSA", bld, key, e);
	} else {
		OSSL_PARAM_BLD_free(bld);
		err_set(e, n.n > 1024 ? (rc = ERR_KEY) : rc, "RSA modulus of %zu bytes", n.n);
	}
	BN_free(mod);
	BN_free(e_bn);
	return rc;
}

int
pubkey_from_ec(const char *curve, struct span x, struct span y,
    struct pubkey **key, struct err *e)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	size_t field = strcmp(curve, "P-256") == 0 ? 32 : strcmp(curve, "P-384") == 0 ? 48 :
	    strcmp(curve, "P-521") == 0 ? 66 : 0;
	uint8_t point[1 + 2 * 66] = { 4 };	/* uncompressed, SEC 1 2.3.3 */

	if (field == 0 || x.n > field || y.n > field) {
		OSSL_PARAM_BLD_free(bld);
		return err_set(e, ERR_KEY, "EC point does not fit curve %s", curve);
	}
	/* TPMs strip leading zeros of a coordinate; put them back. */
	memcpy(point + 1 + (field - x.n), x.p, x.n);
	memcpy(point + 1 + field + (field - y.n), y.p, y.n);
	if (bld == NULL ||
	    OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) != 1 ||
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * field) != 1) {
		OSSL_PARAM_BLD_free(bld);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	return from_params("EC", bld, key, e);
}

enum pubkey_kind pubkey_kind(const struct pubkey *key) { return key->kind; }
unsigned pubkey_bits(const struct pubkey *key) { return key->bits; }
struct span pubkey_spki(const struct pubkey *key) { return buf_view(&key->spki); }
struct span pubkey_cert(const struct pubkey *key) { return buf_view(&key->cert); }
const struct digest *pubkey_fingerprint(const struct pubkey *key) { return &key->fingerprint; }
uint32_t pubkey_keyid(const struct pubkey *key) { return key->keyid; }
uint32_t pubkey_keyid_bits(const struct pubkey *key) { return key->keyid_bits; }
X509 *pubkey_x509(const struct pubkey *key) { return key->x509; }
EVP_PKEY *pubkey_pkey(const struct pubkey *key) { return key->pkey; }

const char *
pubkey_subject(const struct pubkey *key)
{
	return key->subject == NULL ? "" : key->subject;
}

bool
pubkey_eq(const struct pubkey *a, const struct pubkey *b)
{
	return span_eq(pubkey_spki(a), pubkey_spki(b));
}

bool
pubkey_roca(const struct pubkey *key)
{
	uint8_t modulus[1024];		/* 8192 bits, the most check_strength lets in */
	BIGNUM *n = NULL;
	bool weak = false;

	if (key->kind == PUBKEY_RSA &&
	    EVP_PKEY_get_bn_param(key->pkey, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
	    BN_num_bytes(n) <= (int)sizeof(modulus))
		weak = roca_weak(span_of(modulus, (size_t)BN_bn2bin(n, modulus)));
	BN_free(n);
	return weak;
}

bool
pubkey_validity(const struct pubkey *key, time_t *from, time_t *to)
{
	*from = key->not_before;
	*to = key->not_after;
	return key->has_validity;
}

/* A verify context for (scheme, alg), kept on the key: lists hold thousands of
 * signatures by one key, and setting up costs a good part of an RSA verification. */
static int
prepare_verify(struct pubkey *key, enum sig_scheme scheme, enum digest_alg alg, struct err *e)
{
	EVP_PKEY_CTX *ctx;
	const char *name = digest_alg_openssl(alg);
	EVP_MD *md;
	bool ok;

	if (key->verify != NULL && key->scheme == scheme && key->alg == alg)
		return 0;
	EVP_PKEY_CTX_free(key->verify);
	key->verify = NULL;

	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
	md = name == NULL ? NULL : EVP_MD_fetch(NULL, name, NULL);
	ok = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1;
	if (ok && scheme != SIG_ECDSA)
		ok = EVP_PKEY_CTX_set_rsa_padding(ctx, scheme == SIG_RSAPSS ?
		    RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) == 1;
	if (ok && (md == NULL || EVP_PKEY_CTX_set_signature_md(ctx, md) != 1)) {
		EVP_MD_free(md);
		EVP_PKEY_CTX_free(ctx);
		return openssl_err(e, ERR_UNSUPPORTED, "signatures of a %s digest cannot be verified here",
		    digest_alg_name(alg));
	}
	if (ok && scheme == SIG_RSAPSS)
		ok = EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_AUTO) == 1;
	EVP_MD_free(md);
	if (!ok) {
		EVP_PKEY_CTX_free(ctx);
		return openssl_err(e, ERR_CRYPTO, "preparing to verify a %s signature",
		    digest_alg_name(alg));
	}
	key->verify = ctx;
	key->scheme = scheme;
	key->alg = alg;
	return 0;
}

int
pubkey_verify(struct pubkey *key, enum sig_scheme scheme, const struct digest *digest,
    struct span sig, bool *ok, struct err *e)
{
	int rc;

	*ok = false;
	if ((scheme == SIG_ECDSA) != (key->kind == PUBKEY_EC) || sig.n == 0)
		return 0;
	if ((rc = prepare_verify(key, scheme, digest->alg, e)) != 0)
		return rc;
	/* 1 is the only yes; 0 and negatives are both "does not verify" for a given input. */
	*ok = EVP_PKEY_verify(key->verify, sig.p, sig.n, digest->v, digest->size) == 1;
	if (!*ok)
		ERR_clear_error();
	return 0;
}
