/* tpm_caps.h: TPM2_GetCapability: the question and the answer, as bytes.
 *
 * Only what tells about the TPM itself: fixed properties, allocated PCR banks,
 * algorithms.  Integers are big-endian (TPM 2.0 Library Part 3, 30.2).
 *
 * Command:
 *   OFFSET  SIZE  MEANING
 *   0       2     tag TPM_ST_NO_SESSIONS (0x8001)
 *   2       4     size of all, 22
 *   6       4     TPM_CC_GetCapability (0x17a)
 *   10      4     capability: 0 algorithms, 5 PCRs, 6 properties
 *   14      4     first property
 *   18      4     how many
 *
 * Response:
 *   0       2     tag
 *   2       4     size of all
 *   6       4     response code; if not 0, nothing follows
 *   10      1     moreData: 1 if the list goes on
 *   11      4     capability
 *   15      n     the list: a count of 4 bytes, then
 *                 algorithms  2 TPM_ALG_ID, 4 attributes
 *                 PCRs        TPMS_PCR_SELECTION (tpm_types.h)
 *                 properties  4 TPM_PT, 4 value
 *
 * Refused: a size that is not that of the bytes, another capability than asked
 * for, more entries than a TPM can have, trailing bytes.
 */
#ifndef FORMATS_TPM_CAPS_H
#define FORMATS_TPM_CAPS_H

#include "formats/tpm_types.h"

enum tpm_capability { TPM_CAP_ALGS = 0, TPM_CAP_PCRS = 5, TPM_CAP_PROPERTIES = 6 };

#define TPM_PT_FIXED 0x100u
#define TPM_CAP_COUNT 64u	/* entries asked for at once */

struct tpm_caps {
	bool have;			/* the TPM answered */
	char family[5];			/* "2.0" */
	char manufacturer[5];		/* "IFX", "STM", "IBM": as it stands, made printable */
	char vendor[17];		/* TPM_PT_VENDOR_STRING_1..4 */
	uint32_t level, revision;	/* revision 138: 1.38 */
	uint32_t day, year;		/* of the specification */
	uint16_t firmware[4];		/* major, minor, and the two halves of the second word */
	struct tpm_selection pcrs;	/* allocated banks; an empty mask: bank not in use */
	uint16_t algs[TPM_CAP_COUNT];
	size_t n_algs;
	uint64_t command_ns;		/* the quickest answer: a floor for what one command costs */
};

/** tpm_caps_command(cap, first, b): The question. */
void tpm_caps_command(enum tpm_capability cap, uint32_t first, struct buf *b);

/** tpm_caps_response(in, cap, caps, next, e): Add an answer to ${caps}.  ${*next} is the
 * first property of the next question, or 0 if the list is complete. */
MUST_CHECK int tpm_caps_response(struct span in, enum tpm_capability cap, struct tpm_caps *caps,
    uint32_t *next, struct err *e);

/** tpm_caps_dump(caps, b): Stable text. */
void tpm_caps_dump(const struct tpm_caps *caps, struct buf *b);

#endif
