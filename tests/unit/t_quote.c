/* A recorded quote passes all checks; changed in any bit, asked with another nonce, key or
 * selection, or with bytes behind it, it never does. */
#include "tests/quote_case.h"

static struct quote_case c;
static struct quote_facts facts;

static void
test_recorded(void)
{
	static const struct { const char *name, *key; } cases[] = {
		{ "quote1", "ak.pem" }, { "quote2", "ak.pem" }, { "quote3", "ak.pem" },
		{ "quote1", "ak.pub" }, { "quote2", "ak.pub" }, { "quote3", "ak.pub" },
		{ "quoteecc1", "akecc.pem" }, { "quoteecc2", "akecc.pem" }, { "quoteecc3", "akecc.pem" },
		{ "quoteecc1", "akecc.pub" }, { "quoteecc2", "akecc.pub" }, { "quoteecc3", "akecc.pub" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char what[64];

		case_recorded(&c, cases[i].name, cases[i].key);
		(void)snprintf(what, sizeof(what), "%s with %s passes", cases[i].name, cases[i].key);
		passes_all(&c.in, &facts, what);
		case_free(&c);
	}
}

static void
test_facts(void)
{
	case_recorded(&c, "quote1", "ak.pub");
	passes_all(&c.in, &facts, "the facts of quote1:");
	ok(facts.clock.clock == 36443 && facts.clock.reset_count == 2 && facts.clock.restart_count == 0 &&
	    facts.clock.safe, "clock, counts, safe");
	ok(facts.firmware_version == 0x2019102300163636, "firmware version");
	ok(facts.pcr_digest.alg == DIGEST_SHA256, "digest with the signing hash");
	ok(facts.covered.n_banks == 1 && facts.covered.banks[0].mask == 0x7ff, "PCRs 0 to 10 are covered");
	case_free(&c);
}

/* An area's key and a file's key are told apart; attributes count where they are known. */
static void
test_required(void)
{
	struct result r = result_init();
	struct err e = { 0 };

	case_recorded(&c, "quote1", "ak.pem");
	ok(quote_check(&c.in, &r, &facts, &e) == 0 && !r.checks[CHECK_AK_ATTRIBUTES].required &&
	    r.checks[CHECK_AK_ATTRIBUTES].state == CHECK_NOT_RUN, "a PEM key has no attributes to check");
	ok(r.checks[CHECK_REPLAY].required && r.checks[CHECK_REPLAY].state == CHECK_NOT_RUN,
	    "a list must still reproduce the quote");
	result_free(&r);
	case_free(&c);
}

/* Every bit of a file, one by one. */
static size_t
flips_that_pass(struct file *f)
{
	size_t passed = 0;

	for (size_t bit = 0; bit < 8 * f->n; bit++) {
		f->p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		passed += passes(&c.in);
		f->p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	return passed;
}

static void
test_flips(void)
{
	static const struct { const char *name, *key; } cases[] = {
		{ "quote1", "ak.pub" }, { "quote1", "ak.pem" }, { "quoteecc1", "akecc.pub" },
		{ "quoteecc1", "akecc.pem" },
	};

	for (size_t i = 0; i < 4; i++) {
		size_t nonce = 0;

		case_recorded(&c, cases[i].name, cases[i].key);
		ok(passes(&c.in), "%s, %s, as it is", cases[i].name, cases[i].key);
		is_int((int64_t)flips_that_pass(&c.attest), 0, "no flipped bit of the quote passes");
		is_int((int64_t)flips_that_pass(&c.signature), 0, "no flipped bit of the signature passes");
		for (size_t bit = 0; bit < 8 * c.in.nonce.n; bit++) {
			c.nonce[bit / 8] ^= (uint8_t)(1u << bit % 8);
			nonce += passes(&c.in);
			c.nonce[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		is_int((int64_t)nonce, 0, "no flipped bit of the nonce passes");
		ok(passes(&c.in), "and unchanged it still does");
		case_free(&c);
	}
}

/* Every bit of the key's public area: another key, another name, other attributes. */
static void
test_key_flips(void)
{
	size_t passed = 0;

	case_recorded(&c, "quoteecc1", "akecc.pub");
	for (size_t bit = 0; bit < 8 * c.key.n; bit++) {
		struct attest_key ak;

		/* The name's hash and the attributes change nothing about who can sign; the
		 * attributes have a test of their own. */
		if (bit / 8 >= 4 && bit / 8 < 10)
			continue;
		c.key.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (attest_key_parse(file_view(&c.key), &ak, NULL) == 0) {
			c.in.ak = &ak;
			passed += passes(&c.in);
			attest_key_free(&ak);
		}
		c.key.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	c.in.ak = &c.ak;
	is_int((int64_t)passed, 0, "no flipped bit of type, scheme, curve or point passes");
	case_free(&c);
}

static void
test_value_flips(void)
{
	struct err e = { 0 };
	size_t wrong = 0;

	case_recorded(&c, "quote1", "ak.pem");
	static struct tpm_pcrs good;

	good = c.pcrs;
	for (size_t bit = 0; bit < 8 * c.values.n; bit++) {
		c.values.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (tpm_pcrs_parse(file_view(&c.values), &c.pcrs, &e) == 0 && passes(&c.in))
			for (unsigned n = 0; n <= 10; n++)	/* a bit of room that is not used */
				wrong += !span_eq(tpm_pcrs_get(&c.pcrs, DIGEST_SHA256, n),
				    tpm_pcrs_get(&good, DIGEST_SHA256, n));
		c.values.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	is_int((int64_t)wrong, 0, "no flipped bit of the PCR file gives another value that passes");
	case_free(&c);
}

static void
test_nonce(void)
{
	static const uint8_t zeros[LIMIT_TPM_NONCE + 1];
	struct result r = result_init();
	struct err e = { 0 };

	case_recorded(&c, "quote1", "ak.pem");
	c.in.nonce = span_head(c.in.nonce, 20);
	fails_only(&c.in, CHECK_NONCE, REASON_QUOTE_NONCE, "a prefix of the nonce");
	c.in.nonce = span_of(zeros, 21);
	fails_only(&c.in, CHECK_NONCE, REASON_QUOTE_NONCE, "another nonce");
	c.in.nonce = span_of(zeros, LIMIT_TPM_NONCE);
	fails_only(&c.in, CHECK_NONCE, REASON_QUOTE_NONCE, "a longer nonce");
	c.in.nonce = span_of(zeros, 0);
	is_int(quote_check(&c.in, &r, &facts, &e), ERR_USAGE, "no nonce is not a question");
	c.in.nonce = span_of(zeros, LIMIT_TPM_NONCE + 1);
	is_int(quote_check(&c.in, &r, &facts, &e), ERR_USAGE, "65 bytes are more than a TPM takes");
	result_free(&r);
	case_free(&c);
}

static void
test_other_key(void)
{
	static const struct { const char *name; enum reason reason; } keys[] = {
		{ "debian12-vm/ima-rsa.der", REASON_QUOTE_SIGNATURE_INVALID },
		{ "debian12-vm/akecc.pem", REASON_QUOTE_SIGNATURE_SCHEME },
		{ "debian12-vm/akecc.pub", REASON_QUOTE_SIGNATURE_SCHEME },
		{ "tpm/roca.der", REASON_QUOTE_SIGNATURE_SCHEME },
	};

	case_recorded(&c, "quote1", "ak.pem");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct file f = golden(keys[i].name);
		struct attest_key ak = load_ak(&f);

		c.in.ak = &ak;
		fails_only(&c.in, CHECK_SIGNATURE, keys[i].reason, keys[i].name);
		attest_key_free(&ak);
		file_free(&f);
	}
	case_free(&c);
}

static void
test_selection(void)
{
	struct tpm_selection wanted = { .n = 1, .banks = { { 0x000b, DIGEST_SHA256, 0x400 } } };
	struct quote_case other;

	case_recorded(&c, "quote1", "ak.pem");
	c.in.wanted = &wanted;
	fails_only(&c.in, CHECK_SELECTION, REASON_QUOTE_SELECTION, "less was asked for");
	wanted.banks[0].mask = 0x7ff;
	ok(passes(&c.in), "just what was asked for");
	c.in.wanted = NULL;
	c.in.bank = DIGEST_SHA1;
	fails_only(&c.in, CHECK_SELECTION, REASON_QUOTE_SELECTION, "the bank is not in it");
	c.in.bank = DIGEST_SHA256;
	c.in.pcr = 11;
	fails_only(&c.in, CHECK_SELECTION, REASON_QUOTE_SELECTION, "the PCR is not in it");
	c.in.pcr = 10;
	case_recorded(&other, "quoteecc1", "akecc.pem");
	c.in.pcrs = &other.pcrs;
	fails_only(&c.in, CHECK_SELECTION, REASON_QUOTE_SELECTION, "the PCR file is of another selection");
	case_free(&other);
	case_free(&c);
}

static void
test_trailing(void)
{
	struct buf b = buf_init(KIB(4)), k = buf_init(KIB(4));
	struct attest_key ak;

	case_recorded(&c, "quote1", "ak.pub");
	buf_span(&b, c.in.signature);
	buf_u8(&b, 0);
	c.in.signature = buf_view(&b);
	fails_only(&c.in, CHECK_TRAILING_DATA, REASON_TRAILING_DATA, "a byte behind the signature");
	c.in.signature = file_view(&c.signature);
	buf_span(&k, file_view(&c.key));
	buf_u8(&k, 0);
	ok(attest_key_parse(buf_view(&k), &ak, NULL) == 0, "a key with a byte behind it");
	c.in.ak = &ak;
	fails_only(&c.in, CHECK_TRAILING_DATA, REASON_TRAILING_DATA, "the byte behind the key");
	attest_key_free(&ak);
	buf_free(&k);
	buf_free(&b);
	case_free(&c);
}

static void
test_errors(void)
{
	struct result r = result_init();
	struct err e = { 0 };
	size_t decided = 0;

	case_recorded(&c, "quote1", "ak.pem");
	c.in.attest_name = "quote1.msg";
	for (size_t n = 0; n < c.attest.n; n++) {
		c.in.attest = span_of(c.attest.p, n);
		decided += quote_check(&c.in, &r, &facts, &e) == 0;
	}
	is_int((int64_t)decided, 0, "a quote that is cut is an error, not a finding");
	is_str(e.file, "quote1.msg", "which names the file");
	c.in.attest = file_view(&c.attest);
	c.in.signature = span_of(c.signature.p, 3);
	ok(quote_check(&c.in, &r, &facts, &e) != 0, "so is a signature that is cut");
	is_int((int64_t)r.n_findings, 0, "nothing was found");
	result_free(&r);
	case_free(&c);
}

/* tpm2_quote -f plain, and nothing to tell scheme and hash but key and digest. */
static void
test_plain(void)
{
	case_recorded(&c, "quote1", "ak.pem");
	c.in.signature = span_from(c.in.signature, 6);
	passes_all(&c.in, &facts, "a plain RSA signature with a PEM key");
	case_free(&c);
	case_recorded(&c, "quote1", "ak.pub");
	c.in.signature = span_from(c.in.signature, 6);
	passes_all(&c.in, &facts, "a plain RSA signature with a public area");
	c.signature.p[100] ^= 1;
	fails_only(&c.in, CHECK_SIGNATURE, REASON_QUOTE_SIGNATURE_INVALID, "the same, a bit changed");
	case_free(&c);
}

int
main(void)
{
	test_recorded();
	test_facts();
	test_required();
	test_flips();
	test_key_flips();
	test_value_flips();
	test_nonce();
	test_other_key();
	test_selection();
	test_trailing();
	test_errors();
	test_plain();
	return done();
}
