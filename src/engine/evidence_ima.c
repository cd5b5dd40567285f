/* The kernel's IMA policies in the list: noted for whoever asks, and the demand of one. */
#include "engine/evidence_internal.h"

static int
add_seen(struct evidence_run *x, const struct ima_policy_seen *p, struct err *e)
{
	struct evidence_report *r = x->report;
	struct ima_policy_seen *v;

	for (size_t i = 0; i < r->n_ima_policies; i++)
		if (span_eq(r->ima_policies[i].path, p->path) && digest_eq(&r->ima_policies[i].digest, &p->digest)) {
			r->ima_policies[i].authenticated |= p->authenticated;
			return 0;
		}
	if (r->n_ima_policies == LIMIT_IMA_POLICIES)
		return 0;	/* each that is not allowed is a finding of its own */
	v = arena_grow(&x->r->arena, r->ima_policies, r->n_ima_policies, &x->cap_ima_policies, sizeof(*v));
	if (v == NULL)
		return arena_err(&x->r->arena, e);
	r->ima_policies = v;
	v[r->n_ima_policies] = *p;
	if (!arena_copy(&x->r->arena, p->path, &v[r->n_ima_policies].path))
		return arena_err(&x->r->arena, e);
	r->n_ima_policies++;
	return 0;
}

static const struct ima_demand *
demand_of(const struct evidence_run *x)
{
	return x->appraiser == NULL ? NULL : appraiser_ima_demand(x->appraiser);
}

/* What an earlier run authenticated in this boot; whether it is allowed is asked anew. */
int
evidence_resume_ima(struct evidence_run *x, struct err *e)
{
	const struct ima_demand *d = demand_of(x);
	int rc;

	for (size_t i = 0; x->report->match.from_state && i < x->resume->n_ima_policies; i++) {
		struct ima_policy_seen p = { .path = x->resume->ima_policies[i].path,
		    .digest = x->resume->ima_policies[i].digest, .authenticated = evidence_matched(x) };

		p.approved = d != NULL && d->n > 0 && ima_demand_allows(d, &p.digest);
		if (p.approved)
			x->ima_allowed += p.authenticated;
		if ((rc = add_seen(x, &p, e)) != 0)
			return rc;
	}
	return 0;
}

/* A policy is in a kernel's memory: one that kexec started begins without, whether it carried the
 * list over or not.  It lists its own anew, because what was carried over is not among what it looks
 * up before it measures (ima_restore_measurement_entry). */
void
evidence_new_kernel_ima(struct evidence_run *x)
{
	x->ima_allowed = 0;
	x->report->n_ima_policies = 0;
}

int
evidence_note_ima(struct evidence_run *x, const struct ima_entry *n, bool covered, struct err *e)
{
	const struct ima_demand *d = demand_of(x);
	struct ima_policy_seen p = { .path = n->path, .entry = n->number, .authenticated = covered };

	if (n->violation || n->has_buf || !ima_entry_sound(n) || !ima_demand_path(d, n->path) ||
	    n->digest_type != IMA_DIGEST_FILE || n->file_alg == DIGEST_NONE ||
	    !digest_make(n->file_alg, n->file_digest, &p.digest))
		return 0;
	p.approved = d != NULL && d->n > 0 && ima_demand_allows(d, &p.digest);
	/* Without a quote there is nothing to cover it, and all entries count for what they are. */
	x->ima_allowed += p.approved && (covered || !x->in->has_quote);
	return add_seen(x, &p, e);
}

int
evidence_judge_ima(struct evidence_run *x, struct err *e)
{
	const struct ima_demand *d = demand_of(x);
	const struct digest *wanted;

	if (d == NULL || d->n == 0 || x->ima_allowed > 0 || (x->in->has_quote && !evidence_matched(x)))
		return 0;
	wanted = d->parts[0]->digests;
	return result_finding(x->r, &(struct finding){ .reason = REASON_IMA_POLICY, .authenticated = x->in->has_quote,
	    .decides = true, .wanted = wanted, .n_wanted = d->parts[0]->n_digests }, e, x->report->n_ima_policies > 0 ?
	    "none of the IMA policies that were measured is one the policy allows" : x->in->list_pcr != 0 ?
	    "the list is not the kernel's: no IMA policy is in force that the policy demands" :
	    "no IMA policy was measured when it was loaded, and the policy demands one");
}
