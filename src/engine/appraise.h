/* appraise.h: one entry of a measurement list under runtime policies.
 *
 * Several policies are one: what any of them approves is approved, what any of
 * them revokes, closes or demands holds.  For a file the order is:
 *
 *	revoked digest or key       a finding, whatever else approves it
 *	name of an IMA policy       only listed ones pass, where any is demanded
 *	closed directory            only listed names with listed digests pass
 *	listed digest               path (or its alias) with this algorithm and digest
 *	exclude                     the path is left out of judgement
 *	signature by a trusted key  within the key's scope
 *
 * Violations are findings unless a rule says otherwise, and no exclude hides
 * them: their path is not authenticated (the kernel extends 0xff..., not their
 * data).  A buffer's digest must be that of the buffer, so that relabelling a file's
 * entry as "ima-buf" (template names are not measured) gains nothing.
 *
 * Nothing here reads a clock or a file: time and mount points are parameters.
 */
#ifndef ENGINE_APPRAISE_H
#define ENGINE_APPRAISE_H

#include "engine/ima_policies.h"
#include "engine/ima_verify.h"
#include "engine/result.h"
#include "formats/ima_log.h"
#include "formats/runtime_policy.h"

/* Made once, used for any number of appraisals of hosts with the same policies and mounts,
 * one after the other: compiled patterns, parsed keys and verified signatures stay. */
struct appraiser;

/** appraiser_new(policies, n, ctx, a, e): Compile patterns, load keys, resolve scopes.
 * The policies and the mounts that ${ctx} points to must outlive the appraiser. */
MUST_CHECK int appraiser_new(const struct runtime_policy *const *policies, size_t n,
    const struct sig_context *ctx, struct appraiser **a, struct err *e);

/** appraiser_begin(a, now, r, e): Begin one appraisal, at the time ${now}: keys that an
 * earlier one learned are forgotten, and what a person should know about the policies
 * goes to ${r} as warnings. */
MUST_CHECK int appraiser_begin(struct appraiser *a, int64_t now, struct result *r, struct err *e);
void appraiser_free(struct appraiser *a);

/** appraise_entry(a, n, authenticated, r, e): Judge one entry; findings go to ${r}.
 * ${authenticated}: whether a quote covers the entry; only such entries teach keys. */
MUST_CHECK int appraise_entry(struct appraiser *a, const struct ima_entry *n,
    bool authenticated, struct result *r, struct err *e);

/** appraise_form(n, r, sound, e): What needs no policy: that the template is known and the
 * fields fit it.  A template's name is covered by no digest, so that a changed one
 * shows only here. */
MUST_CHECK int appraise_form(const struct ima_entry *n, struct result *r, bool *sound, struct err *e);

/** appraise_expect(a, n, step): ${n} will be judged soon (policy_table_expect). */
void appraise_expect(const struct appraiser *a, const struct ima_entry *n, enum policy_table_step step);

/** appraiser_keyring(a): The keys, learned ones included; borrowed. */
struct keyring *appraiser_keyring(struct appraiser *a);

/** appraiser_boot(a): The boot demands of the policies: borrowed, NULL-terminated. */
const json_t *const *appraiser_boot(const struct appraiser *a);

/** appraiser_ima_demand(a): Which IMA policies the kernel may have; n is 0 if all. */
const struct ima_demand *appraiser_ima_demand(const struct appraiser *a);

static inline void
appraiser_freep(struct appraiser **a)
{
	appraiser_free(*a);
}
#define APPRAISER_AUTO __attribute__((cleanup(appraiser_freep)))

#endif
