/* Endorsement certificates in every form: spans inside input or arena; whatever is read can be
 * shown as printable text, judged and chained; and nothing is ever trusted by no root. */
#include <stdlib.h>

#include "crypto/ek_cert.h"
#include "crypto/x509_chain.h"
#include "formats/ek_cert_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_text(struct buf *b)
{
	if (b->why != 0 || b->n == 0)
		abort();
	for (size_t i = 0; i < b->n; i++)
		if ((b->p[i] < 0x20 && b->p[i] != '\n') || b->p[i] > 0x7e)
			abort();
}

static void
check_cert(struct span der)
{
	struct buf b = buf_init(SIZE_MAX / 2);
	struct ek_cert c = { 0 };
	struct err e = { 0 };

	if (ek_cert_parse(der, &c, &e) != 0) {
		if (c.key != NULL || e.message[0] == '\0')
			abort();
		return;
	}
	if (c.key == NULL || !span_eq(buf_view(&c.der), der))
		abort();
	if (ek_cert_fault(&c) == NULL && c.ca)
		abort();
	(void)iak_cert_fault(&c);
	ek_cert_dump(&c, &b);
	check_text(&b);
	ek_cert_free(&c);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct arena a = arena_init(MIB(16));
	struct x509_roots *none = NULL;
	struct x509_chain chain;
	struct ek_cert_file f;
	struct err e = { 0 };

	if (ek_cert_file_parse(in, &a, &f, &e) == 0) {
		if (f.n == 0 || f.n > LIMIT_CERT_CHAIN || x509_roots_new(&none, &e) != 0)
			abort();
		for (size_t i = 0; i < f.n; i++)
			check_cert(f.der[i]);
		if (x509_chain_check(none, f.der[0], f.der + 1, f.n - 1, 1800000000, 0, &chain, &e) == 0 &&
		    (chain.state == X509_CHAIN_GOOD || chain.state == X509_CHAIN_NOT_RUN))
			abort();
		x509_roots_free(none);
	} else if (e.message[0] == '\0') {
		abort();
	}
	check_cert(in);
	arena_free(&a);
	return 0;
}
