#include "svc/monitor/monitor_tpm.h"

static int
extend(void *arg, unsigned pcr, const struct digest *d, size_t n, struct err *e)
{
	const struct monitor_tpm_banks *b = arg;
	struct digest wanted[LIMIT_TPM_BANKS];
	size_t k = 0;

	for (unsigned i = 0; i < b->n; i++)
		for (size_t x = 0; x < n; x++)
			if (d[x].alg == b->algs[i])
				wanted[k++] = d[x];
	return tpm_pcr_extend(b->tpm, pcr, wanted, k, e);
}

static int
read_value(void *arg, unsigned pcr, struct digest *value, struct err *e)
{
	const struct monitor_tpm_banks *b = arg;
	uint8_t v[LIMIT_PCRS][LIMIT_DIGEST];
	int rc = tpm_pcr_read(b->tpm, DIGEST_SHA256, (uint32_t)1 << pcr, v, e);

	if (rc == 0 && !digest_make(DIGEST_SHA256, span_of(v[pcr], 32), value))
		return err_set(e, ERR_INTERNAL, "a PCR's value does not fit");
	return rc;
}

int
monitor_tpm_make(struct tpm *tpm, unsigned pcr, struct monitor_tpm_banks *b, struct monitor_tpm *out,
    struct err *e)
{
	static const enum digest_alg known[] = { DIGEST_SHA256, DIGEST_SHA1, DIGEST_SHA384, DIGEST_SHA512 };
	struct monitor_tpm_banks x = { .tpm = tpm };
	struct tpm_caps caps;
	uint32_t active = 0;
	int rc = tpm_caps(tpm, &caps, e);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < caps.pcrs.n; i++)
		active += (caps.pcrs.banks[i].mask >> pcr & 1) != 0;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (tpm_selection_has(&caps.pcrs, known[i], pcr))
			x.algs[x.n++] = known[i];
	if (x.n == 0 || x.algs[0] != DIGEST_SHA256)
		return err_set(e, ERR_UNSUPPORTED, "the TPM has no SHA-256 bank with PCR %u", pcr);
	if (x.n != active)
		return err_hint(e, err_set(e, ERR_UNSUPPORTED, "the TPM has a bank with PCR %u of an algorithm that is"
		    " not SHA-1 or SHA-2: it would not be extended", pcr), "switch that bank off in the firmware's setup");
	*b = x;
	*out = (struct monitor_tpm){ .extend = extend, .read = read_value, .arg = b };
	return 0;
}
