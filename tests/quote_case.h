/* quote_case.h: one run of the quote checks, and what came out of it. */
#ifndef QUOTE_CASE_H
#define QUOTE_CASE_H

#include "base/text.h"
#include "engine/quote.h"
#include "engine/verdict.h"
#include "tests/golden.h"

/* Everything quote_check can decide itself. */
static const enum check_id quote_checks[] = { CHECK_SIGNATURE, CHECK_MAGIC, CHECK_TYPE, CHECK_NONCE,
    CHECK_SELECTION, CHECK_DIGEST, CHECK_TRAILING_DATA, CHECK_AK_ATTRIBUTES };
#define QUOTE_CHECKS (sizeof(quote_checks) / sizeof(quote_checks[0]))

/* The files of one case; change ${in} freely before the run. */
struct quote_case {
	struct file attest, signature, key, values;
	struct attest_key ak;
	uint8_t nonce[LIMIT_TPM_NONCE];
	struct tpm_pcrs pcrs;
	struct quote_input in;
};

__attribute__((unused)) static struct attest_key
load_ak(const struct file *f)
{
	struct attest_key ak;
	struct err e = { 0 };

	if (attest_key_parse(file_view(f), &ak, &e) != 0) {
		printf("Bail out! attestation key: %s\n", e.message);
		exit(99);
	}
	return ak;
}

/* A recorded quote of debian12-vm: ${name} "quote1", ${key} "ak.pem". */
__attribute__((unused)) static void
case_recorded(struct quote_case *c, const char *name, const char *key)
{
	char path[128], hex[64];
	struct err e = { 0 };
	struct file *const files[] = { &c->attest, &c->signature, &c->values };
	static const char *const ends[] = { "msg", "sig", "pcrs" };

	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "debian12-vm/%s.%s", name, ends[i]);
		*files[i] = golden(path);
	}
	(void)snprintf(path, sizeof(path), "debian12-vm/%s", key);
	c->key = golden(path);
	c->ak = load_ak(&c->key);
	(void)snprintf(hex, sizeof(hex), "00112233445566778899aabbccddeeff001122330%c", name[strlen(name) - 1]);
	if (!hex_fixed(span_str(hex), c->nonce, 21) ||
	    tpm_pcrs_parse(file_view(&c->values), &c->pcrs, &e) != 0)
		printf("Bail out! %s: %s\n", name, e.message);
	c->in = (struct quote_input){ .attest = file_view(&c->attest),
	    .signature = file_view(&c->signature), .ak = &c->ak, .nonce = span_of(c->nonce, 21),
	    .bank = DIGEST_SHA256, .pcr = 10, .pcrs = &c->pcrs };
}

__attribute__((unused)) static void
case_free(struct quote_case *c)
{
	attest_key_free(&c->ak);
	file_free(&c->attest);
	file_free(&c->signature);
	file_free(&c->key);
	file_free(&c->values);
}

/* What could lead to trust: all that is required and made here has passed. */
__attribute__((unused)) static bool
all_passed(const struct result *r)
{
	for (size_t i = 0; i < QUOTE_CHECKS; i++) {
		const struct check *k = &r->checks[quote_checks[i]];

		if (k->required && k->state != CHECK_PASS)
			return false;
	}
	return r->checks[CHECK_SIGNATURE].required && r->n_findings == 0;
}

/* Whether checks pass, or whether it is an error; nothing printed. */
__attribute__((unused)) static bool
passes(const struct quote_input *in)
{
	static struct quote_facts facts;
	struct result r = result_init();
	struct err e = { 0 };
	bool good = quote_check(in, &r, &facts, &e) == 0 && all_passed(&r);

	result_free(&r);
	return good;
}

/* Exactly the check ${id} fails, with ${reason}, and no other check does. */
__attribute__((unused)) static void
fails_only(const struct quote_input *in, enum check_id id, enum reason reason, const char *what)
{
	static struct quote_facts facts;
	struct result r = result_init();
	struct err e = { 0 };
	int rc = quote_check(in, &r, &facts, &e);
	size_t others = 0;

	for (size_t i = 0; i < QUOTE_CHECKS; i++)
		others += quote_checks[i] != id && r.checks[quote_checks[i]].state == CHECK_FAIL;
	result_decide(&r);
	if (!ok(rc == 0 && others == 0 && r.checks[id].state == CHECK_FAIL && r.n_findings > 0 &&
	    r.findings[0].reason == reason && r.verdict == VERDICT_UNTRUSTED, "%s: %s", what, reason_code(reason)))
		diag("rc %d (%s), %zu findings, first %s, %zu other checks fail", rc, e.message, r.n_findings,
		    r.n_findings == 0 ? "-" : reason_code(r.findings[0].reason), others);
	result_free(&r);
}

__attribute__((unused)) static void
passes_all(const struct quote_input *in, struct quote_facts *facts, const char *what)
{
	struct result r = result_init();
	struct err e = { 0 };
	int rc = quote_check(in, &r, facts, &e);

	if (!ok(rc == 0 && all_passed(&r) && quote_authentic(&r), "%s", what)) {
		diag("rc %d: %s", rc, e.message);
		for (size_t i = 0; i < CHECK_COUNT; i++)
			diag("%s %s %s", check_token(i), check_state_token(r.checks[i].state),
			    r.checks[i].detail == NULL ? "" : r.checks[i].detail);
	}
	result_decide(&r);
	if (r.verdict != VERDICT_UNDECIDED)
		ok(false, "a quote without a list is not decided");
	result_free(&r);
}

#endif
