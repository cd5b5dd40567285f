/* setup_status.h: whether what was set up is in force in the running kernel.
 *
 * Each point says what was expected and what was seen.  Nothing here proves anything to
 * somebody else: it is read from the machine itself, for its owner.  What a verifier can
 * believe comes with a quote (engine/ima_policies.h).
 */
#ifndef ENGINE_SETUP_STATUS_H
#define ENGINE_SETUP_STATUS_H

#include "base/arena.h"
#include "formats/setup_state.h"

enum setup_point_state { SETUP_POINT_UNKNOWN = 0, SETUP_POINT_NO, SETUP_POINT_YES };

struct setup_point {
	const char *what;
	enum setup_point_state state;
	const char *expected, *seen;
};

/* What was read from the running system. */
struct setup_seen {
	struct span cmdline, boot_id;
	bool ima;				/* /sys/kernel/security/ima */
	bool policy_there, policy_writable;	/* its file "policy" */
	bool list_read;
	struct span list;			/* binary_runtime_measurements */
	bool installed;				/* the policy file */
	struct digest now;			/* SHA-256 of it */
};

/** setup_status_judge(s, seen, a, points, n, e): ${s} as it was written. */
MUST_CHECK int setup_status_judge(const struct setup_state *s, const struct setup_seen *seen, struct arena *a,
    struct setup_point **points, size_t *n, struct err *e);

const char *setup_point_token(enum setup_point_state s);	/* "yes", "no", "unknown" */

#endif
