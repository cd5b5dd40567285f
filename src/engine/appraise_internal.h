/*
 * What the three parts of the appraisal share (not an interface): appraise.c makes the appraiser
 * and sorts entries, appraise_file.c judges files, appraise_buffer.c what the kernel or the
 * execution monitor put into the list under a name of its own.
 */
#ifndef ASSAY_ENGINE_APPRAISE_INTERNAL_H
#define ASSAY_ENGINE_APPRAISE_INTERNAL_H

#include "crypto/digest.h"
#include "engine/appraise.h"
#include "engine/ready_policy.h"

struct appraiser {
	struct arena arena;
	struct ready_policy *policies;
	size_t n_policies;
	struct sig_context ctx;
	struct result made;			/* the warnings about the policies */
	struct keyring *keyring;		/* owned */
	struct hasher *hashers[DIGEST_ALG_COUNT]; /* owned, made when first needed */
	struct digest *revoked;			/* sorted */
	size_t n_revoked;
	bool revokes_keys, told_of_weak_signature;
	enum digest_alg min_digest;		/* the strictest of all */
	const json_t **boot;
	struct ima_demand ima;
};

/* Larger is stronger; broken ones are below all others. */
size_t appraise_strength(enum digest_alg alg);

/* Findings are marked as authenticated; appraise_entry corrects that in one place. */
struct finding appraise_finding(const struct ima_entry *n, enum reason reason);

/* Whether a policy revokes the entry's file digest. */
bool appraise_revoked(const struct appraiser *a, const struct ima_entry *n);

int appraise_file(struct appraiser *a, const struct ima_entry *n, struct result *r, struct err *e);

int appraise_buffer(struct appraiser *a, const struct ima_entry *n, bool authenticated, struct result *r,
    struct err *e);

#endif
