/* err.h: what went wrong, said once, where it was found.
 *
 * Functions that can fail return int: 0, or one negative ERR_* code, and take
 * a struct err last.  Whoever DETECTS the fault calls err_set (or err_at with
 * a byte offset, err_line with a line and column); callers may add context in
 * front with err_ctx and a way out with err_hint; only cmd/ and svc/ print.
 *
 * An error always means "could not decide".  A check that ran and failed is a
 * result and never travels this way.
 *
 * All functions accept e == NULL (the code is then all the caller gets).
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum err_code {
	ERR_OK = 0,
#define ERR(sym, val, token, text) ERR_##sym = (val),
#include "base/err_codes.tbl"
#undef ERR
};

enum err_place { ERR_NOWHERE = 0, ERR_AT_OFFSET, ERR_AT_LINE };

struct err {
	int code;		/* 0 or ERR_* */
	enum err_place place;	/* which of the next three count */
	uint64_t offset;	/* byte in file, from 0 */
	uint64_t line, column;	/* from 1; column 0: not known */
	char file[512];		/* input's name, "" if not known; as typed by the user */
	char message[1024];	/* one sentence, no full stop, no newline */
	char hint[512];		/* what to do, or "" */
};

#define ERR_PRINTF(a, b) __attribute__((format(printf, a, b)))

/** err_set(e, code, fmt, ...): Record a fault; returns ${code}. */
int err_set(struct err *e, int code, const char *fmt, ...) ERR_PRINTF(3, 4);
int err_at(struct err *e, int code, uint64_t offset, const char *fmt, ...) ERR_PRINTF(4, 5);
int err_line(struct err *e, int code, uint64_t line, uint64_t column,
    const char *fmt, ...) ERR_PRINTF(5, 6);

/** err_errno(e, what, ...): ERR_IO (ERR_NOMEM for ENOMEM) with strerror(errno) appended. */
int err_errno(struct err *e, const char *fmt, ...) ERR_PRINTF(2, 3);

/** err_ctx(e, rc, fmt, ...): Put "what we were doing: " in front; returns ${rc}. */
int err_ctx(struct err *e, int rc, const char *fmt, ...) ERR_PRINTF(3, 4);

/** err_file(e, rc, name): Name the input if no inner call did; returns ${rc}. */
int err_file(struct err *e, int rc, const char *name);

/** err_hint(e, rc, fmt, ...): Say what to do, unless it was said; returns ${rc}. */
int err_hint(struct err *e, int rc, const char *fmt, ...) ERR_PRINTF(3, 4);

/** err_shift(e, rc, base): Add ${base} to the offset, for an input inside another. */
int err_shift(struct err *e, int rc, uint64_t base);

/** err_token(code): "truncated", ...; "unknown" for a value not in the table. */
const char *err_token(int code);
const char *err_text(int code);

#endif
