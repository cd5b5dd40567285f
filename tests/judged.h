/* judged.h: what a made-up machine (make_list.h) sends, appraised whole. */
#ifndef JUDGED_H
#define JUDGED_H

#include "engine/evidence.h"
#include "engine/verdict.h"
#include "tests/make_list.h"

/* One appraisal, and what came of it. */
struct judged {
	struct result r;
	struct evidence_report report;
	struct made_quote q;
	struct tpm_pcrs *pcrs;
	struct evidence_input in;
	struct err e;
	int rc;
};

static void
judged_free(struct judged *j)
{
	evidence_report_free(&j->report);
	result_free(&j->r);
	made_quote_free(&j->q);
	free(j->pcrs);
}
#define JUDGED_AUTO __attribute__((cleanup(judged_free)))

/* The evidence: the list as it is now, a quote over ${mask} as the PCRs were in ${then}. */
static struct judged
evidence_of(const struct machine *m, const struct machine *then, uint32_t mask, uint64_t clock,
    const struct runtime_policy *const *policies)
{
	struct judged j = { .q = machine_quote(then, mask, clock), .pcrs = calloc(1, sizeof(*j.pcrs)),
	    .r = result_init() };

	for (unsigned i = 0; j.pcrs != NULL && i < 24; i++)
		if ((mask >> i & 1) != 0 && !tpm_pcrs_set(j.pcrs, DIGEST_SHA256, i, span_of(then->pcr[i], 32)))
			bail_out("a PCR value");
	if (j.pcrs == NULL)
		bail_out("memory");
	j.pcrs->kind = TPM_PCRS_JSON;
	j.in = (struct evidence_input){ .ima_log = buf_view(&m->list), .has_quote = true,
	    .quote = buf_view(&j.q.attest), .signature = buf_view(&j.q.signature), .ak = buf_view(&j.q.ak),
	    .pcrs = j.pcrs, .bank = DIGEST_SHA256, .policies = policies, .n_policies = 1, .ctx = { .now = 1790000000 } };
	if (!digest_make(DIGEST_SHA256, span_of(m->pcr[0], 32), &j.in.policy_id))
		bail_out("a digest");
	return j;
}

static void
judge(struct judged *j)
{
	j->in.nonce = span_of(j->q.nonce, sizeof(j->q.nonce));
	j->rc = evidence_appraise(&j->in, &j->r, &j->report, &j->e);
}

#endif
