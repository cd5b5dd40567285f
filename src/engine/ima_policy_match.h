/* ima_policy_match.h: what rules match: one against another, and against an access.
 *
 * Comparing rules (ima_rule_covers, ima_rule_meets) is about all accesses that could
 * ever be: "covers" is only said where it is certain, "meets" wherever it is possible.
 * Deciding about one access (ima_policy_decide) is the kernel's ima_match_policy: one
 * pass over the list, each of the four classes closed by its first matching rule.
 *
 * Rules that the kernel would refuse are never looked at.
 */
#ifndef ENGINE_IMA_POLICY_MATCH_H
#define ENGINE_IMA_POLICY_MATCH_H

#include "formats/ima_policy.h"

enum ima_class { IMA_CLASS_MEASURE = 0, IMA_CLASS_APPRAISE, IMA_CLASS_AUDIT, IMA_CLASS_HASH,
	IMA_CLASS_COUNT };

const char *ima_class_name(enum ima_class c);		/* "measure" */
enum ima_class ima_rule_class(const struct ima_rule *r);
bool ima_rule_does(const struct ima_rule *r);		/* not a dont_ rule */

/** ima_rule_masks(r, f): At hook ${f}, which access masks the rule matches: bit m set
 * for mask m (0 to 15).  0: it never matches there. */
uint32_t ima_rule_masks(const struct ima_rule *r, enum ima_func f);

/** ima_rule_at(r, f): Whether the rule can match at hook ${f} at all. */
bool ima_rule_at(const struct ima_rule *r, enum ima_func f);

/** ima_rule_reads(r): Whether it matches a file opened for reading (FILE_CHECK). */
bool ima_rule_reads(const struct ima_rule *r);

/** ima_rule_never(r): Whether no access can match. */
bool ima_rule_never(const struct ima_rule *r);

/** ima_rule_covers(a, b): Every access that ${b} matches, ${a} matches too. */
bool ima_rule_covers(const struct ima_rule *a, const struct ima_rule *b);

/** ima_rule_meets(a, b): Some access may match both. */
bool ima_rule_meets(const struct ima_rule *a, const struct ima_rule *b);

#define IMA_HAS_FS (IMA_HAS_FSMAGIC | IMA_HAS_FSNAME | IMA_HAS_FS_SUBTYPE | IMA_HAS_FSUUID)
#define IMA_HAS_PROCESS (IMA_HAS_UID | IMA_HAS_EUID | IMA_HAS_GID | IMA_HAS_EGID)
#define IMA_HAS_OWNER (IMA_HAS_FOWNER | IMA_HAS_FGROUP)

bool ima_rule_has_object_label(const struct ima_rule *r);

/* One access.  What is not given (its IMA_GIVEN_ bit is clear) leaves a condition on it
 * open: the decision then says "depends". */
enum {
	IMA_GIVEN_FSMAGIC = 1u << 0, IMA_GIVEN_FSNAME = 1u << 1, IMA_GIVEN_FS_SUBTYPE = 1u << 2,
	IMA_GIVEN_FSUUID = 1u << 3, IMA_GIVEN_UID = 1u << 4, IMA_GIVEN_EUID = 1u << 5,
	IMA_GIVEN_GID = 1u << 6, IMA_GIVEN_EGID = 1u << 7, IMA_GIVEN_FOWNER = 1u << 8,
	IMA_GIVEN_FGROUP = 1u << 9, IMA_GIVEN_DATA = 1u << 10,
	IMA_GIVEN_LABELS = 1u << 11,	/* six bits from here, by slot */
};

struct ima_access {
	enum ima_func func;
	unsigned mask;			/* IMA_MAY_*, 0 where the hook has none */
	uint32_t given;			/* IMA_GIVEN_* */
	bool real_file;			/* on no pseudo file system, whichever it is */
	uint64_t fsmagic;
	struct span fsname, fs_subtype;
	uint8_t fsuuid[16];
	uint32_t uid, euid, suid, gid, egid, sgid;	/* suid, sgid: given with euid, egid */
	bool cap_setuid, cap_setgid;
	uint32_t fowner, fgroup;
	struct span labels[IMA_LABEL_SLOTS];
	struct span data;		/* keyring, or label of critical data */
};

enum ima_matches { IMA_NO_MATCH = 0, IMA_MATCH, IMA_MAYBE };

/** ima_rule_match(r, a, why): Whether the rule matches; for IMA_NO_MATCH and IMA_MAYBE
 * ${*why} names the condition that decides ("fsmagic="). */
enum ima_matches ima_rule_match(const struct ima_rule *r, const struct ima_access *a,
    const char **why);

struct ima_class_decision {
	bool active;			/* some rule of the policy does it */
	const struct ima_rule *rule;	/* the first that matches, or NULL */
	const struct ima_rule *maybe;	/* an earlier one that may match, for want of facts */
	const char *maybe_why;		/* the fact wanted */
	bool does;			/* the rule is there, and not a dont_ rule */
};

struct ima_decision {
	struct ima_class_decision by[IMA_CLASS_COUNT];
	unsigned pcr;			/* to extend if measured */
	struct span template_fmt;	/* to measure with */
	uint32_t flags;			/* IMA_HAS_DIGSIG ...: options of the rules that matched */
	uint32_t algos;			/* of the appraise rule; 0: any */
	bool hash_dropped;		/* a hash rule matched before the appraise rule, which undid it */
};

/** ima_policy_decide(p, k, a, d): ima_match_policy over the rules of ${p}. */
void ima_policy_decide(const struct ima_policy *p, const struct ima_kernel *k,
    const struct ima_access *a, struct ima_decision *d);

#endif
