/* boot_internal.h: the steps of boot_appraise(), in their order. */
#ifndef ENGINE_BOOT_INTERNAL_H
#define ENGINE_BOOT_INTERNAL_H

#include "engine/boot.h"

/** boot_pcrs_compare(in, report, r, e): Replayed against quoted values; sets EVENT_LOG. */
MUST_CHECK int boot_pcrs_compare(const struct boot_input *in, struct boot_report *report,
    struct result *r, struct err *e);

/** boot_aggregate_check(in, report, r, e): Sets BOOT_AGGREGATE, and EVENT_LOG where only
 * boot_aggregate proves the log. */
MUST_CHECK int boot_aggregate_check(const struct boot_input *in, struct boot_report *report,
    struct result *r, struct err *e);

/** boot_prove(report, bank, pcr): The log's events in that PCR and bank are authentic. */
void boot_prove(struct boot_report *report, enum digest_alg bank, unsigned pcr);

/** boot_quoted(in, bank): The quoted values of a bank, or NULL. */
const struct tpm_pcr_bank *boot_quoted(const struct boot_input *in, enum digest_alg bank);

/** boot_pcr_key(key, pcr): A JSON member's name that is the number of a PCR. */
bool boot_pcr_key(const char *key, unsigned *pcr);

/* PCRs of the boot that the log must explain: 0-9 and 11-15; 10 is IMA's. */
#define BOOT_PCR_MASK 0xfbffu
#define BOOT_PCR_FIRMWARE 0x03ffu	/* 0-9 */
#define BOOT_PCR_AGGREGATE_MIN 0x00ffu	/* 0-7 */

#endif
