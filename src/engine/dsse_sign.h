/* dsse_sign.h: signing DSSE envelopes, and deciding whether one is signed by a key.
 *
 * A signature is over the PAE bytes (formats/dsse.h).  The envelope does not name
 * the algorithm; the key does: a P-256 key signs with ECDSA and SHA-256, P-384
 * with SHA-384, P-521 with SHA-512, an RSA key with RSA-PSS and SHA-256.  When
 * verifying, ECDSA with SHA-256 on any curve (Keylime's choice) and RSASSA with
 * SHA-256 are taken as well.  Every key that is accepted at all is sound, so
 * trying it on a signature that names another key costs time and nothing else.
 */
#ifndef ENGINE_DSSE_SIGN_H
#define ENGINE_DSSE_SIGN_H

#include "crypto/pubkey.h"
#include "formats/dsse.h"

/** dsse_verify(d, keys, n, which, e): ${*which} is the number of the first key that has
 * signed, or ${n} if none has: that is a result, not an error. */
MUST_CHECK int dsse_verify(const struct dsse *d, struct pubkey *const *keys, size_t n,
    size_t *which, struct err *e);

/** dsse_sign(key, type, payload, out, e): An envelope with one signature; its key id is
 * "sha256:" and the fingerprint of the key's SubjectPublicKeyInfo. */
MUST_CHECK int dsse_sign(struct privkey *key, struct span type, struct span payload,
    struct buf *out, struct err *e);

/** dsse_countersign(d, key, out, e): The same envelope with one signature more. */
MUST_CHECK int dsse_countersign(const struct dsse *d, struct privkey *key, struct buf *out,
    struct err *e);

/** dsse_keyid(key, out): That key id. */
void dsse_keyid(const struct pubkey *key, struct buf *out);

#endif
