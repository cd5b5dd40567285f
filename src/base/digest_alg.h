/* digest_alg.h: the digest algorithms by their names and numbers in IMA, TPM and
 * OpenSSL.  Only names and sizes: computing is crypto/digest.h's. */
#ifndef BASE_DIGEST_ALG_H
#define BASE_DIGEST_ALG_H

#include "base/limits.h"
#include "base/span.h"

enum digest_alg {
	DIGEST_NONE = 0,
#define ALG(sym, size, ima, tpm, name, ossl) DIGEST_##sym,
#include "base/digest_algs.tbl"
#undef ALG
	DIGEST_ALG_COUNT
};

/** A digest with its algorithm; comparing only the bytes would let a digest of one
 * algorithm pass for another's. */
struct digest {
	enum digest_alg alg;
	uint8_t size;
	uint8_t v[LIMIT_DIGEST];
};

/* 0 for DIGEST_NONE.  Inline, because each entry of a list asks for it many times. */
extern const uint8_t digest_alg_sizes[DIGEST_ALG_COUNT];
static inline size_t
digest_alg_size(enum digest_alg alg)
{
	return digest_alg_sizes[alg];
}

const char *digest_alg_name(enum digest_alg alg);	/* the kernel's; "none" */
const char *digest_alg_openssl(enum digest_alg alg);	/* NULL: cannot be computed */
uint16_t digest_alg_tpm(enum digest_alg alg);		/* 0: the TPM has no number for it */
uint8_t digest_alg_ima(enum digest_alg alg);

/** Look-ups; DIGEST_NONE if unknown.  Names are exact, lower case; the older
 * kernels' "sm3-256" is accepted for "sm3". */
enum digest_alg digest_alg_by_name(struct span name);
enum digest_alg digest_alg_by_tpm(uint16_t id);
enum digest_alg digest_alg_by_ima(unsigned id);

/** digest_alg_weak(alg): MD5, SHA-1, RIPEMD-160: collisions are practical or near. */
bool digest_alg_weak(enum digest_alg alg);

/** digest_make(alg, bytes, d): False if the size does not fit the algorithm. */
MUST_CHECK bool digest_make(enum digest_alg alg, struct span bytes, struct digest *d);

static inline struct span
digest_view(const struct digest *d)
{
	return span_of(d->v, d->size);
}

static inline bool
digest_eq(const struct digest *a, const struct digest *b)
{
	return a->alg == b->alg && span_eq(digest_view(a), digest_view(b));
}

#endif
