/* boot_options.h: --boot-profile and --boot-pcrs: a recorded boot in a policy that is built. */
#ifndef CMD_BOOT_OPTIONS_H
#define CMD_BOOT_OPTIONS_H

#include "cmd/command.h"
#include "formats/runtime_policy.h"

/** boot_options_add(in, p, e): The profiles of all --boot-profile EVENTLOG become the
 * policy's demand "profile"; nothing happens if none is given. */
MUST_CHECK int boot_options_add(const struct invocation *in, struct runtime_policy *p, struct err *e);

#endif
