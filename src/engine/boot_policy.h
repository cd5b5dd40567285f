/* boot_policy.h: what a policy demands of a boot.
 *
 * The member "boot" of a runtime policy (docs/formats/boot-policy.md):
 *
 *   { "secure_boot": true,
 *     "signers":  ["sha256:HEX", ...],     certificates (SHA-256 of the DER) or image digests
 *     "kernel":   ["sha256:HEX", ...],     Authenticode digests
 *     "loaders":  ["sha256:HEX", ...],     further images that may stand in PCR 4
 *     "cmdline":  ["exact text", { "regex": "PCRE2, whole line" }, ...],
 *     "pcrs":     { "sha256": { "0": ["HEX", ...] } },
 *     "profile":  PROFILE or [PROFILE, ...],         boot_profile.h
 *     "max_age_days": 30,                  since this boot was first seen
 *     "event_log": true, "boot_aggregate": true }    the check is required
 *
 * At least one member; unknown members and empty lists are refused: a demand that
 * could be met by anything, or by nothing, is a mistake.  A demand that cannot be
 * judged (no log, PCR not quoted) never counts as met.
 */
#ifndef ENGINE_BOOT_POLICY_H
#define ENGINE_BOOT_POLICY_H

#include "engine/boot.h"

/** boot_policy_check(policy, e): Whether the demands are well-formed, without a boot. */
MUST_CHECK int boot_policy_check(const json_t *policy, struct err *e);

/** boot_policy_appraise(in, report, r, e): Judge by the demands of all policies.  BOOT_POLICY
 * passes only if all are met: what one leaves open no other can close.  boot_appraise
 * calls it. */
MUST_CHECK int boot_policy_appraise(const struct boot_input *in, const struct boot_report *report,
    struct result *r, struct err *e);

/** boot_policy_expires(policies, began): When the first of those demands (NULL at the end) that
 * limit a boot's age will not be met any more, in seconds since 1970; 0: never. */
int64_t boot_policy_expires(const json_t *const *policies, int64_t began);

#endif
