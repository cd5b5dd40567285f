/* The quote's digest: H over the selected PCRs, bank by bank in the order of the
 * selection, PCR numbers ascending, with H the hash of the signing scheme (Part 3,
 * "TPM2_Quote"; Part 1, "Selecting Multiple PCR"). */
#include <stdlib.h>

#include "crypto/digest.h"
#include "engine/quote.h"

#define MAX_SLOTS ((size_t)LIMIT_TPM_BANKS * LIMIT_PCRS)

struct slot {
	enum digest_alg alg;
	uint8_t pcr;
	bool known;
	size_t off;			/* in values */
};

struct quote_matcher {
	struct hasher *h;		/* owned; of the signing hash */
	struct digest want;
	size_t n_slots, n;
	struct slot slots[MAX_SLOTS];
	uint8_t values[MAX_SLOTS * LIMIT_DIGEST];	/* n bytes, as the TPM hashes them */
};

static void
add_slot(struct quote_matcher *m, enum digest_alg alg, unsigned pcr, const struct tpm_pcrs *known)
{
	struct slot *s = &m->slots[m->n_slots++];
	struct span v = known == NULL ? span_of(NULL, 0) : tpm_pcrs_get(known, alg, pcr);

	*s = (struct slot){ .alg = alg, .pcr = (uint8_t)pcr, .known = v.n != 0, .off = m->n };
	if (s->known)
		memcpy(m->values + m->n, v.p, v.n);
	m->n += digest_alg_size(alg);
}

int
quote_matcher_new(const struct quote_facts *facts, const struct tpm_pcrs *known,
    struct quote_matcher **out, struct err *e)
{
	QUOTE_MATCHER_AUTO struct quote_matcher *m = calloc(1, sizeof(*m));
	int rc;

	if (m == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	m->want = facts->pcr_digest;
	/* A quote signed with a hash we refuse matches nothing: no hasher, and test says no. */
	if (m->want.alg != DIGEST_NONE && (rc = hasher_new(m->want.alg, &m->h, e)) != 0)
		return rc;
	for (size_t i = 0; i < facts->selection.n; i++)
		for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++)
			if ((facts->selection.banks[i].mask >> pcr & 1) != 0)
				add_slot(m, facts->selection.banks[i].alg, pcr, known);
	*out = m;
	m = NULL;		/* transferred */
	return 0;
}

void
quote_matcher_free(struct quote_matcher *m)
{
	if (m == NULL)
		return;
	hasher_free(m->h);
	free(m);
}

uint8_t *
quote_matcher_slot(struct quote_matcher *m, enum digest_alg alg, unsigned pcr)
{
	for (size_t i = 0; i < m->n_slots; i++)
		if (m->slots[i].alg == alg && m->slots[i].pcr == pcr) {
			m->slots[i].known = true;
			return m->values + m->slots[i].off;
		}
	return NULL;
}

bool
quote_matcher_missing(const struct quote_matcher *m, enum digest_alg *alg, unsigned *pcr)
{
	for (size_t i = 0; i < m->n_slots; i++)
		if (!m->slots[i].known) {
			*alg = m->slots[i].alg;
			*pcr = m->slots[i].pcr;
			return true;
		}
	return false;
}

bool
quote_matcher_test(struct quote_matcher *m)
{
	uint8_t md[LIMIT_DIGEST];
	enum digest_alg alg;
	unsigned pcr;

	/* An empty selection has a digest too, of nothing; it proves nothing. */
	if (m->h == NULL || m->n_slots == 0 || quote_matcher_missing(m, &alg, &pcr))
		return false;
	return hasher_run(m->h, span_of(m->values, m->n), span_of(NULL, 0), md) &&
	    span_eq(span_of(md, digest_alg_size(m->want.alg)), digest_view(&m->want));
}

int
quote_digest_matches(const struct quote_facts *facts, const struct tpm_pcrs *values,
    bool *matches, struct err *e)
{
	QUOTE_MATCHER_AUTO struct quote_matcher *m = NULL;
	int rc;

	if ((rc = quote_matcher_new(facts, values, &m, e)) != 0)
		return rc;
	*matches = quote_matcher_test(m);
	return 0;
}

/* Only what was selected is covered, whatever else was given. */
static bool
cover(struct quote_facts *facts, const struct tpm_pcrs *values)
{
	facts->covered.n_banks = 0;
	facts->covered.kind = values->kind;
	facts->covered.selection = facts->selection;
	for (size_t i = 0; i < facts->selection.n; i++) {
		const struct tpm_bank *b = &facts->selection.banks[i];

		for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++)
			if ((b->mask >> pcr & 1) != 0 && !tpm_pcrs_set(&facts->covered, b->alg, pcr,
			    tpm_pcrs_get(values, b->alg, pcr)))
				return false;
	}
	return true;
}

int
quote_settle(struct quote_facts *facts, const struct tpm_pcrs *values, struct result *r,
    bool *settled, struct err *e)
{
	bool matches;
	int rc;

	if ((rc = quote_digest_matches(facts, values, &matches, e)) != 0)
		return rc;
	*settled = matches;
	if (!matches)
		return 0;
	if (!cover(facts, values))
		return err_set(e, ERR_INTERNAL, "PCR values that match cannot be stored");
	return check_pass(r, CHECK_DIGEST);
}
