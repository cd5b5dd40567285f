#include "engine/ek_trust.h"

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
