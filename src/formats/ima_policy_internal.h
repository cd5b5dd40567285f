/* ima_policy_internal.h: what the files of the IMA policy parser share.
 * Private to formats/ima_policy*.c. */
#ifndef FORMATS_IMA_POLICY_INTERNAL_H
#define FORMATS_IMA_POLICY_INTERNAL_H

#include "formats/ima_policy.h"

/* ---- lines: ima_policy_lines.c ---- */

struct ima_line {
	struct span text;	/* what the kernel takes for one rule, without line end */
	size_t line;		/* physical line, from 1 */
	size_t column;		/* where ${text} begins in it, from 1 */
	bool cut;		/* its physical line goes on: the rest is the next ima_line */
	bool rest;		/* it is such a rest */
	bool nul;		/* it was ended by a NUL, not by a line end */
	bool include;		/* the kernel takes it for a file name */
	bool no_newline;	/* the file ends without a line end */
};

struct ima_lines {
	struct span in;
	enum ima_load load;
	size_t off, line, line_start;
	bool rest, ended;
};

struct ima_lines ima_lines_init(struct span in, enum ima_load load);
bool ima_lines_next(struct ima_lines *l, struct ima_line *out);

/* ---- one rule: ima_policy_rule.c ---- */

struct ima_parse {
	const struct ima_kernel *k;
	struct arena *a;
	struct ima_policy *p;
	size_t cap_rules, cap_faults;
	struct ima_rule *rule;		/* the one at hand, NULL between rules */
	struct ima_line line;
	int why;			/* memory ran out */
};

/** ima_policy_tokens(c, tokens, n): Cut the line at hand into words. */
bool ima_policy_tokens(struct ima_parse *c, struct ima_token **tokens, size_t *n);

/** ima_rule_read(c): Decode the tokens of c->rule in their order, then validate. */
void ima_rule_read(struct ima_parse *c);

/** ima_rule_validate(c): ima_validate_rule (ima_policy_validate.c). */
void ima_rule_validate(struct ima_parse *c);

/* ima_policy_rule.c, ima_policy_signature.c: one word each. */
void ima_rule_duplicate(struct ima_parse *c, const struct ima_token *t, const char *what);
void ima_rule_read_digest_type(struct ima_parse *c, const struct ima_token *t);
void ima_rule_read_appraise_type(struct ima_parse *c, const struct ima_token *t);
void ima_rule_read_appraise_flag(struct ima_parse *c, const struct ima_token *t);
void ima_rule_read_algos(struct ima_parse *c, const struct ima_token *t);

/** ima_rule_unknown(c, t): Say what an unknown word may have been meant for
 * (ima_policy_unknown.c). */
void ima_rule_unknown(struct ima_parse *c, const struct ima_token *t);
void ima_rule_unknown_func(struct ima_parse *c, const struct ima_token *t);

/** ima_rule_label(c, t, slot): A label condition (ima_policy_labels.c). */
void ima_rule_label(struct ima_parse *c, const struct ima_token *t, enum ima_label_slot slot);

/** ima_fault(c, code, t, fix, fmt, ...): Record a fault at token ${t} (NULL: the line). */
void ima_fault(struct ima_parse *c, enum ima_fault_code code, const struct ima_token *t,
    const char *fix, const char *fmt, ...) ERR_PRINTF(5, 6);

/** ima_text(c, fmt, ...): A string in the arena; "" if memory ran out. */
const char *ima_text(struct ima_parse *c, const char *fmt, ...) ERR_PRINTF(2, 3);

/** ima_safe(c, s): ${s} escaped and cut to a readable length. */
const char *ima_safe(struct ima_parse *c, struct span s);

const char *ima_key_text(enum ima_key key);
unsigned ima_key_since(enum ima_key key);

/** ima_kver_text(c, v): "6.12". */
const char *ima_kver_text(struct ima_parse *c, unsigned v);

static inline void
ima_rule_set(struct ima_rule *r, uint32_t bit, const struct ima_token *t)
{
	r->has |= bit;
	r->by[__builtin_ctz(bit)] = t;
}

#endif
