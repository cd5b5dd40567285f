/* An endorsement key is trusted on the word that was asked for and on no other: by its
 * certificate only if the key offered is what the certificate and a standard template give
 * (CVE-2021-3406), by the list only if it stands there, by an operator only after a person
 * said so; weak keys, revoked certificates and impostors by nothing. */
#include "crypto/digest.h"
#include "engine/ek_trust.h"
#include "tests/ek_case.h"

#define ALL	(1u << TRUST_CA | 1u << TRUST_EK_LIST | 1u << TRUST_IDEVID | 1u << TRUST_OPERATOR)
#define CA	(1u << TRUST_CA)
#define OPERATOR (1u << TRUST_OPERATOR)

/* --- templates */

static void
test_templates(void)
{
	static const struct { const char *pub, *cert, *name; } all[] = {
		{ "ek-rsa.pub", "ek-rsa.der", "L-1" }, { "ek-ecc.pub", "ek-ecc.der", "L-2" },
		{ "ek-rsa-high.pub", "ek-rsa.der", "H-1" }, { "ek-ecc-high.pub", "ek-ecc.der", "H-2" },
		{ "ek-p384.pub", "ek-p384.der", "H-3" }, { "ek-rsa3072.pub", "ek-rsa3072.der", "H-6" },
		{ "ek-zero.pub", "ek-zero.der", "L-2" }, { "ek-zero-stripped.pub", "ek-zero.der", "L-2" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct file pub = ek_file(all[i].pub), cert = ek_file(all[i].cert);
		const struct ek_template *t = NULL, *of;
		struct ek_cert c = { 0 };
		struct tpm_public p;
		struct err e = { 0 };
		size_t flipped = 0;

		ok(tpm_public_parse(file_view(&pub), &p, &e) == 0 && ek_cert_parse(file_view(&cert), &c, &e) == 0 &&
		    ek_public_match(&p, c.key, &t, &e) == 0 && t != NULL, "%s is computed from its certificate", all[i].pub);
		of = ek_template_of(&p);
		is_str(t == NULL || of != t ? "?" : t->name, all[i].name, "by its template");
		for (size_t k = 2; k < pub.n; k++) {
			pub.p[k] ^= 1;
			if (tpm_public_parse(file_view(&pub), &p, &e) == 0 && ek_public_match(&p, c.key, &t, &e) == 0)
				flipped += t != NULL;
			pub.p[k] ^= 1;
		}
		is_int((int64_t)flipped, 0, "with a bit of any byte changed it is another");
		ek_cert_free(&c);
		file_free(&pub);
		file_free(&cert);
	}
}

static void
test_host_id(void)
{
	struct file pub = ek_file("ek-rsa.pub");
	struct buf want = buf_init(KIB(1));
	struct tpm_public p;
	struct digest d;
	struct err e = { 0 };
	char id[HOST_ID_SIZE];

	ok(tpm_public_parse(file_view(&pub), &p, &e) == 0 && ek_host_id(&p, id, &e) == 0 &&
	    digest_of(DIGEST_SHA256, span_from(file_view(&pub), 2), &d, &e) == 0, "a host's id");
	buf_hex(&want, span_head(digest_view(&d), 16));
	is_str(id, buf_cstr(&want), "is half the digest of the public area");
	ok(ek_host_id_valid(span_str(id)), "and of its grammar");
	ok(!ek_host_id_valid(span_lit("")) && !ek_host_id_valid(span_lit("0123456789abcdef0123456789abcde")) &&
	    !ek_host_id_valid(span_lit("0123456789ABCDEF0123456789abcdef")) &&
	    !ek_host_id_valid(span_lit("0123456789abcdef0123456789abcde\n")) &&
	    !ek_host_id_valid(span_lit("0123456789abcdef0123456789abcdef0")), "which nothing else is");
	buf_free(&want);
	file_free(&pub);
}

/* --- decisions */

struct trial {
	const char *what;
	const char *ek, *certs[3], *ak;		/* defaults: ek-rsa.pub, the VM's ECC AK */
	const char *root, *inter, *crl;		/* default root: root.der, unless "-" */
	unsigned modes;				/* default: CA */
	bool allow_expired;
	time_t now;
	enum trust_mode want;
	enum trust_code reason;			/* must be among them; NONE: no reason at all */
};

#define CHAIN(leaf) { leaf, "inter.der", NULL }

static const struct trial trials[] = {
	{ .what = "RSA-2048 with its certificate", .certs = CHAIN("ek-rsa.der"), .want = TRUST_CA },
	{ .what = "P-256", .ek = "ek-ecc.pub", .certs = CHAIN("ek-ecc.der"), .want = TRUST_CA },
	{ .what = "P-384 (H-3)", .ek = "ek-p384.pub", .certs = CHAIN("ek-p384.der"), .want = TRUST_CA },
	{ .what = "RSA-3072 (H-6)", .ek = "ek-rsa3072.pub", .certs = CHAIN("ek-rsa3072.der"), .want = TRUST_CA },
	{ .what = "a coordinate with its zero left out", .ek = "ek-zero-stripped.pub", .certs = CHAIN("ek-zero.der"), .want = TRUST_CA },
	{ .what = "Intel's JSON", .ek = "ek-ecc.pub", .certs = CHAIN("form.json"), .want = TRUST_CA },
	{ .what = "leaf and chain in one NV index", .certs = { "form-chain.bin" }, .want = TRUST_CA },
	{ .what = "header and padding", .certs = CHAIN("form-header-padded.bin"), .want = TRUST_CA },
	{ .what = "PEM", .certs = { "form.pem" }, .want = TRUST_CA },
	{ .what = "RSAES-OAEP", .certs = CHAIN("oaep-key.der"), .want = TRUST_CA },
	{ .what = "the issuer from the server's store", .certs = { "ek-rsa.der" }, .inter = "inter.der", .want = TRUST_CA },
	{ .what = "CA first, with every way open", .certs = CHAIN("ek-rsa.der"), .modes = ALL, .want = TRUST_CA },

	/* CVE-2021-3406: the area relied on is not what the client says but what its certificate gives. */
	{ .what = "CVE-2021-3406: a software key beside a genuine certificate", .ek = "ek-other.pub", .certs = CHAIN("ek-rsa.der"),
	  .modes = ALL, .reason = TRUST_CODE_EK_MISMATCH },
	{ .what = "CVE-2021-3406: the certificate's key as one that signs", .ek = "ek-signing.pub", .certs = CHAIN("ek-rsa.der"),
	  .modes = ALL, .reason = TRUST_CODE_EK_MISMATCH },
	{ .what = "CVE-2021-3406: the certificate's key as one that is not fixed to a TPM", .ek = "ek-free.pub", .certs = CHAIN("ek-rsa.der"),
	  .modes = ALL, .reason = TRUST_CODE_EK_MISMATCH },
	{ .what = "CVE-2021-3406: a key of another kind", .ek = "ek-ecc.pub", .certs = CHAIN("ek-rsa.der"),
	  .modes = ALL, .reason = TRUST_CODE_EK_MISMATCH },

	{ .what = "no certificate", .reason = TRUST_CODE_CERT_NONE },
	{ .what = "no certificate, but an operator", .modes = CA | OPERATOR, .want = TRUST_OPERATOR, .reason = TRUST_CODE_NEEDS_APPROVAL },
	{ .what = "no roots", .certs = CHAIN("ek-rsa.der"), .root = "-", .reason = TRUST_CODE_CERT_NO_ROOT },
	{ .what = "another root", .certs = CHAIN("ek-rsa.der"), .root = "other-root.der", .reason = TRUST_CODE_CERT_NO_ROOT },
	{ .what = "another root, but an operator", .certs = CHAIN("ek-rsa.der"), .root = "other-root.der", .modes = CA | OPERATOR,
	  .want = TRUST_OPERATOR, .reason = TRUST_CODE_CERT_NO_ROOT },
	{ .what = "expired", .certs = CHAIN("expired.der"), .reason = TRUST_CODE_CERT_EXPIRED },
	{ .what = "expired, which is allowed", .certs = CHAIN("expired.der"), .allow_expired = true, .want = TRUST_CA },
	{ .what = "not yet valid", .certs = CHAIN("not-yet.der"), .allow_expired = true, .reason = TRUST_CODE_CERT_NOT_YET },
	{ .what = "an expired issuer", .certs = { "ek-rsa.der", "inter-expired.der" }, .reason = TRUST_CODE_CERT_EXPIRED },
	{ .what = "revoked", .certs = CHAIN("ek-rsa.der"), .crl = "revoked.crl", .modes = ALL, .reason = TRUST_CODE_CERT_REVOKED },
	{ .what = "a stale revocation list", .certs = CHAIN("ek-rsa.der"), .crl = "old.crl", .reason = TRUST_CODE_CERT_CRL },
	{ .what = "not revoked", .certs = CHAIN("ek-rsa.der"), .crl = "clean.crl", .want = TRUST_CA },
	{ .what = "a changed signature", .certs = CHAIN("signature.der"), .reason = TRUST_CODE_CERT_SIGNATURE },
	{ .what = "an issuer that is no CA", .certs = { "ek-rsa.der", "inter-not-ca.der" }, .reason = TRUST_CODE_CERT_ISSUER },
	{ .what = "SHA-1", .certs = CHAIN("sha1.der"), .reason = TRUST_CODE_CERT_WEAK },
	{ .what = "an unknown critical extension", .certs = CHAIN("critical-unknown.der"), .reason = TRUST_CODE_CERT_CRITICAL },
	{ .what = "a server's certificate", .certs = CHAIN("purpose-tls.der"), .reason = TRUST_CODE_CERT_KIND },
	{ .what = "a CA's", .certs = { "inter.der" }, .reason = TRUST_CODE_CERT_KIND },
	{ .what = "one of 1024 bits", .certs = CHAIN("rsa1024.der"), .reason = TRUST_CODE_CERT_WEAK },
	{ .what = "junk behind it", .certs = CHAIN("form-junk.bin"), .reason = TRUST_CODE_CERT_FORMAT },
	{ .what = "no certificate at all in its place", .certs = { "kdf.txt" }, .reason = TRUST_CODE_CERT_FORMAT },
	{ .what = "junk in the chain's place", .certs = { "ek-rsa.der", "revoked.crl" }, .reason = TRUST_CODE_CERT_FORMAT },

	/* What no way of trust makes good. */
	{ .what = "CVE-2017-15361: a key that can be factored", .ek = "ek-roca.pub", .certs = CHAIN("roca.der"), .modes = ALL,
	  .reason = TRUST_CODE_EK_ROCA },
	{ .what = "CVE-2017-15361: and without a certificate", .ek = "ek-roca.pub", .modes = ALL, .reason = TRUST_CODE_EK_ROCA },
	{ .what = "a signing key for an endorsement key", .ek = "ek-signing.pub", .modes = ALL, .reason = TRUST_CODE_EK_ATTRIBUTES },
	{ .what = "one that is not restricted", .ek = "ek-free.pub", .modes = ALL, .reason = TRUST_CODE_EK_ATTRIBUTES },
	{ .what = "an attestation key in its place", .ek = "../debian12-vm/akecc.pub", .modes = ALL, .reason = TRUST_CODE_EK_ATTRIBUTES },
	{ .what = "no public area", .ek = "kdf.txt", .modes = ALL, .reason = TRUST_CODE_EK_FORMAT },
	{ .what = "an endorsement key for an attestation key", .certs = CHAIN("ek-rsa.der"), .ak = "ek-rsa.pub", .modes = ALL,
	  .reason = TRUST_CODE_AK_ATTRIBUTES },
	{ .what = "no attestation key", .certs = CHAIN("ek-rsa.der"), .ak = "kdf.txt", .modes = ALL, .reason = TRUST_CODE_AK_FORMAT },
	{ .what = "nothing switched on", .certs = CHAIN("ek-rsa.der"), .modes = 1u << TRUST_NONE, .reason = TRUST_CODE_NO_MODE },
};

static void
decide(const struct trial *t, const struct ek_list *list, struct ek_trust *got)
{
	struct file ek = ek_file(t->ek == NULL ? "ek-rsa.pub" : t->ek), certs[3] = { { 0 } };
	struct file ak = ek_file(t->ak == NULL ? "../debian12-vm/akecc.pub" : t->ak);
	struct x509_roots *roots = ek_roots(t->root == NULL ? "root.der" :
	    strcmp(t->root, "-") == 0 ? NULL : t->root, t->inter, t->crl);
	struct trust_config config = {
		.modes = t->modes == 0 ? CA : t->modes, .vendors = roots, .list = list, .allow_expired = t->allow_expired,
	};
	struct span views[3];
	struct err e = { 0 };
	size_t n = 0;

	for (; n < 3 && t->certs[n] != NULL; n++) {
		certs[n] = ek_file(t->certs[n]);
		views[n] = file_view(&certs[n]);
	}

	struct trust_input in = {
		.ek_public = file_view(&ek), .ak_public = file_view(&ak), .ek_certs = views, .n_ek_certs = n,
	};

	if (!ok(ek_trust_decide(&in, &config, t->now == 0 ? EK_NOW : t->now, got, &e) == 0, "%s", t->what))
		diag("%s", e.message);
	for (size_t i = 0; i < n; i++)
		file_free(&certs[i]);
	file_free(&ek);
	file_free(&ak);
	x509_roots_free(roots);
}

static void
show(const struct ek_trust *t)
{
	diag("mode %s", trust_mode_token(t->mode));
	for (size_t i = 0; i < t->n_reasons; i++)
		diag("%s: %s", trust_code_token(t->reasons[i].code), t->reasons[i].detail);
}

static void
test_trials(void)
{
	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
		const struct trial *t = &trials[i];
		struct ek_trust got = { 0 };

		decide(t, NULL, &got);
		if (!ok(got.mode == t->want && (t->reason == TRUST_CODE_NONE ? got.n_reasons == 0 :
		    ek_trust_has(&got, t->reason)), "%s: %s", trust_mode_token(t->want), trust_code_token(t->reason)))
			show(&got);
		ok((got.mode == TRUST_NONE) == (ek_trust_refusal(&got) != NULL) &&
		    got.pending == (got.mode == TRUST_OPERATOR), "refused for a reason, pending where a person decides");
	}
}

static void
test_facts(void)
{
	struct trial t = { .what = "what the certificate says", .certs = CHAIN("form-header-padded.bin") };
	struct ek_trust got = { 0 };

	decide(&t, NULL, &got);
	is_str(got.manufacturer, "ASSY", "manufacturer, decoded");
	is_str(got.model, "Assay test TPM", "model");
	is_str(got.version, "id:00010002", "version");
	is_str(got.root_subject, "CN=Test TPM Root CA,O=Test TPM maker", "the root");
	is_str(got.cert_serial, "1234", "serial number");
	ok(got.template != NULL && strcmp(got.template->name, "L-1") == 0, "template");
	ok(got.cert_quirks == EK_QUIRK_EMPTY_SUBJECT && got.cert_forms != 0 && got.root.alg == DIGEST_SHA256 &&
	    got.ek_key.alg == DIGEST_SHA256 && ek_host_id_valid(span_str(got.host_id)), "oddities, digests, id");
	t = (struct trial){ .what = "a name that would draw on a terminal", .certs = CHAIN("name-with-escape.der") };
	decide(&t, NULL, &got);
	is_str(got.model, "a\\x1b[31m\\x0ab", "is escaped");
}

/* What is no RSA key at all must be a refusal, not a fault of ours. */
static void
test_even(void)
{
	struct file ek = ek_file("ek-rsa.pub"), ak = golden("debian12-vm/akecc.pub");
	struct trust_config config = { .modes = ALL };
	struct trust_input in = { .ek_public = file_view(&ek), .ak_public = file_view(&ak) };
	struct ek_trust got = { 0 };
	struct err e = { 0 };

	ek.p[ek.n - 1] ^= 1;
	ok(ek_trust_decide(&in, &config, EK_NOW, &got, &e) == 0 && got.mode == TRUST_NONE &&
	    ek_trust_has(&got, TRUST_CODE_EK_WEAK), "an even modulus");
	file_free(&ek);
	file_free(&ak);
}

/* --- the list */

static struct ek_list
list_of(struct arena *a, const char *text, int want)
{
	struct ek_list list = { 0 };
	struct err e = { 0 };

	is_int(ek_list_parse(span_str(text), a, &list, &e), want, want == 0 ? "a list" : "no list");
	return list;
}

static void
digest_text(const char *file, bool spki, char out[65])
{
	struct file f = ek_file(file);
	struct buf b = buf_init(128);
	struct tpm_public p;
	struct pubkey *key = NULL;
	struct digest d = { 0 };
	struct err e = { 0 };

	ok(tpm_public_parse(file_view(&f), &p, &e) == 0 && tpm_public_key(&p, &key, &e) == 0 &&
	    digest_of(DIGEST_SHA256, p.area, &d, &e) == 0, "%s", file);
	buf_hex(&b, digest_view(spki ? pubkey_fingerprint(key) : &d));
	(void)snprintf(out, 65, "%s", buf_cstr(&b));
	pubkey_free(key);
	buf_free(&b);
	file_free(&f);
}

static void
test_list(void)
{
	struct arena a = arena_init(MIB(1));
	struct ek_trust got = { 0 };
	struct trial t = { .what = "by the list", .modes = CA | 1u << TRUST_EK_LIST };
	char text[512], area[65], spki[65], free_spki[65];
	struct ek_list list;

	digest_text("ek-rsa.pub", false, area);
	digest_text("ek-ecc.pub", true, spki);
	digest_text("ek-free.pub", true, free_spki);
	(void)snprintf(text, sizeof(text), "# inventory\n\n%s\t rack 4 \n%s\n", area, spki);
	list = list_of(&a, text, 0);
	is_int((int64_t)list.n, 2, "of two");
	decide(&t, &list, &got);
	ok(got.mode == TRUST_EK_LIST && !got.pending, "the public area is listed");
	is_str(got.list_comment, "rack 4", "with its comment");
	t.ek = "ek-ecc.pub";
	decide(&t, &list, &got);
	ok(got.mode == TRUST_EK_LIST, "the SubjectPublicKeyInfo is listed");
	t.ek = "ek-p384.pub";
	decide(&t, &list, &got);
	ok(got.mode == TRUST_NONE && ek_trust_has(&got, TRUST_CODE_NOT_LISTED), "another is not");
	t = (struct trial){ .what = "listed, with another's certificate", .modes = ALL, .certs = CHAIN("ek-ecc.der") };
	decide(&t, &list, &got);
	ok(got.mode == TRUST_NONE && ek_trust_has(&got, TRUST_CODE_EK_MISMATCH), "is an impostor");
	t = (struct trial){ .what = "listed and weak", .modes = ALL, .ek = "ek-roca.pub" };
	digest_text("ek-roca.pub", false, area);
	list = list_of(&a, area, 0);
	decide(&t, &list, &got);
	ok(got.mode == TRUST_NONE && ek_trust_has(&got, TRUST_CODE_EK_ROCA), "stays weak");
	arena_free(&a);
}

static void
test_list_format(void)
{
	struct arena a = arena_init(MIB(1));
	char hex[65], text[512];

	memset(hex, 'a', 64);
	hex[64] = '\0';
	is_int((int64_t)list_of(&a, "", 0).n, 0, "of nothing");
	(void)snprintf(text, sizeof(text), "%s\n%sx\n", hex, hex);
	(void)list_of(&a, text, ERR_FORMAT);
	(void)snprintf(text, sizeof(text), "%s\n\n%s again\n", hex, hex);
	(void)list_of(&a, text, ERR_DUPLICATE);
	(void)list_of(&a, "abcd\n", ERR_FORMAT);
	hex[3] = 'g';
	(void)list_of(&a, hex, ERR_FORMAT);
	arena_free(&a);
}

/* --- device identity */

static const char *device_word;	/* golden file of what the IAK is said to have signed; NULL: nothing */
static unsigned device_modes = 1u << TRUST_IDEVID;
static const char *device_ek = "ek-rsa.pub";

static void
device(const char *iak, const char *idevid, const char *ak, struct ek_trust *got)
{
	struct file word = { 0 };
	struct file f[4] = { ek_file(device_ek), ek_file(ak), ek_file(iak), { 0 } };
	struct x509_roots *roots = ek_roots("device-root.der", NULL, NULL);
	struct trust_config config = { .modes = device_modes, .devices = roots };
	struct span iaks[1] = { file_view(&f[2]) }, idevids[1];
	struct trust_input in = {
		.ek_public = file_view(&f[0]), .ak_public = file_view(&f[1]), .iak_certs = iaks, .n_iak_certs = 1,
		.idevid_certs = idevids, .n_idevid_certs = idevid != NULL,
	};
	struct err e = { 0 };

	if (idevid != NULL)
		f[3] = ek_file(idevid);
	if (device_word != NULL) {
		word = ek_file(device_word);
		in.iak_attest = in.iak_signature = file_view(&word);
		in.csr = span_lit("request");
	}
	idevids[0] = file_view(&f[3]);
	ok(ek_trust_decide(&in, &config, EK_NOW, got, &e) == 0, "%s with %s", iak, idevid == NULL ? "no IDevID" : idevid);
	for (int i = 0; i < 4; i++)
		file_free(&f[i]);
	file_free(&word);
	x509_roots_free(roots);
}

static void
test_device(void)
{
	const char *ak = "../debian12-vm/akecc.pub";
	struct ek_trust got = { 0 };

	device("iak.der", NULL, ak, &got);
	ok(got.mode == TRUST_IDEVID && !got.pending, "an IAK of a device root");
	is_str(got.root_subject, "CN=Device Root CA,O=Test device maker", "which is named");
	device("iak.der", "idevid.der", ak, &got);
	ok(got.mode == TRUST_IDEVID, "with the device's IDevID");
	device("iak.der", "idevid-other.der", ak, &got);
	ok(got.mode == TRUST_NONE && ek_trust_has(&got, TRUST_CODE_IDEVID_MISMATCH), "with another device's");
	device("iak.der", "root.der", ak, &got);
	ok(got.mode == TRUST_NONE && ek_trust_has(&got, TRUST_CODE_IDEVID_CHAIN), "with one of another root");
	device("iak-other-key.der", NULL, ak, &got);
	ok(got.mode == TRUST_NONE && ek_trust_has(&got, TRUST_CODE_IAK_MISMATCH), "a certificate of another key");
	device("iak.der", NULL, "../debian12-vm/ak.pub", &got);
	ok(got.mode == TRUST_NONE && ek_trust_has(&got, TRUST_CODE_IAK_MISMATCH), "another key than the certificate's");
	device("iak-other-root.der", NULL, ak, &got);
	ok(got.mode == TRUST_NONE && ek_trust_has(&got, TRUST_CODE_IAK_CHAIN), "another root");
	device("iak-tls.der", NULL, ak, &got);
	ok(got.mode == TRUST_NONE && ek_trust_has(&got, TRUST_CODE_IAK_KIND), "a certificate for something else");
	device_word = "kdf.txt";
	device("iak.der", NULL, ak, &got);
	ok(got.mode == TRUST_NONE && ek_trust_has(&got, TRUST_CODE_IAK_CERTIFY), "a certification that is none refuses, whatever the keys");
	device_word = NULL;
	device("kdf.txt", NULL, ak, &got);
	ok(got.mode == TRUST_NONE && ek_trust_has(&got, TRUST_CODE_IAK_KIND), "no certificate");
}

/* What the device is known by is its own, whatever EK it says it has, and is that of a word that holds. */
static void
test_which_device(void)
{
	const char *ak = "../debian12-vm/akecc.pub";
	struct ek_trust got = { 0 }, other = { 0 };

	device("iak.der", NULL, ak, &got);
	device_ek = "ek-ecc.pub";
	device("iak.der", "idevid.der", ak, &other);
	ok(strcmp(got.host_id, other.host_id) != 0 && got.iak_key.alg == DIGEST_SHA256 && got.device.alg == DIGEST_SHA256,
	    "two endorsement keys of one device");
	ok(digest_eq(&got.iak_key, &other.iak_key) && digest_eq(&got.device, &other.device) &&
	    !digest_eq(&got.iak_key, &got.device), "are of one IAK and one serial number");
	device("iak-other-root.der", NULL, ak, &other);
	ok(other.iak_key.alg == DIGEST_NONE && other.device.alg == DIGEST_NONE, "no device by another root");
	device("iak-other-key.der", NULL, ak, &other);
	ok(other.iak_key.alg == DIGEST_NONE && other.device.alg == DIGEST_NONE, "nor by another's certificate");
	device_modes = 1u << TRUST_OPERATOR;
	device("iak.der", NULL, ak, &other);
	ok(other.mode == TRUST_OPERATOR && other.iak_key.alg == DIGEST_NONE, "nor where devices are not asked for");
	device_modes = 1u << TRUST_IDEVID;
	device_ek = "ek-rsa.pub";
}

/* --- tables */

static void
test_tables(void)
{
	struct ek_trust t = { 0 };
	int good = 0;

	for (int i = 1; i < TRUST_MODE_COUNT; i++)
		good += trust_mode_by_token(span_str(trust_mode_token((enum trust_mode)i))) == (enum trust_mode)i;
	is_int(good, 4, "every mode has its token");
	ok(trust_mode_by_token(span_lit("none")) == TRUST_NONE && trust_mode_by_token(span_lit("tofu")) == TRUST_NONE,
	    "and no other word is one");
	good = 0;
	for (int i = 1; i < TRUST_CODE_COUNT; i++)
		for (int k = 1; k < i; k++)
			good += strcmp(trust_code_token((enum trust_code)i), trust_code_token((enum trust_code)k)) == 0;
	is_int(good, 0, "no code stands twice");
	for (int i = 0; i < 40; i++)
		ek_trust_add(&t, TRUST_CODE_NOT_LISTED, "%d", i);
	ek_trust_add(&t, TRUST_CODE_CERT_REVOKED, "%s", "");
	ok(t.n_reasons == TRUST_REASONS && ek_trust_has(&t, TRUST_CODE_CERT_REVOKED), "no flood of notes hides a refusal");
	for (int i = 0; i < 40; i++)
		ek_trust_add(&t, TRUST_CODE_NOT_LISTED, "%d", i);
	ok(ek_trust_has(&t, TRUST_CODE_CERT_REVOKED), "before it or after");
}

/* The page that explains them names each, with its weight. */
static void
test_page(void)
{
	static const char *const weights[] = { "to be known", "not by certificate", "refuses" };
	const char *dir = getenv("ASSAY_SOURCE");
	struct err e = { 0 };
	struct file f;
	char path[4096], row[512];
	int missing = 0;

	(void)snprintf(path, sizeof(path), "%s/docs/trust.md", dir == NULL ? "." : dir);
	if (!ok(file_read(path, MIB(1), &f, &e) == 0, "docs/trust.md"))
		return;
	for (int i = 1; i < TRUST_CODE_COUNT; i++) {
		enum trust_code c = (enum trust_code)i;

		(void)snprintf(row, sizeof(row), "| `%s` | %s | %s |", trust_code_token(c),
		    weights[trust_code_severity(c)], trust_code_text(c));
		missing += memmem(f.p, f.n, row, strlen(row)) == NULL;
	}
	for (int i = 1; i < TRUST_MODE_COUNT; i++) {
		(void)snprintf(row, sizeof(row), "| `%s` | %s |", trust_mode_token((enum trust_mode)i),
		    trust_mode_text((enum trust_mode)i));
		missing += memmem(f.p, f.n, row, strlen(row)) == NULL;
	}
	is_int(missing, 0, "explains every mode and code");
	file_free(&f);
}

int
main(void)
{
	test_page();
	test_templates();
	test_host_id();
	test_trials();
	test_facts();
	test_even();
	test_list();
	test_list_format();
	test_device();
	test_which_device();
	test_tables();
	return done();
}
