/* tpm_faults.h: published faults of TPMs, by manufacturer and firmware version.
 *
 * A TPM says who made it and which firmware it runs; vendors publish which versions
 * have which fault.  How far the two can be laid beside each other differs, so each
 * fault says how sure it is; a fault is never concealed because it is only possible,
 * and never claimed for certain where a vendor named a product without versions.
 */
#ifndef ENGINE_TPM_FAULTS_H
#define ENGINE_TPM_FAULTS_H

#include "formats/tpm_caps.h"

enum sureness {
	SURE_CERTAIN,	/* the vendor names this version */
	SURE_LIKELY,	/* the version lies in a range that others published for this product */
	SURE_POSSIBLE,	/* some firmware of this manufacturer has it; the version cannot tell */
};

struct tpm_fault {
	const char *manufacturer;	/* as TPM_PT_MANUFACTURER spells it */
	uint16_t low[4], high[4];	/* versions, both included */
	bool each;			/* each number within its own bounds, not the whole in order */
	enum sureness sure;
	bool attestation;		/* what a quote proves is touched, not only availability */
	const char *id;			/* "CVE-2017-15361" */
	const char *text;		/* what it means here */
	const char *fix;
};

/** tpm_fault_next(caps, i): The next fault from index ${*i} on that ${caps} fits, or
 * NULL; begin with 0. */
const struct tpm_fault *tpm_fault_next(const struct tpm_caps *caps, size_t *i);

const char *sureness_token(enum sureness s);	/* "certain", "likely", "possible" */

#endif
