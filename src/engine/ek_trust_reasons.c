#include <stdarg.h>

#include "engine/ek_trust.h"

static const struct {
	const char *token, *text;
} modes[] = {
	{ "none", "not trusted" },
#define MODE(sym, token, text) { token, text },
#include "engine/trust_modes.tbl"
#undef MODE
};

#define REFUSE	TRUST_REFUSE
#define NO_CA	TRUST_NO_CA
#define NOTE	TRUST_NOTE
static const struct {
	const char *token, *text;
	enum trust_severity severity;
} codes[] = {
	{ "none", "nothing", TRUST_NOTE },
#define TRUST(sym, code, severity, text) { code, text, severity },
#include "engine/trust_reasons.tbl"
#undef TRUST
};
#undef REFUSE
#undef NO_CA
#undef NOTE

const char *
trust_mode_token(enum trust_mode mode)
{
	return modes[mode].token;
}

const char *
trust_mode_text(enum trust_mode mode)
{
	return modes[mode].text;
}

enum trust_mode
trust_mode_by_token(struct span s)
{
	for (int i = 1; i < TRUST_MODE_COUNT; i++)
		if (span_is(s, modes[i].token))
			return (enum trust_mode)i;
	return TRUST_NONE;
}

const char *
trust_code_token(enum trust_code code)
{
	return codes[code].token;
}

const char *
trust_code_text(enum trust_code code)
{
	return codes[code].text;
}

enum trust_severity
trust_code_severity(enum trust_code code)
{
	return codes[code].severity;
}

void
ek_trust_add(struct ek_trust *t, enum trust_code code, const char *fmt, ...)
{
	/* Full of lesser ones: the last makes room, so that no refusal is ever lost. */
	size_t at = t->n_reasons < TRUST_REASONS ? t->n_reasons++ : TRUST_REASONS - 1;
	struct trust_reason *r = &t->reasons[at];
	va_list ap;

	if (r->code != TRUST_CODE_NONE && codes[code].severity != TRUST_REFUSE)
		return;
	r->code = code;
	va_start(ap, fmt);
	(void)vsnprintf(r->detail, sizeof(r->detail), fmt, ap);
	va_end(ap);
}

bool
ek_trust_has(const struct ek_trust *t, enum trust_code code)
{
	for (size_t i = 0; i < t->n_reasons; i++)
		if (t->reasons[i].code == code)
			return true;
	return false;
}

const struct trust_reason *
ek_trust_refusal(const struct ek_trust *t)
{
	if (t->mode != TRUST_NONE)
		return NULL;
	for (size_t i = 0; i < t->n_reasons; i++)
		if (codes[t->reasons[i].code].severity == TRUST_REFUSE)
			return &t->reasons[i];
	return NULL;
}

void
ek_trust_settle(struct ek_trust *t, const struct trust_config *config, unsigned ways)
{
	static const enum trust_mode order[] = { TRUST_CA, TRUST_IDEVID, TRUST_EK_LIST, TRUST_OPERATOR };

	t->mode = TRUST_NONE;
	t->pending = false;
	if (ek_trust_refusal(t) != NULL)
		return;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) && t->mode == TRUST_NONE; i++)
		if ((config->modes & ways & 1u << order[i]) != 0)
			t->mode = order[i];
	if (t->mode == TRUST_NONE)
		ek_trust_add(t, TRUST_CODE_NO_MODE, "%s", "");
	if (t->mode == TRUST_OPERATOR) {
		t->pending = true;
		ek_trust_add(t, TRUST_CODE_NEEDS_APPROVAL, "%s", "");
	}
}
