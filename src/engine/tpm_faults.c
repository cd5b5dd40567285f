#include "engine/tpm_faults.h"

#define ALL 0xffff
#define V(a, b, c, d) { a, b, c, d }

static const struct tpm_fault faults[] = {
#define FAULT(who, low, high, each, sure, attestation, id, text, fix) \
	{ who, low, high, each, SURE_##sure, attestation, id, text, fix },
#include "engine/tpm_faults.tbl"
#undef FAULT
};

static int
compare(const uint16_t *a, const uint16_t *b)
{
	for (unsigned i = 0; i < 4; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

static bool
fits(const struct tpm_fault *f, const struct tpm_caps *c)
{
	if (strcmp(f->manufacturer, c->manufacturer) != 0)
		return false;
	if (!f->each)
		return compare(f->low, c->firmware) <= 0 && compare(c->firmware, f->high) <= 0;
	for (unsigned i = 0; i < 4; i++)
		if (c->firmware[i] < f->low[i] || c->firmware[i] > f->high[i])
			return false;
	return true;
}

const struct tpm_fault *
tpm_fault_next(const struct tpm_caps *caps, size_t *i)
{
	while (*i < sizeof(faults) / sizeof(faults[0]))
		if (fits(&faults[(*i)++], caps))
			return &faults[*i - 1];
	return NULL;
}

const char *
sureness_token(enum sureness s)
{
	return s == SURE_CERTAIN ? "certain" : s == SURE_LIKELY ? "likely" : "possible";
}
