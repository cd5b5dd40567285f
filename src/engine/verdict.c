#include "engine/verdict.h"

/* pcr-mismatch alone says: the list and the quote do not fit.  That can be a list
 * read too early as well as one that was cut or altered; one quote and one list
 * cannot tell, so it leaves the verdict open (undecided), but for who knows that the
 * list was read after the quote. */
static bool
speaks_against(const struct result *r)
{
	for (size_t i = 0; i < CHECK_COUNT; i++)
		if (r->checks[i].state == CHECK_FAIL && (i != CHECK_REPLAY || r->quote_first))
			return true;
	for (size_t i = 0; i < r->n_findings; i++)
		if (r->findings[i].decides &&
		    (r->findings[i].reason != REASON_PCR_MISMATCH || r->quote_first))
			return true;
	return false;
}

static bool
all_required_passed(const struct result *r)
{
	size_t required = 0;

	for (size_t i = 0; i < CHECK_COUNT; i++) {
		if (!r->checks[i].required)
			continue;
		if (r->checks[i].state != CHECK_PASS)
			return false;
		required++;
	}
	return required > 0;	/* no demand at all proves nothing */
}

void
result_decide(struct result *r)
{
	r->verdict = VERDICT_UNDECIDED;
	if (speaks_against(r)) {
		r->verdict = VERDICT_UNTRUSTED;
		return;
	}
	if (all_required_passed(r) && r->checks[CHECK_REPLAY].state == CHECK_PASS &&
	    r->checks[CHECK_SIGNATURE].state == CHECK_PASS)
		r->verdict = VERDICT_TRUSTED;	/* the one line in the program that can say so */
}
