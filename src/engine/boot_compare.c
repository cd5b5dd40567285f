/* Replayed PCRs against quoted ones. */
#include "crypto/digest.h"
#include "engine/boot_internal.h"

/* What systemd-pcrphase extends into PCR 11 of a machine that boots a unified kernel
 * image, in this order, the first two only with an initrd. */
static const char *const phases[] = {
	"enter-initrd", "leave-initrd", "sysinit", "ready", "shutdown", "final",
};
#define N_PHASES (sizeof(phases) / sizeof(phases[0]))

const struct tpm_pcr_bank *
boot_quoted(const struct boot_input *in, enum digest_alg bank)
{
	for (size_t i = 0; i < in->n_pcrs; i++)
		if (in->pcrs[i].alg == bank)
			return &in->pcrs[i];
	return NULL;
}

static bool
same(const uint8_t *a, const uint8_t *b, enum digest_alg alg)
{
	return memcmp(a, b, digest_alg_size(alg)) == 0;
}

static int
extend(struct hasher *h, uint8_t *pcr, struct span digest, struct err *e)
{
	return hasher_run(h, span_of(pcr, digest.n), digest, pcr) ? 0 :
	    err_set(e, ERR_CRYPTO, "computing a digest failed");
}

/* 1: the phases from ${first} on lead from ${v} to ${want}; 0: not; or an error. */
static int
phases_lead(struct hasher *h, enum digest_alg alg, const uint8_t *v, const uint8_t *want,
    size_t first, struct err *e)
{
	uint8_t at[LIMIT_DIGEST];
	struct digest d;
	int rc;

	memcpy(at, v, sizeof(at));
	for (size_t i = first; i < N_PHASES; i++) {
		if ((rc = digest_of(alg, span_str(phases[i]), &d, e)) != 0 ||
		    (rc = extend(h, at, digest_view(&d), e)) != 0)
			return rc;
		if (same(at, want, alg))
			return 1;
	}
	return 0;
}

static int
explained_by_phases(enum digest_alg alg, const uint8_t *v, const uint8_t *want, struct err *e)
{
	HASHER_AUTO struct hasher *h = NULL;
	int rc;

	if ((rc = hasher_new(alg, &h, e)) != 0)
		return rc;
	if ((rc = phases_lead(h, alg, v, want, 0, e)) != 0)
		return rc;
	return phases_lead(h, alg, v, want, 2, e);
}

/* PCR 0 again from another locality: 1 and the locality, 0, or an error. */
static int
other_locality(const struct boot_log *log, enum digest_alg alg, const uint8_t *want,
    unsigned *locality, struct err *e)
{
	static const uint8_t candidates[] = { 0, 3, 4 };
	HASHER_AUTO struct hasher *h = NULL;
	int rc;

	if ((rc = hasher_new(alg, &h, e)) != 0)
		return rc;
	for (size_t c = 0; c < sizeof(candidates); c++) {
		uint8_t v[LIMIT_DIGEST] = { 0 };

		v[digest_alg_size(alg) - 1] = candidates[c];
		for (size_t i = 0; i < log->n_events; i++) {
			const struct tcg_event *ev = &log->events[i].ev;

			if (ev->pcr != 0 || ev->type == EV_NO_ACTION)
				continue;
			if ((rc = extend(h, v, tcg_event_digest(ev, alg), e)) != 0)
				return rc;
		}
		if (same(v, want, alg)) {
			*locality = candidates[c];
			return 1;
		}
	}
	return 0;
}

static void
put_short(struct buf *b, const uint8_t *v, enum digest_alg alg)
{
	buf_hex(b, span_of(v, digest_alg_size(alg)));
}

static int
tell_mismatch(const struct boot_report *report, enum digest_alg alg, unsigned pcr,
    const uint8_t *replayed, const uint8_t *quoted, struct result *r, struct err *e)
{
	BUF_AUTO struct buf a = buf_init(KIB(1));
	BUF_AUTO struct buf b = buf_init(KIB(1));
	const char *more = report->log.tail.code != 0 ?
	    "; the log ends with bytes that are no event, so that events may be missing" : "";

	put_short(&a, replayed, alg);
	put_short(&b, quoted, alg);
	return check_fail(r, CHECK_EVENT_LOG, REASON_EVENT_LOG_MISMATCH, e,
	    "the event log replays PCR %u of bank %s to %s, the quoted value is %s%s", pcr,
	    digest_alg_name(alg), buf_cstr(&a), buf_cstr(&b), more);
}

/* One PCR whose replayed value is not the quoted one: is there an innocent reason? */
static int
explain(const struct boot_report *report, const struct boot_bank *bank, unsigned pcr,
    const uint8_t *want, enum boot_pcr_state *state, struct result *r, struct err *e)
{
	unsigned locality = 0;
	int rc = 0;

	*state = BOOT_PCR_MISMATCH;
	if (pcr == 0)
		rc = other_locality(&report->log, bank->alg, want, &locality, e);
	else if (pcr == 11)
		rc = explained_by_phases(bank->alg, bank->v[pcr], want, e);
	if (rc < 0)
		return rc;
	if (rc > 0) {
		*state = BOOT_PCR_QUOTED;
		return pcr != 0 ? 0 : result_warn(r, e,
		    "PCR 0 fits a TPM start from locality %u, which the event log does not say", locality);
	}
	if (pcr == 11 || pcr == 15) {
		*state = BOOT_PCR_LATER;
		return result_warn(r, e, "PCR %u was extended after the boot by something that the "
		    "firmware's event log does not hold; its events are not authentic", pcr);
	}
	return tell_mismatch(report, bank->alg, pcr, bank->v[pcr], want, r, e);
}

static int
compare_bank(struct boot_report *report, const struct tpm_pcr_bank *quoted,
    const struct boot_bank *bank, struct result *r, struct err *e)
{
	for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++) {
		enum boot_pcr_state state = BOOT_PCR_QUOTED;
		int rc;

		if ((quoted->mask & BOOT_PCR_MASK & 1u << pcr) == 0)
			continue;
		if (!same(bank->v[pcr], quoted->v[pcr], bank->alg) &&
		    (rc = explain(report, bank, pcr, quoted->v[pcr], &state, r, e)) != 0)
			return rc;
		if (state == BOOT_PCR_QUOTED)
			boot_prove(report, bank->alg, pcr);
		if (bank->alg == report->bank)
			report->pcr[pcr].state = state;
	}
	return 0;
}

/* The values that facts go with, quoted before replayed. */
static void
fill_values(const struct boot_input *in, struct boot_report *report)
{
	const struct tpm_pcr_bank *quoted = boot_quoted(in, report->bank);
	const struct boot_bank *bank = report->has_log ? boot_log_bank(&report->log, report->bank) : NULL;

	for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++) {
		struct boot_pcr *p = &report->pcr[pcr];

		p->quoted = quoted != NULL && (quoted->mask & 1u << pcr) != 0;
		p->has_value = p->quoted || bank != NULL;
		if (p->has_value)
			memcpy(p->v, p->quoted ? quoted->v[pcr] : bank->v[pcr], LIMIT_DIGEST);
	}
}

static int
tell_no_bank(const struct boot_log *log, enum digest_alg alg, struct result *r, struct err *e)
{
	for (size_t i = 0; i < log->n_banks; i++)
		if (log->banks[i].alg == alg && log->banks[i].gap != 0)
			return result_warn(r, e, "event %llu of the event log has no %s digest, so that "
			    "bank cannot be replayed", (unsigned long long)log->banks[i].gap,
			    digest_alg_name(alg));
	return result_warn(r, e, "the event log has no %s digests, so the quoted PCRs of that bank "
	    "cannot be explained", digest_alg_name(alg));
}

int
boot_pcrs_compare(const struct boot_input *in, struct boot_report *report, struct result *r,
    struct err *e)
{
	size_t judged = 0, unjudged = 0;
	int rc;

	fill_values(in, report);
	if (!report->has_log)
		return 0;
	for (size_t i = 0; i < in->n_pcrs; i++) {
		const struct tpm_pcr_bank *quoted = &in->pcrs[i];
		const struct boot_bank *bank = boot_log_bank(&report->log, quoted->alg);

		if ((quoted->mask & BOOT_PCR_MASK) == 0)
			continue;
		if (bank == NULL) {
			unjudged++;
			rc = tell_no_bank(&report->log, quoted->alg, r, e);
		} else {
			judged++;
			rc = compare_bank(report, quoted, bank, r, e);
		}
		if (rc != 0)
			return rc;
	}
	if (judged > 0 && unjudged == 0)
		return check_pass(r, CHECK_EVENT_LOG);
	return 0;
}
