/* load_policy.h: a policy from a file, however it is written.
 *
 * JSON and lists are read; a compiled table is mapped; a DSSE envelope is opened
 * after its signature was checked against one of the given keys.  Once keys are
 * given, a policy without an envelope is refused: else whoever can write the
 * file could replace a signed policy by an unsigned one.  Without keys an
 * envelope is refused too (ERR_SIGNATURE, with a hint), unless the caller only
 * wants to look inside (LOAD_POLICY_PEEK) and says so to the user.
 */
#ifndef CMD_LOAD_POLICY_H
#define CMD_LOAD_POLICY_H

#include "base/file.h"
#include "cmd/command.h"
#include "crypto/pubkey.h"
#include "formats/runtime_policy.h"

enum load_policy_mode {
	LOAD_POLICY_TRUST = 0,	/* to judge by: an envelope needs a key */
	LOAD_POLICY_PEEK,	/* to look at: an envelope is opened unchecked if no key is given */
};

/* Keys that may sign policies. */
struct policy_keys {
	struct pubkey **keys;	/* owned */
	size_t n;
};

/** policy_keys_load(in, option, k, e): The keys or certificates (PEM, DER) in the files
 * that the repeatable option names; none is no error. */
MUST_CHECK int policy_keys_load(const struct invocation *in, const char *option,
    struct policy_keys *k, struct err *e);
void policy_keys_free(struct policy_keys *k);
#define POLICY_KEYS_AUTO __attribute__((cleanup(policy_keys_free)))

struct loaded_policy {
	struct runtime_policy policy;
	bool enveloped;			/* it came in a DSSE envelope */
	const struct pubkey *signer;	/* the key that verified it; NULL: none was checked.
					 * Borrowed from the policy_keys. */
	struct digest id;		/* SHA-256 that stands for all it says */
	struct file file;		/* what policy.table may point into */
	struct buf payload;		/* of the envelope */
};

/** load_policy(path, keys, mode, lp, e): ${keys} may be NULL.  Errors name the file. */
MUST_CHECK int load_policy(const char *path, const struct policy_keys *keys,
    enum load_policy_mode mode, struct loaded_policy *lp, struct err *e);
void loaded_policy_free(struct loaded_policy *lp);
#define LOADED_POLICY_AUTO __attribute__((cleanup(loaded_policy_free)))

#endif
