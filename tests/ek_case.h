/* ek_case.h: the made-up TPM maker of tests/golden/ek_cert, for tests of trust. */
#ifndef EK_CASE_H
#define EK_CASE_H

#include "crypto/x509_chain.h"
#include "tests/golden.h"

enum { EK_NOW = 1800000000 };	/* 2027-01-15, inside every ordinary certificate's validity */

__attribute__((unused)) static struct file
ek_file(const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "ek_cert/%s", name);
	return golden(path);
}

/* A root, an intermediate and a revocation list; NULL: none. */
__attribute__((unused)) static struct x509_roots *
ek_roots(const char *root, const char *inter, const char *crl)
{
	struct x509_roots *r = NULL;
	struct err e = { 0 };
	struct file f;
	int rc = x509_roots_new(&r, &e);

	for (int i = 0; rc == 0 && i < 3; i++) {
		const char *name = i == 0 ? root : i == 1 ? inter : crl;

		if (name == NULL)
			continue;
		f = ek_file(name);
		rc = i == 0 ? x509_roots_add(r, file_view(&f), &e) :
		    i == 1 ? x509_roots_add_intermediate(r, file_view(&f), &e) :
		    x509_roots_add_crl(r, file_view(&f), &e);
		file_free(&f);
	}
	if (rc != 0) {
		printf("Bail out! roots: %s\n", e.message);
		exit(99);
	}
	return r;
}

#endif
