#include "formats/tpm_types.h"

static const struct { uint16_t id; const char *name; } alg_names[] = {
	{ TPM_ALG_RSA, "rsa" }, { TPM_ALG_TDES, "tdes" }, { 0x0004, "sha1" },
	{ TPM_ALG_HMAC, "hmac" }, { TPM_ALG_AES, "aes" }, { 0x000b, "sha256" },
	{ 0x000c, "sha384" }, { 0x000d, "sha512" }, { TPM_ALG_NULL, "null" },
	{ 0x0012, "sm3_256" }, { TPM_ALG_SM4, "sm4" }, { TPM_ALG_RSASSA, "rsassa" },
	{ TPM_ALG_RSAES, "rsaes" }, { TPM_ALG_RSAPSS, "rsapss" }, { TPM_ALG_OAEP, "oaep" },
	{ TPM_ALG_ECDSA, "ecdsa" }, { TPM_ALG_ECDH, "ecdh" }, { TPM_ALG_ECDAA, "ecdaa" },
	{ TPM_ALG_SM2, "sm2" }, { TPM_ALG_ECSCHNORR, "ecschnorr" },
	{ TPM_ALG_ECMQV, "ecmqv" }, { 0x0020, "kdf1_sp800_56a" }, { 0x0022, "kdf1_sp800_108" },
	{ TPM_ALG_ECC, "ecc" }, { TPM_ALG_CAMELLIA, "camellia" }, { 0x0027, "sha3_256" },
	{ 0x0028, "sha3_384" }, { 0x0029, "sha3_512" }, { 0x0040, "ctr" }, { 0x0041, "ofb" },
	{ 0x0042, "cbc" }, { 0x0043, "cfb" }, { 0x0044, "ecb" },
};

const char *
tpm_alg_name(uint16_t id)
{
	for (size_t i = 0; i < sizeof(alg_names) / sizeof(alg_names[0]); i++)
		if (alg_names[i].id == id)
			return alg_names[i].name;
	return "unknown";
}

enum digest_alg
tpm_bank_by_name(struct span name)
{
	enum digest_alg alg = digest_alg_by_name(name);

	for (size_t i = 0; alg == DIGEST_NONE && i < sizeof(alg_names) / sizeof(alg_names[0]); i++)
		if (span_is(name, alg_names[i].name))
			alg = digest_alg_by_tpm(alg_names[i].id);
	return digest_alg_tpm(alg) == 0 ? DIGEST_NONE : alg;
}

static bool
read_bank(struct rd *r, struct tpm_bank *bank)
{
	struct span octets;

	if (!(rd_be16(r, &bank->id) && rd_u8_span(r, sizeof(bank->mask), &octets)))
		return false;
	bank->alg = digest_alg_by_tpm(bank->id);
	bank->mask = 0;
	for (size_t i = 0; i < octets.n; i++)
		bank->mask |= (uint32_t)octets.p[i] << (8 * i);
	return true;
}

bool
tpm_selection_read(struct rd *r, struct tpm_selection *out)
{
	struct tpm_selection s = { 0 };
	uint32_t n;

	if (!rd_be32(r, &n))
		return false;
	if (n > LIMIT_TPM_BANKS)
		return rd_fail(r, ERR_LIMIT);
	for (s.n = 0; s.n < n; s.n++)
		if (!read_bank(r, &s.banks[s.n]))
			return false;
	*out = s;
	return true;
}

bool
tpm_selection_eq(const struct tpm_selection *a, const struct tpm_selection *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->banks[i].id != b->banks[i].id || a->banks[i].mask != b->banks[i].mask)
			return false;
	return true;
}

bool
tpm_selection_has(const struct tpm_selection *s, enum digest_alg alg, unsigned pcr)
{
	for (size_t i = 0; i < s->n; i++)
		if (alg != DIGEST_NONE && s->banks[i].alg == alg &&
		    pcr < LIMIT_PCRS && (s->banks[i].mask >> pcr & 1) != 0)
			return true;
	return false;
}

bool
tpm_selection_repeats(const struct tpm_selection *s)
{
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < i; k++)
			if (s->banks[i].id == s->banks[k].id)
				return true;
	return false;
}

bool
tpm_selection_empty(const struct tpm_selection *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->banks[i].mask != 0)
			return false;
	return true;
}

void
tpm_selection_dump(const struct tpm_selection *s, struct buf *b)
{
	if (s->n == 0)
		buf_str(b, "none");
	for (size_t i = 0; i < s->n; i++) {
		const struct tpm_bank *bank = &s->banks[i];
		const char *sep = "";

		buf_str(b, i == 0 ? "" : "+");
		if (bank->alg == DIGEST_NONE)
			buf_printf(b, "0x%04x:", bank->id);
		else
			buf_printf(b, "%s:", tpm_alg_name(bank->id));
		for (unsigned pcr = 0; pcr < 32; pcr++) {
			if ((bank->mask >> pcr & 1) == 0)
				continue;
			buf_printf(b, "%s%u", sep, pcr);
			sep = ",";
		}
		buf_str(b, bank->mask == 0 ? "none" : "");
	}
}

void
tpm_dump_bytes(struct buf *b, const char *name, struct span s)
{
	buf_printf(b, "%s ", name);
	buf_hex(b, s);
	buf_str(b, s.n == 0 ? "-\n" : "\n");
}
