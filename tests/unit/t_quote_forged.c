/* What a key outside a TPM can sign: each lie fails the one check that is made for it,
 * and only the truth passes.  Schemes, hashes and keys outside the allow-list are
 * refused however well they sign. */
#include "crypto/digest.h"
#include "tests/quote_case.h"

/* What is put into a made-up quote. */
struct made {
	uint32_t magic;
	uint16_t type;
	const char *nonce, *trailing;
	struct tpm_selection selection;
	enum digest_alg hash;		/* of the digest and of the signature */
	const char *digest;		/* instead of the right one; NULL: the right one */
	enum sig_scheme scheme;
	const char *key;		/* private key's file */
	uint16_t sig_alg;		/* as written; 0: the scheme's */
	bool plain;			/* only the signature's bytes */
};

static const struct made honest = {
	.magic = TPM_GENERATED, .type = TPM_ST_ATTEST_QUOTE, .nonce = "nonce", .trailing = "",
	.selection = { .n = 1, .banks = { { 0x000b, DIGEST_SHA256, 0x400 } } },
	.hash = DIGEST_SHA256, .scheme = SIG_RSASSA, .key = "tpm/key-rsa.pem",
};

static struct tpm_pcrs values;
static struct quote_facts facts;

/* The values of every bank, told by number and bank. */
static void
make_values(void)
{
	static const enum digest_alg banks[] = { DIGEST_SHA1, DIGEST_SHA256, DIGEST_SHA384 };

	values = (struct tpm_pcrs){ .kind = TPM_PCRS_JSON };
	for (size_t i = 0; i < 3; i++)
		for (unsigned n = 0; n < LIMIT_PCRS; n++) {
			uint8_t v[LIMIT_DIGEST];

			memset(v, (int)(0x40 * i + n), sizeof(v));
			if (!tpm_pcrs_set(&values, banks[i], n, span_of(v, digest_alg_size(banks[i]))))
				abort();
		}
}

static void
put_digest(struct buf *b, const struct made *m)
{
	struct buf all = buf_init(KIB(64));
	struct digest d;

	if (m->digest != NULL) {
		buf_be16(b, (uint16_t)strlen(m->digest));
		buf_str(b, m->digest);
		return;
	}
	for (size_t i = 0; i < m->selection.n; i++)
		for (unsigned n = 0; n < LIMIT_PCRS; n++)
			if ((m->selection.banks[i].mask >> n & 1) != 0)
				buf_span(&all, tpm_pcrs_get(&values, m->selection.banks[i].alg, n));
	if (digest_of(m->hash, buf_view(&all), &d, NULL) != 0)
		abort();
	buf_be16(b, d.size);
	buf_span(b, digest_view(&d));
	buf_free(&all);
}

static void
put_attest(struct buf *b, const struct made *m)
{
	buf_be32(b, m->magic);
	buf_be16(b, m->type);
	buf_be16(b, 0);
	buf_be16(b, (uint16_t)strlen(m->nonce));
	buf_str(b, m->nonce);
	buf_be64(b, 5000);
	buf_be32(b, 3);
	buf_be32(b, 1);
	buf_u8(b, 1);
	buf_be64(b, 0x11);
	buf_be32(b, (uint32_t)m->selection.n);
	for (size_t i = 0; i < m->selection.n; i++) {
		buf_be16(b, m->selection.banks[i].id);
		buf_u8(b, 4);
		buf_le32(b, m->selection.banks[i].mask);
	}
	put_digest(b, m);
	buf_str(b, m->trailing);
}

static void
put_signature(struct buf *b, const struct made *m, struct span attest, struct attest_key *ak)
{
	struct file f = golden(m->key);
	PRIVKEY_AUTO struct privkey *key = NULL;
	struct buf sig = buf_init(KIB(4));
	struct err e = { 0 };

	if (privkey_parse(file_view(&f), &key, &e) != 0 ||
	    privkey_sign(key, m->scheme, attest, m->hash, &sig, &e) != 0 ||
	    pubkey_parse(pubkey_spki(privkey_public(key)), &ak->key, &e) != 0) {
		printf("Bail out! %s: %s\n", m->key, e.message);
		exit(99);
	}
	if (!m->plain && m->scheme != SIG_ECDSA) {
		buf_be16(b, m->sig_alg != 0 ? m->sig_alg :
		    m->scheme == SIG_RSASSA ? TPM_ALG_RSASSA : TPM_ALG_RSAPSS);
		buf_be16(b, digest_alg_tpm(m->hash));
		buf_be16(b, (uint16_t)sig.n);
	}
	buf_span(b, buf_view(&sig));
	buf_free(&sig);
	file_free(&f);
}

/* One made-up quote, ready to be checked. */
struct forged {
	struct buf attest, signature;
	struct attest_key ak;
	struct quote_input in;
};

static void
forge(struct forged *f, const struct made *m)
{
	*f = (struct forged){ .attest = buf_init(KIB(4)), .signature = buf_init(KIB(4)) };
	put_attest(&f->attest, m);
	put_signature(&f->signature, m, buf_view(&f->attest), &f->ak);
	f->in = (struct quote_input){ .attest = buf_view(&f->attest),
	    .signature = buf_view(&f->signature), .ak = &f->ak, .nonce = span_lit("nonce"),
	    .bank = DIGEST_SHA256, .pcr = 10, .pcrs = &values };
}

static void
forged_free(struct forged *f)
{
	attest_key_free(&f->ak);
	buf_free(&f->attest);
	buf_free(&f->signature);
}

static void
good(const struct made *m, const char *what)
{
	struct forged f;

	forge(&f, m);
	passes_all(&f.in, &facts, what);
	forged_free(&f);
}

static void
bad(const struct made *m, enum check_id id, enum reason reason, const char *what)
{
	struct forged f;

	forge(&f, m);
	fails_only(&f.in, id, reason, what);
	forged_free(&f);
}

static void
test_lies(void)
{
	struct made m = honest;

	good(&m, "the honest quote passes");
	m.magic = 0x41414141;
	bad(&m, CHECK_MAGIC, REASON_QUOTE_MAGIC, "wrong magic");
	m = honest;
	m.type = TPM_ST_ATTEST_CERTIFY;
	bad(&m, CHECK_TYPE, REASON_QUOTE_TYPE, "type 8017 with the body of a quote");
	m.type = 0x9999;
	bad(&m, CHECK_TYPE, REASON_QUOTE_TYPE, "a type nobody knows");
	m = honest;
	m.nonce = "other";
	bad(&m, CHECK_NONCE, REASON_QUOTE_NONCE, "another nonce, signed");
	m.nonce = "";
	bad(&m, CHECK_NONCE, REASON_QUOTE_NONCE, "no nonce, signed");
	m = honest;
	m.trailing = "and more";
	bad(&m, CHECK_TRAILING_DATA, REASON_TRAILING_DATA, "bytes behind the quote, signed");
}

static void
test_selections(void)
{
	struct made m = honest;

	m.selection = (struct tpm_selection){ .n = 0 };
	bad(&m, CHECK_SELECTION, REASON_QUOTE_SELECTION, "no bank");
	m.selection = (struct tpm_selection){ .n = 1, .banks = { { 0x000b, DIGEST_SHA256, 0 } } };
	bad(&m, CHECK_SELECTION, REASON_QUOTE_SELECTION, "a bank without PCRs");
	m.selection.banks[0].mask = 0x3ff;
	bad(&m, CHECK_SELECTION, REASON_QUOTE_SELECTION, "all but PCR 10");
	m.selection.banks[0] = (struct tpm_bank){ 0x0004, DIGEST_SHA1, 0x400 };
	bad(&m, CHECK_SELECTION, REASON_QUOTE_SELECTION, "PCR 10 of another bank");
	m.selection = (struct tpm_selection){ .n = 2, .banks = { { 0x000b, DIGEST_SHA256, 0x400 },
	    { 0x000b, DIGEST_SHA256, 0x400 } } };
	bad(&m, CHECK_SELECTION, REASON_QUOTE_SELECTION, "a bank twice");
	m.selection.banks[1] = (struct tpm_bank){ 0x7777, DIGEST_NONE, 1 };
	bad(&m, CHECK_SELECTION, REASON_QUOTE_SELECTION, "an unknown bank");
	m = honest;
	m.selection.banks[0].mask |= 1u << 24;
	bad(&m, CHECK_SELECTION, REASON_QUOTE_SELECTION, "PCR 24");
	m.selection = (struct tpm_selection){ .n = 2, .banks = { { 0x0004, DIGEST_SHA1, 0x400 },
	    { 0x000b, DIGEST_SHA256, 0x7ff } } };
	good(&m, "two banks are fine");
	m.selection = (struct tpm_selection){ .n = 2, .banks = { { 0x000c, DIGEST_SHA384, 0 },
	    { 0x000b, DIGEST_SHA256, 0x7ff } } };
	good(&m, "an empty bank beside the one that counts is fine");
}

/* Who quotes chooses the PCRs; what must be among them is the verifier's to say (CVE-2022-0317). */
static void
test_least(void)
{
	struct made m = honest;
	struct forged f;

	forge(&f, &m);
	f.in.least = 0x400;
	passes_all(&f.in, &facts, "the PCRs that were asked for");
	f.in.least = 0x7ff;
	fails_only(&f.in, CHECK_SELECTION, REASON_QUOTE_SELECTION, "PCR 10 alone, where the boot's were asked for");
	forged_free(&f);
	m.selection.banks[0].mask = 0x7ff;
	forge(&f, &m);
	f.in.least = 0x401;
	passes_all(&f.in, &facts, "more PCRs than were asked for are fine");
	forged_free(&f);
}

static void
test_schemes(void)
{
	struct made m = honest;

	m.scheme = SIG_RSAPSS;
	good(&m, "RSAPSS");
	m.sig_alg = TPM_ALG_RSASSA;
	bad(&m, CHECK_SIGNATURE, REASON_QUOTE_SIGNATURE_INVALID, "RSAPSS that says RSASSA");
	m = honest;
	m.sig_alg = TPM_ALG_RSAPSS;
	bad(&m, CHECK_SIGNATURE, REASON_QUOTE_SIGNATURE_INVALID, "RSASSA that says RSAPSS");
	m = honest;
	m.hash = DIGEST_SHA384;
	good(&m, "SHA-384");
	m.hash = DIGEST_SHA512;
	good(&m, "SHA-512");
	m.hash = DIGEST_SHA1;
	bad(&m, CHECK_SIGNATURE, REASON_QUOTE_SIGNATURE_SCHEME, "SHA-1");
	m.hash = DIGEST_SHA3_256;
	bad(&m, CHECK_SIGNATURE, REASON_QUOTE_SIGNATURE_SCHEME, "SHA3-256");
	m = honest;
	m.plain = true;
	good(&m, "plain RSASSA");
	m.scheme = SIG_RSAPSS;
	good(&m, "plain RSAPSS");
	m.hash = DIGEST_SHA1;
	bad(&m, CHECK_SIGNATURE, REASON_QUOTE_SIGNATURE_SCHEME, "plain SHA-1");
	m.hash = DIGEST_SHA3_384;
	bad(&m, CHECK_SIGNATURE, REASON_QUOTE_SIGNATURE_INVALID, "plain SHA3-384, taken for SHA-384");
}

static void
test_curves(void)
{
	struct made m = honest;

	m.scheme = SIG_ECDSA;
	m.key = "tpm/key-p256.pem";
	good(&m, "P-256");
	m.hash = DIGEST_SHA384;
	m.key = "tpm/key-p384.pem";
	good(&m, "P-384");
	m.key = "tpm/key-p521.pem";
	bad(&m, CHECK_SIGNATURE, REASON_QUOTE_SIGNATURE_SCHEME, "P-521");
}

static void
test_digests(void)
{
	struct made m = honest;
	struct result r = result_init();
	struct err e = { 0 };
	struct forged f;
	bool settled = true;

	values.kind = TPM_PCRS_TOOLS;
	values.selection = honest.selection;
	m.digest = "0123456789abcdef0123456789abcdef";
	bad(&m, CHECK_DIGEST, REASON_QUOTE_DIGEST, "the PCR file has other values");
	m.digest = "short";
	bad(&m, CHECK_DIGEST, REASON_QUOTE_DIGEST, "a digest that is not the hash's size");
	values.kind = TPM_PCRS_TEXT;
	m.digest = "0123456789abcdef0123456789abcdef";
	forge(&f, &m);
	ok(quote_check(&f.in, &r, &facts, &e) == 0 && r.checks[CHECK_DIGEST].state == CHECK_NOT_RUN &&
	    r.n_warnings == 1 && facts.covered.n_banks == 0,
	    "values of a text may be older: they are set aside, with a warning");
	ok(quote_settle(&facts, &values, &r, &settled, &e) == 0 && !settled &&
	    r.checks[CHECK_DIGEST].state == CHECK_NOT_RUN, "and settle nothing");
	result_free(&r);
	forged_free(&f);
	values.kind = TPM_PCRS_JSON;
}

/* Without values, or with some, the replay's are what settles it. */
static void
test_settling(void)
{
	struct result r = result_init();
	struct err e = { 0 };
	struct made m = honest;
	static struct tpm_pcrs some;
	struct forged f;
	bool settled;

	m.selection.banks[0].mask = 0x403;
	forge(&f, &m);
	some = values;
	for (size_t i = 0; i < some.n_banks; i++)
		some.banks[i].mask = 0x3;
	f.in.pcrs = &some;
	ok(quote_check(&f.in, &r, &facts, &e) == 0 && r.checks[CHECK_DIGEST].state == CHECK_NOT_RUN &&
	    r.n_warnings == 0 && quote_authentic(&r), "values that are not all leave the digest open");
	ok(quote_settle(&facts, &some, &r, &settled, &e) == 0 && !settled, "and settle nothing");
	ok(quote_settle(&facts, &values, &r, &settled, &e) == 0 && settled &&
	    r.checks[CHECK_DIGEST].state == CHECK_PASS, "all values settle it");
	ok(facts.covered.n_banks == 1 && facts.covered.banks[0].mask == 0x403,
	    "what is covered is what was selected, whatever else was given");
	result_free(&r);
	forged_free(&f);
}

static void
test_parts(void)
{
	struct buf before = buf_init(KIB(4)), after = buf_init(KIB(4)), all = buf_init(KIB(4));
	struct quote_facts q = { .selection = { .n = 2, .banks = { { 0x000b, DIGEST_SHA256, 0xc01 },
	    { 0x0004, DIGEST_SHA1, 0x400 } } } };
	struct err e = { 0 };
	bool complete;

	ok(quote_digest_parts(&q, &values, DIGEST_SHA256, 10, &before, &after, &complete, &e) == 0 &&
	    complete && before.n == 32 && after.n == 32 + 20, "parts before and behind PCR 10");
	ok(before.p[0] == 0x40 && after.p[0] == 0x4b && after.p[32] == 0x0a, "are the right ones");
	ok(quote_digest_parts(&q, NULL, DIGEST_SHA256, 10, &all, &all, &complete, &e) == 0 && !complete,
	    "without values they are not complete");
	q.selection.banks[1] = q.selection.banks[0];
	ok(quote_digest_parts(&q, &values, DIGEST_SHA256, 10, &all, &all, &complete, &e) == 0 && !complete,
	    "nor where the PCR is selected twice");
	ok(quote_digest_parts(&q, &values, DIGEST_SHA256, 5, &all, &all, &complete, &e) == 0 && !complete,
	    "nor where it is not selected");
	buf_free(&before);
	buf_free(&after);
	buf_free(&all);
}

/* A public area for the test key, as if it were in a TPM. */
static struct tpm_public
area(uint32_t attributes, uint16_t scheme, uint16_t hash)
{
	return (struct tpm_public){ .sized = true, .type = TPM_ALG_RSA, .attributes = attributes,
	    .scheme = scheme, .scheme_hash = hash, .symmetric = TPM_ALG_NULL };
}

static void
test_attributes(void)
{
	const uint32_t right = TPMA_FIXED_TPM | TPMA_FIXED_PARENT | TPMA_SENSITIVE_DATA_ORIGIN |
	    TPMA_USER_WITH_AUTH | TPMA_RESTRICTED | TPMA_SIGN;
	struct forged f;
	size_t missed = 0;

	forge(&f, &honest);
	f.ak.has_area = true;
	f.ak.area = area(right, TPM_ALG_RSASSA, 0x000b);
	passes_all(&f.in, &facts, "a restricted signing key");
	for (unsigned bit = 0; bit < 32; bit++) {
		bool matters = (1u << bit & (right | TPMA_DECRYPT)) != 0 && 1u << bit != TPMA_USER_WITH_AUTH;

		f.ak.area = area(right ^ 1u << bit, TPM_ALG_RSASSA, 0x000b);
		missed += passes(&f.in) == matters;
	}
	is_int((int64_t)missed, 0, "each attribute that matters, alone, fails; others do not");
	f.ak.area = area(right & ~(uint32_t)TPMA_RESTRICTED, TPM_ALG_RSASSA, 0x000b);
	fails_only(&f.in, CHECK_AK_ATTRIBUTES, REASON_AK_ATTRIBUTES, "a key that signs anything");
	f.ak.area = area(right | TPMA_DECRYPT, TPM_ALG_RSASSA, 0x000b);
	fails_only(&f.in, CHECK_AK_ATTRIBUTES, REASON_AK_ATTRIBUTES, "a key that decrypts");
	f.ak.area = area(right, TPM_ALG_RSAPSS, 0x000b);
	fails_only(&f.in, CHECK_SIGNATURE, REASON_QUOTE_SIGNATURE_SCHEME, "a key bound to another scheme");
	f.ak.area = area(right, TPM_ALG_RSASSA, 0x000c);
	fails_only(&f.in, CHECK_SIGNATURE, REASON_QUOTE_SIGNATURE_SCHEME, "a key bound to another hash");
	f.ak.area = area(right, TPM_ALG_NULL, 0);
	passes_all(&f.in, &facts, "a key bound to no scheme");
	forged_free(&f);
}

int
main(void)
{
	make_values();
	test_lies();
	test_selections();
	test_least();
	test_schemes();
	test_curves();
	test_digests();
	test_settling();
	test_parts();
	test_attributes();
	return done();
}
