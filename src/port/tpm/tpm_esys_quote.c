/* tpm_esys_quote.c: quotes with the PCR values they are over. */
#include "port/tpm/tpm_internal.h"

#include <tss2/tss2_mu.h>

#include "crypto/digest.h"
#include "formats/tpm_attest.h"

/* A quote takes 100 to 600 ms on real hardware: on a machine that extends in each of
 * these spans, more tries will not do better. */
#define QUOTE_TRIES 3

void
tpm_quote_free(struct tpm_quote *q)
{
	buf_free(&q->attest);
	buf_free(&q->signature);
}

static TPML_PCR_SELECTION
selection(enum digest_alg bank, uint32_t mask)
{
	return (TPML_PCR_SELECTION){ .count = 1, .pcrSelections = { { .hash = digest_alg_tpm(bank),
	    .sizeofSelect = 3, .pcrSelect = { (uint8_t)mask, (uint8_t)(mask >> 8),
	    (uint8_t)(mask >> 16) } } } };
}

static uint32_t
mask_of(const TPML_PCR_SELECTION *s)
{
	const TPMS_PCR_SELECTION *p = &s->pcrSelections[0];

	return s->count != 1 || p->sizeofSelect < 3 ? 0 :
	    p->pcrSelect[0] | (uint32_t)p->pcrSelect[1] << 8 | (uint32_t)p->pcrSelect[2] << 16;
}

/* One answer: values for the PCRs that are set in ${got}, in ascending order. */
static bool
take_values(uint32_t got, const TPML_DIGEST *d, size_t size,
    uint8_t values[LIMIT_PCRS][LIMIT_DIGEST])
{
	uint32_t i = 0;

	for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++) {
		if ((got >> pcr & 1) == 0)
			continue;
		if (i >= d->count || i >= 8 || d->digests[i].size != size)
			return false;
		memcpy(values[pcr], d->digests[i++].buffer, size);
	}
	return i == d->count;
}

TSS2_RC
tpm_read_pcrs(struct tpm *t, enum digest_alg bank, uint32_t mask,
    uint8_t values[LIMIT_PCRS][LIMIT_DIGEST])
{
	t->step = "reading PCRs";
	while (mask != 0) {
		TPML_PCR_SELECTION want = selection(bank, mask), *got = NULL;
		TPML_DIGEST *digests = NULL;
		uint32_t counter, read = 0;
		TSS2_RC rc = Esys_PCR_Read(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &want,
		    &counter, &got, &digests);

		if (rc == TSS2_RC_SUCCESS) {
			read = mask_of(got);
			/* None: the bank is not in use, and asking again would not end. */
			if (read == 0 || (read & ~mask) != 0 ||
			    !take_values(read, digests, digest_alg_size(bank), values)) {
				t->step = "reading PCRs of a bank that is not in use";
				rc = TSS2_ESYS_RC_BAD_VALUE;
			}
		}
		Esys_Free(got);
		Esys_Free(digests);
		if (rc != TSS2_RC_SUCCESS)
			return rc;
		mask &= ~read;
	}
	return TSS2_RC_SUCCESS;
}

struct quoting {
	const struct tpm_ak *ak;
	TPM2B_DATA nonce;
	enum digest_alg bank;
	uint32_t mask;
	struct tpm_quote *q;
};

static TSS2_RC
quote_once(struct tpm *t, const struct quoting *w, ESYS_TR ak)
{
	TPML_PCR_SELECTION s = selection(w->bank, w->mask);
	TPMT_SIG_SCHEME keys_own = { .scheme = TPM2_ALG_NULL };
	TPM2B_ATTEST *attest = NULL;
	TPMT_SIGNATURE *signature = NULL;
	uint8_t bytes[sizeof(TPMT_SIGNATURE)];
	size_t n = 0;
	TSS2_RC rc;

	t->step = "quoting";
	rc = Esys_Quote(t->esys, ak, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &w->nonce,
	    &keys_own, &s, &attest, &signature);
	if (rc == TSS2_RC_SUCCESS)
		rc = Tss2_MU_TPMT_SIGNATURE_Marshal(signature, bytes, sizeof(bytes), &n);
	if (rc == TSS2_RC_SUCCESS) {
		w->q->attest.n = w->q->signature.n = 0;
		buf_put(&w->q->attest, attest->attestationData, attest->size);
		buf_put(&w->q->signature, bytes, n);
	}
	Esys_Free(attest);
	Esys_Free(signature);
	return rc;
}

/* Whether the values are those of the quote: its digest is over all of them, ascending,
 * with the hash of the key's scheme, which for our keys is SHA-256. */
static bool
values_agree(const struct tpm_quote *q)
{
	HASHER_AUTO struct hasher *h = NULL;
	struct tpm_attest a;
	uint8_t digest[LIMIT_DIGEST];

	if (tpm_attest_parse(buf_view(&q->attest), &a, NULL) != 0 || a.type != TPM_ST_ATTEST_QUOTE ||
	    hasher_new(DIGEST_SHA256, &h, NULL) != 0 || !hasher_start(h))
		return false;
	for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++)
		if ((q->mask >> pcr & 1) != 0 &&
		    !hasher_add(h, span_of(q->pcrs[pcr], digest_alg_size(q->bank))))
			return false;
	return hasher_finish(h, digest) &&
	    span_eq(a.pcr_digest, span_of(digest, digest_alg_size(DIGEST_SHA256)));
}

static TSS2_RC
quote_work(struct tpm *t, void *arg)
{
	const struct quoting *w = arg;
	struct tpm_quote *q = w->q;
	TPM_HANDLE(ak, t);
	TSS2_RC rc = tpm_ak_load(t, w->ak, &ak);

	q->agree = false;
	for (int i = 0; rc == TSS2_RC_SUCCESS && i < QUOTE_TRIES && !q->agree; i++) {
		if ((rc = quote_once(t, w, ak.tr)) != TSS2_RC_SUCCESS)
			break;
		/* The values of the try before may be those that stood until this quote. */
		q->agree = i > 0 && values_agree(q);
		if (!q->agree && (rc = tpm_read_pcrs(t, w->bank, w->mask, q->pcrs)) == TSS2_RC_SUCCESS)
			q->agree = values_agree(q);
	}
	return rc;
}

int
tpm_quote(struct tpm *t, const struct tpm_ak *ak, struct span nonce, enum digest_alg bank,
    uint32_t mask, struct tpm_quote *out, struct err *e)
{
	TPM_QUOTE_AUTO struct tpm_quote q = { .attest = buf_init(LIMIT_SMALL_FILE),
	    .signature = buf_init(LIMIT_SMALL_FILE), .bank = bank, .mask = mask };
	struct quoting w = { .ak = ak, .bank = bank, .mask = mask, .q = &q };
	int rc;

	if (nonce.n > sizeof(w.nonce.buffer) || nonce.n > LIMIT_TPM_NONCE)
		return err_set(e, ERR_LIMIT, "a nonce has at most %d bytes", LIMIT_TPM_NONCE);
	if (mask == 0 || mask >> LIMIT_PCRS != 0 || digest_alg_tpm(bank) == 0)
		return err_set(e, ERR_RANGE, "no PCRs, or PCRs that are not, were asked to be quoted");
	w.nonce.size = (uint16_t)nonce.n;
	if (nonce.n != 0)
		memcpy(w.nonce.buffer, nonce.p, nonce.n);
	if ((rc = tpm_run(t, quote_work, &w, e)) != 0 || (rc = buf_done(&q.attest, e)) != 0 ||
	    (rc = buf_done(&q.signature, e)) != 0)
		return rc;
	*out = q;
	q = (struct tpm_quote){ 0 };	/* transferred */
	return 0;
}
