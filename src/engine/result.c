#include "engine/result.h"

#include <stdarg.h>
#include <stdio.h>

static const struct { const char *token, *text; } check_names[CHECK_COUNT] = {
#define CHECK(sym, token, text) [CHECK_##sym] = { token, text },
#include "engine/checks.tbl"
#undef CHECK
};

static const struct { const char *code, *text; } reason_names[REASON_COUNT] = {
	[REASON_NONE] = { "none", "no reason" },
#define REASON(sym, code, text) [REASON_##sym] = { code, text },
#include "engine/reasons.tbl"
#undef REASON
};

const char *check_token(enum check_id id) { return check_names[id].token; }
const char *check_text(enum check_id id) { return check_names[id].text; }
const char *reason_code(enum reason r) { return reason_names[r].code; }
const char *reason_text(enum reason r) { return reason_names[r].text; }

const char *
check_state_token(enum check_state s)
{
	return s == CHECK_PASS ? "pass" : s == CHECK_FAIL ? "fail" : "not-run";
}

const char *
verdict_token(enum verdict v)
{
	return v == VERDICT_TRUSTED ? "trusted" : v == VERDICT_UNTRUSTED ? "untrusted" : "undecided";
}

struct result
result_init(void)
{
	return (struct result){ .arena = arena_init(LIMIT_APPRAISAL_ARENA),
	    .verdict = VERDICT_UNDECIDED };
}

void
result_free(struct result *r)
{
	arena_free(&r->arena);
	*r = (struct result){ .verdict = VERDICT_UNDECIDED };
}

void
check_require(struct result *r, enum check_id id)
{
	r->checks[id].required = true;
}

int
check_pass(struct result *r, enum check_id id)
{
	if (r->checks[id].state != CHECK_FAIL)
		r->checks[id].state = CHECK_PASS;
	return 0;
}

void
check_withdraw(struct result *r, enum check_id id)
{
	if (r->checks[id].state == CHECK_PASS)
		r->checks[id].state = CHECK_NOT_RUN;
}

__attribute__((format(printf, 2, 0))) static const char *
sentence(struct arena *a, const char *fmt, va_list ap)
{
	char text[1024];
	int n = vsnprintf(text, sizeof(text), fmt, ap);

	if (n < 0)
		n = 0;
	return arena_str(a, span_of(text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1));
}

/* Everything a finding borrows is copied: the inputs may go before the result does. */
static int
append(struct result *r, const struct finding *f, const char *text, struct err *e)
{
	struct finding *list = arena_grow(&r->arena, r->findings, r->n_findings,
	    &r->cap_findings, sizeof(*list));
	struct finding copy = *f;

	if (list == NULL || text == NULL || !arena_copy(&r->arena, f->path, &copy.path))
		return arena_err(&r->arena, e);
	r->findings = list;
	copy.text = text;
	if (f->n_wanted > 0) {
		struct digest *w = arena_array(&r->arena, f->n_wanted, sizeof(*w));

		if (w == NULL)
			return arena_err(&r->arena, e);
		memcpy(w, f->wanted, f->n_wanted * sizeof(*w));
		copy.wanted = w;
	}
	r->findings[r->n_findings++] = copy;
	return 0;
}

int
check_fail(struct result *r, enum check_id id, enum reason reason, struct err *e,
    const char *fmt, ...)
{
	struct finding f = { .reason = reason, .authenticated = true, .decides = true };
	const char *text;
	va_list ap;

	/* First the state: even if memory runs out below, nothing can pass any more. */
	r->checks[id].state = CHECK_FAIL;
	va_start(ap, fmt);
	text = sentence(&r->arena, fmt, ap);
	va_end(ap);
	if (r->checks[id].detail == NULL)
		r->checks[id].detail = text;
	return append(r, &f, text, e);
}

int
result_finding(struct result *r, const struct finding *f, struct err *e, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = sentence(&r->arena, fmt, ap);
	va_end(ap);
	return append(r, f, text, e);
}

int
result_warn(struct result *r, struct err *e, const char *fmt, ...)
{
	const char **list = arena_grow(&r->arena, r->warnings, r->n_warnings,
	    &r->cap_warnings, sizeof(*list));
	va_list ap;

	if (list == NULL)
		return arena_err(&r->arena, e);
	r->warnings = list;
	va_start(ap, fmt);
	r->warnings[r->n_warnings] = sentence(&r->arena, fmt, ap);
	va_end(ap);
	if (r->warnings[r->n_warnings] == NULL)
		return arena_err(&r->arena, e);
	r->n_warnings++;
	return 0;
}
