#include "formats/tpm_pcrs.h"

#include "formats/tpm_pcrs_read.h"

/* The first number of tpm2-tools' file is a small count; text has no NUL in it. */
static bool
looks_binary(struct span in)
{
	return in.n >= 4 && in.p[1] == 0 && in.p[2] == 0 && in.p[3] == 0;
}

static bool
looks_json(struct span in)
{
	size_t i = 0;

	while (i < in.n && (in.p[i] == ' ' || in.p[i] == '\t' || in.p[i] == '\n' || in.p[i] == '\r'))
		i++;
	return i < in.n && in.p[i] == '{';
}

int
tpm_pcrs_parse(struct span in, struct tpm_pcrs *out, struct err *e)
{
	struct tpm_pcrs p = { 0 };
	int rc;

	if (in.n > LIMIT_SMALL_FILE)
		return err_set(e, ERR_LIMIT, "PCR values of %zu bytes, at most %zu are read",
		    in.n, LIMIT_SMALL_FILE);
	if (looks_binary(in))
		rc = tpm_pcrs_read_tools(in, &p, e);
	else if (looks_json(in))
		rc = tpm_pcrs_read_json(in, &p, e);
	else
		rc = tpm_pcrs_read_text(in, &p, e);
	if (rc != 0)
		return err_hint(e, rc, "give tpm2_quote's PCR file (-o, serialized), the text of "
		    "tpm2_pcrread or JSON {\"sha256\":{\"10\":\"hex\"}}");
	*out = p;
	return 0;
}

struct span
tpm_pcrs_get(const struct tpm_pcrs *p, enum digest_alg alg, unsigned pcr)
{
	for (size_t i = 0; alg != DIGEST_NONE && i < p->n_banks; i++)
		if (p->banks[i].alg == alg && pcr < LIMIT_PCRS && (p->banks[i].mask >> pcr & 1) != 0)
			return span_of(p->banks[i].v[pcr], digest_alg_size(alg));
	return span_of(NULL, 0);
}

static struct tpm_pcr_bank *
bank_for(struct tpm_pcrs *p, enum digest_alg alg)
{
	for (size_t i = 0; i < p->n_banks; i++)
		if (p->banks[i].alg == alg)
			return &p->banks[i];
	if (p->n_banks == LIMIT_TPM_BANKS)
		return NULL;
	p->banks[p->n_banks] = (struct tpm_pcr_bank){ .alg = alg };
	return &p->banks[p->n_banks++];
}

bool
tpm_pcrs_set(struct tpm_pcrs *p, enum digest_alg alg, unsigned pcr, struct span value)
{
	struct tpm_pcr_bank *bank;

	if (alg == DIGEST_NONE || pcr >= LIMIT_PCRS || value.n != digest_alg_size(alg) ||
	    (bank = bank_for(p, alg)) == NULL)
		return false;
	memcpy(bank->v[pcr], value.p, value.n);
	bank->mask |= 1u << pcr;
	return true;
}

void
tpm_pcrs_dump(const struct tpm_pcrs *p, struct buf *b)
{
	for (size_t i = 0; i < p->n_banks; i++) {
		buf_printf(b, "%s:\n", tpm_alg_name(digest_alg_tpm(p->banks[i].alg)));
		for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++) {
			struct span v = tpm_pcrs_get(p, p->banks[i].alg, pcr);

			if (v.n == 0)
				continue;
			buf_printf(b, "  %-2u: 0x", pcr);
			buf_hex(b, v);
			buf_str(b, "\n");
		}
	}
}
