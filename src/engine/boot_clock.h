/* boot_clock.h: what two quotes of one key say about the time between them.
 *
 * A TPM signs its clockInfo with each quote (Part 1, clause "Clock"; Part 2,
 * "TPMS_CLOCK_INFO"): resetCount goes up with each TPM Reset, that is each boot;
 * restartCount with each TPM Restart or Resume within it (suspend, hibernation);
 * clock counts milliseconds under power and survives resets.  Together they are
 * the identity of a boot, and nobody without the key can forge them.
 *
 * For a key outside the endorsement and platform hierarchies the TPM adds a value
 * to both counts that is constant for the key (Part 1, "Clock and attestation"),
 * so counts are compared by their difference modulo 2^32, and only between quotes
 * of one key.
 *
 * A TPM stores its clock at most every 2^22 ms (about 70 minutes); after a loss of
 * power it continues from what was stored, and safe is 0 until it has passed
 * what it may have shown before.  Software TPMs forget all since the last orderly
 * end and say 1 all the same.  So the clock decides within a boot alone; across a reset,
 * which resetCount proves, one that went back is told where it claims to be safe.
 */
#ifndef ENGINE_BOOT_CLOCK_H
#define ENGINE_BOOT_CLOCK_H

#include "formats/tpm_attest.h"

enum boot_step {
	BOOT_WENT_BACK = 0,	/* an old quote, a TPM that was cleared, or a clone: never continue */
	BOOT_SAME_MOMENT,	/* the same counts and clock: the same quote, or one made with it */
	BOOT_CONTINUED,		/* the same boot, later: the list must continue */
	BOOT_RESUMED,		/* the same boot after suspend: PCRs are kept by a resume, and
				 * reset by a restart; replay tells which */
	BOOT_REBOOTED,		/* a later boot: the list starts from 0, boot is judged again */
};

/** boot_clock_step(before, now): Both signed by the same key. */
enum boot_step boot_clock_step(const struct tpm_clock *before, const struct tpm_clock *now);

/** boot_clock_contradicts(before, now): The clock went back and is said to be safe, which a TPM
 * that keeps its state cannot say. */
bool boot_clock_contradicts(const struct tpm_clock *before, const struct tpm_clock *now);

/** boot_step_name(step): A stable word: "went-back", "same-moment", ... */
const char *boot_step_name(enum boot_step step);

/** boot_step_text(step): A phrase for people. */
const char *boot_step_text(enum boot_step step);

#endif
