/* key_scope.h: where a key may sign; what keyring.h promises about scopes.
 * Private to engine/keyring.c and key_scope.c. */
#ifndef ENGINE_KEY_SCOPE_H
#define ENGINE_KEY_SCOPE_H

#include "engine/keyring.h"

/** key_scope_prepare(key, a, e): From key->policy and key->owner, prefixes with the
 * policy's aliases applied and the kinds as bits; memory from ${a}. */
MUST_CHECK int key_scope_prepare(struct trusted_key *key, struct arena *a, struct err *e);

/** key_scope_has_ring(scope, ring): Whether a key may be loaded into ${ring}. */
bool key_scope_has_ring(const struct policy_key_scope *scope, struct span ring);

#endif
