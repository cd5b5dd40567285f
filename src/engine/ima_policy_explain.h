/* ima_policy_explain.h: IMA policies in plain words: what each rule does, and what the
 * policy as a whole does not see.  Text is one line, without a final full stop's
 * newline; the caller breaks lines. */
#ifndef ENGINE_IMA_POLICY_EXPLAIN_H
#define ENGINE_IMA_POLICY_EXPLAIN_H

#include "engine/ima_policy_match.h"

enum ima_blind {
#define BLIND(id, slug, text) IMA_BLIND_##id,
#include "engine/ima_policy_blind.tbl"
#undef BLIND
	IMA_BLIND_COUNT
};

const char *ima_blind_slug(enum ima_blind b);
const char *ima_blind_text(enum ima_blind b);

/** ima_rule_explain(r, k, b): A sentence about a rule that the kernel takes. */
void ima_rule_explain(const struct ima_rule *r, const struct ima_kernel *k, struct buf *b);

/** ima_policy_blind(p, k, c, out): What class ${c} of the policy does not see.  All
 * false for a class that no rule does, and for hash, which sees nothing. */
void ima_policy_blind(const struct ima_policy *p, const struct ima_kernel *k, enum ima_class c,
    bool out[IMA_BLIND_COUNT]);

/** ima_policy_has_class(p, c): Whether a rule does it. */
bool ima_policy_has_class(const struct ima_policy *p, enum ima_class c);

#endif
