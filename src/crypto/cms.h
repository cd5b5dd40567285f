/* cms.h: the detached PKCS#7 signature that is appended to modules and kernels.
 *
 * Accepted is what the kernel accepts (crypto/asymmetric_keys/pkcs7_verify.c with
 * VERIFYING_MODULE_SIGNATURE, and pkcs7_get_digest): SignedData over content of
 * type "data" that is not inside, exactly one signer, and no signed attributes, so
 * that the signature is over the content's digest itself and can be checked when
 * the digest is all there is.  Certificates inside are ignored: who signed is
 * decided by the keys the caller trusts, all of the key counting.
 *
 * The names of the signer (issuer and serial, or subjectKeyIdentifier) are in the
 * message unsigned: hints, as good as the sender.
 */
#ifndef CRYPTO_CMS_H
#define CRYPTO_CMS_H

#include "crypto/pubkey.h"

struct cms_sig;

/** cms_sig_parse(der, sig, e): ERR_FORMAT: not such a message; ERR_TRAILING;
 * ERR_UNSUPPORTED: one that the kernel refuses, or an algorithm unknown here. */
MUST_CHECK int cms_sig_parse(struct span der, struct cms_sig **sig, struct err *e);
void cms_sig_free(struct cms_sig *sig);

enum digest_alg cms_sig_alg(const struct cms_sig *sig);		/* never DIGEST_NONE */

enum pubkey_kind cms_sig_kind(const struct cms_sig *sig);

/** cms_sig_value(sig): The signature's bytes, valid as long as ${sig}: PKCS#1 v1.5
 * or DER ECDSA over the content's digest. */
struct span cms_sig_value(const struct cms_sig *sig);

/** cms_sig_names(sig, key): Whether the hints point to ${key}: its certificate's
 * issuer and serial, or its subjectKeyIdentifier, which for a bare key is taken to
 * be the SHA-1 of the key.  A bare key has no issuer: then nobody can tell. */
enum cms_match { CMS_OTHER = 0, CMS_PERHAPS, CMS_NAMED };
enum cms_match cms_sig_names(const struct cms_sig *sig, const struct pubkey *key);

/** cms_sig_keyid(sig): The last four bytes of the subjectKeyIdentifier or of the
 * serial number named, for people to read. */
uint32_t cms_sig_keyid(const struct cms_sig *sig);

/** cms_sig_verify(sig, key, digest, ok, e): Whether ${key} signed content with this
 * digest, in the message's own algorithm; the hints are not asked. */
MUST_CHECK int cms_sig_verify(const struct cms_sig *sig, struct pubkey *key,
    const struct digest *digest, bool *ok, struct err *e);

static inline void
cms_sig_freep(struct cms_sig **s)
{
	cms_sig_free(*s);
}
#define CMS_SIG_AUTO __attribute__((cleanup(cms_sig_freep)))

#endif
