/* boot_profile.h: a recorded boot as a reference value.
 *
 *   { "version": 1, "bank": "sha256",
 *     "pcrs": { "0": [ { "type": "EV_S_CRTM_VERSION", "digest": "HEX", "text": "..." }, ... ] } }
 *
 * Each PCR the profile names must have exactly these digests in this order, an empty
 * list none at all.  PCRs it does not name are not judged: those that change from boot
 * to boot (boot order in 1, partition table in 5) can be left out.  Type and text are
 * there for the message that says what changed; neither decides.
 */
#ifndef ENGINE_BOOT_PROFILE_H
#define ENGINE_BOOT_PROFILE_H

#include "engine/boot.h"

/* Not recorded unless asked for is what changes though nobody changed anything (boot
 * variables in 1, partitions in 5), IMA's own, and what is extended after the boot (11,
 * 15).  12 to 14 are recorded only where the boot used them: few hosts quote them. */
#define BOOT_PROFILE_ALWAYS ((1u << 0) | (1u << 2) | (1u << 3) | (1u << 4) | (1u << 6) | (1u << 7) | \
    (1u << 8) | (1u << 9))
#define BOOT_PROFILE_IF_USED ((1u << 12) | (1u << 13) | (1u << 14))

/** boot_profile_from_log(log, bank, pcrs, out, e): The profile of a loaded log: ${bank}
 * DIGEST_NONE takes sha256, or the strongest where the log lacks it; ${pcrs} is a bit set (0: as above).
 * ERR_UNSUPPORTED if the log lacks the bank. */
MUST_CHECK int boot_profile_from_log(const struct boot_log *log, enum digest_alg bank,
    uint32_t pcrs, json_t **out, struct err *e);

/** boot_profile_check(profile, where, e): Whether it is well-formed. */
MUST_CHECK int boot_profile_check(const json_t *profile, const char *where, struct err *e);

struct boot_profile_diff {
	bool same;			/* in every PCR that could be judged */
	bool judged;			/* every PCR of the profile could be judged */
	unsigned unjudged_pcr;		/* the first that could not */
	size_t matched;			/* events alike before the first difference */
	unsigned pcr;			/* of the first difference */
	char text[768];			/* what changed, a sentence */
};

/** boot_profile_compare(profile, report, diff, e): With the log of ${report}. */
MUST_CHECK int boot_profile_compare(const json_t *profile, const struct boot_report *report,
    struct boot_profile_diff *diff, struct err *e);

#endif
