/* ima_policy.h: IMA policy files, read as a given kernel reads them.
 *
 * Owns the grammar of security/integrity/ima/ima_policy.c: lines, tokens, values and
 * the combinations that ima_validate_rule allows, by kernel version and
 * configuration (ima_kernel.h; the tables are ima_policy_*.tbl).
 *
 * Promises: a rule without a refusing fault is one the kernel takes, and the other
 * way round; tests/lab proves it against Debian's 6.1 and 6.12.  Every token is kept
 * as it stands, known or not; every fault names line, column and token; reading goes
 * on behind a fault, so that all of them are found in one go.
 *
 * Refuses (as an error): a file over LIMIT_IMA_POLICY, more than LIMIT_IMA_RULES rules.
 *
 * One rule (ima_parse_rule): words separated by blanks and tabs, in any order
 *
 *	ACTION [func=HOOK] [mask=[^]MAY_x] [condition ...] [option ...]
 *
 * How a file reaches the kernel decides about its edges:
 *	IMA_LOAD_WRITE	cat FILE > /sys/kernel/security/ima/policy: each write(2) is
 *			cut to 4095 bytes and gives one rule (ima_write_policy)
 *	IMA_LOAD_PATH	echo /path > .../policy, as systemd does: the kernel reads the
 *			file; it must end with a line end (ima_read_policy)
 */
#ifndef FORMATS_IMA_POLICY_H
#define FORMATS_IMA_POLICY_H

#include "base/arena.h"
#include "base/buf.h"
#include "formats/ima_kernel.h"

enum ima_key {
	IMA_KEY_UNKNOWN = 0,
#define KEY(sym, text, major, minor) IMA_KEY_##sym,
#include "formats/ima_policy_keys.tbl"
#undef KEY
	IMA_KEY_COUNT
};

/* The kernel's values: dont_X is X << 1. */
enum ima_action {
	IMA_ACT_NONE = 0,
	IMA_ACT_MEASURE = 0x001, IMA_ACT_DONT_MEASURE = 0x002,
	IMA_ACT_APPRAISE = 0x004, IMA_ACT_DONT_APPRAISE = 0x008,
	IMA_ACT_AUDIT = 0x040, IMA_ACT_DONT_AUDIT = 0x080,
	IMA_ACT_HASH = 0x100, IMA_ACT_DONT_HASH = 0x200,
};
#define IMA_ACT_DO (IMA_ACT_MEASURE | IMA_ACT_APPRAISE | IMA_ACT_AUDIT | IMA_ACT_HASH)

enum ima_func {
	IMA_FUNC_NONE = 0,
#define FUNC(sym, name, major, minor, group, what) IMA_FUNC_##sym,
#define FUNC_ALIAS(name, sym, major, minor)
#include "formats/ima_policy_funcs.tbl"
#undef FUNC
#undef FUNC_ALIAS
	IMA_FUNC_COUNT
};

enum { IMA_MAY_EXEC = 1, IMA_MAY_WRITE = 2, IMA_MAY_READ = 4, IMA_MAY_APPEND = 8 };

enum ima_label_slot {
	IMA_OBJ_USER = 0, IMA_OBJ_ROLE, IMA_OBJ_TYPE, IMA_SUBJ_USER, IMA_SUBJ_ROLE, IMA_SUBJ_TYPE,
	IMA_LABEL_SLOTS
};

/* What a rule has; the bits of ima_rule.has. */
enum ima_has {
	IMA_HAS_FUNC = 1u << 0, IMA_HAS_MASK = 1u << 1, IMA_HAS_INMASK = 1u << 2,
	IMA_HAS_FSMAGIC = 1u << 3, IMA_HAS_FSNAME = 1u << 4, IMA_HAS_FS_SUBTYPE = 1u << 5,
	IMA_HAS_FSUUID = 1u << 6, IMA_HAS_UID = 1u << 7, IMA_HAS_EUID = 1u << 8,
	IMA_HAS_GID = 1u << 9, IMA_HAS_EGID = 1u << 10, IMA_HAS_FOWNER = 1u << 11,
	IMA_HAS_FGROUP = 1u << 12, IMA_HAS_LABELS = 1u << 13, IMA_HAS_PCR = 1u << 14,
	IMA_HAS_TEMPLATE = 1u << 15, IMA_HAS_KEYRINGS = 1u << 16, IMA_HAS_LABEL = 1u << 17,
	IMA_HAS_DIGSIG = 1u << 18, IMA_HAS_MODSIG = 1u << 19, IMA_HAS_SIGV3 = 1u << 20,
	IMA_HAS_BLACKLIST = 1u << 21, IMA_HAS_ALGOS = 1u << 22, IMA_HAS_DIRECTIO = 1u << 23,
	IMA_HAS_VERITY = 1u << 24,
};
#define IMA_HAS_COUNT 25

enum ima_op { IMA_OP_EQ = 0, IMA_OP_GT, IMA_OP_LT };

struct ima_id { enum ima_op op; uint32_t value; };

struct ima_token {
	enum ima_key key;
	struct span text;	/* the whole word */
	struct span value;	/* behind the operator */
	uint32_t column;	/* in its line, from 1 */
};

struct ima_rule {
	size_t number;			/* from 1, refused rules counted */
	size_t line;			/* from 1 */
	struct span text;		/* the line, as the kernel saw it */
	const struct ima_token *tokens;
	size_t n_tokens;
	bool refused;			/* a fault of this rule makes the kernel refuse */

	enum ima_action action;
	uint32_t has;			/* IMA_HAS_* */
	enum ima_func func;
	unsigned mask;			/* IMA_MAY_* */
	uint64_t fsmagic;
	struct span fsname, fs_subtype;
	uint8_t fsuuid[16];
	struct ima_id uid, gid;		/* uid= or euid=, gid= or egid=: one slot each */
	struct ima_id fowner, fgroup;
	struct span labels[IMA_LABEL_SLOTS];
	uint32_t algos;			/* bit: row of ima_policy_algos.tbl */
	unsigned pcr;
	struct span template_fmt;	/* of the template that template= names */
	struct span template_name;	/* as written */
	struct span *keyrings, *data_labels;
	size_t n_keyrings, n_data_labels;

	const struct ima_token *by[IMA_HAS_COUNT];	/* which token set a bit of has */
};

enum ima_fault_code {
#define FAULT(sym, lint, refuses) IMA_FAULT_##sym,
#include "formats/ima_policy_faults.tbl"
#undef FAULT
	IMA_FAULT_COUNT
};

struct ima_fault {
	enum ima_fault_code code;
	size_t line;			/* 0: the whole file */
	uint32_t column;		/* 0: the whole line */
	struct span token;		/* empty: none */
	size_t rule;			/* number, 0: none */
	const char *what;		/* a sentence, lower case, no full stop; safe to print */
	const char *fix;		/* what to write instead, or NULL */
};

enum ima_load { IMA_LOAD_WRITE = 0, IMA_LOAD_PATH };

enum ima_taken { IMA_TAKEN_NO = 0, IMA_TAKEN_YES, IMA_TAKEN_DEPENDS };

struct ima_policy {
	struct ima_rule *rules;		/* refused ones too, in file order */
	size_t n_rules;
	struct ima_fault *faults;	/* in file order */
	size_t n_faults;
	enum ima_taken taken;		/* the kernel's verdict on the whole file */
};

/** ima_policy_parse(text, k, load, a, p, e): Read a policy as kernel ${k} does.  What
 * is in ${p} points into ${text} and ${a}.  An error only for the limits and memory:
 * everything the kernel would refuse is a fault in ${p}. */
MUST_CHECK int ima_policy_parse(struct span text, const struct ima_kernel *k, enum ima_load load,
    struct arena *a, struct ima_policy *p, struct err *e);

/** ima_policy_dump(p, b): Stable text of rules and faults, for tests. */
void ima_policy_dump(const struct ima_policy *p, struct buf *b);

/** ima_rule_write(r, b): The rule in its canonical spelling, in the kernel's order. */
void ima_rule_write(const struct ima_rule *r, struct buf *b);

bool ima_fault_refuses(enum ima_fault_code code);
const char *ima_fault_name(enum ima_fault_code code);	/* "UNKNOWN_TOKEN" */

const char *ima_action_name(enum ima_action a);		/* "dont_measure"; "none" */
const char *ima_func_name(enum ima_func f);		/* "FILE_CHECK"; "none" */
const char *ima_func_when(enum ima_func f);		/* "a file is opened" */
const char *ima_algo_name(unsigned bit);		/* NULL beyond the table */
unsigned ima_func_since(enum ima_func f);

/** ima_func_by_name(name, f): Also the older names; false if unknown to every kernel. */
bool ima_func_by_name(struct span name, enum ima_func *f);

/** ima_mask_by_name(name, mask): "MAY_READ", ... */
bool ima_mask_by_name(struct span name, unsigned *mask);
const char *ima_mask_name(unsigned mask);

/** ima_uuid_parse(s, out): The first 36 bytes of ${s} as uuid_parse (lib/uuid.c) reads them. */
bool ima_uuid_parse(struct span s, uint8_t out[16]);

/** ima_number_parse(s, base, max, out): As kstrtoul does: an optional '+', for base 16 an
 * optional 0x, then digits to the end. */
bool ima_number_parse(struct span s, unsigned base, uint64_t max, uint64_t *out);

#endif
