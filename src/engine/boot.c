#include "engine/boot.h"

#include "engine/boot_internal.h"
#include "engine/boot_policy.h"

/* More single findings of one kind than this help nobody; the count is told. */
#define MISMATCHES_TOLD 16

const char *
boot_pcr_state_token(enum boot_pcr_state s)
{
	switch (s) {
	case BOOT_PCR_QUOTED: return "quoted";
	case BOOT_PCR_AGGREGATE: return "boot-aggregate";
	case BOOT_PCR_LATER: return "extended-later";
	case BOOT_PCR_MISMATCH: return "mismatch";
	case BOOT_PCR_UNKNOWN: break;
	}
	return "not-authenticated";
}

bool
boot_pcr_authentic(const struct boot_report *report, unsigned pcr)
{
	return report->pcr[pcr].state == BOOT_PCR_QUOTED ||
	    report->pcr[pcr].state == BOOT_PCR_AGGREGATE;
}

bool
boot_pcr_proven(const struct boot_report *report, enum digest_alg bank, unsigned pcr)
{
	for (size_t i = 0; i < report->n_proven; i++)
		if (report->proven[i].bank == bank)
			return (report->proven[i].pcrs & 1u << pcr) != 0;
	return false;
}

void
boot_prove(struct boot_report *report, enum digest_alg bank, unsigned pcr)
{
	size_t i = 0;

	while (i < report->n_proven && report->proven[i].bank != bank)
		i++;
	if (i == LIMIT_TPM_BANKS)
		return;			/* a log declares no more banks than that */
	if (i == report->n_proven)
		report->proven[report->n_proven++].bank = bank;
	report->proven[i].pcrs |= 1u << pcr;
}

void
boot_report_free(struct boot_report *report)
{
	arena_free(&report->arena);
	if (report->has_log)
		boot_log_free(&report->log);
	*report = (struct boot_report){ 0 };
}

/* The bank that facts are drawn from: the strongest that a quote proves; else the one
 * boot_aggregate may prove; else the log's strongest. */
static enum digest_alg
choose_bank(const struct boot_input *in, const struct boot_report *report)
{
	enum digest_alg best = DIGEST_NONE;

	for (size_t i = 0; i < in->n_pcrs; i++) {
		enum digest_alg alg = in->pcrs[i].alg;

		if ((in->pcrs[i].mask & BOOT_PCR_MASK) == 0 ||
		    (report->has_log && boot_log_bank(&report->log, alg) == NULL))
			continue;
		if (best == DIGEST_NONE || digest_alg_weak(best) ||
		    (!digest_alg_weak(alg) && digest_alg_size(alg) > digest_alg_size(best)))
			best = alg;
	}
	if (best != DIGEST_NONE)
		return best;
	for (size_t i = 0; report->has_log && i < in->n_aggregates; i++)
		if (boot_log_bank(&report->log, in->aggregates[i].alg) != NULL)
			return in->aggregates[i].alg;
	return report->has_log ? boot_log_strongest(&report->log) : DIGEST_NONE;
}

static bool
any_quoted(const struct boot_input *in, uint32_t mask)
{
	for (size_t i = 0; i < in->n_pcrs; i++)
		if ((in->pcrs[i].mask & mask) != 0)
			return true;
	return false;
}

static bool
all_quoted(const struct boot_input *in, uint32_t mask)
{
	for (size_t i = 0; i < in->n_pcrs; i++)
		if ((in->pcrs[i].mask & mask) == mask)
			return true;
	return false;
}

static void
require_demanded(const json_t *policy, struct result *r)
{
	check_require(r, CHECK_BOOT_POLICY);
	if (json_is_true(json_object_get(policy, "event_log")))
		check_require(r, CHECK_EVENT_LOG);
	/* What must be there once may be extended after the boot, a command line, the kernel that
	 * GRUB without shim does not measure, a signer; only boot_aggregate shows that. */
	if (json_is_true(json_object_get(policy, "boot_aggregate")) ||
	    json_object_get(policy, "cmdline") != NULL || json_object_get(policy, "kernel") != NULL ||
	    json_object_get(policy, "signers") != NULL)
		check_require(r, CHECK_BOOT_AGGREGATE);
}

static void
require(const struct boot_input *in, struct result *r)
{
	if (in->event_log.n > 0 && any_quoted(in, BOOT_PCR_FIRMWARE))
		check_require(r, CHECK_EVENT_LOG);
	if (!in->log_alone && in->event_log.n > 0 && all_quoted(in, BOOT_PCR_AGGREGATE_MIN))
		check_require(r, CHECK_BOOT_AGGREGATE);
	for (size_t i = 0; in->policies != NULL && in->policies[i] != NULL; i++)
		require_demanded(in->policies[i], r);
}

static int
tell_data_mismatches(const struct boot_log *log, struct result *r, struct err *e)
{
	size_t n = 0;
	int rc;

	for (size_t i = 0; i < log->n_events; i++) {
		const struct tcg_event *ev = &log->events[i].ev;

		if (log->events[i].bind != BOOT_BIND_MISMATCH || n++ >= MISMATCHES_TOLD)
			continue;
		if ((rc = check_fail(r, CHECK_EVENT_LOG, REASON_EVENT_DATA_MISMATCH, e,
		    "event %llu (PCR %u, %s): the data are not what the %s digest covers",
		    (unsigned long long)ev->number, ev->pcr, tcg_type_name(ev->type),
		    digest_alg_name(log->bound))) != 0)
			return rc;
	}
	if (n <= MISMATCHES_TOLD)
		return 0;
	return check_fail(r, CHECK_EVENT_LOG, REASON_EVENT_DATA_MISMATCH, e,
	    "and %zu more events whose data are not what their digest covers", n - MISMATCHES_TOLD);
}

static int
tell_oddities(const struct boot_report *report, struct result *r, struct err *e)
{
	const struct boot_log *log = &report->log;
	int rc = 0;

	if (log->tail.code != 0)
		rc = result_warn(r, e, "the event log ends at byte %llu with bytes that are no event: %s",
		    (unsigned long long)log->tail.offset, log->tail.message);
	if (rc == 0 && report->facts.firmware_error != 0)
		rc = result_warn(r, e, "event %llu: the firmware reports an error in its measurements",
		    (unsigned long long)report->facts.firmware_error);
	if (rc == 0 && report->facts.debug_mode)
		rc = result_warn(r, e, "the firmware runs in UEFI debug mode");
	if (rc == 0 && report->bank != DIGEST_NONE && digest_alg_weak(report->bank))
		rc = result_warn(r, e, "the boot is proven by %s digests only, whose collisions can be "
		    "made", digest_alg_name(report->bank));
	return rc;
}

static int
load(const struct boot_input *in, struct boot_report *report, struct result *r, struct err *e)
{
	int rc;

	if (in->event_log.n > 0) {
		if ((rc = boot_log_load(in->event_log, &report->log, e)) != 0)
			return rc;
		report->has_log = true;
	}
	report->bank = choose_bank(in, report);
	if (report->has_log && boot_log_bank(&report->log, report->bank) == NULL)
		return result_warn(r, e, "no bank of the event log can be replayed");
	if (report->has_log && report->log.bound != report->bank)
		return boot_log_bind(&report->log, report->bank, e);
	return 0;
}

int
boot_appraise(const struct boot_input *in, struct boot_report *report, struct result *r,
    struct err *e)
{
	int rc;

	*report = (struct boot_report){ .arena = arena_init(LIMIT_APPRAISAL_ARENA) };
	for (size_t i = 0; in->policies != NULL && in->policies[i] != NULL; i++)
		if ((rc = boot_policy_check(in->policies[i], e)) != 0)
			return rc;
	require(in, r);
	if ((rc = load(in, report, r, e)) != 0 ||
	    (rc = boot_pcrs_compare(in, report, r, e)) != 0 ||
	    (rc = boot_aggregate_check(in, report, r, e)) != 0)
		return rc;
	if (report->has_log) {
		if ((rc = boot_facts_find(&report->log, &report->arena, &report->facts, e)) != 0 ||
		    (rc = tell_data_mismatches(&report->log, r, e)) != 0 ||
		    (rc = tell_oddities(report, r, e)) != 0)
			return rc;
	}
	return boot_policy_appraise(in, report, r, e);
}
