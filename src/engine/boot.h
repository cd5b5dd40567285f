/* boot.h: the appraisal of a boot: event log, boot_aggregate, Secure Boot, demands.
 *
 * Authentic are the PCR values the caller hands in, because a quote's digest covers
 * them.  From there:
 *
 *   quoted PCR = replayed PCR          -> the events' digests in that PCR are authentic
 *   boot_aggregate of an authenticated -> the replayed PCRs 0-7 or 0-9 are authentic, as
 *   list = digest of replayed PCRs        they were when IMA started, even if not quoted
 *   digest covers data (boot_log.h)    -> the data are authentic too
 *
 * boot_aggregate is the digest of the concatenated PCRs 0-9 (0-7 for SHA-1 and before
 * Linux 5.8) of the bank whose algorithm it names (ima_crypto.c,
 * ima_calc_boot_aggregate_tfm).  It is compared with the quoted values where all are
 * quoted: equal means that nothing extended them since IMA started.
 *
 * Checks set here: EVENT_LOG, BOOT_AGGREGATE, BOOT_POLICY.  What cannot be checked stays
 * "not-run" and is told as a warning, so that a check that is required leaves the
 * verdict undecided.  A mismatch in PCRs 0-9 or 12-14 fails; PCR 10 is IMA's and not
 * looked at; PCRs 11 and 15 are extended after the boot by systemd, which the
 * firmware's log does not see, so that there a mismatch only means "not authentic".
 */
#ifndef ENGINE_BOOT_H
#define ENGINE_BOOT_H

#include "base/json.h"
#include "engine/boot_facts.h"
#include "engine/boot_log.h"
#include "engine/result.h"
#include "formats/tpm_pcrs.h"

struct boot_input {
	struct span event_log;			/* n 0: none given */
	const struct tpm_pcr_bank *pcrs;	/* only values that the quote's digest covers */
	size_t n_pcrs;
	bool log_alone;				/* no kernel's list is part of this: only a policy asks for boot_aggregate */
	const struct digest *aggregates;	/* of each boot_aggregate entry, in order */
	size_t n_aggregates;
	bool aggregates_authenticated;		/* the entries lie in the quote's prefix */
	struct span cmdline;			/* /proc/cmdline as the host tells it, or empty */
	const json_t *const *policies;		/* members "boot" of the policies, NULL at the end; or NULL */
	/* Seconds since 1970.  A TPM signs how often it was reset, and not when: who saw this
	 * reset count first at ${began} knows that the boot is at least so old. */
	int64_t now, began;			/* began 0: not known */
};

enum boot_pcr_state {
	BOOT_PCR_UNKNOWN = 0,		/* neither quoted nor proven otherwise */
	BOOT_PCR_QUOTED,		/* the log replays to the quoted value */
	BOOT_PCR_AGGREGATE,		/* the log replays to boot_aggregate */
	BOOT_PCR_LATER,			/* quoted, but extended after the boot (11, 15): log not authentic */
	BOOT_PCR_MISMATCH,		/* the log does not replay to the quoted value */
};

struct boot_pcr {
	enum boot_pcr_state state;
	bool quoted;
	bool has_value;			/* v is the quoted value, else the replayed one */
	uint8_t v[LIMIT_DIGEST];
};

/* What came out, beside the checks in the result. */
struct boot_report {
	struct arena arena;
	bool has_log;
	struct boot_log log;
	enum digest_alg bank;		/* that facts and pcr[] speak of; DIGEST_NONE: none */
	struct boot_pcr pcr[LIMIT_PCRS];
	struct { enum digest_alg bank; uint32_t pcrs; } proven[LIMIT_TPM_BANKS]; /* in every bank */
	size_t n_proven;
	unsigned aggregate_reach;	/* boot_aggregate fits PCRs 0 to this one; 0: it does not */
	struct boot_facts facts;	/* if has_log */
};

/** boot_appraise(in, report, r, e): Everything above.  Sets which checks are required:
 * EVENT_LOG when a log is given and one of PCRs 0-9 is quoted, BOOT_AGGREGATE when all of
 * 0-7 are (and the log is not judged alone), BOOT_POLICY when there are demands, and what those ask
 * for (one on the command line, the kernel or signers asks for BOOT_AGGREGATE).  Errors: a log
 * that is none, demands that are malformed.  ${report} borrows the event log; end
 * with boot_report_free, also after an error. */
MUST_CHECK int boot_appraise(const struct boot_input *in, struct boot_report *report,
    struct result *r, struct err *e);
void boot_report_free(struct boot_report *report);

/** boot_aggregate_of(bank, v, last, out, e): The digest of PCRs 0 to ${last} of one bank. */
MUST_CHECK int boot_aggregate_of(enum digest_alg bank, uint8_t v[LIMIT_PCRS][LIMIT_DIGEST],
    unsigned last, struct digest *out, struct err *e);

/** boot_pcr_authentic(report, pcr): Whether the log's events in ${pcr} are, in the report's
 * bank; boot_pcr_proven: in another one. */
bool boot_pcr_authentic(const struct boot_report *report, unsigned pcr);
bool boot_pcr_proven(const struct boot_report *report, enum digest_alg bank, unsigned pcr);

/** boot_report_json(report): The member "boot" of the result; NULL if memory ran out. */
json_t *boot_report_json(const struct boot_report *report);
json_t *boot_log_json(const struct boot_log *log);

const char *boot_pcr_state_token(enum boot_pcr_state s);

#define BOOT_REPORT_AUTO __attribute__((cleanup(boot_report_free)))

#endif
