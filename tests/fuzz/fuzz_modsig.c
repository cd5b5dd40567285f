/* Appended signatures: the parts lie inside the file and make it up together with the
 * trailer; the PKCS#7 part goes through the reader of crypto/, which must not crash. */
#include <stdint.h>
#include <stdlib.h>

#include "crypto/cms.h"
#include "formats/modsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
message(struct span der)
{
	CMS_SIG_AUTO struct cms_sig *sig = NULL;

	if (cms_sig_parse(der, &sig, NULL) != 0)
		return;
	if (cms_sig_alg(sig) == DIGEST_NONE ||
	    (cms_sig_kind(sig) != PUBKEY_RSA && cms_sig_kind(sig) != PUBKEY_EC))
		abort();
	(void)cms_sig_keyid(sig);
	(void)cms_sig_value(sig);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b = buf_init(SIZE_MAX / 2);
	struct modsig m;

	if (modsig_parse(span_of(data, size), &m, NULL) != 1) {
		message(span_of(data, size));	/* a bare message */
		return 0;
	}
	if (m.content.p != data || m.pkcs7.p != data + m.content.n || m.content.n == 0 ||
	    m.pkcs7.n == 0 || m.content.n + m.pkcs7.n + 40 != size)
		abort();
	message(m.pkcs7);
	modsig_dump(&m, &b);
	if (b.why != 0 || b.n == 0)
		abort();
	buf_free(&b);
	return 0;
}
