/* ima_evm.h: what ima_verify.c and ima_evm.c share.  Private to these two. */
#ifndef ENGINE_IMA_EVM_H
#define ENGINE_IMA_EVM_H

#include "engine/ima_verify.h"
#include "formats/ima_xattr.h"

/* A digest, a signature of it, and where the file is. */
struct sig_target {
	const struct digest *digest;
	struct span sig, path;
	const struct sig_context *ctx;
};

void sig_outcome_set(struct sig_outcome *o, enum sig_state state, const char *why);

/** Parse a signature; a fault is written into ${o}, and its code returned. */
int sig_parse(struct span in, struct ima_xattr *x, struct sig_outcome *o);

/** Try all keys with o->keyid. */
MUST_CHECK int sig_try_keyid(struct keyring *ring, const struct sig_target *t,
    struct sig_outcome *o, struct err *e);

/** What a signature of version 3 signs: H(type, algorithm, digest)
 * (struct ima_file_id, ima_appraise.c, calc_file_id_hash). */
MUST_CHECK int sig_file_id(struct keyring *ring, const struct ima_xattr *x,
    const struct digest *digest, struct digest *out, struct err *e);

/** A portable EVM signature with the metadata that the entry has, if it has any. */
MUST_CHECK int ima_evm_entry(struct keyring *ring, const struct ima_entry *n, struct span evm,
    const struct digest *digest, const struct sig_context *ctx, struct sig_outcome *o, struct err *e);

#endif
