/* verdict.h: the one place that decides. */
#ifndef ENGINE_VERDICT_H
#define ENGINE_VERDICT_H

#include "engine/result.h"

/** result_decide(r): Set the verdict from checks and findings.
 * trusted:   every required check passed and no finding that decides is left;
 * untrusted: a check failed or a finding decides;
 * undecided: nothing speaks against it, but a required check did not run. */
void result_decide(struct result *r);

#endif
