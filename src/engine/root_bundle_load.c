#include "engine/ek_trust.h"

#include "base/pem.h"

static int
load_entry(const struct root_entry *t, struct x509_roots *vendors, struct err *e)
{
	PUBKEY_AUTO struct pubkey *key = NULL;
	int rc;

	if ((rc = pubkey_parse(t->der, &key, e)) != 0)
		return rc;
	if (pubkey_cert(key).n == 0)
		return err_set(e, ERR_FORMAT, "a bare key, not a certificate");
	/* People read the subject in the bundle; the program relies on the DER. */
	if (!span_is(t->subject, pubkey_subject(key)))
		return err_set(e, ERR_MISMATCH, "its subject is not the one written beside it");
	return t->kind == ROOT_ANCHOR ? x509_roots_add(vendors, t->der, e) :
	    x509_roots_add_intermediate(vendors, t->der, e);
}

int
root_bundle_load(const struct root_bundle *b, struct x509_roots *vendors, struct err *e)
{
	int rc;

	for (size_t i = 0; i < b->n; i++)
		if ((rc = load_entry(&b->entries[i], vendors, e)) != 0)
			return err_ctx(e, rc, "certificate %zu of the root bundle", i + 1);
	return 0;
}

static int
load_bundle(struct span in, struct x509_roots *r, struct err *e)
{
	ARENA_AUTO struct arena a = arena_init(MIB(4));
	struct root_bundle b;
	int rc;

	if ((rc = root_bundle_parse(in, &a, &b, e)) != 0)
		return rc;
	return root_bundle_load(&b, r, e);
}

/* Every block of one label; ${*n} counts them. */
static int
load_blocks(struct span in, const char *label, struct x509_roots *r, size_t *n, struct err *e)
{
	bool crl = strcmp(label, "X509 CRL") == 0;
	size_t off = 0;
	int rc;

	for (;;) {
		BUF_AUTO struct buf der = buf_init(crl ? LIMIT_CRL : LIMIT_CERT);

		if ((rc = pem_next(in, &off, label, &der, e)) <= 0)
			return rc;
		rc = crl ? x509_roots_add_crl(r, buf_view(&der), e) :
		    x509_roots_add_any(r, buf_view(&der), e);
		if (rc != 0)
			return err_ctx(e, rc, "%s %zu", crl ? "revocation list" : "certificate", *n + 1);
		(*n)++;
	}
}

int
trust_roots_load(struct span in, struct x509_roots *r, struct err *e)
{
	size_t n = 0;
	int rc;

	if (in.n > LIMIT_ROOT_BUNDLE + LIMIT_CRL)
		return err_set(e, ERR_LIMIT, "roots of %zu bytes", in.n);
	if (root_bundle_looks(in))
		return load_bundle(in, r, e);
	if (in.n > 1 && in.p[0] == 0x30 && in.p[1] >= 0x80)
		return x509_roots_add_any(r, in, e);
	if ((rc = load_blocks(in, "CERTIFICATE", r, &n, e)) != 0 ||
	    (rc = load_blocks(in, "X509 CRL", r, &n, e)) != 0)
		return rc;
	return n > 0 ? 0 : err_hint(e, err_set(e, ERR_FORMAT, "no certificate and no revocation list"),
	    "give a bundle of tools/make-root-bundle, PEM or DER");
}
