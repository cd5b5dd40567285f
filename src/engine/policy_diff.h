/* policy_diff.h: what changes between two runtime policies.
 *
 * A digest counts by path, algorithm, value and the scopes that its layer is in:
 * that is what decides whether a file is approved.  Layer and package are told
 * but do not count, so that a new version of a package whose files stayed the
 * same is a change of packages and not of digests.  Everything beside the files
 * is compared member by member of the policy's JSON.  Name, time and generator
 * of a policy and the names of layers are no part of what it says.
 */
#ifndef ENGINE_POLICY_DIFF_H
#define ENGINE_POLICY_DIFF_H

#include "formats/runtime_policy.h"

struct policy_change {
	bool added;			/* else removed */
	struct span path;
	enum digest_alg alg;
	struct span digest;
	struct span layer;
	const struct policy_package *package;	/* or NULL */
};

/** policy_diff_files(a, b, each, cookie, e): Calls ${each} for every change, in byte
 * order of the paths, what was removed before what was added.  All is borrowed from
 * the policies. */
MUST_CHECK int policy_diff_files(const struct runtime_policy *a, const struct runtime_policy *b,
    void (*each)(const struct policy_change *c, void *cookie), void *cookie, struct err *e);

/** policy_diff_rules(a, b, each, cookie, e): The same for everything beside the files:
 * ${section} is the member ("excludes"), ${what} the element as JSON on one line. */
MUST_CHECK int policy_diff_rules(const struct runtime_policy *a, const struct runtime_policy *b,
    void (*each)(const char *section, bool added, struct span what, void *cookie),
    void *cookie, struct err *e);

#endif
