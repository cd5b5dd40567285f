/* The one line that can say TRUSTED: it needs every required check to have passed, the
 * signature and the replay whatever is required, and nothing that speaks against. */
#include "engine/verdict.h"
#include "tests/tap.h"

static struct result
good(void)
{
	struct result r = result_init();

	check_require(&r, CHECK_SIGNATURE);
	check_require(&r, CHECK_REPLAY);
	check_require(&r, CHECK_POLICY);
	r.checks[CHECK_SIGNATURE].state = r.checks[CHECK_REPLAY].state =
	    r.checks[CHECK_POLICY].state = CHECK_PASS;
	return r;
}

static void
is_verdict(struct result *r, enum verdict want, const char *what)
{
	result_decide(r);
	ok(r->verdict == want, "%s: %s", what, verdict_token(want));
	result_free(r);
	*r = good();
}

static void
add(struct result *r, enum reason reason, bool decides)
{
	struct err e = { 0 };

	if (result_finding(r, &(struct finding){ .reason = reason, .entry = 1, .decides = decides }, &e, "x") != 0)
		printf("Bail out! %s\n", e.message);
}

int
main(void)
{
	struct result r = result_init();

	is_verdict(&r, VERDICT_UNDECIDED, "nothing checked");
	is_verdict(&r, VERDICT_TRUSTED, "all that is required has passed");
	for (size_t i = 0; i < CHECK_COUNT; i++) {
		check_require(&r, (enum check_id)i);
		r.checks[i].state = CHECK_NOT_RUN;
		is_verdict(&r, VERDICT_UNDECIDED, check_token((enum check_id)i));
		r.checks[i].state = CHECK_FAIL;
		is_verdict(&r, i == CHECK_REPLAY ? VERDICT_UNDECIDED : VERDICT_UNTRUSTED,
		    check_token((enum check_id)i));
	}
	r.checks[CHECK_SIGNATURE] = (struct check){ .required = false };
	is_verdict(&r, VERDICT_UNDECIDED, "no signature, though nobody requires it");
	r.checks[CHECK_REPLAY] = (struct check){ .required = false };
	is_verdict(&r, VERDICT_UNDECIDED, "no replay, though nobody requires it");
	add(&r, REASON_NOT_IN_POLICY, true);
	is_verdict(&r, VERDICT_UNTRUSTED, "a finding that decides");
	add(&r, REASON_NOT_IN_POLICY, false);
	is_verdict(&r, VERDICT_TRUSTED, "one of the tail");
	r.checks[CHECK_REPLAY].state = CHECK_FAIL;
	add(&r, REASON_PCR_MISMATCH, true);
	is_verdict(&r, VERDICT_UNDECIDED, "a list that does not fit");
	r.checks[CHECK_REPLAY].state = CHECK_FAIL;
	add(&r, REASON_PCR_MISMATCH, true);
	add(&r, REASON_TEMPLATE_DIGEST_MISMATCH, true);
	is_verdict(&r, VERDICT_UNTRUSTED, "and was altered");
	r.checks[CHECK_NONCE].state = CHECK_FAIL;
	if (check_pass(&r, CHECK_NONCE) != 0)
		printf("Bail out! check_pass\n");
	is_verdict(&r, VERDICT_UNTRUSTED, "what failed once never passes");
	r.checks[CHECK_REPLAY].state = CHECK_FAIL;
	r.quote_first = true;
	add(&r, REASON_PCR_MISMATCH, true);
	is_verdict(&r, VERDICT_UNTRUSTED, "a list that does not fit, and was read after the quote");
	check_withdraw(&r, CHECK_SIGNATURE);
	is_verdict(&r, VERDICT_UNDECIDED, "a signature that proves nothing after all");
	r.checks[CHECK_SIGNATURE].state = CHECK_FAIL;
	check_withdraw(&r, CHECK_SIGNATURE);
	is_verdict(&r, VERDICT_UNTRUSTED, "what failed is not taken back");
	result_free(&r);
	return done();
}
