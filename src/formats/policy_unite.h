/* policy_unite.h: the pieces of runtime_policy_merge.  Private to src/formats/. */
#ifndef FORMATS_POLICY_UNITE_H
#define FORMATS_POLICY_UNITE_H

#include "formats/runtime_policy.h"

struct policy_union {
	struct runtime_policy *out;
	struct err *e;
	/* Room in the arrays of ${out}, for arena_grow. */
	size_t cap_scopes, cap_aliases, cap_excludes, cap_keys, cap_revoked_keys,
	    cap_revoked_digests, cap_closed, cap_violations, cap_buffers, cap_keyrings;
};

/** policy_unite_rules(u, part, layers): Everything of ${part} but its files; ${layers}
 * gives the number in the whole for each of its layers. */
MUST_CHECK int policy_unite_rules(struct policy_union *u, const struct runtime_policy *part,
    const uint32_t *layers);

#endif
