#include "engine/quote.h"

#include "crypto/ct.h"
#include "engine/quote_signature.h"

static int
check_magic_and_type(const struct tpm_attest *a, struct result *r, struct err *e)
{
	int rc = a->magic == TPM_GENERATED ? check_pass(r, CHECK_MAGIC) :
	    check_fail(r, CHECK_MAGIC, REASON_QUOTE_MAGIC, e,
	    "the quote begins with %08x, a TPM writes %08x: it was not made inside a TPM",
	    a->magic, TPM_GENERATED);

	if (rc != 0)
		return rc;
	return a->type == TPM_ST_ATTEST_QUOTE ? check_pass(r, CHECK_TYPE) :
	    check_fail(r, CHECK_TYPE, REASON_QUOTE_TYPE, e,
	    "the signed structure is of type 0x%04x (%s), not a quote (0x%04x)",
	    a->type, tpm_attest_type_name(a->type), TPM_ST_ATTEST_QUOTE);
}

static int
check_nonce(const struct quote_input *in, const struct tpm_attest *a, struct result *r,
    struct err *e)
{
	return ct_eq(a->extra_data, in->nonce) ? check_pass(r, CHECK_NONCE) :
	    check_fail(r, CHECK_NONCE, REASON_QUOTE_NONCE, e,
	    "the quote answers another nonce (%zu bytes; ours has %zu): it is old or not for us",
	    a->extra_data.n, in->nonce.n);
}

/* Why a selection cannot be accepted; NULL if it can. */
static const char *
selection_fault(const struct quote_input *in, const struct tpm_selection *s)
{
	if (tpm_selection_empty(s))
		return "it names no PCR";
	if (tpm_selection_repeats(s))
		return "it names a bank twice";
	for (size_t i = 0; i < s->n; i++)
		if (s->banks[i].alg == DIGEST_NONE || s->banks[i].mask >> LIMIT_PCRS != 0)
			return "it names a bank or PCR that is not known";
	if (!tpm_selection_has(s, in->bank, in->pcr))
		return "it lacks the PCR that the list must reproduce";
	for (unsigned n = 0; n < LIMIT_PCRS; n++)
		if ((in->least >> n & 1) != 0 && !tpm_selection_has(s, in->bank, n))
			return "it lacks a PCR that was asked for";
	if (in->pcrs != NULL && in->pcrs->kind == TPM_PCRS_TOOLS &&
	    !tpm_selection_eq(s, &in->pcrs->selection))
		return "the PCR file has another";
	if (in->wanted != NULL && !tpm_selection_eq(s, in->wanted))
		return "another was asked for";
	return NULL;
}

static int
check_selection(const struct quote_input *in, const struct tpm_attest *a, struct result *r,
    struct err *e)
{
	const char *why = selection_fault(in, &a->selection);
	BUF_AUTO struct buf b = buf_init(KIB(4));

	if (why == NULL)
		return check_pass(r, CHECK_SELECTION);
	tpm_selection_dump(&a->selection, &b);
	return check_fail(r, CHECK_SELECTION, REASON_QUOTE_SELECTION, e,
	    "the signed PCR selection %s is not accepted: %s (bank %s, PCR %u)", buf_cstr(&b), why,
	    digest_alg_name(in->bank), in->pcr);
}

static int
check_trailing(const struct quote_input *in, const struct tpm_attest *a,
    const struct tpm_signature *sig, struct result *r, struct err *e)
{
	/* Where something else that says it is no quote ends, is not ours to say: the check
	 * stays open then. */
	bool is_quote = a->type == TPM_ST_ATTEST_QUOTE;
	struct { const char *name; size_t n; } ends[] = {
		{ "quote", is_quote ? a->trailing.n : 0 }, { "signature", sig->trailing.n },
		{ "public area of the attestation key", in->ak->has_area ? in->ak->area.trailing.n : 0 },
	};
	bool clean = true;
	int rc;

	for (size_t i = 0; i < 3; i++) {
		if (ends[i].n == 0)
			continue;
		clean = false;
		if ((rc = check_fail(r, CHECK_TRAILING_DATA, REASON_TRAILING_DATA, e,
		    "%zu bytes follow the %s", ends[i].n, ends[i].name)) != 0)
			return rc;
	}
	return clean && is_quote ? check_pass(r, CHECK_TRAILING_DATA) : 0;
}

/* A key that may sign anything could sign a made-up quote (it is the TPM that refuses to
 * let a restricted key sign what begins with TPM_GENERATED_VALUE), and one that
 * was made or can be used outside the TPM says nothing about it. */
static int
check_attributes(const struct tpm_public *p, struct result *r, struct err *e)
{
	const uint32_t must = TPMA_RESTRICTED | TPMA_SIGN | TPMA_FIXED_TPM | TPMA_FIXED_PARENT |
	    TPMA_SENSITIVE_DATA_ORIGIN;
	uint32_t missing = must & ~p->attributes;
	BUF_AUTO struct buf b = buf_init(KIB(1));

	if (missing == 0 && (p->attributes & TPMA_DECRYPT) == 0)
		return check_pass(r, CHECK_AK_ATTRIBUTES);
	if (missing != 0)
		tpm_attributes_dump(missing, &b);
	return check_fail(r, CHECK_AK_ATTRIBUTES, REASON_AK_ATTRIBUTES, e,
	    "the attestation key is not one a TPM keeps for attesting:%s%s%s",
	    missing != 0 ? " it lacks " : "", buf_cstr(&b),
	    (p->attributes & TPMA_DECRYPT) != 0 ? " it may decrypt" : "");
}

static bool
covers_selection(const struct tpm_pcrs *values, const struct tpm_selection *s)
{
	for (size_t i = 0; i < s->n; i++)
		for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++)
			if ((s->banks[i].mask >> pcr & 1) != 0 &&
			    tpm_pcrs_get(values, s->banks[i].alg, pcr).n == 0)
				return false;
	return true;
}

static int
check_digest(const struct quote_input *in, struct quote_facts *facts, const struct tpm_attest *a,
    enum digest_alg hash, struct result *r, struct err *e)
{
	bool settled = false;
	int rc;

	if (facts->pcr_digest.alg == DIGEST_NONE)
		return hash == DIGEST_NONE ? 0 :	/* refused with the signature */
		    check_fail(r, CHECK_DIGEST, REASON_QUOTE_DIGEST, e,
		    "the quoted digest has %zu bytes, the signing hash %s has %zu",
		    a->pcr_digest.n, digest_alg_name(hash), digest_alg_size(hash));
	if (in->pcrs == NULL || !covers_selection(in->pcrs, &a->selection))
		return 0;
	if ((rc = quote_settle(facts, in->pcrs, r, &settled, e)) != 0 || settled)
		return rc;
	if (in->pcrs->kind == TPM_PCRS_TOOLS)
		return check_fail(r, CHECK_DIGEST, REASON_QUOTE_DIGEST, e,
		    "the quoted digest is not that of the values in the PCR file");
	return result_warn(r, e, "the given PCR values are not those that the quote covers: at least "
	    "one was read at another moment; only what the replayed list confirms counts");
}

static void
require_all(const struct quote_input *in, struct result *r)
{
	static const enum check_id ids[] = { CHECK_SIGNATURE, CHECK_MAGIC, CHECK_TYPE, CHECK_NONCE,
	    CHECK_SELECTION, CHECK_DIGEST, CHECK_TRAILING_DATA, CHECK_REPLAY };

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		check_require(r, ids[i]);
	if (in->ak->has_area)
		check_require(r, CHECK_AK_ATTRIBUTES);
}

static int
check_input(const struct quote_input *in, struct err *e)
{
	if (in->nonce.n == 0 || in->nonce.n > LIMIT_TPM_NONCE)
		return err_set(e, ERR_USAGE, "a nonce of %zu bytes, want 1 to %d", in->nonce.n,
		    LIMIT_TPM_NONCE);
	if (in->bank == DIGEST_NONE || in->pcr >= LIMIT_PCRS)
		return err_set(e, ERR_USAGE, "PCR %u of bank %s cannot be quoted", in->pcr,
		    digest_alg_name(in->bank));
	return 0;
}

static void
fill_facts(const struct tpm_attest *a, enum digest_alg hash, struct quote_facts *f)
{
	*f = (struct quote_facts){ .clock = a->clock, .firmware_version = a->firmware_version,
	    .selection = a->selection };
	f->qualified_signer.n = a->qualified_signer.n;	/* at most LIMIT_TPM_NAME: the parser's promise */
	if (a->qualified_signer.n != 0)
		memcpy(f->qualified_signer.v, a->qualified_signer.p, a->qualified_signer.n);
	(void)!digest_make(hash, a->pcr_digest, &f->pcr_digest);	/* else DIGEST_NONE: check_digest */
}

static int
check_all(const struct quote_input *in, const struct tpm_attest *a,
    const struct tpm_signature *sig, struct result *r, struct quote_facts *f, struct err *e)
{
	enum digest_alg hash;
	int rc;

	require_all(in, r);
	if ((rc = quote_check_signature(in, sig, a->pcr_digest.n, r, &hash, e)) != 0 ||
	    (rc = check_magic_and_type(a, r, e)) != 0 ||
	    (rc = check_nonce(in, a, r, e)) != 0 ||
	    (rc = check_trailing(in, a, sig, r, e)) != 0 ||
	    (in->ak->has_area && (rc = check_attributes(&in->ak->area, r, e)) != 0))
		return rc;
	fill_facts(a, hash, f);
	/* Another structure has no selection and no digest to check: both stay not-run. */
	if (a->type != TPM_ST_ATTEST_QUOTE)
		return 0;
	if ((rc = check_selection(in, a, r, e)) != 0)
		return rc;
	return check_digest(in, f, a, hash, r, e);
}

int
quote_check(const struct quote_input *in, struct result *r, struct quote_facts *out, struct err *e)
{
	struct tpm_signature sig;
	struct quote_facts facts;
	struct tpm_attest a;
	int rc;

	if ((rc = check_input(in, e)) != 0)
		return rc;
	if ((rc = tpm_attest_parse(in->attest, &a, e)) != 0)
		return in->attest_name == NULL ? rc : err_file(e, rc, in->attest_name);
	if ((rc = tpm_signature_parse(in->signature, &sig, e)) != 0)
		return in->signature_name == NULL ? rc : err_file(e, rc, in->signature_name);
	if ((rc = check_all(in, &a, &sig, r, &facts, e)) != 0)
		return rc;
	*out = facts;
	return 0;
}

bool
quote_authentic(const struct result *r)
{
	static const enum check_id ids[] = { CHECK_SIGNATURE, CHECK_MAGIC, CHECK_TYPE, CHECK_NONCE,
	    CHECK_TRAILING_DATA };

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (r->checks[i].state != CHECK_PASS)
			return false;
	return true;
}
