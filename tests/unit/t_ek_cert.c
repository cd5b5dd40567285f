/* Endorsement certificates as makers really make them: every oddity of sold hardware is
 * read and recorded, in every form in which certificates are found; what is no
 * endorsement certificate is not taken for one; a chain holds only by a root that was
 * given, at a time inside every validity, and over nothing weak. */
#include "crypto/ek_cert.h"
#include "crypto/x509_chain.h"
#include "formats/ek_cert_file.h"
#include "tests/dump.h"
#include "tests/ek_case.h"

/* --- forms */

static void
one_form(const char *name, const char *same_as, size_t n, unsigned forms, const char *what)
{
	struct file f = ek_file(name), want = ek_file(same_as);
	struct arena a = arena_init(MIB(1));
	struct ek_cert_file got = { 0 };
	struct err e = { 0 };

	ok(ek_cert_file_parse(file_view(&f), &a, &got, &e) == 0 && got.n == n &&
	    span_eq(got.der[0], file_view(&want)), "%s: %s", name, what);
	is_int(got.forms, forms, "and its form is recorded");
	arena_free(&a);
	file_free(&f);
	file_free(&want);
}

static void
test_forms(void)
{
	one_form("ek-rsa.der", "ek-rsa.der", 1, 0, "DER");
	one_form("form-header.bin", "ek-rsa.der", 1, EK_FORM_TCG_HEADER, "the TCG's five bytes before it");
	one_form("form-header-padded.bin", "ek-rsa.der", 1, EK_FORM_TCG_HEADER | EK_FORM_PADDING,
	    "five bytes before and never written NV behind it");
	one_form("form-full-cert.bin", "ek-rsa.der", 1, EK_FORM_TCG_HEADER, "with the tag of a full certificate");
	one_form("form-padded-ff.bin", "ek-rsa.der", 1, EK_FORM_PADDING, "erased NV behind it");
	one_form("form-padded-00.bin", "ek-rsa.der", 1, EK_FORM_PADDING, "zeros behind it");
	one_form("form-chain.bin", "ek-rsa.der", 2, EK_FORM_PADDING, "its issuer behind it");
	one_form("form.pem", "ek-rsa.der", 2, EK_FORM_PEM, "PEM with notes, and its issuer");
	one_form("form.json", "ek-ecc.der", 1, EK_FORM_JSON, "Intel's answer: url-safe, percent-encoded");
}

static int
parse_form(struct span in, struct err *e)
{
	struct arena a = arena_init(MIB(1));
	struct ek_cert_file f;
	int rc = ek_cert_file_parse(in, &a, &f, e);

	arena_free(&a);
	return rc;
}

static void
test_bad_forms(void)
{
	static const char *const names[] = { "ek-rsa.der", "form-header.bin", "form.pem", "form.json" };
	struct file junk = ek_file("form-junk.bin"), rsa = ek_file("ek-rsa.der");
	struct buf b = buf_init(MIB(1));
	struct err e = { 0 };

	is_int(parse_form(file_view(&junk), &e), ERR_TRAILING, "bytes behind it that are no padding");
	is_int(parse_form(span_lit(""), &e), ERR_TRUNCATED, "nothing at all");
	is_int(parse_form(span_lit("\xff\xff\xff\xff"), &e), ERR_FORMAT, "an NV index never written");
	is_int(parse_form(span_of("\x30\x80\x00\x00", 4), &e), ERR_FORMAT, "an indefinite length");
	is_int(parse_form(span_of("\x30\x81\x05xxxxx", 8), &e), ERR_FORMAT, "a length longer than need be");
	is_int(parse_form(span_of("\x30\x83\x01\x00\x00", 5), &e), ERR_LIMIT, "a length over the ceiling");
	is_int(parse_form(span_lit("{\"certificate\": \"MII+\"}"), &e), ERR_ENCODING, "base64 that is not url-safe");
	is_int(parse_form(span_lit("{\"certificate\": \"MII%3\"}"), &e), ERR_ENCODING, "half a percent code");
	is_int(parse_form(span_lit("{\"pubhash\": \"MII\"}"), &e), ERR_FORMAT, "JSON without one");
	is_int(parse_form(span_lit("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"), &e), ERR_FORMAT,
	    "PEM of something else");
	for (int i = 0; i <= LIMIT_CERT_CHAIN; i++)
		buf_span(&b, file_view(&rsa));
	is_int(parse_form(buf_view(&b), &e), ERR_LIMIT, "more certificates than a chain has");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct file f = ek_file(names[i]);
		size_t accepted = 0, whole = i == 2 ? 0 : f.n;

		/* A PEM file cut behind its first certificate is one with fewer. */
		for (size_t n = 0; n < whole; n++)
			accepted += parse_form(span_of(f.p, n), &e) == 0;
		is_int((int64_t)accepted, 0, "cut at any byte it is an error");
		file_free(&f);
	}
	buf_free(&b);
	file_free(&junk);
	file_free(&rsa);
}

/* --- what a certificate says */

struct quirk {
	const char *name;
	unsigned quirks;
	const char *fault;	/* in the sentence; NULL: it is an endorsement certificate */
	const char *what;
};
static const struct quirk quirks[] = {
	{ "ek-rsa.der", EK_QUIRK_EMPTY_SUBJECT, NULL, "an empty subject and a critical directoryName" },
	{ "ek-ecc.der", EK_QUIRK_EMPTY_SUBJECT, NULL, "P-256" },
	{ "ek-p384.der", EK_QUIRK_EMPTY_SUBJECT, NULL, "P-384" },
	{ "ek-rsa3072.der", EK_QUIRK_EMPTY_SUBJECT, NULL, "RSA-3072" },
	{ "oaep-key.der", EK_QUIRK_OAEP_KEY | EK_QUIRK_EMPTY_SUBJECT, NULL, "the OID of RSAES-OAEP for its key" },
	{ "serial-negative.der", EK_QUIRK_SERIAL | EK_QUIRK_EMPTY_SUBJECT, NULL, "a negative serial number" },
	{ "serial-zero.der", EK_QUIRK_SERIAL | EK_QUIRK_EMPTY_SUBJECT, NULL, "serial number zero" },
	{ "serial-long.der", EK_QUIRK_SERIAL | EK_QUIRK_EMPTY_SUBJECT, NULL, "a serial number of 24 octets" },
	{ "no-end.der", EK_QUIRK_NO_END | EK_QUIRK_EMPTY_SUBJECT, NULL, "an end in the year 9999" },
	{ "expired.der", EK_QUIRK_EMPTY_SUBJECT, NULL, "an end in the past (the chain's matter)" },
	{ "no-eku.der", EK_QUIRK_NO_EKU | EK_QUIRK_EMPTY_SUBJECT, NULL, "no extended key usage" },
	{ "san-not-critical.der", 0, NULL, "a subject, and the TPM's name not critical" },
	{ "no-tpm-name.der", EK_QUIRK_NO_TPM_NAME, NULL, "no TPM named anywhere" },
	{ "name-in-subject.der", 0, NULL, "the TPM named in the subject" },
	{ "name-with-escape.der", EK_QUIRK_EMPTY_SUBJECT, NULL, "a name with control characters" },
	{ "policies-critical.der", EK_QUIRK_EMPTY_SUBJECT, NULL, "critical certificate policies" },
	{ "roca.der", EK_QUIRK_EMPTY_SUBJECT, NULL, "a key of CVE-2017-15361 (who relies on it decides)" },
	{ "usage-wrong.der", EK_QUIRK_EMPTY_SUBJECT, "encipherment", "a key usage of signing" },
	{ "purpose-tls.der", EK_QUIRK_EMPTY_SUBJECT, "2.23.133.8.1", "a server's extended key usage" },
	{ "leaf-ca.der", EK_QUIRK_EMPTY_SUBJECT, "CA", "a CA" },
	{ "critical-unknown.der", EK_QUIRK_EMPTY_SUBJECT, "critical", "an unknown critical extension" },
	{ "root.der", EK_QUIRK_NO_EKU | EK_QUIRK_NO_TPM_NAME, "CA", "a root" },
};

static void
test_quirks(void)
{
	for (size_t i = 0; i < sizeof(quirks) / sizeof(quirks[0]); i++) {
		const struct quirk *q = &quirks[i];
		struct file f = ek_file(q->name);
		struct buf b = buf_init(KIB(16));
		struct ek_cert c = { 0 };
		struct err e = { 0 };
		char want[128];
		const char *fault;

		if (!ok(ek_cert_parse(file_view(&f), &c, &e) == 0, "%s: %s", q->name, q->what)) {
			diag("%s", e.message);
			file_free(&f);
			continue;
		}
		is_int(c.quirks, q->quirks, "what is odd about it");
		fault = ek_cert_fault(&c);
		ok((fault == NULL) == (q->fault == NULL) && (fault == NULL || strstr(fault, q->fault) != NULL),
		    "%s", q->fault == NULL ? "it is an endorsement certificate" : "it is none");
		ek_cert_dump(&c, &b);
		(void)snprintf(want, sizeof(want), "ek_cert/%.*s.want", (int)(strlen(q->name) - 4), q->name);
		is_golden(&b, want);
		buf_free(&b);
		ek_cert_free(&c);
		file_free(&f);
	}
}

static void
test_refused(void)
{
	static const struct { const char *name; int code; const char *what; } bad[] = {
		{ "rsa1024.der", ERR_KEY, "a key of 1024 bits" },
		{ "extension-twice.der", ERR_DUPLICATE, "an extension twice" },
		{ "form-padded-ff.bin", ERR_TRAILING, "bytes behind it" },
		{ "revoked.crl", ERR_FORMAT, "a revocation list" },
		{ "form.pem", ERR_FORMAT, "PEM (to be opened first)" },
	};
	struct ek_cert c = { 0 };
	struct err e = { 0 };
	struct file f;
	size_t accepted = 0;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		f = ek_file(bad[i].name);
		is_int(ek_cert_parse(file_view(&f), &c, &e), bad[i].code, bad[i].what);
		file_free(&f);
	}
	is_int(ek_cert_parse(span_lit(""), &c, &e), ERR_TRUNCATED, "nothing");
	f = ek_file("ek-rsa.der");
	for (size_t n = 0; n < f.n; n++)
		accepted += ek_cert_parse(span_of(f.p, n), &c, &e) == 0;
	is_int((int64_t)accepted, 0, "cut at any byte it is none");
	ok(c.key == NULL && c.subject == NULL, "and the result is untouched");
	file_free(&f);
}

/* A certificate that swtpm made, as recorded in a machine. */
static void
test_recorded(void)
{
	struct file f = golden("debian12-vm/ekrsa.der");
	struct buf b = buf_init(KIB(16));
	struct arena a = arena_init(MIB(1));
	struct ek_cert_file file;
	struct ek_cert c = { 0 };
	struct err e = { 0 };

	ok(ek_cert_file_parse(file_view(&f), &a, &file, &e) == 0 && file.n == 1 &&
	    ek_cert_parse(file.der[0], &c, &e) == 0 && ek_cert_fault(&c) == NULL, "a recorded certificate of swtpm");
	ek_cert_dump(&c, &b);
	is_golden(&b, "ek_cert/swtpm.want");
	ek_cert_free(&c);
	buf_free(&b);
	arena_free(&a);
	file_free(&f);
}

/* --- chains */

static const char *
state_name(enum x509_chain_state s)
{
	static const char *const names[] = { "not-run", "good", "no-root", "expired", "not-yet", "revoked",
	    "crl", "signature", "not-ca", "critical", "weak", "other" };

	return names[s];
}

struct chain_case {
	const char *leaf, *inter, *root, *crl;
	time_t now;
	unsigned flags;
	enum x509_chain_state want;
	const char *what;
};
static const struct chain_case chains[] = {
	{ "ek-rsa.der", "inter.der", "root.der", NULL, 0, 0, X509_CHAIN_GOOD, "leaf, issuer, root" },
	{ "oaep-key.der", "inter.der", "root.der", NULL, 0, 0, X509_CHAIN_GOOD, "a key under RSAES-OAEP's OID" },
	{ "oaep-signature.der", "inter.der", "root.der", NULL, 0, 0, X509_CHAIN_SIGNATURE, "and a bit of its signature changed" },
	{ "oaep-wrong-signer.der", "inter.der", "root.der", NULL, 0, 0, X509_CHAIN_SIGNATURE, "or signed by another" },
	{ "oaep-key.der", "inter.der", "root.der", "revoked.crl", 0, 0, X509_CHAIN_REVOKED, "or revoked" },
	{ "oaep-key.der", "inter.der", "root.der", NULL, 2600000000, 0, X509_CHAIN_EXPIRED, "or expired" },
	{ "serial-negative.der", "inter.der", "root.der", NULL, 0, 0, X509_CHAIN_GOOD, "a negative serial number" },
	{ "no-end.der", "inter.der", "root.der", NULL, 0, 0, X509_CHAIN_GOOD, "no end" },
	{ "policies-critical.der", "inter.der", "root.der", NULL, 0, 0, X509_CHAIN_GOOD, "critical policies" },
	{ "ek-rsa.der", NULL, "root.der", NULL, 0, 0, X509_CHAIN_NO_ROOT, "the issuer is missing" },
	{ "ek-rsa.der", "inter.der", "other-root.der", NULL, 0, 0, X509_CHAIN_NO_ROOT, "another root" },
	{ "other-chain.der", "inter.der", "root.der", NULL, 0, 0, X509_CHAIN_NO_ROOT, "another maker's certificate" },
	{ "root.der", NULL, "other-root.der", NULL, 0, 0, X509_CHAIN_NO_ROOT, "a self-signed one nobody gave" },
	{ "ek-rsa.der", NULL, "inter.der", NULL, 0, 0, X509_CHAIN_GOOD, "an issuing CA that was given as a root" },
	{ "ek-rsa.der", "inter.der", "root.der", NULL, 2600000000, 0, X509_CHAIN_EXPIRED, "after its end" },
	{ "expired.der", "inter.der", "root.der", NULL, 0, 0, X509_CHAIN_EXPIRED, "expired" },
	{ "expired.der", "inter.der", "root.der", NULL, 0, X509_CHAIN_ALLOW_EXPIRED, X509_CHAIN_GOOD, "expired, and allowed to be" },
	{ "ek-rsa.der", "inter-expired.der", "root.der", NULL, 0, 0, X509_CHAIN_EXPIRED, "its issuer expired" },
	{ "not-yet.der", "inter.der", "root.der", NULL, 0, 0, X509_CHAIN_NOT_YET_VALID, "not valid yet" },
	{ "not-yet.der", "inter.der", "root.der", NULL, 0, X509_CHAIN_ALLOW_EXPIRED, X509_CHAIN_NOT_YET_VALID,
	  "not valid yet, which nothing allows" },
	{ "ek-rsa.der", "inter.der", "root.der", NULL, 1000000000, 0, X509_CHAIN_NOT_YET_VALID, "a clock set back" },
	{ "signature.der", "inter.der", "root.der", NULL, 0, 0, X509_CHAIN_SIGNATURE, "a bit of its signature changed" },
	{ "wrong-signer.der", "inter.der", "root.der", NULL, 0, 0, X509_CHAIN_SIGNATURE, "signed by another in the issuer's name" },
	{ "ek-rsa.der", "inter-not-ca.der", "root.der", NULL, 0, 0, X509_CHAIN_NOT_CA, "an issuer that is no CA" },
	{ "critical-unknown.der", "inter.der", "root.der", NULL, 0, 0, X509_CHAIN_CRITICAL, "an unknown critical extension" },
	{ "sha1.der", "inter.der", "root.der", NULL, 0, 0, X509_CHAIN_WEAK, "signed over SHA-1" },
	{ "ek-rsa.der", "inter-sha1.der", "root.der", NULL, 0, 0, X509_CHAIN_WEAK, "its issuer signed over SHA-1" },
	{ "ek-rsa.der", "inter.der", "root.der", "revoked.crl", 0, 0, X509_CHAIN_REVOKED, "revoked" },
	{ "ek-rsa.der", "inter.der", "root.der", "revoked.crl.pem", 0, 0, X509_CHAIN_REVOKED, "revoked, the list in PEM" },
	{ "ek-rsa.der", "inter.der", "root.der", "clean.crl", 0, 0, X509_CHAIN_GOOD, "not on the list (its issuer has none)" },
	{ "ek-rsa.der", "inter.der", "root.der", "old.crl", 0, 0, X509_CHAIN_CRL, "a list that expired" },
	{ "ek-rsa.der", "inter.der", "root.der", "forged.crl", 0, 0, X509_CHAIN_CRL, "a list that another signed" },
};

static void
test_chains(void)
{
	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
		const struct chain_case *c = &chains[i];
		struct x509_roots *r = ek_roots(c->root, NULL, c->crl);
		struct file leaf = ek_file(c->leaf), inter = { 0 };
		struct span others[1] = { { 0 } };
		struct x509_chain got = { .state = X509_CHAIN_NOT_RUN };
		struct err e = { 0 };

		if (c->inter != NULL) {
			inter = ek_file(c->inter);
			others[0] = file_view(&inter);
		}
		int rc = x509_chain_check(r, file_view(&leaf), others, c->inter != NULL,
		    c->now == 0 ? EK_NOW : c->now, c->flags, &got, &e);
		if (!ok(rc == 0 && got.state == c->want, "chain: %s", c->what))
			diag("%s: %s (%s)", state_name(got.state), got.detail, e.message);
		ok((got.state == X509_CHAIN_GOOD) == (got.root.alg == DIGEST_SHA256 && got.length > 0) &&
		    (got.state == X509_CHAIN_GOOD) == (got.detail[0] == '\0'), "with its root, or a sentence");
		file_free(&leaf);
		file_free(&inter);
		x509_roots_free(r);
	}
}

static void
test_roots(void)
{
	struct file root = ek_file("root.der"), weak = ek_file("rsa1024.der"), inter = ek_file("inter.der");
	struct file leaf = ek_file("ek-rsa.der");
	struct x509_roots *r = NULL;
	struct x509_chain got;
	struct err e = { 0 };
	struct span many[LIMIT_CERT_CHAIN + 1];

	ok(x509_roots_new(&r, &e) == 0 && x509_roots_count(r) == 0, "no roots");
	ok(x509_chain_check(r, file_view(&leaf), NULL, 0, EK_NOW, 0, &got, &e) == 0 &&
	    got.state == X509_CHAIN_NO_ROOT, "trust nothing");
	ok(x509_roots_add(r, file_view(&root), &e) == 0 && x509_roots_add(r, file_view(&root), &e) == 0 &&
	    x509_roots_count(r) == 1, "a root given twice is one");
	is_int(x509_roots_add(r, file_view(&weak), &e), ERR_KEY, "a weak one is refused");
	is_int(x509_roots_add(r, span_lit("x"), &e), ERR_FORMAT, "as is what is none");
	is_int(x509_roots_add_crl(r, file_view(&root), &e), ERR_FORMAT, "or no revocation list");
	ok(x509_roots_add_intermediate(r, file_view(&inter), &e) == 0 && x509_roots_count(r) == 1,
	    "an intermediate is no root");
	ok(x509_chain_check(r, file_view(&leaf), NULL, 0, EK_NOW, 0, &got, &e) == 0 &&
	    got.state == X509_CHAIN_GOOD && got.length == 3, "but completes a chain");
	is_str(got.root_subject, "CN=Test TPM Root CA,O=Test TPM maker", "to the root");
	for (size_t i = 0; i <= LIMIT_CERT_CHAIN; i++)
		many[i] = file_view(&inter);
	is_int(x509_chain_check(r, file_view(&leaf), many, LIMIT_CERT_CHAIN + 1, EK_NOW, 0, &got, &e), ERR_LIMIT,
	    "too many certificates in a chain");
	ok(x509_chain_check(r, file_view(&leaf), many, LIMIT_CERT_CHAIN, EK_NOW, 0, &got, &e) == 0 &&
	    got.state == X509_CHAIN_GOOD, "the same one many times does no harm");
	x509_roots_free(r);
	file_free(&root);
	file_free(&weak);
	file_free(&inter);
	file_free(&leaf);
}

int
main(void)
{
	test_forms();
	test_bad_forms();
	test_quirks();
	test_refused();
	test_recorded();
	test_chains();
	test_roots();
	return done();
}
