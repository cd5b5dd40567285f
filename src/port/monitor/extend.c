#include "port/monitor/extend.h"

static const enum digest_alg banks[EXTEND_BANKS] = { DIGEST_SHA1, DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512 };
#define SHA256_AT 1

int
extender_init(struct extender *x, const struct monitor_tpm *tpm, unsigned pcr, struct err *e)
{
	int rc;

	*x = (struct extender){ .tpm = tpm, .pcr = pcr };
	for (unsigned i = 0; i < EXTEND_BANKS; i++)
		if ((rc = hasher_new(banks[i], &x->h[i], e)) != 0) {
			extender_done(x);
			return rc;
		}
	return 0;
}

void
extender_done(struct extender *x)
{
	for (unsigned i = 0; i < EXTEND_BANKS; i++) {
		hasher_free(x->h[i]);
		x->h[i] = NULL;
	}
}

static int
digests_of(struct extender *x, struct span data, struct digest d[EXTEND_BANKS], struct err *e)
{
	for (unsigned i = 0; i < EXTEND_BANKS; i++) {
		d[i] = (struct digest){ .alg = banks[i], .size = (uint8_t)digest_alg_size(banks[i]) };
		if (!hasher_run(x->h[i], data, span_of(NULL, 0), d[i].v))
			return err_set(e, ERR_CRYPTO, "hashing a record of the monitor");
	}
	return 0;
}

static int
step(struct extender *x, const uint8_t digest[32], uint8_t value[32], struct err *e)
{
	uint8_t next[32];

	if (!hasher_run(x->h[SHA256_AT], span_of(value, 32), span_of(digest, 32), next))
		return err_set(e, ERR_CRYPTO, "replaying a record of the monitor");
	memcpy(value, next, sizeof(next));
	return 0;
}

static int
read_pcr(struct extender *x, uint8_t value[32], struct err *e)
{
	struct digest d = { 0 };
	int rc = x->tpm->read(x->tpm->arg, x->pcr, &d, e);

	if (rc != 0)
		return err_ctx(e, rc, "reading PCR %u", x->pcr);
	if (d.alg != DIGEST_SHA256 || d.size != 32)
		return err_set(e, ERR_UNSUPPORTED, "the TPM has no SHA-256 bank with PCR %u", x->pcr);
	memcpy(value, d.v, 32);
	return 0;
}

int
extender_begin(struct extender *x, struct span list, bool *known, struct err *e)
{
	struct rd r = rd_init(list);
	uint8_t now[32] = { 0 }, value[32] = { 0 }, digest[32];
	struct span data;
	uint64_t records = 0;
	uint32_t pcr;
	int rc;

	if (x->tpm != NULL && (rc = read_pcr(x, now, e)) != 0)
		return rc;
	*known = x->tpm == NULL || span_zero(span_of(now, 32));
	x->records = x->bytes = 0;
	memset(x->value, 0, sizeof(x->value));
	while (monitor_record_next(&r, &pcr, &data)) {
		if (!hasher_run(x->h[SHA256_AT], data, span_of(NULL, 0), digest))
			return err_set(e, ERR_CRYPTO, "replaying the monitor's list");
		if ((rc = step(x, digest, value, e)) != 0)
			return rc;
		records++;
		if (x->tpm != NULL && memcmp(value, now, 32) != 0)
			continue;
		*known = true;
		memcpy(x->value, value, 32);
		x->records = records;
		x->bytes = r.off;
	}
	if (*known)
		return 0;
	memcpy(x->value, value, 32);
	x->records = records;
	x->bytes = r.off;
	x->foreign = records > 0;
	return 0;
}

/* Whether the record was extended after all. */
static int
make_sure(struct extender *x, const uint8_t after[32], bool *was, struct err *e)
{
	uint8_t now[32];
	int rc = read_pcr(x, now, e);

	if (rc != 0)
		return rc;
	x->unsure = false;
	*was = memcmp(now, after, 32) == 0;
	if (!*was && memcmp(now, x->value, 32) != 0)
		x->foreign = true;
	return 0;
}

int
extender_add(struct extender *x, struct span data, size_t record_size, struct err *e)
{
	struct digest d[EXTEND_BANKS];
	uint8_t after[32];
	bool was = x->tpm == NULL;
	int rc;

	if ((rc = digests_of(x, data, d, e)) != 0)
		return rc;
	memcpy(after, x->value, sizeof(after));
	if ((rc = step(x, d[SHA256_AT].v, after, e)) != 0 ||
	    (x->unsure && (rc = make_sure(x, after, &was, e)) != 0))
		return rc;
	if (!was && (rc = x->tpm->extend(x->tpm->arg, x->pcr, d, EXTEND_BANKS, e)) != 0) {
		x->unsure = true;
		return err_ctx(e, rc, "extending PCR %u", x->pcr);
	}
	memcpy(x->value, after, sizeof(after));
	x->records++;
	x->bytes += record_size;
	return 0;
}
