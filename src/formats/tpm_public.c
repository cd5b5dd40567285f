#include "formats/tpm_public.h"

static bool
is_key_type(uint32_t type)
{
	return type == TPM_ALG_RSA || type == TPM_ALG_ECC;
}

static uint32_t
be16_at(struct span in, size_t off)
{
	return in.n < off + 2 ? 0 : (uint32_t)in.p[off] << 8 | in.p[off + 1];
}

/* In a bare TPMT_PUBLIC the second number is a hash, which is neither RSA nor ECC. */
static bool
looks_sized(struct span in)
{
	return is_key_type(be16_at(in, 2));
}

bool
tpm_public_looks(struct span in)
{
	return looks_sized(in) || is_key_type(be16_at(in, 0));
}

/* TPMT_SYM_DEF_OBJECT. */
static bool
read_symmetric(struct rd *r, struct tpm_public *p)
{
	return rd_be16(r, &p->symmetric) && (p->symmetric == TPM_ALG_NULL ||
	    (rd_be16(r, &p->symmetric_bits) && rd_be16(r, &p->symmetric_mode)));
}

/* TPMT_RSA_SCHEME and TPMT_ECC_SCHEME: the details of each scheme (TPMU_ASYM_SCHEME). */
static bool
read_scheme(struct rd *r, struct tpm_public *p)
{
	if (!rd_be16(r, &p->scheme))
		return false;
	switch (p->scheme) {
	case TPM_ALG_NULL:
	case TPM_ALG_RSAES:
		return true;
	case TPM_ALG_RSASSA:
	case TPM_ALG_RSAPSS:
	case TPM_ALG_OAEP:
		return p->type == TPM_ALG_RSA ? rd_be16(r, &p->scheme_hash) :
		    rd_fail(r, ERR_UNSUPPORTED);
	case TPM_ALG_ECDAA:
		return rd_be16(r, &p->scheme_hash) && rd_be16(r, &p->scheme_count);
	case TPM_ALG_ECDSA:
	case TPM_ALG_ECDH:
	case TPM_ALG_SM2:
	case TPM_ALG_ECSCHNORR:
	case TPM_ALG_ECMQV:
		return p->type == TPM_ALG_ECC ? rd_be16(r, &p->scheme_hash) :
		    rd_fail(r, ERR_UNSUPPORTED);
	default:
		return rd_fail(r, ERR_UNSUPPORTED);
	}
}

static bool
read_rsa(struct rd *r, struct tpm_public *p)
{
	return rd_be16(r, &p->key_bits) && rd_be32(r, &p->exponent) &&
	    rd_be16_span(r, LIMIT_TPM_RSA, &p->modulus);
}

static bool
read_ecc(struct rd *r, struct tpm_public *p)
{
	return rd_be16(r, &p->curve) && rd_be16(r, &p->kdf) &&
	    (p->kdf == TPM_ALG_NULL || rd_be16(r, &p->kdf_hash)) &&
	    rd_be16_span(r, LIMIT_TPM_COORDINATE, &p->x) &&
	    rd_be16_span(r, LIMIT_TPM_COORDINATE, &p->y);
}

static bool
read_tpmt(struct rd *r, struct tpm_public *p)
{
	if (!(rd_be16(r, &p->type) && rd_be16(r, &p->name_alg) && rd_be32(r, &p->attributes) &&
	    rd_be16_span(r, LIMIT_DIGEST, &p->auth_policy)))
		return false;
	p->name_hash = digest_alg_by_tpm(p->name_alg);
	if (!is_key_type(p->type))
		return rd_fail(r, ERR_UNSUPPORTED);
	return read_symmetric(r, p) && read_scheme(r, p) &&
	    (p->type == TPM_ALG_RSA ? read_rsa(r, p) : read_ecc(r, p));
}

int
tpm_public_parse(struct span in, struct tpm_public *out, struct err *e)
{
	struct tpm_public p = { .sized = looks_sized(in) };
	struct rd outer = rd_init(in);
	struct span area = in;
	size_t base = p.sized ? 2 : 0;

	if (p.sized && !rd_be16_span(&outer, UINT16_MAX, &area))
		return err_at(e, outer.why, 0, "TPM2B_PUBLIC of %zu bytes, its size field says %u",
		    in.n, be16_at(in, 0));

	struct rd r = rd_init(area);

	if (!read_tpmt(&r, &p))
		return err_at(e, r.why, base + r.off, "TPMT_PUBLIC of type 0x%04x: %s", p.type,
		    err_text(r.why));
	p.area = span_head(area, r.off);
	p.trailing = span_from(in, base + r.off);
	*out = p;
	return 0;
}

void
tpm_attributes_dump(uint32_t attributes, struct buf *b)
{
	static const struct { uint32_t bit; const char *name; } names[] = {
		{ TPMA_FIXED_TPM, "fixedtpm" }, { TPMA_ST_CLEAR, "stclear" },
		{ TPMA_FIXED_PARENT, "fixedparent" },
		{ TPMA_SENSITIVE_DATA_ORIGIN, "sensitivedataorigin" },
		{ TPMA_USER_WITH_AUTH, "userwithauth" },
		{ TPMA_ADMIN_WITH_POLICY, "adminwithpolicy" }, { TPMA_NO_DA, "noda" },
		{ TPMA_ENCRYPTED_DUPLICATION, "encryptedduplication" },
		{ TPMA_RESTRICTED, "restricted" }, { TPMA_DECRYPT, "decrypt" },
		{ TPMA_SIGN, "sign" }, { TPMA_X509_SIGN, "x509sign" },
	};
	const char *sep = "";

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if ((attributes & names[i].bit) == 0)
			continue;
		buf_printf(b, "%s%s", sep, names[i].name);
		attributes &= ~names[i].bit;
		sep = "|";
	}
	if (attributes != 0 || *sep == '\0')
		buf_printf(b, "%s0x%x", sep, attributes);
}

void
tpm_public_dump(const struct tpm_public *p, struct buf *b)
{
	buf_printf(b, "form %s\ntype %04x %s\nname-alg %04x %s\nattributes %08x ",
	    p->sized ? "TPM2B_PUBLIC" : "TPMT_PUBLIC", p->type, tpm_alg_name(p->type),
	    p->name_alg, tpm_alg_name(p->name_alg), p->attributes);
	tpm_attributes_dump(p->attributes, b);
	buf_str(b, "\n");
	tpm_dump_bytes(b, "auth-policy", p->auth_policy);
	buf_printf(b, "symmetric %04x %s bits %u mode %04x\n", p->symmetric,
	    tpm_alg_name(p->symmetric), p->symmetric_bits, p->symmetric_mode);
	buf_printf(b, "scheme %04x %s hash %04x count %u\n", p->scheme,
	    tpm_alg_name(p->scheme), p->scheme_hash, p->scheme_count);
	if (p->type == TPM_ALG_RSA) {
		buf_printf(b, "key-bits %u\nexponent %u\n", p->key_bits, p->exponent);
		tpm_dump_bytes(b, "modulus", p->modulus);
	} else {
		buf_printf(b, "curve %04x\nkdf %04x %s hash %04x\n", p->curve, p->kdf,
		    tpm_alg_name(p->kdf), p->kdf_hash);
		tpm_dump_bytes(b, "x", p->x);
		tpm_dump_bytes(b, "y", p->y);
	}
	if (p->trailing.n > 0)
		tpm_dump_bytes(b, "trailing", p->trailing);
}
