/* keyring.h: the keys an appraisal trusts for file signatures, and where.
 *
 * Made from the keys of one or more policies; keys that the kernel was seen to
 * load (ima-buf entries) join it where a policy says so.  A revoked key (SHA-256
 * of its SubjectPublicKeyInfo) stays in the ring so that its signatures can be
 * named, but nothing it signed is ever good.  One that is only revoked, and not
 * among the keys, is an unknown key: a digest cannot verify anything.
 *
 * The 32-bit key id of a signature is a hint that anybody can choose: it selects
 * candidates, all of them are tried, and the full key decides.
 *
 * SCOPE of a key; each list that is not empty restricts, and all must agree:
 *   paths        whole components: /opt/v covers /opt/v and /opt/v/x, not /opt/vx;
 *                compared after the policy's aliases, with spaces as '_' on both sides
 *   filesystems  the mount that holds the path (the deepest one that the caller or a
 *                scope of the key's policy names) must carry one of the labels.  Where a
 *                volume is mounted nothing in a measurement list proves: it is the word of
 *                the policy's owner or of the operator, never the host's
 *   keyrings     where the kernel looks for the signing key: ".ima" for security.ima,
 *                ".evm" for security.evm; an appended signature counts for ".ima",
 *                ".platform", ".machine" and the two built-in keyrings.  "_ima" and
 *                "_evm" are the same rings of kernels without a trusted keyring
 *   kinds        what the file is by its name, see file_kind_of()
 *   dates        the time given by the caller; a certificate's own dates are not
 *                judged, as a file stays signed when a certificate runs out
 * A path with empty, "." or ".." components is in no path or file-system scope.
 * A path is what the measured process saw: in a mount namespace of its own it may
 * name another file system than the host's.  Scopes keep honest signers apart; what
 * a list proves is the content and who signed it.
 */
#ifndef ENGINE_KEYRING_H
#define ENGINE_KEYRING_H

#include "crypto/pubkey.h"
#include "formats/runtime_policy.h"

/* The words of policy_key_scope.kinds. */
enum file_kind { FILE_KIND_FILE = 0, FILE_KIND_MODULE, FILE_KIND_FIRMWARE, FILE_KIND_KERNEL,
	FILE_KIND_LIBRARY, FILE_KIND_COUNT };

const char *file_kind_name(enum file_kind kind);	/* "file", "module", ... */

/** file_kind_of(path): By name alone, the first that fits:
 *   firmware  below /lib/firmware or /usr/lib/firmware
 *   module    *.ko, *.ko.gz, *.ko.xz, *.ko.zst
 *   kernel    vmlinuz*, vmlinux*, bzImage*, zImage*, Image, Image.gz, *.efi
 *   library   *.so, *.so.N... (also *.so.N.M as in libc.so.6)
 *   file      all else: programs, scripts, data
 * A name is no proof of use: it keeps keys apart, it does not stop root. */
enum file_kind file_kind_of(struct span path);

/* Where a volume is mounted, as far as the caller knows, and believes whoever says so. */
struct sig_mount { struct span label, path; };

struct sig_context {
	int64_t now;				/* seconds since the epoch */
	const struct sig_mount *mounts;		/* a later one covers an earlier at the same path */
	size_t n_mounts;
};

/* Which attribute carries a signature: decides the kernel's keyring. */
enum sig_place { SIG_PLACE_IMA = 1, SIG_PLACE_EVM, SIG_PLACE_MODSIG };

/* One key of the ring.  All is borrowed from the ring. */
struct trusted_key {
	struct pubkey *pub;
	struct span name;			/* the policy's name for it, else the subject, else "" */
	uint32_t keyid, keyid_bits;		/* by subjectKeyIdentifier; by the key's own bits */
	const struct policy_key *policy;	/* NULL: learned */
	struct span learned_from;		/* the keyring it was loaded into; empty if not learned */
	bool revoked;
	uint32_t number;			/* its index in the ring */
	/* Private to keyring.c: the scope, prepared. */
	struct span *paths;
	unsigned kinds;				/* bit per enum file_kind; 0: not restricted */
	const struct runtime_policy *owner;
};

struct keyring;

/** keyring_new(policies, n, ring, e): ${policies} must outlive the ring.  A key that
 * cannot be used, or a scope with a kind that does not exist, is an error: the
 * policy could not be applied as it was meant. */
MUST_CHECK int keyring_new(const struct runtime_policy *const *policies, size_t n,
    struct keyring **ring, struct err *e);
void keyring_free(struct keyring *ring);

size_t keyring_count(const struct keyring *ring);	/* keys, learned ones included */

/** keyring_at(ring, i): The i-th key, from 0, in the order of the policies, then learned. */
struct trusted_key *keyring_at(struct keyring *ring, size_t i);

/** keyring_find(ring, keyid, after): The next candidate for ${keyid} behind ${after}
 * (NULL: the first), or NULL. */
struct trusted_key *keyring_find(struct keyring *ring, uint32_t keyid,
    const struct trusted_key *after);

/** key_in_scope(key, place, path, ctx, why): Whether ${key} may sign the file
 * ${path}, named as the kernel does; if not, ${*why} is a sentence about the file,
 * static and without its full stop. */
MUST_CHECK bool key_in_scope(const struct trusted_key *key, enum sig_place place,
    struct span path, const struct sig_context *ctx, const char **why);

/* Keys the kernel loads. */
enum load_state {
	LOAD_UNKNOWN = 0,	/* no policy names this key for this keyring */
	LOAD_APPROVED,		/* by its digest, or because it is one of the policy's keys */
	LOAD_IGNORED,		/* the policy does not judge this keyring */
	LOAD_REVOKED,		/* the key is revoked: beats all of the above */
	LOAD_OUT_OF_SCOPE,	/* a key of the policy, whose scope names other keyrings */
};

struct load_outcome {
	enum load_state state;
	bool learned;			/* files signed by it verify from now on */
	const struct trusted_key *key;	/* if it is in the ring */
	const char *why;		/* a sentence without its full stop */
};

/** key_load_like(buf): Whether an ima-buf entry's content can be a key: one DER
 * SEQUENCE that fills it.  (Other measured buffers are text or digests.) */
bool key_load_like(struct span buf);

/** keyring_load(ring, keyring, der, o, e): Judge a key that the kernel was seen to
 * load into ${keyring} (n-ng of an ima-buf entry) with the payload ${der}, and learn
 * it where the policy lists its digest with "trust".  Learned keys verify only what
 * the kernel looks up in that keyring.  A key that a policy holds is never learned
 * anew: its scope could be escaped so.  Only call this for authenticated entries. */
MUST_CHECK int keyring_load(struct keyring *ring, struct span keyring, struct span der,
    struct load_outcome *o, struct err *e);

/** keyring_forget(ring): Drop the learned keys: they belong to one boot of one host. */
void keyring_forget(struct keyring *ring);

/** keyring_verify(ring, key, digest, sig, ok, e): As pubkey_verify, with the scheme
 * IMA uses for the key (PKCS#1 v1.5 or DER ECDSA); remembers the answer for
 * (key, digest, signature), compared in full. */
MUST_CHECK int keyring_verify(struct keyring *ring, const struct trusted_key *key,
    const struct digest *digest, struct span sig, bool *ok, struct err *e);

struct keyring_stats { uint64_t verified, remembered; };	/* made; answered from memory */
struct keyring_stats keyring_stats(const struct keyring *ring);

/** keyring_digest(ring, alg, parts, n, d, e): Digest of the concatenation, with
 * contexts kept by the ring. */
MUST_CHECK int keyring_digest(struct keyring *ring, enum digest_alg alg,
    const struct span *parts, size_t n, struct digest *d, struct err *e);

static inline void
keyring_freep(struct keyring **r)
{
	keyring_free(*r);
}
#define KEYRING_AUTO __attribute__((cleanup(keyring_freep)))

#endif
