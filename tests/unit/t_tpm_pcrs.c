/* PCR values: the three formats mean the same; the tool's file is read in the order of
 * its selection over list borders; nothing is left out, doubled or left over.
 * Keylime's quote string comes apart into exactly its three parts. */
#include "formats/keylime_quote.h"
#include "formats/tpm_pcrs.h"
#include "tests/dump.h"

static struct tpm_pcrs p;	/* 25 KiB: not on each stack */

static int
parse(struct span in, struct err *e)
{
	*e = (struct err){ 0 };
	return tpm_pcrs_parse(in, &p, e);
}

static void
test_recorded(void)
{
	static const char *const names[] = { "quote1.pcrs", "quote3.pcrs", "quoteecc1.pcrs", "pcrs1.txt" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct buf b = buf_init(KIB(64));
		struct err e;
		struct file f;
		char path[128];

		(void)snprintf(path, sizeof(path), "debian12-vm/%s", names[i]);
		f = golden(path);
		if (!ok(parse(file_view(&f), &e) == 0, "%s parses", names[i]))
			diag("%s", e.message);
		tpm_selection_dump(&p.selection, &b);
		buf_str(&b, "\n");
		tpm_pcrs_dump(&p, &b);
		(void)snprintf(path, sizeof(path), "tpm/%s.want", names[i]);
		is_golden(&b, path);
		buf_free(&b);
		file_free(&f);
	}
}

static void
test_truncation(void)
{
	struct file f = golden("debian12-vm/quote1.pcrs");
	struct buf b = buf_init(KIB(4));
	struct err e;
	size_t accepted = 0;

	for (size_t n = 0; n < f.n; n++)
		accepted += parse(span_of(f.p, n), &e) == 0;
	is_int((int64_t)accepted, 0, "a PCR file cut at any byte is an error");
	buf_span(&b, file_view(&f));
	buf_u8(&b, 0);
	is_int(parse(buf_view(&b), &e), ERR_TRAILING, "a byte behind it too");
	buf_free(&b);
	file_free(&f);
}

static struct tpm_pcrs first;

static void
test_text_and_json_alike(void)
{
	struct file f = golden("debian12-vm/pcrs1.txt");
	struct buf json = buf_init(KIB(64));
	struct err e;
	bool same = true;

	ok(parse(file_view(&f), &e) == 0 && p.kind == TPM_PCRS_TEXT && p.n_banks == 2, "two banks of text");
	is_int((int64_t)p.banks[0].mask, 0x47ff, "with 12 PCRs");
	first = p;
	buf_str(&json, " \n{");
	for (size_t i = 0; i < first.n_banks; i++) {
		const char *sep = "";

		buf_printf(&json, "%s\"%s\": {", i == 0 ? "" : ",", digest_alg_name(first.banks[i].alg));
		for (unsigned n = 0; n < LIMIT_PCRS; n++) {
			struct span v = tpm_pcrs_get(&first, first.banks[i].alg, n);

			if (v.n == 0)
				continue;
			buf_printf(&json, "%s\"%u\": \"", sep, n);
			buf_hex(&json, v);
			buf_str(&json, "\"");
			sep = ", ";
		}
		buf_str(&json, "}");
	}
	buf_str(&json, "}");
	ok(parse(buf_view(&json), &e) == 0 && p.kind == TPM_PCRS_JSON, "the same as JSON");
	for (size_t i = 0; i < first.n_banks; i++)
		for (unsigned n = 0; n < LIMIT_PCRS; n++)
			same &= span_eq(tpm_pcrs_get(&p, first.banks[i].alg, n),
			    tpm_pcrs_get(&first, first.banks[i].alg, n));
	ok(same && tpm_selection_eq(&p.selection, &first.selection), "says the same");
	buf_free(&json);
	file_free(&f);
}

static void
refused(const char *text, int want, const char *what)
{
	struct err e;
	int rc = parse(span_str(text), &e);

	if (!ok(rc == want && e.hint[0] != '\0', "refused: %s", what))
		diag("rc %d, want %d: %s", rc, want, e.message);
}

#define V20 "0000000000000000000000000000000000000001"

static void
test_refusals(void)
{
	refused("", ERR_FORMAT, "nothing");
	refused("sha1:\n", ERR_FORMAT, "no values");
	refused("0: " V20 "\n", ERR_FORMAT, "a value before a bank");
	refused("sha9:\n 0: " V20 "\n", ERR_UNSUPPORTED, "an unknown bank");
	refused("md5:\n 0: 00112233445566778899aabbccddeeff\n", ERR_UNSUPPORTED, "a hash that is no bank");
	refused("sha1:\n 0: " V20 "\n 0: " V20 "\n", ERR_FORMAT, "a PCR given twice");
	refused("sha1:\n 24: " V20 "\n", ERR_FORMAT, "PCR 24");
	refused("sha1:\n 01: " V20 "\n", ERR_FORMAT, "a number with a leading zero");
	refused("sha1:\n -1: " V20 "\n", ERR_FORMAT, "a negative number");
	refused("sha256:\n 1: " V20 "\n", ERR_FORMAT, "a value of another bank's size");
	refused("sha1:\n 1: " V20 "00\n", ERR_FORMAT, "a value too long");
	refused("sha1:\n hello\n", ERR_FORMAT, "a line that says nothing");
	refused("{}", ERR_FORMAT, "an empty object");
	refused("{\"sha1\":{}}", ERR_FORMAT, "an empty bank");
	refused("{\"sha1\":[]}", ERR_FORMAT, "a bank that is no object");
	refused("{\"sha1\":{\"1\":7}}", ERR_FORMAT, "a value that is no string");
	refused("{\"sha1\":{\"x\":\"" V20 "\"}}", ERR_FORMAT, "a key that is no number");
	refused("{\"nope\":{\"1\":\"" V20 "\"}}", ERR_UNSUPPORTED, "an unknown bank in JSON");
	refused("{\"sha1\":{\"1\":\"" V20 "\",\"1\":\"" V20 "\"}}", ERR_DUPLICATE, "a key twice");
	refused("{\"sha1\":{\"1\":\"" V20 "\"}} x", ERR_TRAILING, "text behind the JSON");
}

static void
test_lenient(void)
{
	struct err e;

	ok(parse(span_lit("sha1:\r\n\r\n\t1 : 0X" V20 "\r\nsha384:\r\n"), &e) == 0 && p.n_banks == 1,
	    "blanks, carriage returns and a bank without values do not matter");
	ok(parse(span_lit("sm3_256:\n0: 0000000000000000000000000000000000000000000000000000000000000000"), &e) == 0 &&
	    p.banks[0].alg == DIGEST_SM3_256, "tpm2-tools' name of SM3; no newline at the end");
}

/* A PCR file as tpm2-tools would write it. */
static void
put_bank(struct buf *b, uint16_t id, uint32_t mask)
{
	buf_le16(b, id);
	buf_u8(b, 3);
	buf_le32(b, mask);
	buf_u8(b, 0xee);	/* padding is not looked at */
}

static void
put_file_head(struct buf *b, uint32_t n)
{
	b->n = 0;
	buf_le32(b, n);
	put_bank(b, 0x0004, 0x000401);
	put_bank(b, 0x000b, 0x0003ff);
	buf_zero(b, 14 * 8);
}

/* Value ${i}: the first two have SHA-1's size. */
static void
put_values(struct buf *b, size_t from, size_t n)
{
	buf_le32(b, (uint32_t)n);
	for (size_t i = 0; i < 8; i++) {
		size_t size = from + i < 2 ? 20 : 32;

		if (i >= n) {
			buf_le16(b, 0xffff);	/* room that is not used */
			buf_zero(b, 64);
			continue;
		}
		buf_le16(b, (uint16_t)size);
		for (size_t k = 0; k < 64; k++)
			buf_u8(b, (uint8_t)(k < size ? from + i : 0xdd));
	}
}

static void
test_order(void)
{
	struct buf b = buf_init(KIB(64));
	struct err e;

	put_file_head(&b, 2);
	buf_le32(&b, 2);
	put_values(&b, 0, 8);
	put_values(&b, 8, 4);
	if (!ok(parse(buf_view(&b), &e) == 0, "two banks, a list that begins in one and ends in the other"))
		diag("%s", e.message);
	ok(p.n_banks == 2 && tpm_pcrs_get(&p, DIGEST_SHA1, 10).p[0] == 1 &&
	    tpm_pcrs_get(&p, DIGEST_SHA256, 0).p[0] == 2 && tpm_pcrs_get(&p, DIGEST_SHA256, 9).p[0] == 11,
	    "each value is where the selection puts it");
	ok(tpm_pcrs_get(&p, DIGEST_SHA256, 10).n == 0 && tpm_pcrs_get(&p, DIGEST_SHA384, 0).n == 0 &&
	    tpm_pcrs_get(&p, DIGEST_SHA1, 99).n == 0, "and nothing else is there");

	put_file_head(&b, 2);
	buf_le32(&b, 2);
	put_values(&b, 0, 8);
	put_values(&b, 8, 3);
	is_int(parse(buf_view(&b), &e), ERR_FORMAT, "one value too few");
	put_file_head(&b, 2);
	buf_le32(&b, 2);
	put_values(&b, 0, 8);
	put_values(&b, 8, 5);
	is_int(parse(buf_view(&b), &e), ERR_FORMAT, "one value too many");
	put_file_head(&b, 2);
	buf_le32(&b, 1);
	put_values(&b, 1, 8);
	is_int(parse(buf_view(&b), &e), ERR_FORMAT, "a value of the wrong bank's size");
	put_file_head(&b, 17);
	is_int(parse(buf_view(&b), &e), ERR_RANGE, "17 banks");
	put_file_head(&b, 2);
	b.p[4] = 0x77;
	is_int(parse(buf_view(&b), &e), ERR_UNSUPPORTED, "an unknown bank");
	put_file_head(&b, 2);
	b.p[6] = 4;
	b.p[10] = 1;
	is_int(parse(buf_view(&b), &e), ERR_RANGE, "PCR 24");
	buf_free(&b);
}

static void
test_repeated_bank(void)
{
	struct buf b = buf_init(KIB(64));
	struct err e;

	buf_le32(&b, 2);
	put_bank(&b, 0x000b, 1);
	put_bank(&b, 0x000b, 1);
	buf_zero(&b, 14 * 8);
	buf_le32(&b, 2);
	put_values(&b, 5, 1);
	put_values(&b, 5, 1);
	ok(parse(buf_view(&b), &e) == 0 && p.selection.n == 2 && p.n_banks == 1,
	    "a bank that is selected twice, with one value: for the selection check to refuse");
	b.p[b.n - 8 * 66 + 2] ^= 1;
	is_int(parse(buf_view(&b), &e), ERR_DUPLICATE, "with two values: which one would count?");
	buf_free(&b);
}

static void
test_keylime(void)
{
	struct file m = golden("debian12-vm/quote1.msg"), s = golden("debian12-vm/quote1.sig"),
	    v = golden("debian12-vm/quote1.pcrs");
	struct buf b = buf_init(KIB(64));
	struct keylime_quote q;
	struct err e = { 0 };
	size_t accepted = 0;

	buf_str(&b, "r");
	buf_base64(&b, file_view(&m));
	buf_str(&b, ":");
	buf_base64(&b, file_view(&s));
	buf_str(&b, ":");
	buf_base64(&b, file_view(&v));
	if (ok(keylime_quote_parse(buf_view(&b), &q, &e) == 0, "a quote string parses")) {
		ok(span_eq(buf_view(&q.attest), file_view(&m)) && span_eq(buf_view(&q.signature), file_view(&s)) &&
		    span_eq(buf_view(&q.pcrs), file_view(&v)), "into what was put in");
		keylime_quote_free(&q);
	}
	for (size_t n = 0; n < b.n; n++)
		if (keylime_quote_parse(span_of(b.p, n), &q, &e) == 0) {
			/* Base64 can end at any group of four; the PCR file then says that it is cut. */
			accepted += parse(buf_view(&q.pcrs), &e) == 0;
			keylime_quote_free(&q);
		}
	is_int((int64_t)accepted, 0, "cut at any byte it is refused, or its PCR values are");
	buf_free(&b);
	file_free(&m);
	file_free(&s);
	file_free(&v);
}

static void
test_keylime_refusals(void)
{
	static const struct { const char *text; int want; } bad[] = {
		{ "", ERR_FORMAT }, { "r", ERR_FORMAT }, { "rAA==:AA==", ERR_FORMAT },
		{ "rAA==:AA==:AA==:AA==", ERR_FORMAT }, { "dAA==:AA==:AA==", ERR_FORMAT },
		{ "r:AA==:AA==", ERR_FORMAT }, { "rAA==:AA==:", ERR_FORMAT },
		{ "rAA:AA==:AA==", ERR_ENCODING }, { "rAB==:AA==:AA==", ERR_ENCODING },
		{ "rAA==:AA==:AA==\n", ERR_ENCODING }, { "reJw=:AA==:AA==", ERR_UNSUPPORTED },
	};
	struct keylime_quote q;
	struct err e = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(keylime_quote_parse(span_str(bad[i].text), &q, &e), bad[i].want, bad[i].text[0] == '\0' ?
		    "an empty string" : "a quote string that is none");
}

int
main(void)
{
	test_recorded();
	test_truncation();
	test_text_and_json_alike();
	test_refusals();
	test_lenient();
	test_order();
	test_repeated_bank();
	test_keylime();
	test_keylime_refusals();
	return done();
}
