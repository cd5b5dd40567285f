/* ima_policy_lint_internal.h: shared by ima_policy_lint*.c only. */
#ifndef ENGINE_IMA_POLICY_LINT_INTERNAL_H
#define ENGINE_IMA_POLICY_LINT_INTERNAL_H

#include "engine/ima_policy_lint.h"
#include "engine/ima_policy_match.h"

struct lint {
	const struct ima_policy *p;
	const struct ima_kernel *k;
	struct arena *a;
	struct ima_lint_report *out;
	size_t cap;
	int why;
};

/** lint_add(l, id, r, bit, fmt, ...): A warning about rule ${r} (NULL: the policy), at the
 * word that set ${bit} (0: the rule as a whole). */
void lint_add(struct lint *l, enum ima_lint id, const struct ima_rule *r, uint32_t bit,
    const char *fmt, ...) ERR_PRINTF(5, 6);

/** lint_add_boot(l, id, token, column, fmt, ...): About a boot parameter. */
void lint_add_boot(struct lint *l, enum ima_lint id, struct span token, size_t column,
    const char *fmt, ...) ERR_PRINTF(5, 6);

const char *lint_safe(struct lint *l, struct span s);

/* Loop over the rules the kernel takes. */
#define EACH_RULE(l, r)								\
	for (const struct ima_rule *r = (l)->p->rules,				\
	    *r##_end = r == NULL ? NULL : r + (l)->p->n_rules; r != r##_end; r++) \
		if (!r->refused)

/** lint_class_at(l, c, f): Whether a rule of class ${c} that is no dont_ covers hook ${f}. */
bool lint_class_at(const struct lint *l, enum ima_class c, enum ima_func f);

void lint_order(struct lint *l);	/* L20, L21, L59: ima_policy_lint_order.c */
void lint_scope(struct lint *l);	/* L22 to L26, L43, L45, L47: ima_policy_lint_scope.c */
void lint_blind(struct lint *l);	/* L27 to L31, L41, L56: ima_policy_lint_blind.c */
void lint_appraise(struct lint *l);	/* L32 to L37, L42, L51, L52, L60: .._appraise.c */
void lint_words(struct lint *l);	/* L38 to L40, L46, L48 to L50, L53, L55, ...: .._words.c */
void lint_boot(struct lint *l, struct span cmdline);	/* Bxx: ima_policy_lint_boot.c */

#endif
