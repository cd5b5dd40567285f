#include "base/digest_alg.h"

static const struct {
	uint8_t ima, name_size;
	uint16_t tpm;
	const char *name, *openssl;
} algs[DIGEST_ALG_COUNT] = {
	[DIGEST_NONE] = { 255, 4, 0, "none", NULL },
#define ALG(sym, size, ima, tpm, name, ossl) [DIGEST_##sym] = { ima, sizeof(name) - 1, tpm, name, ossl },
#include "base/digest_algs.tbl"
#undef ALG
};

const uint8_t digest_alg_sizes[DIGEST_ALG_COUNT] = {
#define ALG(sym, size, ima, tpm, name, ossl) [DIGEST_##sym] = size,
#include "base/digest_algs.tbl"
#undef ALG
};

const char *digest_alg_name(enum digest_alg alg) { return algs[alg].name; }
const char *digest_alg_openssl(enum digest_alg alg) { return algs[alg].openssl; }
uint16_t digest_alg_tpm(enum digest_alg alg) { return algs[alg].tpm; }
uint8_t digest_alg_ima(enum digest_alg alg) { return algs[alg].ima; }

enum digest_alg
digest_alg_by_name(struct span name)
{
	if (span_is(name, "sm3-256"))
		return DIGEST_SM3_256;
	for (enum digest_alg a = DIGEST_NONE + 1; a < DIGEST_ALG_COUNT; a++)
		if (span_eq(name, span_of(algs[a].name, algs[a].name_size)))
			return a;
	return DIGEST_NONE;
}

enum digest_alg
digest_alg_by_tpm(uint16_t id)
{
	for (enum digest_alg a = DIGEST_NONE + 1; a < DIGEST_ALG_COUNT && id != 0; a++)
		if (algs[a].tpm == id)
			return a;
	return DIGEST_NONE;
}

enum digest_alg
digest_alg_by_ima(unsigned id)
{
	static const enum digest_alg by_ima[] = {
#define ALG(sym, size, ima, tpm, name, ossl) [ima] = DIGEST_##sym,
#include "base/digest_algs.tbl"
#undef ALG
	};

	return id < sizeof(by_ima) / sizeof(by_ima[0]) ? by_ima[id] : DIGEST_NONE;
}

bool
digest_alg_weak(enum digest_alg alg)
{
	return alg == DIGEST_MD5 || alg == DIGEST_SHA1 || alg == DIGEST_RMD160;
}

bool
digest_make(enum digest_alg alg, struct span bytes, struct digest *d)
{
	if (alg == DIGEST_NONE || bytes.n != digest_alg_sizes[alg])
		return false;
	*d = (struct digest){ .alg = alg, .size = (uint8_t)bytes.n };
	memcpy(d->v, bytes.p, bytes.n);
	return true;
}
