/* quote_check.c: the engine's judgement of a quote, without a measurement list.
 *
 *	quote-check verify ATTEST SIGNATURE KEY NONCE BANK [PCRS]
 *	quote-check name KEY
 *	quote-check step ATTEST ATTEST
 *
 * A test program, not installed: "assay evidence verify" also wants a list.  Exit: 0 if
 * all that is required but the list's replay has passed, 1 if not, 3 for an error. */
#include "base/file.h"
#include "base/text.h"
#include "engine/boot_clock.h"
#include "engine/quote.h"

static int
fail(const struct err *e)
{
	fprintf(stderr, "%s: %s\n", err_token(e->code), e->message);
	return 3;
}

static void
print_facts(const struct quote_facts *facts)
{
	BUF_AUTO struct buf b = buf_init(KIB(64));

	buf_str(&b, "selection ");
	tpm_selection_dump(&facts->selection, &b);
	buf_printf(&b, "\nreset %u restart %u safe %d\n", facts->clock.reset_count,
	    facts->clock.restart_count, facts->clock.safe);
	tpm_pcrs_dump(&facts->covered, &b);
	fputs(buf_cstr(&b), stdout);
}

static int
judge(const struct quote_input *in, struct err *e)
{
	static struct quote_facts facts;
	RESULT_AUTO struct result r = result_init();
	bool good = true;

	if (quote_check(in, &r, &facts, e) != 0)
		return fail(e);
	for (size_t i = 0; i < CHECK_COUNT; i++) {
		if (!r.checks[i].required || i == CHECK_REPLAY)
			continue;
		printf("check %s %s\n", check_token(i), check_state_token(r.checks[i].state));
		good &= r.checks[i].state == CHECK_PASS;
	}
	for (size_t i = 0; i < r.n_findings; i++)
		printf("finding %s: %s\n", reason_code(r.findings[i].reason), r.findings[i].text);
	for (size_t i = 0; i < r.n_warnings; i++)
		printf("warning: %s\n", r.warnings[i]);
	print_facts(&facts);
	return good && r.n_findings == 0 ? 0 : 1;
}

static int
verify(int argc, char **argv, struct err *e)
{
	FILE_AUTO struct file attest = { 0 }, sig = { 0 }, key = { 0 }, values = { 0 };
	BUF_AUTO struct buf nonce = buf_init(KIB(1));
	ATTEST_KEY_AUTO struct attest_key ak = { 0 };
	static struct tpm_pcrs pcrs;

	if (file_read(argv[2], LIMIT_SMALL_FILE, &attest, e) != 0 ||
	    file_read(argv[3], LIMIT_SMALL_FILE, &sig, e) != 0 ||
	    file_read(argv[4], LIMIT_SMALL_FILE, &key, e) != 0 ||
	    attest_key_parse(file_view(&key), &ak, e) != 0 ||
	    (argc == 8 && (file_read(argv[7], LIMIT_SMALL_FILE, &values, e) != 0 ||
	    tpm_pcrs_parse(file_view(&values), &pcrs, e) != 0)))
		return fail(e);
	if (!hex_decode(span_str(argv[5]), &nonce))
		return 2;

	struct quote_input in = { .attest = file_view(&attest), .signature = file_view(&sig), .ak = &ak,
	    .nonce = buf_view(&nonce), .bank = digest_alg_by_name(span_str(argv[6])), .pcr = 10,
	    .pcrs = argc == 8 ? &pcrs : NULL };

	return judge(&in, e);
}

static int
name(const char *path, struct err *e)
{
	FILE_AUTO struct file f = { 0 };
	BUF_AUTO struct buf b = buf_init(KIB(1));
	struct tpm_public p;
	struct tpm_name n;

	if (file_read(path, LIMIT_SMALL_FILE, &f, e) != 0 ||
	    tpm_public_parse(file_view(&f), &p, e) != 0 || tpm_public_name(&p, &n, e) != 0)
		return fail(e);
	buf_hex(&b, tpm_name_view(&n));
	puts(buf_cstr(&b));
	return 0;
}

static int
step(const char *before, const char *now, struct err *e)
{
	FILE_AUTO struct file f = { 0 }, g = { 0 };
	struct tpm_attest a, b;

	if (file_read(before, LIMIT_SMALL_FILE, &f, e) != 0 || tpm_attest_parse(file_view(&f), &a, e) != 0 ||
	    file_read(now, LIMIT_SMALL_FILE, &g, e) != 0 || tpm_attest_parse(file_view(&g), &b, e) != 0)
		return fail(e);
	puts(boot_step_name(boot_clock_step(&a.clock, &b.clock)));
	return 0;
}

int
main(int argc, char **argv)
{
	struct err e = { 0 };

	if ((argc == 7 || argc == 8) && strcmp(argv[1], "verify") == 0)
		return verify(argc, argv, &e);
	if (argc == 3 && strcmp(argv[1], "name") == 0)
		return name(argv[2], &e);
	if (argc == 4 && strcmp(argv[1], "step") == 0)
		return step(argv[2], argv[3], &e);
	return 2;
}
