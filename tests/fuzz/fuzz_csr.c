/* Certificate requests: what is accepted is whole, has a key that is accepted and its signature. */
#include <stdlib.h>

#include "crypto/x509_issue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct csr *c = NULL, *again = NULL;
	struct err e = { 0 };

	if (csr_parse(in, &c, &e) != 0) {
		if (c != NULL || e.message[0] == '\0')
			abort();
		return 0;
	}
	if (csr_parse(csr_der(c), &again, &e) != 0 || !pubkey_eq(csr_key(c), csr_key(again)) ||
	    pubkey_bits(csr_key(c)) < 256 || pubkey_bits(csr_key(c)) > 4096)
		abort();
	csr_free(c);
	csr_free(again);
	return 0;
}
