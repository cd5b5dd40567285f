/* ready_policy.h: one runtime policy made ready for many questions: patterns
 * compiled, scopes resolved to path prefixes, layers to bit sets.
 * Private to the appraiser.
 */
#ifndef ENGINE_READY_POLICY_H
#define ENGINE_READY_POLICY_H

#include "engine/ima_verify.h"
#include "engine/pattern.h"
#include "engine/result.h"
#include "formats/policy_alias.h"

/* A scope's prefix in the kernel's form, longest first in the array. */
struct scope_prefix {
	struct span path, partition;	/* the volume's label, or empty */
	const uint8_t *layers;		/* bit set */
};

struct ready_policy {
	const struct runtime_policy *p;
	struct pattern_set *excludes;	/* owned */
	struct pattern_set *violations;	/* owned; one pattern a rule */
	struct pattern_scratch *scratch;/* owned */
	struct span *closed;		/* canonical prefixes */
	size_t n_closed;
	struct scope_prefix *scopes;
	size_t n_scopes;
	const uint8_t *open_layers;	/* those no scope names */
};

/** Borrowing ${p}; memory from ${a}.  Warnings go to ${r}. */
MUST_CHECK int ready_policy_init(const struct runtime_policy *p, const struct sig_context *ctx,
    struct arena *a, struct ready_policy *l, struct result *r, struct err *e);
void ready_policy_done(struct ready_policy *l);

/** What the policy knows about a path with a digest. */
struct lookup {
	bool known;		/* the path is listed, in the layers that count */
	bool match;		/* with this algorithm and digest */
	struct lookup_wanted *wanted; /* collects some of what is listed, for a finding; or NULL */
};

struct lookup_wanted {
	size_t n;
	struct digest digests[8];
};

/** ready_policy_lookup(l, path, alg, digest, out): ${out} accumulates over policies. */
void ready_policy_lookup(const struct ready_policy *l, struct span path,
    enum digest_alg alg, struct span digest, struct lookup *out);

/** ready_policy_expect(l, path, step): As policy_table_expect. */
void ready_policy_expect(const struct ready_policy *l, struct span path, enum policy_table_step step);

/** ready_policy_closed(l, path): Whether ${path} lies in a closed directory. */
bool ready_policy_closed(const struct ready_policy *l, struct span path);

/** ready_policy_volume(l, path, depth, label): If ${path} lies on a volume that a scope of the
 * policy says is mounted deeper than at ${*depth} bytes, both become that volume's. */
void ready_policy_volume(const struct ready_policy *l, struct span path, size_t *depth, struct span *label);

/** path_kernel_form(a, s, out): Spaces to '_', no '/' at the end (but "/"). */
MUST_CHECK bool path_kernel_form(struct arena *a, struct span s, struct span *out);

#endif
