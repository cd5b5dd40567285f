#include "crypto/ek_cert.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "crypto/openssl_err.h"
#include "crypto/pubkey_x509.h"

/* OIDs as DER has them: 2.23.133 is 67 81 05 (TCG). */
static const uint8_t oid_manufacturer[] = { 0x67, 0x81, 0x05, 0x02, 0x01 };
static const uint8_t oid_model[] = { 0x67, 0x81, 0x05, 0x02, 0x02 };
static const uint8_t oid_version[] = { 0x67, 0x81, 0x05, 0x02, 0x03 };
static const uint8_t oid_ek[] = { 0x67, 0x81, 0x05, 0x08, 0x01 };
static const uint8_t oid_aik[] = { 0x67, 0x81, 0x05, 0x08, 0x03 };

#define OID_IS(obj, oid) (OBJ_length(obj) == sizeof(oid) && memcmp(OBJ_get0_data(obj), (oid), sizeof(oid)) == 0)

void
ek_cert_free(struct ek_cert *c)
{
	buf_free(&c->der);
	pubkey_free(c->key);
	free(c->subject);
	free(c->issuer);
	free(c->serial);
	free(c->manufacturer);
	free(c->model);
	free(c->version);
	free(c->device);
	*c = (struct ek_cert){ 0 };
}

static char *
text_of_name(const X509_NAME *name)
{
	BIO *text = BIO_new(BIO_s_mem());
	char *p = NULL, *out = NULL;

	/* XN_FLAG_RFC2253 escapes control characters: safe to print. */
	if (text != NULL && X509_NAME_print_ex(text, name, 0, XN_FLAG_RFC2253) >= 0) {
		long n = BIO_get_mem_data(text, &p);

		out = strndup(n > 0 ? p : "", n > 0 ? (size_t)n : 0);
	}
	BIO_free(text);
	return out;
}

/* Any ASN.1 string, as escaped UTF-8. */
static char *
text_of_string(const ASN1_STRING *s)
{
	BUF_AUTO struct buf b = buf_init(LIMIT_CERT * 4);
	unsigned char *utf8 = NULL;
	int n = ASN1_STRING_to_UTF8(&utf8, s);

	if (n > 0)
		buf_escape(&b, span_of(utf8, (size_t)n));
	OPENSSL_free(utf8);
	return strdup(buf_cstr(&b));
}

static char *
text_of_serial(const ASN1_INTEGER *v, unsigned *quirks)
{
	BUF_AUTO struct buf b = buf_init(LIMIT_CERT * 2 + 2);
	struct span bytes = span_of(ASN1_STRING_get0_data(v), (size_t)ASN1_STRING_length(v));

	if (ASN1_STRING_type(v) == V_ASN1_NEG_INTEGER)
		buf_str(&b, "-");
	if (ASN1_STRING_type(v) == V_ASN1_NEG_INTEGER || span_zero(bytes) || bytes.n > 20)
		*quirks |= EK_QUIRK_SERIAL;
	buf_hex(&b, bytes);
	return strdup(buf_cstr(&b));
}

/* RFC 4055 4.1: the OID id-RSAES-OAEP stands before the same RSAPublicKey. */
static EVP_PKEY *
key_of_oaep(X509 *x, unsigned *quirks)
{
	const unsigned char *bits;
	ASN1_OBJECT *alg = NULL;
	EVP_PKEY *pkey;
	int n;

	if (X509_PUBKEY_get0_param(&alg, &bits, &n, NULL, X509_get_X509_PUBKEY(x)) != 1 ||
	    OBJ_obj2nid(alg) != NID_rsaesOaep)
		return NULL;

	const unsigned char *p = bits;

	pkey = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, n);
	if (pkey != NULL && p != bits + n) {
		EVP_PKEY_free(pkey);
		return NULL;
	}
	*quirks |= EK_QUIRK_OAEP_KEY;
	return pkey;
}

static int
take_key(X509 *x, struct ek_cert *c, struct err *e)
{
	EVP_PKEY *pkey = key_of_oaep(x, &c->quirks);

	if (pkey == NULL)
		pkey = X509_get_pubkey(x);
	if (pkey == NULL)
		return openssl_err(e, ERR_KEY, "certificate holds no usable public key");
	ERR_clear_error();
	return pubkey_from_pkey(pkey, &c->key, e);
}

static bool
time_of(const ASN1_TIME *t, time_t *out)
{
	struct tm tm;

	if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
		return false;
	*out = timegm(&tm);
	return true;
}

static int
take_dates(X509 *x, struct ek_cert *c, struct err *e)
{
	if (!time_of(X509_get0_notBefore(x), &c->not_before) ||
	    !time_of(X509_get0_notAfter(x), &c->not_after))
		return openssl_err(e, ERR_FORMAT, "certificate with a date that is none");
	/* 9999-12-31T23:59:59Z, and what is meant by it in another time of that day. */
	if (c->not_after >= 253402214400)
		c->quirks |= EK_QUIRK_NO_END;
	return 0;
}

/* The TPM's name: attributes of a directoryName, or of the subject in older certificates. */
static void
take_tpm_name(const X509_NAME *name, struct ek_cert *c)
{
	for (int i = 0; i < X509_NAME_entry_count(name); i++) {
		X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
		const ASN1_OBJECT *type = X509_NAME_ENTRY_get_object(entry);
		char **to = OID_IS(type, oid_manufacturer) ? &c->manufacturer :
		    OID_IS(type, oid_model) ? &c->model :
		    OID_IS(type, oid_version) ? &c->version :
		    OBJ_obj2nid(type) == NID_serialNumber ? &c->device : NULL;

		if (to != NULL && *to == NULL)
			*to = text_of_string(X509_NAME_ENTRY_get_data(entry));
	}
}

static void
take_alt_name(const GENERAL_NAMES *names, struct ek_cert *c)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

		if (n->type == GEN_DIRNAME)
			take_tpm_name(n->d.directoryName, c);
	}
}

static void
take_purposes(const EXTENDED_KEY_USAGE *all, struct ek_cert *c)
{
	c->has_purpose = true;
	for (int i = 0; i < sk_ASN1_OBJECT_num(all); i++) {
		const ASN1_OBJECT *o = sk_ASN1_OBJECT_value(all, i);

		c->purpose |= OID_IS(o, oid_ek) ? EK_PURPOSE_EK : OID_IS(o, oid_aik) ? EK_PURPOSE_AIK :
		    EK_PURPOSE_OTHER;
	}
}

static void
take_usage(const ASN1_BIT_STRING *bits, struct ek_cert *c)
{
	c->has_usage = true;
	for (int i = 0; i < 9; i++)
		if (ASN1_BIT_STRING_get_bit(bits, i) != 0)
			c->usage |= i == 0 ? EK_USE_SIGNATURE : i == 2 ? EK_USE_KEY_ENCIPHERMENT :
			    i == 4 ? EK_USE_KEY_AGREEMENT : i == 5 ? EK_USE_CERT_SIGN : EK_USE_OTHER;
}

/* Extensions that mean something here, and those whose meaning takes nothing away. */
static bool
understood(int nid)
{
	return nid == NID_key_usage || nid == NID_ext_key_usage || nid == NID_basic_constraints ||
	    nid == NID_subject_alt_name || nid == NID_certificate_policies;
}

/* One extension: ours to read, or to be named if it is critical. */
static int
take_extension(X509_EXTENSION *x, struct ek_cert *c, struct err *e)
{
	ASN1_OBJECT *oid = X509_EXTENSION_get_object(x);
	int nid = OBJ_obj2nid(oid);
	void *v;

	if (!understood(nid)) {
		if (X509_EXTENSION_get_critical(x) != 0 && c->critical[0] == '\0')
			(void)OBJ_obj2txt(c->critical, sizeof(c->critical), oid, 1);
		return 0;
	}
	if ((v = X509V3_EXT_d2i(x)) == NULL)
		return openssl_err(e, ERR_FORMAT, "certificate with a malformed extension %s",
		    OBJ_nid2sn(nid));
	if (nid == NID_key_usage)
		take_usage(v, c);
	else if (nid == NID_ext_key_usage)
		take_purposes(v, c);
	else if (nid == NID_basic_constraints)
		c->ca = ((const BASIC_CONSTRAINTS *)v)->ca != 0;
	else if (nid == NID_subject_alt_name)
		take_alt_name(v, c);
	ASN1_item_free(v, ASN1_ITEM_ptr(X509V3_EXT_get(x)->it));
	return 0;
}

static int
take_extensions(X509 *x, struct ek_cert *c, struct err *e)
{
	int n = X509_get_ext_count(x), rc;

	for (int i = 0; i < n; i++) {
		X509_EXTENSION *ext = X509_get_ext(x, i);

		/* RFC 5280 4.2: not twice; whose value would count is anybody's guess. */
		if (X509_get_ext_by_OBJ(x, X509_EXTENSION_get_object(ext), i) >= 0)
			return err_set(e, ERR_DUPLICATE, "certificate with an extension twice");
		if ((rc = take_extension(ext, c, e)) != 0)
			return rc;
	}
	return 0;
}

static void
default_text(char **s)
{
	if (*s == NULL)
		*s = strdup("");
}

static int
take_facts(X509 *x, struct ek_cert *c, struct err *e)
{
	int rc;

	c->subject = text_of_name(X509_get_subject_name(x));
	c->issuer = text_of_name(X509_get_issuer_name(x));
	c->serial = text_of_serial(X509_get0_serialNumber(x), &c->quirks);
	if (X509_NAME_entry_count(X509_get_subject_name(x)) == 0)
		c->quirks |= EK_QUIRK_EMPTY_SUBJECT;
	if ((rc = take_key(x, c, e)) != 0 || (rc = take_dates(x, c, e)) != 0 ||
	    (rc = take_extensions(x, c, e)) != 0)
		return rc;
	take_tpm_name(X509_get_subject_name(x), c);
	if (c->manufacturer == NULL)
		c->quirks |= EK_QUIRK_NO_TPM_NAME;
	if (!c->has_purpose)
		c->quirks |= EK_QUIRK_NO_EKU;
	default_text(&c->manufacturer);
	default_text(&c->model);
	default_text(&c->version);
	default_text(&c->device);
	return c->subject == NULL || c->issuer == NULL || c->serial == NULL ||
	    c->manufacturer == NULL || c->model == NULL || c->version == NULL || c->device == NULL ?
	    err_set(e, ERR_NOMEM, "out of memory") : 0;
}

int
ek_cert_parse(struct span der, struct ek_cert *out, struct err *e)
{
	EK_CERT_AUTO struct ek_cert c = { .der = buf_init(LIMIT_CERT) };
	const unsigned char *p = der.p;
	X509 *x;
	int rc;

	if (der.n == 0 || der.n > LIMIT_CERT)
		return err_set(e, der.n == 0 ? ERR_TRUNCATED : ERR_LIMIT, "a certificate of %zu bytes",
		    der.n);
	if ((x = d2i_X509(NULL, &p, (long)der.n)) == NULL)
		return openssl_err(e, ERR_FORMAT, "not a certificate");
	buf_span(&c.der, der);
	rc = p != der.p + der.n ? err_at(e, ERR_TRAILING, (uint64_t)(p - der.p),
	    "data follows the certificate") : take_facts(x, &c, e);
	X509_free(x);
	ERR_clear_error();
	if (rc != 0 || (rc = buf_done(&c.der, e)) != 0)
		return rc;
	*out = c;
	c = (struct ek_cert){ 0 };		/* handed over */
	return 0;
}
