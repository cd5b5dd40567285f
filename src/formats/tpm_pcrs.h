/* tpm_pcrs.h: PCR values as tools write them: one struct from three formats.
 *
 * Told apart by content:
 *
 * 1. tpm2-tools' PCR file ("serialized"; tpm2_quote -o, tpm2_checkquote -f), which
 *    is a memory image with little-endian integers.  Keylime's quote string
 *    carries the same bytes.
 *
 *   OFFSET  SIZE  MEANING
 *   0       4     n: count of banks, 1 to 16
 *   4+8*i   2     hash: TPM_ALG_ID of bank i
 *   +2      1     sizeofSelect: 0 to 4
 *   +3      4     pcrSelect
 *   +7      1     padding
 *   132     4     d: count of digest lists
 *   136     532*d each: u32 count (at most 8), 8 x { u16 size, digest[64] }
 *
 *    The values stand in the order of the selection: bank by bank, PCR numbers
 *    ascending, and a list may begin in one bank and end in the next.  Room that
 *    is not used (banks behind n, values behind a list's count, bytes behind a
 *    value) is memory of the program that wrote the file and means nothing.
 *
 * 2. The text of tpm2_pcrread: a line "sha256:" for a bank, lines "10: 0xHEX" for
 *    its values; blanks around words do not matter.
 *
 * 3. JSON: { "sha256": { "10": "hex" } }.
 *
 * Refused: values of the wrong size for their bank, more or fewer values than the
 * selection names, a PCR over 23, a value given twice (unless both are alike in
 * format 1, whose selection may repeat a bank), unknown banks, and anything left over.
 *
 * None of this is authentic: values count only as far as a quote's digest covers them.
 */
#ifndef FORMATS_TPM_PCRS_H
#define FORMATS_TPM_PCRS_H

#include "formats/tpm_types.h"

enum tpm_pcrs_kind { TPM_PCRS_NONE = 0, TPM_PCRS_TOOLS, TPM_PCRS_TEXT, TPM_PCRS_JSON };

struct tpm_pcr_bank {
	enum digest_alg alg;
	uint32_t mask;			/* bit n: v[n] holds a value */
	uint8_t v[LIMIT_PCRS][LIMIT_DIGEST];	/* the first digest_alg_size(alg) bytes count */
};

/* About 25 KiB. */
struct tpm_pcrs {
	enum tpm_pcrs_kind kind;
	struct tpm_selection selection;	/* format 1: as the file has it; else the banks as given */
	size_t n_banks;
	struct tpm_pcr_bank banks[LIMIT_TPM_BANKS];	/* each algorithm once */
};

/** tpm_pcrs_parse(in, pcrs, e): Any of the three.  ${pcrs} is untouched on failure. */
MUST_CHECK int tpm_pcrs_parse(struct span in, struct tpm_pcrs *pcrs, struct err *e);

/** tpm_pcrs_get(pcrs, alg, pcr): The value; empty if it is not there. */
struct span tpm_pcrs_get(const struct tpm_pcrs *pcrs, enum digest_alg alg, unsigned pcr);

/** tpm_pcrs_set(pcrs, alg, pcr, value): Add or replace a value; false if ${value} has not
 * the bank's size, ${pcr} is over 23, or there is no room for a further bank. */
MUST_CHECK bool tpm_pcrs_set(struct tpm_pcrs *pcrs, enum digest_alg alg, unsigned pcr,
    struct span value);

/** tpm_pcrs_dump(pcrs, b): Stable lines of text, in the form of tpm2_pcrread. */
void tpm_pcrs_dump(const struct tpm_pcrs *pcrs, struct buf *b);

#endif
