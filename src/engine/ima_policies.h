/* ima_policies.h: IMA policies as entries of a measurement list, and the demand of one.
 *
 * A policy that is given to the kernel by its name is measured like a file (POLICY_CHECK,
 * ima_read_policy), if the policy in force until then says so (ima_policy=tcb does); one
 * that is written line by line is not.  The entry has the name and digest of the file, and
 * no sign of its hook: a file that root only reads gives the same one.  So an entry with
 * the name of a policy file says "this is what lay there", for each time that it changed.
 *
 * A runtime policy with "ima_policies" demands: at least one such entry, and none with
 * another digest, in the part of the list that the quote covers, since the boot.  What it
 * cannot prove is that nothing else was loaded by its text behind the back of all rules:
 * that takes a program that ran before, and is in the list itself.
 *
 * Names that count are those by which systemd, dracut and initramfs-tools load a policy,
 * and those that the runtime policy adds.
 */
#ifndef ENGINE_IMA_POLICIES_H
#define ENGINE_IMA_POLICIES_H

#include "formats/ima_log.h"
#include "formats/runtime_policy.h"

/* One that was seen; of several entries with the same name and digest the first. */
struct ima_policy_seen {
	struct span path;
	struct digest digest;
	uint64_t entry;			/* number since the boot; 0: of the resumed part */
	bool authenticated;
	bool approved;			/* by the runtime policies; false without a demand */
};

/* The demand of several runtime policies, as one: what any lists is allowed. */
struct ima_demand {
	const struct policy_ima **parts;
	size_t n;			/* 0: there is none */
};

/** ima_demand_make(policies, n, a, d, e): Borrows the policies. */
MUST_CHECK int ima_demand_make(const struct runtime_policy *const *policies, size_t n, struct arena *a,
    struct ima_demand *d, struct err *e);

/** ima_demand_path(d, path): Whether an entry of that name is an IMA policy; ${d} may be NULL. */
bool ima_demand_path(const struct ima_demand *d, struct span path);

/** ima_demand_allows(d, digest): Whether it is listed. */
bool ima_demand_allows(const struct ima_demand *d, const struct digest *digest);

/** ima_policy_known(i): The names that always count; NULL behind the last. */
const char *ima_policy_known(size_t i);

#endif
