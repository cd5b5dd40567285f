/* jws.h: JSON Web Signatures in compact form (RFC 7515), made and verified.
 *
 *   base64url(header) "." base64url(payload) "." base64url(signature)
 *
 * The header is an attacker's to write, so it decides nothing: the key says which
 * algorithms may be meant, and a header that names another is refused, above all
 * "none" and the HMACs (RFC 8725 3.1).  A header with "crit", with duplicate names
 * or with a key of its own ("jwk", "jku", "x5u") is refused or ignored: no key is
 * ever taken from a token.
 *
 *   P-256   ES256: ECDSA with SHA-256, signature r || s (RFC 7518 3.4)
 *   P-384   ES384
 *   P-521   ES512
 *   RSA     PS256 (RSA-PSS, salt as long as the digest) or RS256
 */
#ifndef CRYPTO_JWS_H
#define CRYPTO_JWS_H

#include "crypto/pubkey.h"

enum jws_alg { JWS_NONE = 0, JWS_ES256, JWS_ES384, JWS_ES512, JWS_PS256, JWS_RS256 };

const char *jws_alg_name(enum jws_alg alg);

/** jws_alg_of(key): The algorithm that ${key} signs with: for RSA, PS256. */
enum jws_alg jws_alg_of(const struct pubkey *key);

/** jws_sign(key, alg, type, payload, out, e): Append the token.  ${alg} JWS_NONE: the
 * key's own; JWS_RS256 for those who cannot verify PS256.  ${type} is the header's
 * "typ"; "kid" is the SHA-256 of the key's SubjectPublicKeyInfo in base64url. */
MUST_CHECK int jws_sign(struct privkey *key, enum jws_alg alg, const char *type,
    struct span payload, struct buf *out, struct err *e);

/** jws_verify(key, token, type, payload, e): ERR_SIGNATURE if ${token} is not signed by
 * ${key}, ERR_FORMAT if it is no such token; else 0 and its payload appended.
 * ${type}: the "typ" it must have, compared as it stands; NULL: any or none. */
MUST_CHECK int jws_verify(struct pubkey *key, struct span token, const char *type,
    struct buf *payload, struct err *e);

#endif
