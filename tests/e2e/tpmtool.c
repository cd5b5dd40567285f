/* tpmtool.c: port/tpm from a script.
 *
 *	tpmtool start DIR			run a software TPM until stdin ends; prints its TCTI and pid
 *	tpmtool TCTI ek KIND OUT		TPM2B_PUBLIC to OUT, certificates to OUT.cert0 ...; prints the kind
 *	tpmtool TCTI ak DIR			make or load the AK; prints "made" or "kept"
 *	tpmtool TCTI quote DIR HEX MASK OUT	OUT.msg, OUT.sig; prints the PCR values
 *	tpmtool TCTI activate DIR KIND CREDENTIAL SECRET	prints the secret in hex
 *	tpmtool TCTI extend PCR HEX		in the bank of SHA-256
 *	tpmtool TCTI many DIR N			N quotes, one connection each
 */
#include <signal.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "port/tpm/swtpm.h"
#include "port/tpm/tpm.h"

static int
fail(const struct err *e)
{
	fprintf(stderr, "%s%s%s\n", e->message, e->hint[0] == '\0' ? "" : "; ", e->hint);
	return 3;
}

static int
write_out(const char *out, const char *end, struct span data)
{
	char path[4096];
	struct err e = { 0 };

	(void)snprintf(path, sizeof(path), "%s%s", out, end);
	return file_write(path, data, 0600, &e) != 0 ? fail(&e) : 0;
}

static void
print_hex(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		printf("%02x", s.p[i]);
	putchar('\n');
}

static int
do_start(const char *dir)
{
	SWTPM_AUTO struct swtpm *s = NULL;
	struct err e = { 0 };
	char c;

	if (swtpm_start(dir, &s, &e) != 0)
		return fail(&e);
	printf("%s %d\n", swtpm_tcti(s), swtpm_pid(s));
	(void)fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	return 0;
}

static int
do_ek(struct tpm *t, char **v)
{
	TPM_EK_AUTO struct tpm_ek ek = { 0 };
	struct err e = { 0 };
	char end[32];
	int rc;

	if (tpm_ek(t, tpm_ek_by_name(span_str(v[0])), &ek, &e) != 0)
		return fail(&e);
	puts(tpm_ek_name(ek.kind));
	for (size_t i = 0; i < ek.n_certs; i++) {
		(void)snprintf(end, sizeof(end), ".cert%zu", i);
		if ((rc = write_out(v[1], end, buf_view(&ek.certs[i]))) != 0)
			return rc;
	}
	return write_out(v[1], "", buf_view(&ek.public));
}

static int
do_quote(struct tpm *t, char **v)
{
	TPM_AK_AUTO struct tpm_ak ak = { 0 };
	TPM_QUOTE_AUTO struct tpm_quote q = { 0 };
	BUF_AUTO struct buf nonce = buf_init(64);
	struct err e = { 0 };
	int rc;

	if (!hex_decode(span_str(v[1]), &nonce))
		return 2;
	if (tpm_ak(t, v[0], TPM_AK_P256, &ak, &e) != 0 || tpm_quote(t, &ak, buf_view(&nonce),
	    DIGEST_SHA256, (uint32_t)strtoul(v[2], NULL, 0), &q, &e) != 0)
		return fail(&e);
	if ((rc = write_out(v[3], ".msg", buf_view(&q.attest))) != 0 ||
	    (rc = write_out(v[3], ".sig", buf_view(&q.signature))) != 0)
		return rc;
	printf("agree %d\n", q.agree);
	for (unsigned i = 0; i < LIMIT_PCRS; i++)
		if ((q.mask >> i & 1) != 0)
			print_hex(span_of(q.pcrs[i], 32));
	return 0;
}

static int
do_activate(struct tpm *t, char **v)
{
	TPM_AK_AUTO struct tpm_ak ak = { 0 };
	FILE_AUTO struct file credential = { 0 };
	FILE_AUTO struct file secret = { 0 };
	BUF_AUTO struct buf out = buf_init(64);
	struct err e = { 0 };

	if (tpm_ak(t, v[0], TPM_AK_P256, &ak, &e) != 0 ||
	    file_read(v[2], LIMIT_TPM_CREDENTIAL, &credential, &e) != 0 ||
	    file_read(v[3], LIMIT_TPM_CREDENTIAL, &secret, &e) != 0 ||
	    tpm_activate(t, tpm_ek_by_name(span_str(v[1])), &ak, file_view(&credential),
	    file_view(&secret), &out, &e) != 0)
		return fail(&e);
	print_hex(buf_view(&out));
	return 0;
}

static int
do_extend(struct tpm *t, char **v)
{
	struct digest d = { .alg = DIGEST_SHA256, .size = 32 };
	struct err e = { 0 };

	if (!hex_fixed(span_str(v[1]), d.v, 32))
		return 2;
	return tpm_pcr_extend(t, (unsigned)strtoul(v[0], NULL, 10), &d, 1, &e) != 0 ? fail(&e) : 0;
}

static int
do_many(struct tpm *t, char **v)
{
	TPM_AK_AUTO struct tpm_ak ak = { 0 };
	struct err e = { 0 };

	if (tpm_ak(t, v[0], TPM_AK_P256, &ak, &e) != 0)
		return fail(&e);
	for (unsigned long i = strtoul(v[1], NULL, 10); i > 0; i--) {
		TPM_QUOTE_AUTO struct tpm_quote q = { 0 };

		if (tpm_quote(t, &ak, span_of(&i, sizeof(i)), DIGEST_SHA256, 0x47ff, &q, &e) != 0)
			return fail(&e);
		tpm_release(t);
	}
	return 0;
}

static int
do_ak(struct tpm *t, char **v)
{
	TPM_AK_AUTO struct tpm_ak ak = { 0 };
	struct err e = { 0 };

	if (tpm_ak(t, v[0], TPM_AK_P256, &ak, &e) != 0)
		return fail(&e);
	puts(ak.made ? "made" : "kept");
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct { const char *name; int n; int (*run)(struct tpm *, char **); } verbs[] = {
		{ "ek", 2, do_ek }, { "ak", 1, do_ak }, { "quote", 4, do_quote },
		{ "activate", 4, do_activate }, { "extend", 2, do_extend }, { "many", 2, do_many },
	};
	TPM_AUTO struct tpm *t = NULL;
	struct err e = { 0 };

	(void)signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && strcmp(argv[1], "start") == 0)
		return do_start(argv[2]);
	for (size_t i = 0; argc > 2 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[2], verbs[i].name) == 0 && argc == 3 + verbs[i].n)
			return tpm_open(argv[1], &t, &e) != 0 ? fail(&e) : verbs[i].run(t, argv + 3);
	return 2;
}
