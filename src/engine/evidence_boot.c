#include "engine/evidence_boot.h"

#include "engine/boot.h"
#include "engine/boot_policy.h"

/* What stands at an offset of the boot's parts, stands in its log. */
static int
in_log(const struct evidence_input *in, int rc, struct err *e)
{
	return in->names.event_log == NULL ? err_ctx(e, rc, "the event log") :
	    err_file(e, rc, in->names.event_log);
}

int
evidence_boot_replay(const struct evidence_input *in, const struct quote_facts *q,
    struct tpm_pcrs *known, struct err *e)
{
	BOOT_LOG_AUTO struct boot_log log = { 0 };
	int rc;

	/* An empty log is not the same as none, which nothing is asked of: it is refused. */
	if (!in->has_event_log || (q->covered.n_banks > 0 && in->event_log.n > 0))
		return 0;
	if ((rc = boot_log_load(in->event_log, &log, e)) != 0)
		return in_log(in, rc, e);
	for (size_t i = 0; i < q->selection.n; i++) {
		const struct tpm_bank *b = &q->selection.banks[i];
		const struct boot_bank *bank = boot_log_bank(&log, b->alg);

		/* PCRs the log never touched are still zero: also a value of the log's. */
		for (unsigned n = 0; bank != NULL && n < 16; n++)
			if (n != IMA_PCR && (in->list_pcr == 0 || n != in->list_pcr) && ((b->mask >> n) & 1) != 0 &&
			    tpm_pcrs_get(known, b->alg, n).n == 0 &&
			    !tpm_pcrs_set(known, b->alg, n, span_of(bank->v[n], digest_alg_size(b->alg))))
				return err_set(e, ERR_INTERNAL, "no room for a replayed PCR");
	}
	return 0;
}

/* The list's own PCR is not the boot's: the execution monitor extends it while the system runs. */
static int
without_list(const struct evidence_input *in, struct boot_input *x, struct arena *a, struct err *e)
{
	struct tpm_pcr_bank *banks;

	if (in->list_pcr == 0 || x->n_pcrs == 0)
		return 0;
	if ((banks = arena_array(a, x->n_pcrs, sizeof(*banks))) == NULL)
		return arena_err(a, e);
	for (size_t i = 0; i < x->n_pcrs; i++) {
		banks[i] = x->pcrs[i];
		banks[i].mask &= ~((uint32_t)1 << in->list_pcr);
	}
	x->pcrs = banks;
	return 0;
}

int
evidence_boot(const struct evidence_input *in, const struct evidence_boot *b, struct result *r,
    struct evidence_report *report, struct err *e)
{
	BOOT_REPORT_AUTO struct boot_report boot = { 0 };
	struct boot_input x = { .event_log = in->has_event_log ? in->event_log : span_of(NULL, 0),
	    .pcrs = b->q->covered.banks, .n_pcrs = b->authentic ? b->q->covered.n_banks : 0,
	    /* A monitor has seen no boot: its list never has a boot_aggregate. */
	    .log_alone = in->list_pcr != 0 && in->list_pcr != IMA_PCR,
	    .aggregates = b->aggregates, .n_aggregates = b->n_aggregates,
	    .aggregates_authenticated = b->aggregates_covered,
	    .policies = b->demands, .now = in->ctx.now, .began = in->boot_began };
	int rc;

	report->boot_expires = boot_policy_expires(b->demands, in->boot_began);

	if ((rc = without_list(in, &x, &r->arena, e)) != 0)
		return rc;
	if ((rc = boot_appraise(&x, &boot, r, e)) != 0)
		return e != NULL && e->place == ERR_AT_OFFSET ? in_log(in, rc, e) : err_ctx(e, rc, "the boot");
	if (in->has_event_log || x.n_pcrs > 0)
		report->boot = boot_report_json(&boot);
	return 0;
}
