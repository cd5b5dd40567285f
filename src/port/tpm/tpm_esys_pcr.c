/* tpm_esys_pcr.c: PCRs read and extended, and what the TPM says about itself. */
#include "port/tpm/tpm_internal.h"

#include <tss2/tss2_mu.h>

#include "crypto/digest.h"

struct reading {
	enum digest_alg bank;
	uint32_t mask;
	uint8_t v[LIMIT_PCRS][LIMIT_DIGEST];
};

static TSS2_RC
read_work(struct tpm *t, void *arg)
{
	struct reading *w = arg;

	return tpm_read_pcrs(t, w->bank, w->mask, w->v);
}

int
tpm_pcr_read(struct tpm *t, enum digest_alg bank, uint32_t mask,
    uint8_t values[LIMIT_PCRS][LIMIT_DIGEST], struct err *e)
{
	struct reading w = { .bank = bank, .mask = mask };
	int rc;

	if (mask == 0 || mask >> LIMIT_PCRS != 0 || digest_alg_tpm(bank) == 0)
		return err_set(e, ERR_RANGE, "no PCRs, or PCRs that are not, were asked for");
	if ((rc = tpm_run(t, read_work, &w, e)) == 0)
		memcpy(values, w.v, sizeof(w.v));
	return rc;
}

struct extending {
	unsigned pcr;
	TPML_DIGEST_VALUES values;
};

static TSS2_RC
extend_work(struct tpm *t, void *arg)
{
	struct extending *w = arg;

	t->step = "extending a PCR";
	/* ESYS numbers PCRs as the TPM does (ESYS_TR_PCR0 is 0). */
	return Esys_PCR_Extend(t->esys, ESYS_TR_PCR0 + w->pcr, ESYS_TR_PASSWORD, ESYS_TR_NONE,
	    ESYS_TR_NONE, &w->values);
}

static int
set_values(struct extending *w, const struct digest *digests, size_t n, struct err *e)
{
	if (n == 0 || n > TPM2_NUM_PCR_BANKS)
		return err_set(e, ERR_RANGE, "an extend takes digests for 1 to %d banks", TPM2_NUM_PCR_BANKS);
	w->values.count = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		if (digest_alg_tpm(digests[i].alg) == 0 || digests[i].size > sizeof(TPMU_HA))
			return err_set(e, ERR_UNSUPPORTED, "TPMs have no bank of %s",
			    digest_alg_name(digests[i].alg));
		w->values.digests[i].hashAlg = digest_alg_tpm(digests[i].alg);
		memcpy(&w->values.digests[i].digest, digests[i].v, digests[i].size);
	}
	return 0;
}

/* After a broken connection: whether the TPM had extended.  1 yes, 0 no, or an error. */
static int
was_done(struct tpm *t, unsigned pcr, const struct digest *d, const uint8_t *before, struct err *e)
{
	HASHER_AUTO struct hasher *h = NULL;
	uint8_t now[LIMIT_PCRS][LIMIT_DIGEST], after[LIMIT_DIGEST];
	struct span old = span_of(before, d->size), value;
	int rc;

	if ((rc = tpm_pcr_read(t, d->alg, 1u << pcr, now, e)) != 0 ||
	    (rc = hasher_new(d->alg, &h, e)) != 0)
		return rc;
	if (!hasher_run(h, old, digest_view(d), after))
		return err_set(e, ERR_CRYPTO, "a digest could not be computed");
	value = span_of(now[pcr], d->size);
	if (span_eq(value, old))
		return 0;
	if (span_eq(value, span_of(after, d->size)))
		return 1;
	return err_set(e, ERR_TPM, "the connection broke while PCR %u was extended, and its value "
	    "tells nothing: another program extends it too, or the TPM was reset", pcr);
}

int
tpm_pcr_extend(struct tpm *t, unsigned pcr, const struct digest *digests, size_t n, struct err *e)
{
	struct extending w = { .pcr = pcr };
	uint8_t before[LIMIT_PCRS][LIMIT_DIGEST];
	TSS2_RC got;
	int rc;

	if (pcr >= LIMIT_PCRS)
		return err_set(e, ERR_RANGE, "there is no PCR %u", pcr);
	if ((rc = set_values(&w, digests, n, e)) != 0 ||
	    (rc = tpm_pcr_read(t, digests[0].alg, 1u << pcr, before, e)) != 0)
		return rc;
	got = tpm_run_once(t, extend_work, &w);
	if (got == TSS2_RC_SUCCESS)
		return 0;
	/* A TPM that answered has not extended: it may be asked again. */
	if (tpm_trouble(got) != TPM_BROKEN)
		return tpm_run(t, extend_work, &w, e);
	tpm_release(t);
	if ((rc = was_done(t, pcr, &digests[0], before[pcr], e)) != 0)
		return rc < 0 ? rc : 0;
	got = tpm_run_once(t, extend_work, &w);
	if (got == TSS2_RC_SUCCESS)
		return 0;
	if (tpm_trouble(got) == TPM_BROKEN)
		tpm_release(t);
	return tpm_fault(t, got, e);
}

struct asking {
	enum tpm_capability cap;
	uint32_t first;
	struct buf *answer;
};

/* The answer as the TPM sent it, for the parser in formats/. */
static TSS2_RC
ask_work(struct tpm *t, void *arg)
{
	struct asking *w = arg;
	TPMS_CAPABILITY_DATA *data = NULL;
	TPMI_YES_NO more = 0;
	uint8_t bytes[sizeof(TPMS_CAPABILITY_DATA)];
	size_t n = 0;
	TSS2_RC rc;

	t->step = "asking the TPM about itself";
	rc = Esys_GetCapability(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, (TPM2_CAP)w->cap,
	    w->first, TPM_CAP_COUNT, &more, &data);
	if (rc == TSS2_RC_SUCCESS)
		rc = Tss2_MU_TPMS_CAPABILITY_DATA_Marshal(data, bytes, sizeof(bytes), &n);
	Esys_Free(data);
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	w->answer->n = 0;
	buf_be16(w->answer, TPM2_ST_NO_SESSIONS);
	buf_be32(w->answer, (uint32_t)(11 + n));
	buf_be32(w->answer, TPM2_RC_SUCCESS);
	buf_u8(w->answer, more);
	buf_put(w->answer, bytes, n);
	return rc;
}

int
tpm_caps(struct tpm *t, struct tpm_caps *out, struct err *e)
{
	static const struct { enum tpm_capability cap; uint32_t first; } questions[] = {
		{ TPM_CAP_PROPERTIES, TPM_PT_FIXED }, { TPM_CAP_PCRS, 0 }, { TPM_CAP_ALGS, 0 },
	};
	BUF_AUTO struct buf answer = buf_init(LIMIT_SMALL_FILE);
	struct tpm_caps caps = { 0 };

	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		uint32_t next = questions[i].first;

		/* The parser refuses a list that does not go on, so this ends. */
		do {
			struct asking w = { questions[i].cap, next, &answer };
			int rc;

			if ((rc = tpm_run(t, ask_work, &w, e)) != 0 || (rc = buf_done(&answer, e)) != 0 ||
			    (rc = tpm_caps_response(buf_view(&answer), w.cap, &caps, &next, e)) != 0)
				return rc;
		} while (next != 0);
	}
	caps.have = true;
	*out = caps;
	return 0;
}
