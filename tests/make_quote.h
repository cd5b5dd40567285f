/* make_quote.h: quotes of our own, for tests that need one over other values than those
 * that were recorded.  Written byte by byte from TPM 2.0 Part 2, not with the parsers. */
#ifndef MAKE_QUOTE_H
#define MAKE_QUOTE_H

#include "crypto/digest.h"
#include "crypto/pubkey.h"
#include "tests/golden.h"

struct made_quote {
	struct buf attest, signature, ak;	/* ak: SubjectPublicKeyInfo, DER */
	uint8_t nonce[20];
};

static void
put_mpi(struct buf *b, const uint8_t *der, size_t n)
{
	while (n > 1 && *der == 0) {
		der++;
		n--;
	}
	buf_be16(b, (uint16_t)n);
	buf_put(b, der, n);
}

/* SEQUENCE { r, s } with short lengths, as P-256 always has, to TPMT_SIGNATURE. */
static void
put_ecdsa(struct buf *b, const struct buf *der)
{
	size_t r = der->p[3];

	buf_be16(b, 0x0018);
	buf_be16(b, 0x000b);
	put_mpi(b, der->p + 4, r);
	put_mpi(b, der->p + 4 + r + 2, der->p[4 + r + 1]);
}

/* What a quote of our own is about; of the SHA-256 bank. */
struct quote_spec {
	uint32_t mask;			/* PCRs */
	struct span values;		/* theirs, in order: what the digest is made of */
	uint32_t reset_count;
	uint64_t clock;
	uint32_t restart_count;
	bool unsafe;			/* what the clock says of itself */
};

static void
put_attest(struct buf *b, const struct quote_spec *spec, const uint8_t nonce[static 20], const struct digest *d)
{
	buf_be32(b, 0xff544347);
	buf_be16(b, 0x8018);
	buf_be16(b, 34);				/* qualifiedSigner: any name */
	buf_be16(b, 0x000b);
	buf_zero(b, 32);
	buf_be16(b, 20);
	buf_put(b, nonce, 20);
	buf_be64(b, spec->clock);
	buf_be32(b, spec->reset_count);
	buf_be32(b, spec->restart_count);
	buf_u8(b, !spec->unsafe);
	buf_be64(b, 0x2020041200120000);
	buf_be32(b, 1);
	buf_be16(b, 0x000b);
	buf_u8(b, 3);
	for (unsigned i = 0; i < 3; i++)
		buf_u8(b, (uint8_t)(spec->mask >> (8 * i)));
	buf_be16(b, 32);
	buf_span(b, digest_view(d));
}

/* Signed by tests/golden/evidence/test-ak.pem. */
__attribute__((unused)) static struct made_quote
make_quote_of(const struct quote_spec *spec)
{
	struct made_quote q = { .attest = buf_init(4096), .signature = buf_init(4096), .ak = buf_init(4096),
	    .nonce = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20 } };
	struct file pem = golden("evidence/test-ak.pem");
	struct privkey *key = NULL;
	struct buf der = buf_init(512);
	struct digest d = { 0 };
	struct err e = { 0 };

	if (digest_of(DIGEST_SHA256, spec->values, &d, &e) != 0 || privkey_parse(file_view(&pem), &key, &e) != 0) {
		printf("Bail out! making a quote: %s\n", e.message);
		exit(99);
	}
	put_attest(&q.attest, spec, q.nonce, &d);
	if (privkey_sign(key, SIG_ECDSA, buf_view(&q.attest), DIGEST_SHA256, &der, &e) != 0) {
		printf("Bail out! signing a quote: %s\n", e.message);
		exit(99);
	}
	put_ecdsa(&q.signature, &der);
	buf_span(&q.ak, pubkey_spki(privkey_public(key)));
	buf_free(&der);
	privkey_free(key);
	file_free(&pem);
	return q;
}

/* Over one PCR. */
__attribute__((unused)) static struct made_quote
make_quote(unsigned pcr, struct span value, uint32_t reset_count, uint64_t clock)
{
	return make_quote_of(&(struct quote_spec){ (uint32_t)1 << pcr, value, reset_count, clock });
}

__attribute__((unused)) static void
made_quote_free(struct made_quote *q)
{
	buf_free(&q->attest);
	buf_free(&q->signature);
	buf_free(&q->ak);
}

#endif
