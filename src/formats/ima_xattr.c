#include "formats/ima_xattr.h"

#include "base/rd.h"

static const char *
type_name(enum ima_xattr_type type)
{
	switch (type) {
	case IMA_XATTR_DIGEST:    return "digest";
	case IMA_XATTR_HMAC:      return "hmac";
	case IMA_XATTR_SIG:       return "signature";
	case IMA_XATTR_DIGEST_NG: return "digest-ng";
	case IMA_XATTR_PORTABLE:  return "portable-signature";
	case IMA_XATTR_VERITY:    return "verity-signature";
	default:                  return "unknown";
	}
}

/* What is left is the value; it must not be empty. */
static bool
rd_rest(struct rd *r, struct span *out)
{
	return rd_left(r) == 0 ? rd_fail(r, ERR_TRUNCATED) : rd_bytes(r, rd_left(r), out);
}

/* The kernel takes 20 bytes for MD5 when the last four are zero: an old evmctl
 * padded it (ima_appraise.c, ima_get_hash_algo). */
static bool
old_digest(struct rd *r, struct ima_xattr *x)
{
	if (!rd_rest(r, &x->digest))
		return false;
	if (x->digest.n == 20 && span_zero(span_from(x->digest, 16)))
		x->digest = span_head(x->digest, 16);
	x->alg = x->digest.n == 16 ? DIGEST_MD5 : DIGEST_SHA1;
	x->hash_id = digest_alg_ima(x->alg);
	if (x->digest.n < 16)
		return rd_fail(r, ERR_TRUNCATED);
	return x->digest.n == digest_alg_size(x->alg) ? true :
	    rd_fail(r, x->digest.n < 20 ? ERR_FORMAT : ERR_TRAILING);
}

static bool
new_digest(struct rd *r, struct ima_xattr *x)
{
	size_t want;

	if (!(rd_u8(r, &x->hash_id) && rd_rest(r, &x->digest)))
		return false;
	x->alg = digest_alg_by_ima(x->hash_id);
	want = digest_alg_size(x->alg);
	if (x->alg == DIGEST_NONE || x->digest.n == want)
		return true;
	return rd_fail(r, x->digest.n < want ? ERR_TRUNCATED : ERR_TRAILING);
}

static bool
hmac(struct rd *r, struct ima_xattr *x)
{
	x->alg = DIGEST_SHA1;
	x->hash_id = digest_alg_ima(x->alg);
	return rd_bytes(r, 20, &x->digest);
}

static bool
signature_v1(struct rd *r, struct ima_xattr *x)
{
	uint8_t key_alg, mpis;
	uint16_t bits;

	if (!(rd_skip(r, 4) && rd_u8(r, &key_alg) && rd_u8(r, &x->hash_id) &&
	    rd_skip(r, 4) && rd_be32(r, &x->keyid) && rd_u8(r, &mpis) && rd_be16(r, &bits)))
		return false;
	if (key_alg != 0 || x->hash_id > 1 || mpis != 1 || bits == 0)
		return rd_fail(r, ERR_RANGE);
	x->alg = x->hash_id == 0 ? DIGEST_SHA1 : DIGEST_SHA256;
	return rd_bytes(r, ((size_t)bits + 7) / 8, &x->sig);
}

static bool
signature(struct rd *r, struct ima_xattr *x)
{
	if (!rd_u8(r, &x->version))
		return false;
	if (x->version == 1 && x->type == IMA_XATTR_SIG)
		return signature_v1(r, x);
	/* Version 2 signs the digest of the content, which for fs-verity is not defined. */
	if ((x->version != 2 && x->version != 3) ||
	    (x->type == IMA_XATTR_VERITY && x->version != 3))
		return rd_fail(r, ERR_UNSUPPORTED);
	if (!(rd_u8(r, &x->hash_id) && rd_be32(r, &x->keyid) &&
	    rd_be16_span(r, LIMIT_SIGNATURE, &x->sig)))
		return false;
	x->alg = digest_alg_by_ima(x->hash_id);
	return x->sig.n > 0 ? true : rd_fail(r, ERR_RANGE);
}

static bool
value(struct rd *r, struct ima_xattr *x)
{
	uint8_t type;

	if (!rd_u8(r, &type))
		return false;
	x->type = type;
	switch (x->type) {
	case IMA_XATTR_DIGEST:
		return old_digest(r, x);
	case IMA_XATTR_DIGEST_NG:
		return new_digest(r, x);
	case IMA_XATTR_HMAC:
		return hmac(r, x);
	case IMA_XATTR_SIG:
	case IMA_XATTR_PORTABLE:
	case IMA_XATTR_VERITY:
		return signature(r, x);
	default:
		return rd_fail(r, ERR_UNSUPPORTED);
	}
}

static const char *
complaint(int why)
{
	switch (why) {
	case ERR_TRUNCATED:   return "it ends inside a field, or before the size it gives";
	case ERR_TRAILING:    return "data follows the size it gives";
	case ERR_UNSUPPORTED: return "its type or version is not one the kernel writes";
	case ERR_LIMIT:       return "its signature is larger than any the kernel takes";
	case ERR_RANGE:       return "a field has a value that no signature has";
	default:              return "its size fits no digest";
	}
}

int
ima_xattr_parse(struct span in, struct ima_xattr *out, struct err *e)
{
	struct rd r = rd_init(in);
	struct ima_xattr x = { 0 };

	if (!(value(&r, &x) && rd_end(&r)))
		return err_at(e, r.why, r.off, "an IMA or EVM attribute of %zu bytes (type %02x): %s",
		    in.n, in.n == 0 ? 0u : in.p[0], complaint(r.why));
	*out = x;
	return 0;
}

bool
ima_xattr_belongs(const struct ima_xattr *x, const char *name)
{
	bool evm = strcmp(name, "security.evm") == 0;

	switch (x->type) {
	case IMA_XATTR_SIG:
		return true;
	case IMA_XATTR_HMAC:
	case IMA_XATTR_PORTABLE:
		return evm;
	case IMA_XATTR_DIGEST:
	case IMA_XATTR_DIGEST_NG:
	case IMA_XATTR_VERITY:
	default:
		return !evm;
	}
}

void
ima_xattr_dump(const struct ima_xattr *x, struct buf *b)
{
	buf_str(b, type_name(x->type));
	if (ima_xattr_is_signature(x))
		buf_printf(b, " v%u", x->version);
	if (x->alg == DIGEST_NONE)
		buf_printf(b, " alg=%u", x->hash_id);
	else
		buf_printf(b, " alg=%s", digest_alg_name(x->alg));
	if (ima_xattr_is_signature(x)) {
		buf_printf(b, " keyid=%08x sig=", x->keyid);
		buf_hex(b, x->sig);
	} else {
		buf_str(b, " digest=");
		buf_hex(b, x->digest);
	}
	buf_u8(b, '\n');
}
