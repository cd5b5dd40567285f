/* TPMS_ATTEST: every field of a recorded quote, all types named, nothing accepted that
 * is cut, and what follows is handed out, never swallowed. */
#include "formats/tpm_attest.h"
#include "tests/dump.h"

static void
test_recorded(void)
{
	static const char *const names[] = { "quote1", "quote2", "quote3", "quoteecc1", "quoteecc2",
		"quoteecc3" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[128];
		struct file f;
		struct tpm_attest a;
		struct err e = { 0 };
		struct buf b = buf_init(KIB(64));

		(void)snprintf(path, sizeof(path), "debian12-vm/%s.msg", names[i]);
		f = golden(path);
		if (!ok(tpm_attest_parse(file_view(&f), &a, &e) == 0, "%s parses", path))
			diag("%s", e.message);
		tpm_attest_dump(&a, &b);
		(void)snprintf(path, sizeof(path), "tpm/%s.msg.want", names[i]);
		is_golden(&b, path);
		buf_free(&b);
		file_free(&f);
	}
}

static void
test_truncation(void)
{
	struct file f = golden("debian12-vm/quote1.msg");
	struct tpm_attest a;
	struct err e = { 0 };
	size_t accepted = 0;

	for (size_t n = 0; n < f.n; n++)
		accepted += tpm_attest_parse(span_of(f.p, n), &a, &e) == 0;
	is_int((int64_t)accepted, 0, "a quote cut at any byte is an error");
	is_int(e.place, ERR_AT_OFFSET, "which names the offset");
	file_free(&f);
}

static void
test_trailing(void)
{
	struct file f = golden("debian12-vm/quote1.msg");
	struct buf b = buf_init(KIB(1));
	struct tpm_attest a;
	struct err e = { 0 };

	buf_span(&b, file_view(&f));
	buf_str(&b, "xyz");
	ok(tpm_attest_parse(buf_view(&b), &a, &e) == 0, "bytes behind a quote: parses");
	ok(span_is(a.trailing, "xyz"), "and they are handed out");
	buf_free(&b);
	file_free(&f);
}

/* Everything before the body, with the given type and value of safe. */
static void
put_header(struct buf *b, uint16_t type, uint8_t safe)
{
	buf_be32(b, TPM_GENERATED);
	buf_be16(b, type);
	buf_be16(b, 0);
	buf_be16(b, 2);
	buf_str(b, "no");
	buf_be64(b, 1000);
	buf_be32(b, 7);
	buf_be32(b, 0);
	buf_u8(b, safe);
	buf_be64(b, 0x0102030405060708);
}

static void
put_counted(struct buf *b, const char *s)
{
	buf_be16(b, (uint16_t)strlen(s));
	buf_str(b, s);
}

static void
put_body(struct buf *b, uint16_t type)
{
	switch (type) {
	case TPM_ST_ATTEST_NV:
		put_counted(b, "index");
		buf_be16(b, 5);
		put_counted(b, "content");
		break;
	case TPM_ST_ATTEST_COMMAND_AUDIT:
		buf_be64(b, 9);
		buf_be16(b, 0x000b);
		put_counted(b, "audit");
		put_counted(b, "command");
		break;
	case TPM_ST_ATTEST_SESSION_AUDIT:
		buf_u8(b, 1);
		put_counted(b, "session");
		break;
	case TPM_ST_ATTEST_TIME:
		buf_be64(b, 1);
		buf_be64(b, 2);
		buf_be32(b, 3);
		buf_be32(b, 4);
		buf_u8(b, 1);
		buf_be64(b, 5);
		break;
	default:	/* certify, creation, nv-digest: two counted fields */
		put_counted(b, "first");
		put_counted(b, "second");
		break;
	}
}

static void
test_other_types(void)
{
	static const uint16_t types[] = { TPM_ST_ATTEST_NV, TPM_ST_ATTEST_COMMAND_AUDIT,
	    TPM_ST_ATTEST_SESSION_AUDIT, TPM_ST_ATTEST_CERTIFY, TPM_ST_ATTEST_TIME,
	    TPM_ST_ATTEST_CREATION, TPM_ST_ATTEST_NV_DIGEST };
	struct buf all = buf_init(KIB(64));

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct buf b = buf_init(KIB(1));
		struct tpm_attest a;
		struct err e = { 0 };
		size_t fit = 0;

		put_header(&b, types[i], 1);
		put_body(&b, types[i]);
		ok(tpm_attest_parse(buf_view(&b), &a, &e) == 0 && a.body_fits && a.trailing.n == 0,
		    "%s is read to its end", tpm_attest_type_name(types[i]));
		tpm_attest_dump(&a, &all);
		for (size_t n = 0; n < b.n; n++)
			fit += tpm_attest_parse(span_of(b.p, n), &a, &e) == 0 && a.body_fits;
		is_int((int64_t)fit, 0, "and fits at no shorter length");
		buf_free(&b);
	}
	is_golden(&all, "tpm/other-types.want");
	buf_free(&all);
}

static void
test_refusals(void)
{
	struct buf b = buf_init(KIB(1));
	struct tpm_attest a;
	struct err e = { 0 };

	put_header(&b, 0x1234, 0);
	buf_str(&b, "what is this");
	ok(tpm_attest_parse(buf_view(&b), &a, &e) == 0 && !a.body_fits &&
	    span_is(a.trailing, "what is this"), "an unknown type: its body is not guessed at");
	is_str(tpm_attest_type_name(a.type), "unknown", "and it is named unknown");
	b.n = 0;
	put_header(&b, TPM_ST_ATTEST_QUOTE, 2);
	is_int(tpm_attest_parse(buf_view(&b), &a, &e), ERR_RANGE, "safe is neither yes nor no");
	b.n = 0;
	put_header(&b, TPM_ST_ATTEST_QUOTE, 1);
	buf_be32(&b, LIMIT_TPM_BANKS + 1);
	is_int(tpm_attest_parse(buf_view(&b), &a, &e), ERR_LIMIT, "more banks than any TPM has");
	b.n = 0;
	put_header(&b, TPM_ST_ATTEST_QUOTE, 1);
	buf_be32(&b, 1);
	buf_be16(&b, 0x000b);
	buf_u8(&b, 5);
	buf_zero(&b, 64);
	is_int(tpm_attest_parse(buf_view(&b), &a, &e), ERR_LIMIT, "a selection of over 32 PCRs");
	buf_free(&b);
}

static void
test_selection(void)
{
	struct tpm_selection s = { .n = 3, .banks = { { 0x000b, DIGEST_SHA256, 0x00800401 },
	    { 0x0004, DIGEST_SHA1, 0 }, { 0x7777, DIGEST_NONE, 1u << 31 } } }, t = s;
	struct buf b = buf_init(KIB(1));

	tpm_selection_dump(&s, &b);
	is_str(buf_cstr(&b), "sha256:0,10,23+sha1:none+0x7777:31", "a selection as text");
	ok(tpm_selection_has(&s, DIGEST_SHA256, 10) && !tpm_selection_has(&s, DIGEST_SHA1, 10) &&
	    !tpm_selection_has(&s, DIGEST_NONE, 31) && !tpm_selection_has(&s, DIGEST_SHA256, 55),
	    "only what is selected is there");
	ok(tpm_selection_eq(&s, &t) && !tpm_selection_repeats(&s), "equal to itself, no bank twice");
	t.banks[2] = t.banks[0];
	ok(!tpm_selection_eq(&s, &t) && tpm_selection_repeats(&t), "a bank that stands twice");
	ok(!tpm_selection_empty(&s) && tpm_selection_empty(&(struct tpm_selection){ .n = 1,
	    .banks = { { 0x0004, DIGEST_SHA1, 0 } } }), "banks without PCRs are an empty selection");
	buf_free(&b);
}

int
main(void)
{
	test_recorded();
	test_truncation();
	test_trailing();
	test_other_types();
	test_refusals();
	test_selection();
	return done();
}
