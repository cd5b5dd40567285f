/* policy_alias.h: the names that one file can have.
 *
 * An alias says that what lies below one prefix is the same as below another: /bin/x is
 * /usr/bin/x.  All names of a file map to one, the canonical name, by applying the first
 * alias that holds until none does: /sbin is /usr/sbin is /usr/bin.  Rules that restrict
 * (scopes of layers and of keys, closed directories) compare canonical names, so that no
 * other name of a file gets around them.
 *
 * Aliases that lead back to where they began are refused when a policy is read.
 */
#ifndef FORMATS_POLICY_ALIAS_H
#define FORMATS_POLICY_ALIAS_H

#include "formats/runtime_policy.h"

/* The longest name an alias makes; longer ones have none (PATH_MAX is 4096). */
#define POLICY_ALIASED_MAX 8192

/** path_under(path, prefix): ${path} is ${prefix} or below it; "/" holds everything. */
bool path_under(struct span path, struct span prefix);

/** policy_aliased(path, from, to, room): ${path} with the prefix ${from} replaced by ${to}, in
 * ${room}, where ${path} may lie already; empty if it is not below ${from}. */
struct span policy_aliased(struct span path, struct span from, struct span to,
    uint8_t room[static POLICY_ALIASED_MAX]);

/** policy_canonical(p, path, room): The one name that all names of a file map to; ${path} itself if
 * no alias applies. */
struct span policy_canonical(const struct runtime_policy *p, struct span path,
    uint8_t room[static POLICY_ALIASED_MAX]);

/** policy_aliases_check(p, e): ERR_FORMAT if they go round. */
MUST_CHECK int policy_aliases_check(const struct runtime_policy *p, struct err *e);

#endif
