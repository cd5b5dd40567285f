/* policy_facts.h: what "assay policy show" tells: counts, keys read, warnings.
 *
 * Gathered once and then rendered as text or JSON.  Warnings are advice: nothing
 * that is warned about makes a policy invalid.
 */
#ifndef CMD_POLICY_FACTS_H
#define CMD_POLICY_FACTS_H

#include "cmd/load_policy.h"

struct layer_facts { uint64_t paths, digests, packages; };

struct key_facts {
	struct pubkey *key;	/* owned; NULL: unusable */
	char why[160];		/* then: why */
	bool revoked;
};

struct policy_facts {
	const struct loaded_policy *lp;
	uint64_t by_alg[DIGEST_ALG_COUNT];
	struct layer_facts *layers;	/* p->n_layers of them */
	struct key_facts *keys;		/* p->n_keys of them */
	uint64_t relative;		/* paths without '/' at the start */
	json_t *warnings;		/* [{"code", "message"}] */
};

/** policy_facts_gather(lp, now, f, e): ${now} in seconds, for dates that have passed. */
MUST_CHECK int policy_facts_gather(const struct loaded_policy *lp, int64_t now,
    struct policy_facts *f, struct err *e);
void policy_facts_free(struct policy_facts *f);
#define POLICY_FACTS_AUTO __attribute__((cleanup(policy_facts_free)))

/** policy_format_name(p): What the file was, for people. */
const char *policy_format_name(const struct runtime_policy *p);

void policy_facts_print(FILE *out, const struct policy_facts *f);

/** policy_facts_json(f): docs/schema/policy-show.schema.json; NULL if memory ran out. */
json_t *policy_facts_json(const struct policy_facts *f);

#endif
