/* save_policy.h: a policy that a command made, written as Assay's JSON.
 *
 * It is stamped with who made it and when; SOURCE_DATE_EPOCH, if set, is the time
 * (reproducible-builds.org), so that the same input gives the same bytes.  It is
 * checked first: what the appraisal would refuse is refused here already.
 */
#ifndef CMD_SAVE_POLICY_H
#define CMD_SAVE_POLICY_H

#include "cmd/command.h"
#include "formats/runtime_policy.h"

/** save_policy(p, path, e): ${path} NULL or "-": standard output. */
MUST_CHECK int save_policy(struct runtime_policy *p, const char *path, struct err *e);

/** policy_check(p, e): What the appraisal would refuse: an invalid regular expression
 * (ERR_REGEX, saying which and where), an unusable key, malformed demands on the boot. */
MUST_CHECK int policy_check(const struct runtime_policy *p, struct err *e);

#endif
