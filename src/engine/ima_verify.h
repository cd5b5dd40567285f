/* ima_verify.h: what the signature of one list entry is worth.
 *
 * Judged from the entry alone: the measured digest stands for the content, so
 * no file is read.  What is judged, in this order:
 *
 *   sig      (ima-sig, ima-sigv2, ima-modsig) a copy of security.ima, or of a
 *            portable security.evm
 *   evmsig   (evm-sig) a portable security.evm, with the metadata it covers
 *   modsig   (ima-modsig) PKCS#7 over d-modsig; as in the kernel, only where the
 *            other is absent, by an unknown key, or cannot be judged
 *
 * WHAT IS SIGNED (security/integrity/digsig_asymmetric.c, ima_appraise.c, evm_crypto.c)
 *   v2       the file digest; the header's algorithm must be the entry's
 *   v3       H(type, algorithm, digest), one byte each before the digest; for the
 *            fs-verity type 06 the digest must be named as verity in a d-ngv2 field
 *   portable H(xattr values, 24 bytes of metadata with inode and generation zero);
 *            security.ima must be among the values, and be the measured digest or a
 *            signature of it that is good in its own right.  64-bit kernels only
 *   v1       recognised, never verified: no kernel of today does
 *   MD5      never good in any of them: files with equal MD5 are made in seconds.
 *            SHA-1 is the caller's to judge (policy: min_digest): see alg below
 *
 * Version 2 does not say what kind of digest was signed: the bytes of an appended or
 * a portable signature can be dressed as a security.ima of the content they cover.
 * The key scope "keyrings" tells them apart; version 3 was made for it.
 *
 * A portable signature in a sig field comes without the metadata it covers, so it
 * cannot be judged from the list: SIG_UNSUPPORTED, and the sentence says so.
 *
 * Never good: an entry that is malformed or a violation, whatever it carries.
 */
#ifndef ENGINE_IMA_VERIFY_H
#define ENGINE_IMA_VERIFY_H

#include "engine/keyring.h"
#include "formats/ima_log.h"

enum sig_state {
	SIG_NONE = 0,		/* no signature */
	SIG_GOOD,		/* by a trusted key, in its scope, over this content */
	SIG_INVALID,		/* malformed, or does not fit the content */
	SIG_UNKNOWN_KEY,	/* no trusted key has this id */
	SIG_OUT_OF_SCOPE,	/* fits, but the key may not sign this file */
	SIG_REVOKED,		/* fits, but the key is revoked */
	SIG_UNSUPPORTED,	/* cannot be judged here */
};

struct sig_outcome {
	enum sig_state state;
	enum sig_place place;		/* 0 if there is no signature */
	const struct trusted_key *key;	/* that verified it, or NULL; the ring's */
	uint32_t keyid;			/* as the signature names it; 0: it does not */
	uint8_t version;		/* of the header: 1, 2, 3; 0 for PKCS#7 */
	enum digest_alg alg;		/* of what is signed; DIGEST_NONE: not known */
	const char *why;		/* a sentence without its full stop, static; never NULL */
};

const char *sig_state_name(enum sig_state s);	/* "good", "unknown-key", ... */

/** ima_verify_entry(ring, entry, ctx, o, e): An error means that it could not be
 * decided (memory, OpenSSL); every fault of the signature is an outcome. */
MUST_CHECK int ima_verify_entry(struct keyring *ring, const struct ima_entry *entry,
    const struct sig_context *ctx, struct sig_outcome *o, struct err *e);

/** ima_verify_xattr(ring, xattr, digest, verity, path, ctx, o, e): One security.ima
 * value (type 03 or 06) against a content digest; for files at hand and for tests. */
MUST_CHECK int ima_verify_xattr(struct keyring *ring, struct span xattr,
    const struct digest *digest, bool verity, struct span path,
    const struct sig_context *ctx, struct sig_outcome *o, struct err *e);

/* What a portable EVM signature covers.  Values in the order of names. */
struct evm_metadata {
	const struct span *names, *values;
	size_t n;
	uint32_t uid, gid;
	uint16_t mode;
	bool big_endian;		/* byte order of the signing and verifying host */
};

/** ima_verify_portable(ring, evm, meta, digest, path, ctx, o, e): security.evm of type
 * 05 over ${meta}, whose security.ima must stand for ${digest}. */
MUST_CHECK int ima_verify_portable(struct keyring *ring, struct span evm,
    const struct evm_metadata *meta, const struct digest *digest, struct span path,
    const struct sig_context *ctx, struct sig_outcome *o, struct err *e);

/** ima_verify_modsig(ring, pkcs7, digest, path, ctx, o, e): PKCS#7 of an appended
 * signature over the digest of what it follows. */
MUST_CHECK int ima_verify_modsig(struct keyring *ring, struct span pkcs7,
    const struct digest *digest, struct span path,
    const struct sig_context *ctx, struct sig_outcome *o, struct err *e);

#endif
