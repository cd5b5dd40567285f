/* boot_aggregate: what IMA saw of the boot PCRs when it started. */
#include "crypto/digest.h"
#include "engine/boot_internal.h"

#define LAST_OLD 7	/* SHA-1, and kernels before 5.8 */
#define LAST_NEW 9

int
boot_aggregate_of(enum digest_alg bank, uint8_t v[LIMIT_PCRS][LIMIT_DIGEST], unsigned last,
    struct digest *out, struct err *e)
{
	HASHER_AUTO struct hasher *h = NULL;
	struct digest d = { .alg = bank, .size = (uint8_t)digest_alg_size(bank) };
	bool good;
	int rc;

	if ((rc = hasher_new(bank, &h, e)) != 0)
		return rc;
	good = hasher_start(h);
	for (unsigned i = 0; good && i <= last; i++)
		good = hasher_add(h, span_of(v[i], d.size));
	if (!good || !hasher_finish(h, d.v))
		return err_set(e, ERR_CRYPTO, "computing a digest failed");
	*out = d;
	return 0;
}

/* 1: ${want} is the digest of PCRs 0-7 or, if ${up_to} reaches so far, 0-9; *last tells. */
static int
fits(const struct digest *want, uint8_t v[LIMIT_PCRS][LIMIT_DIGEST], unsigned up_to, unsigned *last,
    struct err *e)
{
	static const unsigned ranges[] = { LAST_NEW, LAST_OLD };

	for (size_t i = 0; i < 2; i++) {
		struct digest d;
		int rc;

		if (ranges[i] > up_to)
			continue;
		if ((rc = boot_aggregate_of(want->alg, v, ranges[i], &d, e)) != 0)
			return rc;
		if (digest_eq(&d, want)) {
			*last = ranges[i];
			return 1;
		}
	}
	return 0;
}

struct sources {
	uint8_t v[LIMIT_PCRS][LIMIT_DIGEST];
	uint32_t have, quoted;
};

/* Quoted values first; the log's where one is not quoted. */
static void
gather(const struct boot_input *in, const struct boot_report *report, enum digest_alg alg,
    struct sources *s)
{
	const struct tpm_pcr_bank *quoted = boot_quoted(in, alg);
	const struct boot_bank *bank = report->has_log ? boot_log_bank(&report->log, alg) : NULL;

	*s = (struct sources){ 0 };
	for (unsigned i = 0; i <= LAST_NEW; i++) {
		bool q = quoted != NULL && (quoted->mask & 1u << i) != 0;

		if (!q && bank == NULL)
			continue;
		memcpy(s->v[i], q ? quoted->v[i] : bank->v[i], LIMIT_DIGEST);
		s->have |= 1u << i;
		s->quoted |= (uint32_t)q << i;
	}
}

/* The log alone reproduces boot_aggregate: its events are as authentic as the list. */
static int
credit_log(const struct boot_input *in, struct boot_report *report, const struct digest *want,
    bool *fitted, struct err *e)
{
	const struct tpm_pcr_bank *quoted = boot_quoted(in, want->alg);
	struct boot_bank *bank = NULL;
	unsigned last = 0;
	int rc;

	*fitted = false;
	for (size_t i = 0; report->has_log && i < report->log.n_banks; i++)
		if (report->log.banks[i].alg == want->alg && report->log.banks[i].computed)
			bank = &report->log.banks[i];
	if (bank == NULL)
		return 0;
	if ((rc = fits(want, bank->v, LAST_NEW, &last, e)) < 0)
		return rc;
	*fitted = rc > 0;
	if (!*fitted || !in->aggregates_authenticated)
		return 0;
	for (unsigned i = 0; i <= last; i++) {
		if (quoted != NULL && (quoted->mask & 1u << i) != 0)
			continue;	/* the quote has said already */
		boot_prove(report, want->alg, i);
		if (want->alg == report->bank)
			report->pcr[i].state = BOOT_PCR_AGGREGATE;
	}
	return 0;
}

static int
tell_mismatch(const struct boot_input *in, const struct boot_report *report,
    const struct digest *want, bool log_fits, struct result *r, struct err *e)
{
	const struct tpm_pcr_bank *quoted = boot_quoted(in, want->alg);
	const struct boot_bank *bank = report->has_log ? boot_log_bank(&report->log, want->alg) : NULL;
	size_t size = digest_alg_size(want->alg);

	if (log_fits && quoted != NULL && bank != NULL)
		for (unsigned i = 0; i <= LAST_NEW; i++)
			if ((quoted->mask & 1u << i) != 0 && memcmp(quoted->v[i], bank->v[i], size) != 0)
				return check_fail(r, CHECK_BOOT_AGGREGATE, REASON_BOOT_AGGREGATE_MISMATCH, e,
				    "boot_aggregate fits the event log but not the quote: PCR %u was extended "
				    "after IMA started", i);
	return check_fail(r, CHECK_BOOT_AGGREGATE, REASON_BOOT_AGGREGATE_MISMATCH, e,
	    "boot_aggregate is not the %s digest of PCRs 0-9 nor of 0-7", digest_alg_name(want->alg));
}

static int
judge(const struct boot_input *in, struct boot_report *report, const struct digest *want,
    struct result *r, bool *undecided, struct err *e)
{
	bool log_fits = false;
	struct sources s;
	unsigned last;
	int rc;

	if (want->alg == DIGEST_NONE || digest_alg_openssl(want->alg) == NULL) {
		*undecided = true;
		return result_warn(r, e, "boot_aggregate uses a digest algorithm that assay cannot compute");
	}
	if (span_zero(digest_view(want)))
		return check_fail(r, CHECK_BOOT_AGGREGATE, REASON_BOOT_AGGREGATE_MISMATCH, e,
		    "boot_aggregate is all zeros: the kernel found no TPM when IMA started, so that "
		    "what was measured before a TPM appeared is in no PCR");
	gather(in, report, want->alg, &s);
	if ((rc = credit_log(in, report, want, &log_fits, e)) != 0)
		return rc;
	if ((s.have & BOOT_PCR_AGGREGATE_MIN) == BOOT_PCR_AGGREGATE_MIN) {
		rc = fits(want, s.v, s.have == BOOT_PCR_FIRMWARE ? LAST_NEW : LAST_OLD, &last, e);
		if (rc < 0)
			return rc;
		if (rc > 0) {
			/* Of several the shortest reach is what all of them prove. */
			if (report->aggregate_reach == 0 || last < report->aggregate_reach)
				report->aggregate_reach = last;
			return 0;
		}
		/* Without 8 and 9 a mismatch is final only where these never count. */
		if (s.have == BOOT_PCR_FIRMWARE || want->alg == DIGEST_SHA1)
			return tell_mismatch(in, report, want, log_fits, r, e);
	}
	*undecided = true;
	return result_warn(r, e, "boot_aggregate cannot be recomputed: PCRs 0-9 of bank %s are neither "
	    "quoted nor in the event log", digest_alg_name(want->alg));
}

/* Nothing of the boot is quoted, and boot_aggregate proves all of it. */
static bool
credited(const struct boot_input *in, const struct boot_report *report)
{
	for (size_t i = 0; i < in->n_pcrs; i++)
		if ((in->pcrs[i].mask & BOOT_PCR_MASK) != 0)
			return false;
	for (unsigned i = 0; i <= LAST_OLD; i++)
		if (!boot_pcr_authentic(report, i))
			return false;
	return true;
}

int
boot_aggregate_check(const struct boot_input *in, struct boot_report *report, struct result *r,
    struct err *e)
{
	bool undecided = in->n_aggregates == 0;

	if (undecided && r->checks[CHECK_BOOT_AGGREGATE].required) {
		int rc = result_warn(r, e, "the measurement list has no boot_aggregate");

		if (rc != 0)
			return rc;
	}
	for (size_t i = 0; i < in->n_aggregates; i++) {
		int rc = judge(in, report, &in->aggregates[i], r, &undecided, e);

		if (rc != 0)
			return rc;
	}
	/* check_pass leaves a failure standing. */
	if (!undecided && check_pass(r, CHECK_BOOT_AGGREGATE) != 0)
		return ERR_INTERNAL;
	if (report->has_log && credited(in, report) &&
	    r->checks[CHECK_EVENT_LOG].state == CHECK_NOT_RUN &&
	    r->checks[CHECK_BOOT_AGGREGATE].state == CHECK_PASS)
		return check_pass(r, CHECK_EVENT_LOG);
	return 0;
}
