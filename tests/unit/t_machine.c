/* The files that tell about a machine are read whole or refused: names come out as the bytes
 * they are, no cut and no flipped bit passes for something else, and a TPM's answer is
 * believed only in its exact form. */
#include "formats/kernel_config.h"
#include "formats/mountinfo.h"
#include "formats/proc_keys.h"
#include "formats/tpm_caps.h"
#include "tests/golden.h"

/* ---- mountinfo ---------------------------------------------------------------------- */

/* All lines as text; the last return code. */
static int
mounts(struct span in, struct buf *out, uint64_t *line)
{
	ARENA_AUTO struct arena a = arena_init((size_t)1 << 20);
	struct rd r = rd_init(in);
	struct mountinfo m;
	struct err e = { 0 };
	int rc;

	*line = 0;
	while ((rc = mountinfo_next(&r, line, &a, &m, &e)) > 0)
		mountinfo_dump(&m, out);
	return rc;
}

static void
test_mountinfo(void)
{
	FILE_AUTO struct file in = golden("machine/mountinfo"), want = golden("machine/mountinfo.want");
	BUF_AUTO struct buf got = buf_init(SIZE_MAX / 2);
	uint64_t line;

	is_int(mounts(file_view(&in), &got, &line), 0, "mountinfo is read to its end");
	if (!ok(span_eq(buf_view(&got), file_view(&want)), "and means what it should"))
		diag("got:\n%s", buf_cstr(&got));
	is_int((int64_t)line, 11, "lines are counted");
}

static void
test_mountinfo_cut(void)
{
	FILE_AUTO struct file in = golden("machine/mountinfo");
	BUF_AUTO struct buf whole = buf_init(SIZE_MAX / 2);
	bool prefix = true;
	uint64_t line;

	(void)mounts(file_view(&in), &whole, &line);
	for (size_t n = 0; n < in.n; n++) {
		BUF_AUTO struct buf got = buf_init(SIZE_MAX / 2);
		int rc = mounts(span_head(file_view(&in), n), &got, &line);
		size_t same = 0;

		/* Whole lines before the cut are right; the cut one may only differ at its end. */
		while (same < got.n && same < whole.n && got.p[same] == whole.p[same])
			same++;
		for (size_t i = same; i < got.n; i++)
			prefix &= got.p[i] != '\n' || i == got.n - 1;
		prefix &= rc <= 0;
	}
	ok(prefix, "cut at every byte: no line is invented");
}

static void
test_mountinfo_bad(void)
{
	static const char *const bad[] = {
		"1 2 0:1 / / rw",			/* no separator */
		"1 2 0:1 / / rw - ext4",		/* is accepted below: see good */
		"x 2 0:1 / / rw - ext4 d rw", "1 2 01 / / rw - ext4 d rw", "1 2 0:1 / /a\\04 rw - e d rw",
		"1 2 0:1 / /a\\999 rw - e d rw", "1 2 0:1 / /a\\777 rw - e d rw",
		"1 2 0:1 / / rw - ext4 d rw extra", "1 2 0:4294967296 / / rw - e d rw", "", "   ",
		"1  2 0:1 / / rw - ext4 d rw",
	};
	BUF_AUTO struct buf out = buf_init(SIZE_MAX / 2);
	uint64_t line;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (i != 1 && i != 9)
			ok(mounts(span_str(bad[i]), &out, &line) == ERR_FORMAT && line == 1,
			    "refused: \"%s\"", bad[i]);
	is_int((int64_t)out.n, 0, "and nothing was handed out");
}

/* ---- keys ----------------------------------------------------------------------------- */

static int
keyrings(struct span in, struct buf *out)
{
	struct rd r = rd_init(in);
	struct proc_keyring k;
	struct err e = { 0 };
	uint64_t line = 0;
	int rc;

	while ((rc = proc_keyring_next(&r, &line, &k, &e)) > 0)
		buf_printf(out, "%.*s=%llu ", (int)k.name.n, (const char *)k.name.p, (unsigned long long)k.keys);
	return rc;
}

static void
test_keys(void)
{
	FILE_AUTO struct file in = golden("machine/keys");
	BUF_AUTO struct buf got = buf_init(4096);
	BUF_AUTO struct buf bad = buf_init(4096);
	bool clean = true;

	is_int(keyrings(file_view(&in), &got), 0, "/proc/keys is read to its end");
	is_str(buf_cstr(&got), ".platform=3 .builtin_trusted_keys=2 .secondary_trusted_keys=1 .machine=0 "
	    ".blacklist=82 _ima=1 _ses: a=12 ", "keyrings and their sizes, other keys passed over");
	for (size_t n = 0; n < in.n; n++) {
		BUF_AUTO struct buf b = buf_init(4096);
		int rc = keyrings(span_head(file_view(&in), n), &b);

		clean &= rc == 0 || rc == ERR_FORMAT;
	}
	ok(clean, "cut at every byte: read or refused");
	is_int(keyrings(span_lit("1 I 1 perm 1 0 0 keyring   .ima"), &bad), ERR_FORMAT, "no count");
	is_int(keyrings(span_lit("1 I 1 perm 1 0 0 keyring   .ima: many"), &bad), ERR_FORMAT, "no number");
	is_int(keyrings(span_lit("1 I 1 perm\n"), &bad), ERR_FORMAT, "too few words");
}

/* ---- kernel configuration --------------------------------------------------------------- */

static void
test_config(void)
{
	const struct span text = span_lit("# Linux/x86 6.1\nCONFIG_IMA=y\n# CONFIG_IMA_KEXEC is not set\n"
	    "CONFIG_LSM=\"a,b\"\nCONFIG_DM_VERITY=m\nCONFIG_HZ=250\nCONFIG_EMPTY=\"\"");
	struct span v;

	ok(kernel_config_get(text, "CONFIG_IMA", &v) && span_is(v, "y"), "yes");
	ok(kernel_config_get(text, "CONFIG_IMA_KEXEC", &v) && span_is(v, "n"), "is not set");
	ok(kernel_config_get(text, "CONFIG_LSM", &v) && span_is(v, "a,b"), "a string");
	ok(kernel_config_get(text, "CONFIG_EMPTY", &v) && v.n == 0, "an empty string at the end");
	ok(!kernel_config_get(text, "CONFIG_IM", &v), "a part of a name is another name");
	ok(!kernel_config_get(text, "CONFIG_IMA_KEX", &v), "also where it is not set");
	ok(kernel_config_on(text, "CONFIG_DM_VERITY") && !kernel_config_on(text, "CONFIG_HZ"), "on: y or m");
	ok(kernel_config_looks(text) && !kernel_config_looks(span_lit("hello\n")), "what looks like one");
}

/* ---- TPM -------------------------------------------------------------------------------- */

static const struct { const char *file; enum tpm_capability cap; } answers[] = {
	{ "doctor/tpm/properties.bin", TPM_CAP_PROPERTIES }, { "doctor/tpm/pcrs.bin", TPM_CAP_PCRS },
	{ "doctor/tpm/algorithms.bin", TPM_CAP_ALGS },
};

static void
test_tpm(void)
{
	FILE_AUTO struct file want = golden("doctor/tpm/want");
	BUF_AUTO struct buf got = buf_init(65536);
	struct tpm_caps caps = { 0 };
	struct err e = { 0 };
	uint32_t next;

	for (size_t i = 0; i < 3; i++) {
		FILE_AUTO struct file f = golden(answers[i].file);

		is_int(tpm_caps_response(file_view(&f), answers[i].cap, &caps, &next, &e), 0, answers[i].file);
		if (answers[i].cap != TPM_CAP_PROPERTIES)
			is_int(next, 0, "and that was all");
	}
	tpm_caps_dump(&caps, &got);
	if (!ok(span_eq(buf_view(&got), file_view(&want)), "a real TPM's answers"))
		diag("got:\n%s", buf_cstr(&got));
}

static void
test_tpm_cut(void)
{
	bool cut = true, longer = true, other = true;

	for (size_t i = 0; i < 3; i++) {
		FILE_AUTO struct file f = golden(answers[i].file);
		struct tpm_caps caps = { .level = 77 };
		struct err e = { 0 };
		uint32_t next = 99;
		uint8_t more[4097];

		for (size_t n = 0; n < f.n; n++)
			cut &= tpm_caps_response(span_head(file_view(&f), n), answers[i].cap, &caps, &next, &e) != 0;
		memcpy(more, f.p, f.n);
		more[f.n] = 0;
		longer &= tpm_caps_response(span_of(more, f.n + 1), answers[i].cap, &caps, &next, &e) != 0;
		other &= tpm_caps_response(file_view(&f), answers[(i + 1) % 3].cap, &caps, &next, &e) != 0;
		cut &= caps.level == 77 && next == 99;
	}
	ok(cut, "cut at every byte: refused, and nothing touched");
	ok(longer, "a byte behind it: refused");
	ok(other, "the answer to another question: refused");
}

static void
test_tpm_bits(void)
{
	FILE_AUTO struct file f = golden("doctor/tpm/properties.bin");
	bool sane = true;

	/* Header and count: any flipped bit there must be refused, but in "moreData", which
	 * has one bit that means something. */
	for (size_t bit = 0; bit < 19 * 8; bit++) {
		struct tpm_caps caps = { 0 };
		struct err e = { 0 };
		uint32_t next;

		f.p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		if (bit / 8 != 10)
			sane &= tpm_caps_response(file_view(&f), TPM_CAP_PROPERTIES, &caps, &next, &e) != 0;
		f.p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	ok(sane, "each flipped bit of the header and the count: refused");
}

static void
test_tpm_refused(void)
{
	static const uint8_t retry[] = { 0x80, 0x01, 0, 0, 0, 10, 0, 0, 0x09, 0x22 };
	/* Two properties in the wrong order: a TPM that repeats itself never ends. */
	static const uint8_t loop[] = { 0x80, 0x01, 0, 0, 0, 35, 0, 0, 0, 0, 1, 0, 0, 0, 6, 0, 0, 0, 2,
		0, 0, 1, 5, 1, 2, 3, 4, 0, 0, 1, 5, 1, 2, 3, 4 };
	BUF_AUTO struct buf b = buf_init(64);
	struct tpm_caps caps = { 0 };
	struct err e = { 0 };
	uint32_t next;

	is_int(tpm_caps_response(span_of(retry, sizeof(retry)), TPM_CAP_ALGS, &caps, &next, &e), ERR_IO,
	    "a refusal is told");
	ok(strstr(e.message, "0x922") != NULL, "with its code");
	is_int(tpm_caps_response(span_of(loop, sizeof(loop)), TPM_CAP_PROPERTIES, &caps, &next, &e),
	    ERR_RANGE, "properties out of order");
	tpm_caps_command(TPM_CAP_PROPERTIES, TPM_PT_FIXED, &b);
	ok(b.n == 22 && b.p[5] == 22 && b.p[13] == 6 && b.p[16] == 1, "the question has its form");
}

int
main(void)
{
	test_mountinfo();
	test_mountinfo_cut();
	test_mountinfo_bad();
	test_keys();
	test_config();
	test_tpm();
	test_tpm_cut();
	test_tpm_bits();
	test_tpm_refused();
	return done();
}
