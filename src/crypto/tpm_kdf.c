#include "crypto/tpm_kdf.h"

#include "crypto/digest.h"
#include "crypto/hmac.h"

static struct span
be32_in(uint8_t v[4], uint32_t n)
{
	v[0] = (uint8_t)(n >> 24);
	v[1] = (uint8_t)(n >> 16);
	v[2] = (uint8_t)(n >> 8);
	v[3] = (uint8_t)n;
	return span_of(v, 4);
}

/* The label with the NUL that ends it. */
static struct span
label_of(const char *label)
{
	return span_of(label, strlen(label) + 1);
}

static int
check(enum digest_alg alg, unsigned bits, struct err *e)
{
	/* The hashes that name TPM objects; nothing here is longer than two blocks. */
	if (alg != DIGEST_SHA1 && alg != DIGEST_SHA256 && alg != DIGEST_SHA384 && alg != DIGEST_SHA512)
		return err_set(e, ERR_UNSUPPORTED, "key derivation with %s", digest_alg_name(alg));
	return bits % 8 == 0 && bits <= 1024 ? 0 :
	    err_set(e, ERR_RANGE, "deriving a key of %u bits", bits);
}

int
tpm_kdfa(enum digest_alg alg, struct span key, const char *label, struct span u, struct span v,
    unsigned bits, uint8_t *out, struct err *e)
{
	uint8_t counter[4], length[4];
	struct span parts[] = {
		{ 0 }, label_of(label), u, v, be32_in(length, bits),
	};
	struct digest block;
	size_t left = bits / 8;
	int rc;

	if ((rc = check(alg, bits, e)) != 0)
		return rc;
	for (uint32_t i = 1; left > 0; i++) {
		size_t n = digest_alg_size(alg) < left ? digest_alg_size(alg) : left;

		parts[0] = be32_in(counter, i);
		if ((rc = hmac_of(alg, key, parts, 5, &block, e)) != 0)
			return rc;
		memcpy(out, block.v, n);
		out += n;
		left -= n;
	}
	return 0;
}

static bool
kdfe_block(struct hasher *h, uint32_t i, const struct span *parts, size_t n, uint8_t *block)
{
	uint8_t counter[4];
	bool ok = hasher_start(h) && hasher_add(h, be32_in(counter, i));

	for (size_t k = 0; ok && k < n; k++)
		ok = hasher_add(h, parts[k]);
	return ok && hasher_finish(h, block);
}

int
tpm_kdfe(enum digest_alg alg, struct span z, const char *label, struct span u, struct span v,
    unsigned bits, uint8_t *out, struct err *e)
{
	const struct span parts[] = { z, label_of(label), u, v };
	HASHER_AUTO struct hasher *h = NULL;
	uint8_t block[LIMIT_DIGEST];
	size_t left = bits / 8;
	int rc;

	if ((rc = check(alg, bits, e)) != 0 || (rc = hasher_new(alg, &h, e)) != 0)
		return rc;
	for (uint32_t i = 1; left > 0; i++) {
		size_t n = digest_alg_size(alg) < left ? digest_alg_size(alg) : left;

		if (!kdfe_block(h, i, parts, 4, block))
			return err_set(e, ERR_CRYPTO, "deriving a key");
		memcpy(out, block, n);
		out += n;
		left -= n;
	}
	return 0;
}
