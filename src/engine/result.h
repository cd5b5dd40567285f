/* result.h: the outcome of an appraisal: checks, findings, counts, verdict.
 *
 * A failed check is a result, never an error.  Each check is required or not,
 * and pass, fail or not-run; it starts as not-run, so that forgetting to make
 * it can never read as trust.  Only result_decide() (verdict.c) sets the
 * verdict, and only one line there can say TRUSTED.
 *
 * Everything a result points to lives in its arena.
 */
#ifndef ENGINE_RESULT_H
#define ENGINE_RESULT_H

#include "base/arena.h"
#include "base/digest_alg.h"
#include "base/err.h"

enum verdict { VERDICT_UNDECIDED = 0, VERDICT_TRUSTED, VERDICT_UNTRUSTED };

enum check_id {
#define CHECK(sym, token, text) CHECK_##sym,
#include "engine/checks.tbl"
#undef CHECK
	CHECK_COUNT
};

enum check_state { CHECK_NOT_RUN = 0, CHECK_PASS, CHECK_FAIL };

enum reason {
	REASON_NONE = 0,
#define REASON(sym, code, text) REASON_##sym,
#include "engine/reasons.tbl"
#undef REASON
	REASON_COUNT
};

struct check {
	bool required;
	enum check_state state;
	const char *detail;		/* a sentence, or NULL */
};

struct finding {
	enum reason reason;
	uint64_t entry;			/* list entry from 1; 0: not about an entry */
	bool authenticated;		/* inside the part of the list the quote covers */
	bool decides;			/* speaks against trust; false for what waits for the next quote */
	bool path_authenticated;	/* false for violations: their data is not extended */
	struct span path;		/* empty if not about a file */
	struct span partition;		/* label of the volume it lies on, as far as a policy or the operator
					 * says where that is; else empty */
	struct digest seen;		/* DIGEST_NONE if not known */
	const struct digest *wanted;	/* approved digests of the path */
	size_t n_wanted;
	uint32_t keyid;			/* of a signature; 0: none */
	const char *text;		/* a sentence a person understands */
};

struct result {
	struct arena arena;
	enum verdict verdict;
	bool quote_first;		/* the list was read after the quote (evidence.h) */
	bool integrity_only;		/* scope "integrity": the policy was not asked for */
	struct check checks[CHECK_COUNT];

	struct finding *findings;
	size_t n_findings, cap_findings;
	const char **warnings;
	size_t n_warnings, cap_warnings;
};

struct result result_init(void);
void result_free(struct result *r);

const char *check_token(enum check_id id);
const char *check_text(enum check_id id);
const char *check_state_token(enum check_state s);	/* "pass", "fail", "not-run" */
const char *reason_code(enum reason r);
const char *reason_text(enum reason r);
const char *verdict_token(enum verdict v);		/* "trusted", ... */

/** check_require(r, id): The verdict needs this check to pass. */
void check_require(struct result *r, enum check_id id);

/** check_pass / check_fail(r, id, ...): The check was made.  A check that failed once
 * stays failed.  check_fail also records the reason as a finding about no entry,
 * with the sentence ${fmt}; the first sentence becomes the check's detail. */
MUST_CHECK int check_pass(struct result *r, enum check_id id);
MUST_CHECK int check_fail(struct result *r, enum check_id id, enum reason reason, struct err *e,
    const char *fmt, ...) ERR_PRINTF(5, 6);

/** check_withdraw(r, id): That the check passed proves nothing after all. */
void check_withdraw(struct result *r, enum check_id id);

/** result_finding(r, f, e, fmt, ...): Append ${f} with the sentence; path, wanted
 * digests and partition are copied into the arena. */
MUST_CHECK int result_finding(struct result *r, const struct finding *f, struct err *e,
    const char *fmt, ...) ERR_PRINTF(4, 5);

/** result_warn(r, e, fmt, ...): Something a person should know that does not decide. */
MUST_CHECK int result_warn(struct result *r, struct err *e, const char *fmt, ...) ERR_PRINTF(3, 4);

#define RESULT_AUTO __attribute__((cleanup(result_free)))

#endif
