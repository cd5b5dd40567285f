#include "engine/evidence_state.h"

int
evidence_state_keys(const struct resume_state *s, struct keyring *ring, struct err *e)
{
	struct load_outcome o;
	int rc;

	/* A key that the policy no longer approves is simply not learned again. */
	for (size_t i = 0; i < s->n_keys; i++)
		if ((rc = keyring_load(ring, s->keys[i].keyring, s->keys[i].der, &o, e)) != 0)
			return err_ctx(e, rc, "a key of the resume state");
	return 0;
}

static int
keep_keys(struct keyring *ring, struct resume_state *s, struct err *e)
{
	size_t n = ring == NULL ? 0 : keyring_count(ring);

	s->keys = arena_array(&s->arena, n + 1, sizeof(*s->keys));
	if (s->keys == NULL)
		return arena_err(&s->arena, e);
	for (size_t i = 0; i < n; i++) {
		const struct trusted_key *k = keyring_at(ring, i);
		struct resume_key *x = &s->keys[s->n_keys];
		struct span der;

		if (k->policy != NULL)
			continue;
		der = pubkey_cert(k->pub).n > 0 ? pubkey_cert(k->pub) : pubkey_spki(k->pub);
		if (!arena_copy(&s->arena, k->learned_from, &x->keyring) || !arena_copy(&s->arena, der, &x->der))
			return arena_err(&s->arena, e);
		s->n_keys++;
	}
	return 0;
}

static int
keep_ima_policies(const struct evidence_report *report, struct resume_state *s, struct err *e)
{
	s->ima_policies = arena_array(&s->arena, report->n_ima_policies + 1, sizeof(*s->ima_policies));
	if (s->ima_policies == NULL)
		return arena_err(&s->arena, e);
	for (size_t i = 0; i < report->n_ima_policies; i++) {
		const struct ima_policy_seen *p = &report->ima_policies[i];
		struct resume_ima_policy *to = &s->ima_policies[s->n_ima_policies];

		/* What waits for the next quote comes again with it. */
		if (!p->authenticated)
			continue;
		to->digest = p->digest;
		if (!arena_copy(&s->arena, p->path, &to->path))
			return arena_err(&s->arena, e);
		s->n_ima_policies++;
	}
	return 0;
}

int
evidence_state_make(const struct evidence_input *in, struct evidence_report *report,
    const struct attest_key *ak, const struct digest *boot_aggregate, struct keyring *ring,
    struct err *e)
{
	const struct match *m = &report->match;
	struct resume_state *s = &report->state;
	const struct tpm_clock *c = &report->quote.clock;
	int rc;

	*s = (struct resume_state){ .arena = arena_init(MIB(4)), .bank = in->bank,
	    .count = m->count_at_match, .how = m->how, .has_clock = true,
	    .reset_count = c->reset_count, .restart_count = c->restart_count, .clock = c->clock,
	    .safe = c->safe, .last = m->last, .boot_aggregate = boot_aggregate == NULL ?
	    (struct digest){ 0 } : *boot_aggregate,
	    .policies = in->integrity_only ? (struct digest){ 0 } : in->policy_id,
	    .ak = *pubkey_fingerprint(ak->key) };
	for (uint32_t i = 0; i < REPLAY_PCRS; i++)
		if ((m->at_match.used >> i) & 1 && digest_make(in->bank, pcr_value(&m->at_match, i),
		    &s->pcrs[s->n_pcrs].value))
			s->pcrs[s->n_pcrs++].index = i;
	if ((rc = keep_keys(ring, s, e)) != 0 || (rc = keep_ima_policies(report, s, e)) != 0)
		return rc;
	report->has_state = true;
	return 0;
}
