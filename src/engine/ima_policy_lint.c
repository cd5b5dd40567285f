/* ima_policy_lint.c: collects what the parser and the lint modules find. */
#include "engine/ima_policy_lint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/ima_policy_lint_internal.h"

enum severity { WARNING = 0, ERROR = 1 };

static const struct ima_lint_info infos[] = {
#define LINT(id, slug, severity, title, reason, fix) \
	[IMA_LINT_##id] = { #id, slug, title, reason, fix, severity == ERROR },
#include "engine/ima_policy_lints.tbl"
#undef LINT
};

static const enum ima_lint lint_of[] = {
#define FAULT(sym, lint, refuses) [IMA_FAULT_##sym] = IMA_LINT_##lint,
#include "formats/ima_policy_faults.tbl"
#undef FAULT
};

const struct ima_lint_info *
ima_lint_info(enum ima_lint l)
{
	return &infos[l];
}

static struct ima_finding *
add(struct lint *l, enum ima_lint id)
{
	struct ima_lint_report *out = l->out;
	struct ima_finding *f = arena_grow(l->a, out->findings, out->n, &l->cap, sizeof(*f));

	if (f == NULL) {
		l->why = l->a->why;
		return NULL;
	}
	out->findings = f;
	f = &out->findings[out->n++];
	*f = (struct ima_finding){ .lint = id, .fix = infos[id].fix };
	return f;
}

ERR_PRINTF(2, 0) static const char *
text_va(struct lint *l, const char *fmt, va_list ap)
{
	const char *s = arena_vprintf(l->a, fmt, ap);

	if (s == NULL)
		l->why = l->a->why;
	return s == NULL ? "" : s;
}

const char *
lint_safe(struct lint *l, struct span s)
{
	BUF_AUTO struct buf b = buf_init(1024);
	char *out;

	buf_escape(&b, span_head(s, 100));
	if (s.n > 100)
		buf_str(&b, "...");
	out = arena_str(l->a, buf_view(&b));
	if (out == NULL)
		l->why = l->a->why;
	return out == NULL ? "" : out;
}

void
lint_add(struct lint *l, enum ima_lint id, const struct ima_rule *r, uint32_t bit,
    const char *fmt, ...)
{
	struct ima_finding *f = add(l, id);
	const struct ima_token *t = r == NULL || bit == 0 ? NULL : r->by[__builtin_ctz(bit)];
	va_list ap;

	if (f == NULL)
		return;
	if (r != NULL) {
		f->line = r->line;
		f->rule = r->number;
	}
	if (t != NULL) {
		f->column = t->column;
		f->token = t->text;
	}
	va_start(ap, fmt);
	f->what = text_va(l, fmt, ap);
	va_end(ap);
}

void
lint_add_boot(struct lint *l, enum ima_lint id, struct span token, size_t column,
    const char *fmt, ...)
{
	struct ima_finding *f = add(l, id);
	va_list ap;

	if (f == NULL)
		return;
	f->boot = true;
	f->error = infos[id].error;
	f->column = (uint32_t)column;
	f->token = token;
	va_start(ap, fmt);
	f->what = text_va(l, fmt, ap);
	va_end(ap);
}

bool
lint_class_at(const struct lint *l, enum ima_class c, enum ima_func f)
{
	EACH_RULE(l, r)
		if (ima_rule_does(r) && ima_rule_class(r) == c && ima_rule_at(r, f))
			return true;
	return false;
}

static void
take_faults(struct lint *l)
{
	for (size_t i = 0; i < l->p->n_faults && l->why == 0; i++) {
		const struct ima_fault *from = &l->p->faults[i];
		struct ima_finding *f = add(l, lint_of[from->code]);

		if (f == NULL)
			return;
		f->error = ima_fault_refuses(from->code);
		f->line = from->line;
		f->column = from->column;
		f->rule = from->rule;
		f->token = from->token;
		f->what = from->what;
		if (from->fix != NULL)
			f->fix = from->fix;
	}
}

/* The policy before the boot parameters, lines in order, the whole policy behind them. */
static int
by_place(const void *x, const void *y)
{
	const struct ima_finding *a = x, *b = y;
	size_t la = a->line == 0 ? SIZE_MAX : a->line, lb = b->line == 0 ? SIZE_MAX : b->line;

	if (a->boot != b->boot)
		return a->boot ? 1 : -1;
	if (la != lb)
		return la < lb ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return (int)a->lint - (int)b->lint;
}

int
ima_policy_lint(const struct ima_lint_input *in, struct arena *a, struct ima_lint_report *out,
    struct err *e)
{
	struct ima_lint_report report = { 0 };
	struct lint l = { .p = in->policy, .k = in->kernel, .a = a, .out = &report };

	if (in->policy != NULL) {
		take_faults(&l);
		lint_order(&l);
		lint_scope(&l);
		lint_blind(&l);
		lint_appraise(&l);
		lint_words(&l);
	}
	if (in->kernel->have_cmdline)
		lint_boot(&l, in->cmdline);
	if (l.why != 0)
		return arena_err(a, e);
	if (report.n > 0)
		qsort(report.findings, report.n, sizeof(*report.findings), by_place);
	for (size_t i = 0; i < report.n; i++)
		*(report.findings[i].error ? &report.errors : &report.warnings) += 1;
	*out = report;
	return 0;
}
