/* TPMT_SIGNATURE and TPM2B_PUBLIC: recorded ones field by field, in every form that tools
 * write; cut ones are errors; what follows is handed out. */
#include "formats/tpm_public.h"
#include "formats/tpm_signature.h"
#include "tests/dump.h"

static void
test_signatures(void)
{
	static const char *const names[] = { "quote1.sig", "quoteecc1.sig" };

	for (size_t i = 0; i < 2; i++) {
		struct buf b = buf_init(KIB(64));
		struct tpm_signature s;
		struct err e = { 0 };
		struct file f;
		char path[128];
		size_t accepted = 0;

		(void)snprintf(path, sizeof(path), "debian12-vm/%s", names[i]);
		f = golden(path);
		ok(tpm_signature_parse(file_view(&f), &s, &e) == 0 && !s.plain, "%s parses", names[i]);
		tpm_signature_dump(&s, &b);
		(void)snprintf(path, sizeof(path), "tpm/%s.want", names[i]);
		is_golden(&b, path);
		for (size_t n = 0; n < f.n; n++)
			accepted += tpm_signature_parse(span_of(f.p, n), &s, &e) == 0 && !s.plain;
		is_int((int64_t)accepted, 0, "cut at any byte it is none");
		b.n = 0;
		buf_span(&b, file_view(&f));
		buf_str(&b, "more");
		ok(tpm_signature_parse(buf_view(&b), &s, &e) == 0 && span_is(s.trailing, "more"),
		    "bytes behind it are handed out");
		buf_free(&b);
		file_free(&f);
	}
}

static void
test_plain(void)
{
	struct file f = golden("debian12-vm/quote1.sig");
	struct tpm_signature s;
	struct err e = { 0 };
	uint8_t der[70] = { 0x30, 68 }, tpmt[256] = { 0, TPM_ALG_RSASSA, 0, 0x0b, 0, 250 };

	ok(tpm_signature_parse(span_from(file_view(&f), 6), &s, &e) == 0 && s.plain && s.sig.n == 256,
	    "the bare bytes of an RSA-2048 signature");
	ok(tpm_signature_parse(span_of(der, sizeof(der)), &s, &e) == 0 && s.plain, "a DER signature");
	ok(tpm_signature_parse(span_of(tpmt, sizeof(tpmt)), &s, &e) == 0 && !s.plain,
	    "what fits as TPMT_SIGNATURE to the last byte is one, however long");
	tpmt[5] = 251;
	ok(tpm_signature_parse(span_of(tpmt, sizeof(tpmt)), &s, &e) == 0 && s.plain,
	    "an RSA signature that happens to begin like one");
	file_free(&f);
}

static void
test_odd_signatures(void)
{
	static const uint8_t null_sig[] = { 0, 0x10 }, unknown[] = { 0x12, 0x34, 0, 0x0b },
	    ecdaa[] = { 0, 0x1a, 0, 0x0b, 0, 1, 1, 0, 1, 2 }, hmac[] = { 0, 5, 0x77, 0x77, 1 };
	uint8_t good_hmac[4 + 20] = { 0, 5, 0, 4 };
	struct tpm_signature s;
	struct err e = { 0 };

	ok(tpm_signature_parse(span_of(null_sig, 2), &s, &e) == 0 && s.trailing.n == 0, "a null signature");
	ok(tpm_signature_parse(span_of(ecdaa, sizeof(ecdaa)), &s, &e) == 0 && s.r.n == 1 && s.s.n == 1,
	    "ECDAA is read, so that it can be refused by name");
	ok(tpm_signature_parse(span_of(good_hmac, sizeof(good_hmac)), &s, &e) == 0 && s.sig.n == 20,
	    "an HMAC has its hash's size");
	is_int(tpm_signature_parse(span_of(hmac, sizeof(hmac)), &s, &e), ERR_UNSUPPORTED,
	    "an HMAC of unknown hash has no known size");
	is_int(tpm_signature_parse(span_of(unknown, sizeof(unknown)), &s, &e), ERR_UNSUPPORTED,
	    "an unknown algorithm");
	ok(e.hint[0] != '\0', "with what to do");
}

static void
test_publics(void)
{
	static const char *const names[] = { "ak.pub", "akecc.pub", "ek.pub" };

	for (size_t i = 0; i < 3; i++) {
		struct buf b = buf_init(KIB(64));
		struct tpm_public p;
		struct err e = { 0 };
		struct file f;
		char path[128];
		size_t accepted = 0;

		(void)snprintf(path, sizeof(path), "debian12-vm/%s", names[i]);
		f = golden(path);
		ok(tpm_public_parse(file_view(&f), &p, &e) == 0 && p.sized && p.trailing.n == 0 &&
		    p.area.n + 2 == f.n, "%s parses", names[i]);
		tpm_public_dump(&p, &b);
		(void)snprintf(path, sizeof(path), "tpm/%s.want", names[i]);
		is_golden(&b, path);
		for (size_t n = 0; n < f.n; n++)
			accepted += tpm_public_parse(span_of(f.p, n), &p, &e) == 0;
		for (size_t n = 2; n < f.n; n++)
			accepted += tpm_public_parse(span_of(f.p + 2, n - 2), &p, &e) == 0;
		is_int((int64_t)accepted, 0, "cut at any byte it is none, in both forms");
		ok(tpm_public_parse(span_from(file_view(&f), 2), &p, &e) == 0 && !p.sized &&
		    p.trailing.n == 0, "the bare TPMT_PUBLIC");
		buf_free(&b);
		file_free(&f);
	}
}

static void
test_public_trailing(void)
{
	struct file f = golden("debian12-vm/akecc.pub");
	struct buf b = buf_init(KIB(1));
	struct tpm_public p;
	struct err e = { 0 };

	buf_span(&b, file_view(&f));
	buf_str(&b, "zz");
	ok(tpm_public_parse(buf_view(&b), &p, &e) == 0 && span_is(p.trailing, "zz"),
	    "bytes behind the size");
	ok(p.area.n == f.n - 2, "are not in the area that is named");
	b.p[1] += 2;
	ok(tpm_public_parse(buf_view(&b), &p, &e) == 0 && span_is(p.trailing, "zz") &&
	    p.area.n == f.n - 2, "bytes inside the size but behind the structure");
	b.p[1] += 1;
	is_int(tpm_public_parse(buf_view(&b), &p, &e), ERR_TRUNCATED, "a size larger than the file");
	b.p[1] -= 3;
	b.p[3] = 0x08;
	ok(tpm_public_parse(buf_view(&b), &p, &e) != 0, "a keyed hash signs no quote");
	buf_free(&b);
	file_free(&f);
}

static void
test_attributes(void)
{
	struct buf b = buf_init(KIB(1));

	tpm_attributes_dump(TPMA_FIXED_TPM | TPMA_RESTRICTED | TPMA_SIGN | 1u << 31, &b);
	is_str(buf_cstr(&b), "fixedtpm|restricted|sign|0x80000000", "attributes, unknown bits too");
	b.n = 0;
	tpm_attributes_dump(0, &b);
	is_str(buf_cstr(&b), "0x0", "no attribute at all");
	buf_free(&b);
}

int
main(void)
{
	test_signatures();
	test_plain();
	test_odd_signatures();
	test_publics();
	test_public_trailing();
	test_attributes();
	return done();
}
