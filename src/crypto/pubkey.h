/* pubkey.h: public keys, certificates and signatures over a given digest.
 *
 * What is accepted: RSA of 2048 to 8192 bits with an odd public exponent over 2,
 * and EC on P-256, P-384 and P-521.  A key outside that is refused where it is
 * loaded (ERR_KEY), so that no weak key ever verifies anything.
 *
 * A signature that does not verify is a result (ok = false), not an error.
 */
#ifndef CRYPTO_PUBKEY_H
#define CRYPTO_PUBKEY_H

#include <time.h>

#include "base/buf.h"
#include "base/digest_alg.h"
#include "base/err.h"

enum pubkey_kind { PUBKEY_RSA = 1, PUBKEY_EC };

enum sig_scheme {
	SIG_RSASSA = 1,		/* PKCS#1 v1.5 with DigestInfo (RFC 8017 8.2) */
	SIG_RSAPSS,		/* RFC 8017 8.1; MGF1 and digest alike; any salt length */
	SIG_ECDSA,		/* DER SEQUENCE { r, s } */
};

struct pubkey;

/** pubkey_parse(bytes, key, e): One X.509 certificate or SubjectPublicKeyInfo, as
 * DER or PEM (told apart by content).  Trailing bytes behind DER are refused. */
MUST_CHECK int pubkey_parse(struct span bytes, struct pubkey **key, struct err *e);

/** pubkey_from_rsa(n, exp, key, e): From a big-endian modulus. */
MUST_CHECK int pubkey_from_rsa(struct span n, uint32_t exp, struct pubkey **key, struct err *e);

/** pubkey_from_ec(curve, x, y, key, e): ${curve} is OpenSSL's group name ("P-256");
 * coordinates big-endian; a point off the curve is ERR_KEY. */
MUST_CHECK int pubkey_from_ec(const char *curve, struct span x, struct span y,
    struct pubkey **key, struct err *e);

void pubkey_free(struct pubkey *key);

enum pubkey_kind pubkey_kind(const struct pubkey *key);
unsigned pubkey_bits(const struct pubkey *key);		/* modulus, or field size */
bool pubkey_eq(const struct pubkey *a, const struct pubkey *b);

/** pubkey_roca(key): Whether it is an RSA key with the mark of CVE-2017-15361 (roca.h).
 * Such keys load: who relies on one decides. */
bool pubkey_roca(const struct pubkey *key);

/** Borrowed views, valid as long as the key. */
struct span pubkey_spki(const struct pubkey *key);	/* DER SubjectPublicKeyInfo */
struct span pubkey_cert(const struct pubkey *key);	/* DER certificate; empty if there is none */
const struct digest *pubkey_fingerprint(const struct pubkey *key); /* SHA-256 of the SPKI */
const char *pubkey_subject(const struct pubkey *key);	/* RFC 2253 text of the certificate, or "" */

/** pubkey_modulus(key, n, exponent, e): An RSA key's numbers: the modulus, big-endian without
 * leading zeros, appended; an exponent over 32 bits is 0.  ERR_MISMATCH for an EC key. */
MUST_CHECK int pubkey_modulus(const struct pubkey *key, struct buf *n, uint32_t *exponent,
    struct err *e);

/** pubkey_point(key, xy, e): An EC key's x and y, each as long as the field, appended.
 * ERR_MISMATCH for an RSA key. */
MUST_CHECK int pubkey_point(const struct pubkey *key, struct buf *xy, struct err *e);

/** pubkey_keyid(key): The kernel's 32-bit hint: last four bytes of the certificate's
 * subjectKeyIdentifier, else of the SHA-1 of the subjectPublicKey bits
 * (x509_cert_parser.c; libimaevm).  Only a hint: the full key decides. */
uint32_t pubkey_keyid(const struct pubkey *key);

/** pubkey_keyid_bits(key): The same from the key alone, whatever the certificate's
 * identifier is: what libimaevm writes when it signs without a certificate. */
uint32_t pubkey_keyid_bits(const struct pubkey *key);

/** pubkey_validity(key, from, to): False if there is no certificate. */
bool pubkey_validity(const struct pubkey *key, time_t *from, time_t *to);

/** pubkey_verify(key, scheme, digest, sig, ok, e): Whether ${sig} signs ${digest}.
 * A scheme that does not fit the key is ok = false; a digest algorithm that OpenSSL
 * cannot verify under it is ERR_UNSUPPORTED. */
MUST_CHECK int pubkey_verify(struct pubkey *key, enum sig_scheme scheme,
    const struct digest *digest, struct span sig, bool *ok, struct err *e);

/* Private keys, for what we sign ourselves (policies, results). */
struct privkey;
MUST_CHECK int privkey_parse(struct span pem, struct privkey **key, struct err *e);
void privkey_free(struct privkey *key);
const struct pubkey *privkey_public(const struct privkey *key);

/** privkey_sign(key, scheme, message, alg, sig, e): Signature over ${message}. */
MUST_CHECK int privkey_sign(struct privkey *key, enum sig_scheme scheme,
    struct span message, enum digest_alg alg, struct buf *sig, struct err *e);

static inline void
pubkey_freep(struct pubkey **k)
{
	pubkey_free(*k);
}
static inline void
privkey_freep(struct privkey **k)
{
	privkey_free(*k);
}
#define PUBKEY_AUTO __attribute__((cleanup(pubkey_freep)))
#define PRIVKEY_AUTO __attribute__((cleanup(privkey_freep)))

#endif
