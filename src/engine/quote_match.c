/* The quote's digest: H over the selected PCRs, bank by bank in the order of the
 * selection, PCR numbers ascending, with H the hash of the signing scheme (Part 3,
 * "TPM2_Quote"; Part 1, "Selecting Multiple PCR"). */
#include "crypto/digest.h"
#include "engine/quote.h"

/* A selection of the most banks and PCRs, with the longest digests. */
#define LIMIT_VALUES ((size_t)LIMIT_TPM_BANKS * LIMIT_PCRS * LIMIT_DIGEST)

static bool
selected(const struct tpm_bank *b, unsigned pcr)
{
	return (b->mask >> pcr & 1) != 0;
}

int
quote_digest_parts(const struct quote_facts *facts, const struct tpm_pcrs *values,
    enum digest_alg alg, unsigned pcr, struct buf *before, struct buf *after, bool *complete,
    struct err *e)
{
	struct buf *to = before;
	size_t missing = 0, found = 0;

	for (size_t i = 0; i < facts->selection.n; i++) {
		const struct tpm_bank *b = &facts->selection.banks[i];

		for (unsigned n = 0; n < LIMIT_PCRS; n++) {
			struct span v;

			if (!selected(b, n))
				continue;
			if (alg != DIGEST_NONE && b->alg == alg && n == pcr) {
				to = after;
				found++;
				continue;
			}
			v = values == NULL ? span_of(NULL, 0) : tpm_pcrs_get(values, b->alg, n);
			missing += v.n == 0;
			buf_span(to, v);
		}
	}
	*complete = missing == 0 && found == 1;
	return before->why != 0 ? buf_done(before, e) : buf_done(after, e);
}

/* All values in order; false if one is missing, or there is none at all: nothing has a
 * digest too, but it proves nothing. */
static bool
all_values(const struct tpm_selection *s, const struct tpm_pcrs *values, struct buf *b)
{
	for (size_t i = 0; i < s->n; i++)
		for (unsigned n = 0; n < LIMIT_PCRS; n++) {
			struct span v;

			if (!selected(&s->banks[i], n))
				continue;
			if ((v = tpm_pcrs_get(values, s->banks[i].alg, n)).n == 0)
				return false;
			buf_span(b, v);
		}
	return b->n > 0;
}

int
quote_digest_matches(const struct quote_facts *facts, const struct tpm_pcrs *values,
    bool *matches, struct err *e)
{
	BUF_AUTO struct buf b = buf_init(LIMIT_VALUES);
	bool complete = all_values(&facts->selection, values, &b);
	struct digest d;
	int rc;

	/* A quote signed with a hash we refuse matches nothing. */
	if (!complete || facts->pcr_digest.alg == DIGEST_NONE) {
		*matches = false;
		return 0;
	}
	if ((rc = buf_done(&b, e)) != 0 ||
	    (rc = digest_of(facts->pcr_digest.alg, buf_view(&b), &d, e)) != 0)
		return rc;
	*matches = digest_eq(&d, &facts->pcr_digest);
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
			if (selected(b, pcr) && !tpm_pcrs_set(&facts->covered, b->alg, pcr,
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
