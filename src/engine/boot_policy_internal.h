/* boot_policy_internal.h: one appraisal of demands, and the parts it is made of. */
#ifndef ENGINE_BOOT_POLICY_INTERNAL_H
#define ENGINE_BOOT_POLICY_INTERNAL_H

#include "engine/boot_policy.h"

#define BOOT_AGE_DAYS 3650	/* a host that may run longer needs no such demand */

struct demands {
	const struct boot_input *in;
	const struct boot_report *report;
	struct result *r;
	bool open;			/* a demand could not be judged */
};

/** demand_failed(d, reason, e, fmt, ...): The boot does not meet it. */
MUST_CHECK int demand_failed(struct demands *d, enum reason reason, struct err *e,
    const char *fmt, ...) ERR_PRINTF(4, 5);

/** demand_open(d, e, fmt, ...): It cannot be judged: the check stays open. */
MUST_CHECK int demand_open(struct demands *d, struct err *e, const char *fmt, ...) ERR_PRINTF(3, 4);

/** demand_needs(d, what, pcr, go, e): ${*go} if the log's events in ${pcr} are authentic;
 * else the demand ${what} is left open. */
MUST_CHECK int demand_needs(struct demands *d, const char *what, unsigned pcr, bool *go,
    struct err *e);

/** demand_digest(text, out): "sha256:HEX". */
MUST_CHECK bool demand_digest(struct span text, struct digest *out);

/** The demands on the command line. */
MUST_CHECK int boot_cmdline_check(const json_t *list, struct err *e);
MUST_CHECK int boot_cmdline_judge(struct demands *d, const json_t *list, struct err *e);

#endif
