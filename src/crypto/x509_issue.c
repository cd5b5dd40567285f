#include "crypto/x509_issue.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "base/pem.h"
#include "crypto/openssl_err.h"
#include "crypto/pubkey_x509.h"
#include "crypto/x509_issue_internal.h"

struct issuer {
	X509 *cert;			/* owned by public */
	struct pubkey *public;		/* owned: with the certificate */
	struct privkey *key;		/* owned */
	time_t from, to;
};

int
issue_check_cn(const char *cn, struct err *e)
{
	size_t n = strlen(cn);

	for (size_t i = 0; i < n; i++)
		if (cn[i] < 0x20 || cn[i] > 0x7e)
			return err_set(e, ERR_FORMAT, "a common name with other than printable ASCII");
	return n >= 1 && n <= 64 ? 0 :
	    err_set(e, ERR_RANGE, "a common name of %zu characters, want 1 to 64", n);
}

bool
issue_set_cn(X509_NAME *name, const char *cn)
{
	return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
	    (const unsigned char *)cn, -1, -1, 0) == 1;
}

int
key_create(struct buf *pem, struct err *e)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	BIO *out = BIO_new(BIO_s_secmem());
	char *p = NULL;
	long n;

	if (key == NULL || out == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) != 1 ||
	    (n = BIO_get_mem_data(out, &p)) <= 0) {
		BIO_free(out);
		EVP_PKEY_free(key);
		return openssl_err(e, ERR_CRYPTO, "making a key");
	}
	buf_put(pem, p, (size_t)n);
	BIO_free(out);
	EVP_PKEY_free(key);
	return buf_done(pem, e);
}

/* RFC 5280 4.1.2.2 wants them positive and up to 20 octets; 127 random bits cannot be
 * guessed, nor collide. */
static bool
set_serial(X509 *x)
{
	uint8_t v[16];
	BIGNUM *n = NULL;
	bool ok = RAND_bytes(v, sizeof(v)) == 1;

	v[0] = (uint8_t)((v[0] & 0x7f) | (v[0] == 0));
	ok = ok && (n = BN_bin2bn(v, sizeof(v), NULL)) != NULL &&
	    BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;
	BN_free(n);
	return ok;
}

/* UTCTime up to 2049, GeneralizedTime from 2050 (RFC 5280 4.1.2.5): ASN1_TIME_set knows. */
static bool
set_dates(X509 *x, time_t from, time_t to)
{
	return ASN1_TIME_set(X509_getm_notBefore(x), from) != NULL &&
	    ASN1_TIME_set(X509_getm_notAfter(x), to) != NULL;
}

static bool
add_text_extension(X509 *x, X509 *ca, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	bool ok;

	X509V3_set_ctx(&ctx, ca, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext != NULL && X509_add_ext(x, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok;
}

static X509 *
begin(const char *cn, EVP_PKEY *key, time_t from, time_t to)
{
	X509 *x = X509_new();

	if (x == NULL || X509_set_version(x, X509_VERSION_3) != 1 || !set_serial(x) ||
	    !issue_set_cn(X509_get_subject_name(x), cn) || !set_dates(x, from, to) ||
	    X509_set_pubkey(x, key) != 1) {
		X509_free(x);
		return NULL;
	}
	return x;
}

static int
check_dates(time_t from, time_t to, struct err *e)
{
	/* 9999-12-31T23:59:59Z is the last moment that a certificate can name. */
	return from >= 0 && from < to && to <= 253402300799 ? 0 :
	    err_set(e, ERR_RANGE, "a certificate valid from %lld to %lld", (long long)from, (long long)to);
}

static int
put_der(X509 *x, struct buf *der, struct err *e)
{
	unsigned char *bytes = NULL;
	int n = i2d_X509(x, &bytes);

	if (n <= 0)
		return openssl_err(e, ERR_CRYPTO, "encoding a certificate");
	buf_put(der, bytes, (size_t)n);
	OPENSSL_free(bytes);
	return buf_done(der, e);
}

int
ca_create(struct span key, const char *cn, time_t from, time_t to, struct buf *cert, struct err *e)
{
	BUF_AUTO struct buf der = buf_init(LIMIT_CERT);
	PRIVKEY_AUTO struct privkey *k = NULL;
	X509 *x;
	int rc;

	if ((rc = issue_check_cn(cn, e)) != 0 || (rc = check_dates(from, to, e)) != 0 ||
	    (rc = privkey_parse(key, &k, e)) != 0 ||
	    (rc = issue_check_key(privkey_public(k), e)) != 0)
		return rc;
	x = begin(cn, privkey_pkey(k), from, to);
	if (x == NULL || X509_set_issuer_name(x, X509_get_subject_name(x)) != 1 ||
	    !add_text_extension(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
	    !add_text_extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") ||
	    !add_text_extension(x, x, NID_subject_key_identifier, "hash") ||
	    X509_sign(x, privkey_pkey(k), EVP_sha256()) <= 0)
		rc = openssl_err(e, ERR_CRYPTO, "making a CA certificate");
	else if ((rc = put_der(x, &der, e)) == 0)
		pem_write("CERTIFICATE", buf_view(&der), cert);
	X509_free(x);
	return rc != 0 ? rc : buf_done(cert, e);
}

void
issuer_free(struct issuer *i)
{
	if (i == NULL)
		return;
	pubkey_free(i->public);
	privkey_free(i->key);
	free(i);
}

struct span
issuer_cert(const struct issuer *i)
{
	return pubkey_cert(i->public);
}

static int
check_issuer(const struct issuer *i, struct err *e)
{
	if (i->cert == NULL)
		return err_set(e, ERR_KEY, "a CA needs a certificate, not a bare key");
	if (!pubkey_eq(i->public, privkey_public(i->key)))
		return err_set(e, ERR_MISMATCH, "the CA's certificate and its private key do not belong together");
	if (X509_check_ca(i->cert) != 1 || (X509_get_key_usage(i->cert) & KU_KEY_CERT_SIGN) == 0)
		return err_set(e, ERR_KEY, "certificate \"%s\" is not a CA's", pubkey_subject(i->public));
	return 0;
}

int
issuer_open(struct span cert, struct span key, struct issuer **out, struct err *e)
{
	ISSUER_AUTO struct issuer *i = calloc(1, sizeof(*i));
	int rc;

	if (i == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if ((rc = pubkey_parse(cert, &i->public, e)) != 0 || (rc = privkey_parse(key, &i->key, e)) != 0)
		return rc;
	i->cert = pubkey_x509(i->public);
	if ((rc = check_issuer(i, e)) != 0)
		return rc;
	(void)pubkey_validity(i->public, &i->from, &i->to);
	*out = i;
	i = NULL;			/* handed over */
	return 0;
}

static bool
is_dns_name(const char *s)
{
	size_t n = strlen(s), label = 0;

	if (n == 0 || n > 253)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = s[i];
		bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (c == '.' ? label == 0 || s[i - 1] == '-' : !(alnum || c == '_' || (c == '-' && label > 0)))
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 0 && s[n - 1] != '-';
}

static bool
push_name(GENERAL_NAMES *names, int type, const void *bytes, size_t n)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *s = type == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();

	if (name == NULL || s == NULL || ASN1_STRING_set(s, bytes, (int)n) != 1) {
		GENERAL_NAME_free(name);
		ASN1_STRING_free(s);
		return false;
	}
	GENERAL_NAME_set0_value(name, type, s);
	if (sk_GENERAL_NAME_push(names, name) <= 0) {
		GENERAL_NAME_free(name);
		return false;
	}
	return true;
}

static int
fill_names(const struct cert_order *order, GENERAL_NAMES *names, struct err *e)
{
	for (size_t i = 0; i < order->n_names; i++) {
		const char *s = order->names[i];
		uint8_t ip[16];
		bool ok = inet_pton(AF_INET, s, ip) == 1 ? push_name(names, GEN_IPADD, ip, 4) :
		    inet_pton(AF_INET6, s, ip) == 1 ? push_name(names, GEN_IPADD, ip, 16) :
		    is_dns_name(s) ? push_name(names, GEN_DNS, s, strlen(s)) : false;

		if (!ok && !is_dns_name(s))
			return err_set(e, ERR_FORMAT, "\"%.64s\" is neither a DNS name nor an address", s);
		if (!ok)
			return err_set(e, ERR_NOMEM, "out of memory");
	}
	return 0;
}

static int
add_names(X509 *x, const struct cert_order *order, struct err *e)
{
	GENERAL_NAMES *names;
	int rc;

	if (order->n_names == 0)
		return 0;
	if ((names = GENERAL_NAMES_new()) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	rc = fill_names(order, names, e);
	if (rc == 0 && X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) != 1)
		rc = openssl_err(e, ERR_CRYPTO, "writing a certificate's names");
	GENERAL_NAMES_free(names);
	return rc;
}

static bool
add_extensions(X509 *x, X509 *ca, const struct cert_order *order)
{
	bool rsa = pubkey_kind(order->key) == PUBKEY_RSA;

	/* TLS 1.3 signs only; key encipherment is for those who still speak 1.2 with RSA. */
	return add_text_extension(x, ca, NID_basic_constraints, "critical,CA:FALSE") &&
	    add_text_extension(x, ca, NID_key_usage, rsa && order->kind == CERT_SERVER ?
	    "critical,digitalSignature,keyEncipherment" : "critical,digitalSignature") &&
	    add_text_extension(x, ca, NID_ext_key_usage, order->kind == CERT_SERVER ? "serverAuth" :
	    "clientAuth") &&
	    add_text_extension(x, ca, NID_subject_key_identifier, "hash") &&
	    add_text_extension(x, ca, NID_authority_key_identifier, "keyid:always");
}

static int
check_order(const struct issuer *i, const struct cert_order *order, struct err *e)
{
	int rc;

	if ((rc = issue_check_cn(order->cn, e)) != 0 ||
	    (rc = check_dates(order->from, order->to, e)) != 0 ||
	    (rc = issue_check_key(order->key, e)) != 0)
		return rc;
	if (order->from < i->from || order->to > i->to)
		return err_set(e, ERR_RANGE, "a certificate's validity must lie inside its CA's");
	return 0;
}

int
cert_issue(const struct issuer *i, const struct cert_order *order, struct buf *der, struct err *e)
{
	X509 *x;
	int rc;

	if ((rc = check_order(i, order, e)) != 0)
		return rc;
	x = begin(order->cn, pubkey_pkey(order->key), order->from, order->to);
	if (x == NULL || X509_set_issuer_name(x, X509_get_subject_name(i->cert)) != 1 ||
	    !add_extensions(x, i->cert, order))
		rc = openssl_err(e, ERR_CRYPTO, "making a certificate");
	else if ((rc = add_names(x, order, e)) == 0)
		rc = X509_sign(x, privkey_pkey(i->key), EVP_sha256()) > 0 ? put_der(x, der, e) :
		    openssl_err(e, ERR_CRYPTO, "signing a certificate");
	X509_free(x);
	return rc;
}
