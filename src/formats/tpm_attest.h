/* tpm_attest.h: TPMS_ATTEST, what a TPM signs when it attests to something.
 *
 * Part 2, clause "TPMS_ATTEST"; integers big-endian:
 *
 *   OFFSET  SIZE  MEANING
 *   0       4     magic: TPM_GENERATED_VALUE ff 54 43 47
 *   4       2     type: TPMI_ST_ATTEST, 8018 for a quote
 *   6       2+n   qualifiedSigner: TPM2B_NAME, n <= 66
 *   8+n     2+m   extraData: TPM2B_DATA, the caller's nonce, m <= 66
 *   10+n+m  8     clockInfo.clock: milliseconds the TPM was powered
 *   +8      4     clockInfo.resetCount: TPM resets, that is boots
 *   +12     4     clockInfo.restartCount: TPM restarts and resumes since
 *   +16     1     clockInfo.safe: 1 if clock never ran with a higher value
 *   +17     8     firmwareVersion
 *   +25           attested: TPMU_ATTEST, by type; for a quote
 *             4+  pcrSelect: TPML_PCR_SELECTION (tpm_types.h)
 *             2+d pcrDigest: TPM2B_DIGEST over the selected PCRs
 *
 * What the parser promises: everything up to firmwareVersion was read, and for a
 * quote the rest too, or it returns an error.  What it leaves to the caller is
 * everything that a signed and well-formed structure may still have wrong, so
 * that each is a check with its own name: magic, type, and bytes that follow
 * (trailing).  A structure of another type whose body does not fit is reported
 * by body_fits, because the type alone is reason enough to refuse it as a quote.
 *
 * Spans point into the input.
 */
#ifndef FORMATS_TPM_ATTEST_H
#define FORMATS_TPM_ATTEST_H

#include "formats/tpm_types.h"

/* TPMS_CLOCK_INFO. */
struct tpm_clock {
	uint64_t clock;			/* milliseconds */
	uint32_t reset_count;
	uint32_t restart_count;
	bool safe;
};

/* Most fields of any attested structure but the quote's (TPMS_TIME_ATTEST_INFO). */
#define TPM_ATTEST_FIELDS 6

struct tpm_attest {
	uint32_t magic;
	uint16_t type;
	struct span qualified_signer;
	struct span extra_data;
	struct tpm_clock clock;
	uint64_t firmware_version;

	/* type == TPM_ST_ATTEST_QUOTE */
	struct tpm_selection selection;
	struct span pcr_digest;

	/* Any other type: its fields in order, counted ones without their count. */
	bool body_fits;			/* always true for a quote */
	size_t n_fields;
	struct span fields[TPM_ATTEST_FIELDS];

	struct span trailing;		/* behind the structure; empty if it is whole */
};

/** tpm_attest_parse(in, a, e): See above.  ${a} is untouched on failure. */
MUST_CHECK int tpm_attest_parse(struct span in, struct tpm_attest *a, struct err *e);

/** tpm_attest_type_name(type): "quote", "certify", ...; "unknown". */
const char *tpm_attest_type_name(uint16_t type);

/** tpm_attest_dump(a, b): Stable lines of text. */
void tpm_attest_dump(const struct tpm_attest *a, struct buf *b);

#endif
