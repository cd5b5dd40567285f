/* ima_policy_lint_order.c: L20, L21, L59: rules that the order or their own conditions
 * make idle. */
#include "engine/ima_policy_lint_internal.h"

static bool
same_class(const struct ima_rule *a, const struct ima_rule *b)
{
	return ima_rule_class(a) == ima_rule_class(b);
}

/* The first rule of the class before ${r} that matches all that ${r} does. */
static const struct ima_rule *
covered_by(const struct lint *l, const struct ima_rule *r)
{
	EACH_RULE(l, a) {
		if (a == r)
			break;
		if (same_class(a, r) && ima_rule_covers(a, r))
			return a;
	}
	return NULL;
}

static bool
limited(const struct ima_rule *r)
{
	return (r->has & (IMA_HAS_FS | IMA_HAS_PROCESS | IMA_HAS_OWNER | IMA_HAS_LABELS)) != 0;
}

/* A dont_ rule that some earlier rule of its class gets ahead of, and that no later rule
 * could still need: it was meant for the earlier one. */
static const struct ima_rule *
comes_too_late_for(const struct lint *l, const struct ima_rule *r)
{
	const struct ima_rule *earlier = NULL;

	if (ima_rule_does(r) || !limited(r))
		return NULL;
	EACH_RULE(l, a) {
		if (a == r || !same_class(a, r) || !ima_rule_does(a) || !ima_rule_meets(a, r))
			continue;
		if (a->number > r->number)
			return NULL;
		if (earlier == NULL)
			earlier = a;
	}
	return earlier;
}

static void
check_rule(struct lint *l, const struct ima_rule *r)
{
	const struct ima_rule *a;

	if (ima_rule_never(r)) {
		lint_add(l, IMA_LINT_L59, r, 0, "no access can match this rule: %s",
		    (r->has & (IMA_HAS_MASK | IMA_HAS_INMASK)) != 0 ?
		    "its hook never has this mask" : "its numbers leave nothing");
		return;
	}
	if ((a = comes_too_late_for(l, r)) != NULL) {
		lint_add(l, IMA_LINT_L21, r, 0,
		    "this exclusion stands behind the %s rule in line %zu, which decides first",
		    ima_action_name(a->action), a->line);
		return;
	}
	if (r->func == IMA_FUNC_SETXATTR_CHECK || (a = covered_by(l, r)) == NULL)
		return;
	lint_add(l, IMA_LINT_L20, r, 0, "never reached: the %s rule in line %zu matches all that it could",
	    ima_action_name(a->action), a->line);
}

void
lint_order(struct lint *l)
{
	EACH_RULE(l, r)
		check_rule(l, r);
}
