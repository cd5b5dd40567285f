/* The certificates we make are what their readers expect and no more: names, purposes, dates and
 * serial numbers are ours, whatever a request asks for; a request without its key is none. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/pem.h"
#include "crypto/x509_chain.h"
#include "crypto/x509_issue.h"
#include "tests/ek_case.h"

enum { DAY = 86400 };

static struct issuer *
make_ca(struct buf *key, struct buf *cert)
{
	struct issuer *i = NULL;
	struct err e = { 0 };

	*key = buf_init(KIB(4));
	*cert = buf_init(KIB(32));
	ok(key_create(key, &e) == 0 && ca_create(buf_view(key), "Assay CA", EK_NOW, EK_NOW + 1000L * DAY, cert, &e) == 0,
	    "a CA");
	ok(issuer_open(buf_view(cert), buf_view(key), &i, &e) == 0, "opens");
	return i;
}

static X509 *
parsed(const struct buf *der)
{
	const unsigned char *p = der->p;

	return d2i_X509(NULL, &p, (long)der->n);
}

static bool
has_purpose(X509 *x, int nid)
{
	EXTENDED_KEY_USAGE *all = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
	bool one = all != NULL && sk_ASN1_OBJECT_num(all) == 1 &&
	    OBJ_obj2nid(sk_ASN1_OBJECT_value(all, 0)) == nid;

	EXTENDED_KEY_USAGE_free(all);
	return one;
}

static bool
chains(struct span ca_pem, const struct buf *der, time_t now, enum x509_chain_state want)
{
	X509_ROOTS_AUTO struct x509_roots *r = NULL;
	BUF_AUTO struct buf ca = buf_init(KIB(16));
	struct x509_chain got;
	struct err e = { 0 };

	return x509_roots_new(&r, &e) == 0 && pem_read(ca_pem, "CERTIFICATE", &ca, &e) == 0 &&
	    x509_roots_add(r, buf_view(&ca), &e) == 0 &&
	    x509_chain_check(r, buf_view(der), NULL, 0, now, 0, &got, &e) == 0 && got.state == want;
}

static void
test_ca(struct span ca_pem)
{
	struct buf der = buf_init(KIB(16));
	struct err e = { 0 };
	X509 *x = NULL;

	ok(pem_read(ca_pem, "CERTIFICATE", &der, &e) == 0 && (x = parsed(&der)) != NULL, "the CA's certificate");
	ok(X509_check_ca(x) == 1 && X509_get_pathlen(x) == 0 &&
	    X509_get_key_usage(x) == (KU_KEY_CERT_SIGN | KU_CRL_SIGN), "may issue leaves and nothing else");
	ok(X509_verify(x, X509_get0_pubkey(x)) == 1, "signed by itself");
	X509_free(x);
	buf_free(&der);
}

static void
test_client(const struct issuer *ca, struct span ca_pem)
{
	struct buf key = buf_init(KIB(4)), csr = buf_init(KIB(16)), der = buf_init(KIB(16)), two = buf_init(KIB(16));
	struct csr *c = NULL;
	struct err e = { 0 };
	X509 *x = NULL, *y = NULL;

	ok(key_create(&key, &e) == 0 && csr_create(buf_view(&key), "I am the administrator", &csr, &e) == 0 &&
	    csr_parse(buf_view(&csr), &c, &e) == 0 && span_eq(csr_der(c), buf_view(&csr)), "a request");
	struct cert_order order = {
		.kind = CERT_CLIENT, .key = csr_key(c), .cn = "0123456789abcdef0123456789abcdef",
		.from = EK_NOW, .to = EK_NOW + 90L * DAY,
	};
	ok(cert_issue(ca, &order, &der, &e) == 0 && cert_issue(ca, &order, &two, &e) == 0, "two certificates for it");
	x = parsed(&der);
	y = parsed(&two);
	struct pubkey *k = NULL;
	ok(pubkey_parse(buf_view(&der), &k, &e) == 0 && pubkey_eq(k, csr_key(c)), "of its key");
	is_str(pubkey_subject(k), "CN=0123456789abcdef0123456789abcdef", "named by us, not by the request");
	time_t from = 0, to = 0;
	ok(pubkey_validity(k, &from, &to) && from == EK_NOW && to == EK_NOW + 90L * DAY, "dated by us");
	ok(has_purpose(x, NID_client_auth) && X509_get_key_usage(x) == KU_DIGITAL_SIGNATURE &&
	    X509_check_ca(x) == 0, "for a client's TLS alone");
	ok(ASN1_INTEGER_cmp(X509_get0_serialNumber(x), X509_get0_serialNumber(y)) != 0 &&
	    ASN1_STRING_length(X509_get0_serialNumber(x)) == 16 &&
	    ASN1_STRING_type(X509_get0_serialNumber(x)) == V_ASN1_INTEGER, "with serial numbers of 127 bits, each its own");
	ok(chains(ca_pem, &der, EK_NOW + 5, X509_CHAIN_GOOD), "it chains to the CA");
	ok(chains(ca_pem, &der, EK_NOW + 91L * DAY, X509_CHAIN_EXPIRED), "until its end");
	pubkey_free(k);
	X509_free(x);
	X509_free(y);
	csr_free(c);
	buf_free(&key);
	buf_free(&csr);
	buf_free(&der);
	buf_free(&two);
}

static bool
has_name(X509 *x, const char *name)
{
	return X509_check_host(x, name, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1 ||
	    X509_check_ip_asc(x, name, 0) == 1;
}

static void
test_server(const struct issuer *ca)
{
	static const char *const names[] = { "assay.example.org", "127.0.0.1", "::1", "localhost" };
	static const char *const bad[] = { "", "-a.example", "a..b", "a b", "*.example.org", "a.example.", "a\n", "1.2.3.4.5/8" };
	struct buf key = buf_init(KIB(4)), der = buf_init(KIB(16));
	struct privkey *k = NULL;
	struct err e = { 0 };
	int found = 0, refused = 0;
	X509 *x = NULL;

	ok(key_create(&key, &e) == 0 && privkey_parse(buf_view(&key), &k, &e) == 0, "a server's key");
	struct cert_order order = {
		.kind = CERT_SERVER, .key = privkey_public(k), .cn = names[0], .names = names, .n_names = 4,
		.from = EK_NOW, .to = EK_NOW + DAY,
	};
	ok(cert_issue(ca, &order, &der, &e) == 0 && (x = parsed(&der)) != NULL, "its certificate");
	for (size_t i = 0; i < 4; i++)
		found += has_name(x, names[i]);
	is_int(found, 4, "has every name and address");
	ok(!has_name(x, "example.org") && !has_name(x, "127.0.0.2"), "and no other");
	ok(has_purpose(x, NID_server_auth), "for a server's TLS alone");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		order.names = &bad[i];
		order.n_names = 1;
		refused += cert_issue(ca, &order, &der, &e) == ERR_FORMAT;
	}
	is_int(refused, (int)(sizeof(bad) / sizeof(bad[0])), "what is no name is refused");
	X509_free(x);
	privkey_free(k);
	buf_free(&key);
	buf_free(&der);
}

static void
test_orders(const struct issuer *ca)
{
	struct file p521 = golden("tpm/key-p521.pem");
	struct buf der = buf_init(KIB(16)), key = buf_init(KIB(4));
	struct privkey *k = NULL, *big = NULL;
	struct err e = { 0 };

	ok(key_create(&key, &e) == 0 && privkey_parse(buf_view(&key), &k, &e) == 0 &&
	    privkey_parse(file_view(&p521), &big, &e) == 0, "keys");
	struct cert_order order = { .kind = CERT_CLIENT, .key = privkey_public(k), .cn = "x", .from = EK_NOW, .to = EK_NOW + DAY };
	struct cert_order o = order;

	o.from = EK_NOW - 1;
	is_int(cert_issue(ca, &o, &der, &e), ERR_RANGE, "before the CA's time");
	o = order;
	o.to = EK_NOW + 2000L * DAY;
	is_int(cert_issue(ca, &o, &der, &e), ERR_RANGE, "beyond it");
	o = order;
	o.to = o.from;
	is_int(cert_issue(ca, &o, &der, &e), ERR_RANGE, "no time at all");
	o = order;
	o.cn = "";
	is_int(cert_issue(ca, &o, &der, &e), ERR_RANGE, "no name");
	o.cn = "a\nb";
	is_int(cert_issue(ca, &o, &der, &e), ERR_FORMAT, "a name with a newline");
	o.cn = "01234567890123456789012345678901234567890123456789012345678901234";
	is_int(cert_issue(ca, &o, &der, &e), ERR_RANGE, "a name of 65 characters");
	o = order;
	o.key = privkey_public(big);
	is_int(cert_issue(ca, &o, &der, &e), ERR_KEY, "a key on P-521");
	is_int((int64_t)der.n, 0, "nothing was written");
	privkey_free(k);
	privkey_free(big);
	buf_free(&der);
	buf_free(&key);
	file_free(&p521);
}

/* --- requests made by openssl's library, as others would send them */

static void
request_of(const char *key_name, const char *extensions, struct buf *der)
{
	struct file f = golden(key_name);
	BIO *in = BIO_new_mem_buf(f.p, (int)f.n);
	EVP_PKEY *k = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
	X509_REQ *r = X509_REQ_new();
	unsigned char *bytes = NULL;
	int n;

	X509_REQ_set_pubkey(r, k);
	X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(r), NID_commonName, MBSTRING_ASC,
	    (const unsigned char *)"root", -1, -1, 0);
	if (extensions != NULL) {
		STACK_OF(X509_EXTENSION) *all = sk_X509_EXTENSION_new_null();

		sk_X509_EXTENSION_push(all, X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, extensions));
		X509_REQ_add_extensions(r, all);
		sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
	}
	X509_REQ_sign(r, k, EVP_sha256());
	n = i2d_X509_REQ(r, &bytes);
	der->n = 0;
	buf_put(der, bytes, (size_t)n);
	OPENSSL_free(bytes);
	X509_REQ_free(r);
	EVP_PKEY_free(k);
	BIO_free(in);
	file_free(&f);
}

static int
parse_request(struct span in)
{
	struct csr *c = NULL;
	struct err e = { 0 };
	int rc = csr_parse(in, &c, &e);

	csr_free(c);
	return rc;
}

static void
test_requests(const struct issuer *ca)
{
	struct buf der = buf_init(KIB(64)), pem = buf_init(KIB(64)), cert = buf_init(KIB(16));
	struct csr *c = NULL;
	struct err e = { 0 };
	size_t accepted = 0;
	X509 *x = NULL;

	request_of("ek_cert/key-ek-rsa.pem", "critical,CA:TRUE", &der);
	ok(csr_parse(buf_view(&der), &c, &e) == 0, "a request of RSA-2048 that asks to be a CA");
	struct cert_order order = { .kind = CERT_CLIENT, .key = csr_key(c), .cn = "host", .from = EK_NOW, .to = EK_NOW + DAY };
	ok(cert_issue(ca, &order, &cert, &e) == 0 && (x = parsed(&cert)) != NULL && X509_check_ca(x) == 0 &&
	    X509_get_pathlen(x) == -1, "becomes no CA");
	X509_free(x);
	csr_free(c);
	request_of("ek_cert/key-ek-p384.pem", NULL, &der);
	is_int(parse_request(buf_view(&der)), 0, "P-384");
	pem_write("CERTIFICATE REQUEST", buf_view(&der), &pem);
	is_int(parse_request(buf_view(&pem)), 0, "in PEM");
	request_of("tpm/key-p521.pem", NULL, &der);
	is_int(parse_request(buf_view(&der)), ERR_KEY, "P-521");
	request_of("ek_cert/key-weak-rsa.pem", NULL, &der);
	is_int(parse_request(buf_view(&der)), ERR_KEY, "RSA-1024");
	request_of("ek_cert/key-ek-ecc.pem", NULL, &der);
	for (size_t n = 0; n < der.n; n++)
		accepted += parse_request(span_of(der.p, n)) == 0;
	for (size_t i = 0; i < der.n; i++) {
		der.p[i] ^= 1;
		accepted += parse_request(buf_view(&der)) == 0;
		der.p[i] ^= 1;
	}
	is_int((int64_t)accepted, 0, "cut at any byte, or with a bit of any byte changed, it is none");
	der.p[der.n - 1] ^= 1;
	is_int(parse_request(buf_view(&der)), ERR_SIGNATURE, "that its key did not sign");
	der.p[der.n - 1] ^= 1;
	buf_u8(&der, 0);
	is_int(parse_request(buf_view(&der)), ERR_TRAILING, "a byte behind it");
	der.n = 0;
	buf_zero(&der, LIMIT_CSR + 1);
	is_int(parse_request(buf_view(&der)), ERR_LIMIT, "a large one");
	buf_free(&der);
	buf_free(&pem);
	buf_free(&cert);
}

static void
test_issuer(struct span ca_key, struct span ca_pem)
{
	struct file leaf = ek_file("ek-ecc.der"), leaf_key = ek_file("key-ek-ecc.pem");
	struct buf pem = buf_init(KIB(16));
	struct issuer *i = NULL;
	struct err e = { 0 };

	is_int(issuer_open(ca_pem, file_view(&leaf_key), &i, &e), ERR_MISMATCH, "a CA with another's key");
	pem_write("CERTIFICATE", file_view(&leaf), &pem);
	is_int(issuer_open(buf_view(&pem), file_view(&leaf_key), &i, &e), ERR_KEY, "a leaf is no CA");
	ok(issuer_open(ca_key, ca_key, &i, &e) != 0 && i == NULL, "nor is a key");
	buf_free(&pem);
	file_free(&leaf);
	file_free(&leaf_key);
}

static void
test_pem(void)
{
	struct buf pem = buf_init(KIB(4)), der = buf_init(KIB(4));
	struct err e = { 0 };
	size_t off = 0;
	uint8_t bytes[100];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	buf_str(&pem, "note\n");
	pem_write("A", span_of(bytes, 100), &pem);
	pem_write("B", span_of(bytes, 1), &pem);
	pem_write("A", span_of(bytes, 48), &pem);
	ok(pem_next(buf_view(&pem), &off, "A", &der, &e) == 1 && span_eq(buf_view(&der), span_of(bytes, 100)), "PEM: the first block");
	der.n = 0;
	ok(pem_next(buf_view(&pem), &off, "A", &der, &e) == 1 && span_eq(buf_view(&der), span_of(bytes, 48)), "the next of its label");
	ok(pem_next(buf_view(&pem), &off, "A", &der, &e) == 0, "and no further one");
	der.n = 0;
	ok(pem_read(buf_view(&pem), "B", &der, &e) == 0 && der.n == 1, "another label");
	is_int(pem_read(buf_view(&pem), "C", &der, &e), ERR_FORMAT, "one that is not there");
	is_int(pem_read(span_lit("-----BEGIN A-----\nAAAA\n"), "A", &der, &e), ERR_TRUNCATED, "a block without an end");
	is_int(pem_read(span_lit("-----BEGIN A-----\nA*==\n-----END A-----"), "A", &der, &e), ERR_ENCODING, "no base64");
	is_int(pem_read(span_lit("-----BEGIN A-----\n-----END A-----"), "A", &der, &e), ERR_ENCODING, "nothing inside");
	buf_free(&pem);
	buf_free(&der);
}

int
main(void)
{
	struct buf key, cert;
	struct issuer *ca = make_ca(&key, &cert);

	test_ca(buf_view(&cert));
	test_client(ca, buf_view(&cert));
	test_server(ca);
	test_orders(ca);
	test_requests(ca);
	test_issuer(buf_view(&key), buf_view(&cert));
	test_pem();
	issuer_free(ca);
	buf_free(&key);
	buf_free(&cert);
	return done();
}
