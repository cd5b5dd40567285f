#include "crypto/cms.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/objects.h>
#include <stdlib.h>

#include "crypto/openssl_err.h"
#include "crypto/pubkey_x509.h"

struct cms_sig {
	CMS_ContentInfo *cms;		/* owned */
	CMS_SignerInfo *signer;		/* inside cms */
	enum digest_alg alg;
	enum pubkey_kind kind;
};

static enum digest_alg
alg_by_nid(int nid)
{
	switch (nid) {
	case NID_sha1:		return DIGEST_SHA1;
	case NID_sha224:	return DIGEST_SHA224;
	case NID_sha256:	return DIGEST_SHA256;
	case NID_sha384:	return DIGEST_SHA384;
	case NID_sha512:	return DIGEST_SHA512;
	case NID_sm3:		return DIGEST_SM3_256;
	case NID_sha3_256:	return DIGEST_SHA3_256;
	case NID_sha3_384:	return DIGEST_SHA3_384;
	case NID_sha3_512:	return DIGEST_SHA3_512;
	default:		return DIGEST_NONE;
	}
}

static int
nid_of(const X509_ALGOR *alg)
{
	const ASN1_OBJECT *oid;

	X509_ALGOR_get0(&oid, NULL, NULL, alg);
	return OBJ_obj2nid(oid);
}

/* The signature algorithm may name the digest once more ("sha256WithRSAEncryption"):
 * then it must be the same one.  RSA-PSS is not what the kernel verifies. */
static bool
sig_alg(struct cms_sig *s, int nid)
{
	int md = NID_undef, pkey = NID_undef;

	if (nid == NID_rsaEncryption || nid == NID_X9_62_id_ecPublicKey) {
		s->kind = nid == NID_rsaEncryption ? PUBKEY_RSA : PUBKEY_EC;
		return true;
	}
	if (OBJ_find_sigid_algs(nid, &md, &pkey) != 1 || alg_by_nid(md) != s->alg)
		return false;
	s->kind = pkey == NID_rsaEncryption ? PUBKEY_RSA : PUBKEY_EC;
	return s->kind == PUBKEY_RSA || pkey == NID_X9_62_id_ecPublicKey;
}

static int
take_signer(struct cms_sig *s, struct err *e)
{
	STACK_OF(CMS_SignerInfo) *all = CMS_get0_SignerInfos(s->cms);
	X509_ALGOR *digest, *sig;

	if (sk_CMS_SignerInfo_num(all) != 1)
		return err_set(e, ERR_UNSUPPORTED, "PKCS#7 message with %d signers, want one",
		    all == NULL ? 0 : sk_CMS_SignerInfo_num(all));
	s->signer = sk_CMS_SignerInfo_value(all, 0);
	if (CMS_signed_get_attr_count(s->signer) >= 0)
		return err_set(e, ERR_UNSUPPORTED, "PKCS#7 signature with signed attributes, "
		    "which the kernel refuses here");
	CMS_SignerInfo_get0_algs(s->signer, NULL, NULL, &digest, &sig);
	if ((s->alg = alg_by_nid(nid_of(digest))) == DIGEST_NONE)
		return err_set(e, ERR_UNSUPPORTED, "PKCS#7 signature with a digest algorithm "
		    "that is not known");
	if (!sig_alg(s, nid_of(sig)))
		return err_set(e, ERR_UNSUPPORTED, "PKCS#7 signature with an algorithm other "
		    "than RSA (PKCS#1 v1.5) or ECDSA of its digest");
	return 0;
}

/* SignedData, content of type data, and not inside. */
static int
check_message(const struct cms_sig *s, struct err *e)
{
	ASN1_OCTET_STRING **content;

	if (OBJ_obj2nid(CMS_get0_type(s->cms)) != NID_pkcs7_signed)
		return err_set(e, ERR_FORMAT, "PKCS#7 message is not SignedData");
	if (OBJ_obj2nid(CMS_get0_eContentType(s->cms)) != NID_pkcs7_data)
		return err_set(e, ERR_UNSUPPORTED, "PKCS#7 content is not of type data");
	content = CMS_get0_content(s->cms);
	if (content == NULL || *content != NULL)
		return err_set(e, ERR_UNSUPPORTED, "PKCS#7 message carries its content inside");
	return 0;
}

int
cms_sig_parse(struct span der, struct cms_sig **out, struct err *e)
{
	CMS_SIG_AUTO struct cms_sig *s = NULL;
	const unsigned char *p = der.p;
	int rc;

	if (der.n == 0 || der.n > LIMIT_SMALL_FILE)
		return err_set(e, der.n == 0 ? ERR_FORMAT : ERR_LIMIT,
		    "a PKCS#7 message of %zu bytes", der.n);
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if ((s->cms = d2i_CMS_ContentInfo(NULL, &p, (long)der.n)) == NULL)
		return openssl_err(e, ERR_FORMAT, "not a PKCS#7 message");
	if (p != der.p + der.n)
		return err_at(e, ERR_TRAILING, (uint64_t)(p - der.p), "data follows the PKCS#7 message");
	rc = check_message(s, e);
	if (rc == 0)
		rc = take_signer(s, e);
	ERR_clear_error();
	if (rc != 0)
		return rc;
	*out = s;
	s = NULL;			/* handed over */
	return 0;
}

void
cms_sig_free(struct cms_sig *sig)
{
	if (sig == NULL)
		return;
	CMS_ContentInfo_free(sig->cms);
	free(sig);
}

enum digest_alg
cms_sig_alg(const struct cms_sig *sig)
{
	return sig->alg;
}

enum pubkey_kind
cms_sig_kind(const struct cms_sig *sig)
{
	return sig->kind;
}

struct span
cms_sig_value(const struct cms_sig *sig)
{
	const ASN1_OCTET_STRING *v = CMS_SignerInfo_get0_signature(sig->signer);

	return v == NULL ? span_of(NULL, 0) :
	    span_of(ASN1_STRING_get0_data(v), (size_t)ASN1_STRING_length(v));
}

/* The names in the message: one of SKID or serial, as OpenSSL hands them out. */
static void
signer_id(const struct cms_sig *sig, ASN1_OCTET_STRING **skid, ASN1_INTEGER **serial)
{
	*skid = NULL;
	*serial = NULL;
	(void)CMS_SignerInfo_get0_signer_id(sig->signer, skid, NULL, serial);
}

enum cms_match
cms_sig_names(const struct cms_sig *sig, const struct pubkey *key)
{
	X509 *cert = pubkey_x509(key);
	ASN1_OCTET_STRING *skid;
	ASN1_INTEGER *serial;

	if (cert != NULL)
		return CMS_SignerInfo_cert_cmp(sig->signer, cert) == 0 ? CMS_NAMED : CMS_OTHER;
	signer_id(sig, &skid, &serial);
	if (skid == NULL)
		return CMS_PERHAPS;
	return cms_sig_keyid(sig) == pubkey_keyid(key) ? CMS_NAMED : CMS_OTHER;
}

uint32_t
cms_sig_keyid(const struct cms_sig *sig)
{
	ASN1_OCTET_STRING *skid;
	ASN1_INTEGER *serial;
	const ASN1_STRING *id;
	uint32_t v = 0;
	int n;

	signer_id(sig, &skid, &serial);
	if ((id = skid != NULL ? skid : serial) == NULL)
		return 0;
	n = ASN1_STRING_length(id);
	for (int i = n > 4 ? n - 4 : 0; i < n; i++)
		v = v << 8 | ASN1_STRING_get0_data(id)[i];
	return v;
}

int
cms_sig_verify(const struct cms_sig *sig, struct pubkey *key, const struct digest *digest,
    bool *ok, struct err *e)
{
	*ok = false;
	if (digest->alg != sig->alg || sig->kind != pubkey_kind(key))
		return 0;
	return pubkey_verify(key, sig->kind == PUBKEY_RSA ? SIG_RSASSA : SIG_ECDSA, digest,
	    cms_sig_value(sig), ok, e);
}
