/* tpm_facts.c: what the engine says about TPM structures, beside any verdict.
 *
 *	tpm-facts name KEY		the TPM name of a public area
 *	tpm-facts step ATTEST ATTEST	what two clockInfos say of the time between them
 *
 * A test program, not installed. */
#include "base/file.h"
#include "engine/attest_key.h"
#include "engine/boot_clock.h"

static int
fail(const struct err *e)
{
	fprintf(stderr, "%s: %s\n", err_token(e->code), e->message);
	return 3;
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

	if (argc == 3 && strcmp(argv[1], "name") == 0)
		return name(argv[2], &e);
	if (argc == 4 && strcmp(argv[1], "step") == 0)
		return step(argv[2], argv[3], &e);
	return 2;
}
