#include "engine/replay.h"

/* What template "ima" hashes: the digest and the name padded with zeros to 256
 * (ima_crypto.c: IMA_EVENT_NAME_LEN_MAX + 1). */
#define IMA_NAME_PADDED 256

int
replay_start(struct replay *r, enum digest_alg bank, enum digest_alg column,
    enum ima_extend how, struct err *e)
{
	int rc;

	*r = (struct replay){ .pcrs.bank = bank, .how = bank == DIGEST_SHA1 ? IMA_EXTEND_BANK : how,
	    .column_alg = column };
	if ((rc = hasher_new(bank, &r->bank, e)) != 0)
		return rc;
	if (column != DIGEST_NONE && column != bank &&
	    (rc = hasher_new(column, &r->column, e)) != 0) {
		replay_end(r);
		return rc;
	}
	if (r->how != IMA_EXTEND_BANK && (rc = hasher_new(DIGEST_SHA1, &r->sha1, e)) != 0) {
		replay_end(r);
		return rc;
	}
	return 0;
}

void
replay_resume(struct replay *r, uint64_t count, const struct pcr_values *pcrs)
{
	r->count = count;
	r->pcrs = *pcrs;
}

void
replay_end(struct replay *r)
{
	hasher_free(r->bank);
	hasher_free(r->column);
	hasher_free(r->sha1);
	r->bank = r->column = r->sha1 = NULL;
}

/* Template "ima": the digest, and the name in a field of fixed size. */
static bool
ima_digest(struct hasher *h, const struct ima_entry *n, uint8_t *out)
{
	uint8_t padded[20 + IMA_NAME_PADDED] = { 0 };
	size_t size = n->fields[0].bytes.n;

	/* Both readers hold the digest to 16 or 20 bytes and the name to 255. */
	if (size > 20 || n->fields[1].bytes.n > IMA_NAME_PADDED)
		return false;
	memcpy(padded, n->fields[0].bytes.p, size);
	memcpy(padded + size, n->fields[1].bytes.p, n->fields[1].bytes.n);
	return hasher_run(h, span_of(padded, size + IMA_NAME_PADDED), span_of(NULL, 0), out);
}

static bool
template_digest(struct hasher *h, const struct ima_entry *n, uint8_t *out)
{
	return n->is_ima ? ima_digest(h, n, out) : hasher_run(h, n->data, span_of(NULL, 0), out);
}

/* The value that the kernel extended for ${n} into this bank. */
static bool
extended(struct replay *r, const struct ima_entry *n, uint8_t *v)
{
	size_t size = digest_alg_size(r->pcrs.bank);

	memset(v, 0, LIMIT_DIGEST);
	if (n->violation) {
		memset(v, 0xff, r->how == IMA_EXTEND_PADDED_SHA1_OLD ? 20 : size);
		return true;
	}
	return template_digest(r->how != IMA_EXTEND_BANK ? r->sha1 : r->bank, n, v);
}

static bool
column_fits(struct replay *r, const struct ima_entry *n, const uint8_t *bank_digest, bool *right)
{
	uint8_t md[LIMIT_DIGEST];
	struct span got;

	*right = true;
	if (r->column_alg == DIGEST_NONE || n->violation)
		return true;
	if (r->column != NULL) {
		if (!template_digest(r->column, n, md))
			return false;
		got = span_of(md, digest_alg_size(r->column_alg));
	} else if (r->how != IMA_EXTEND_BANK) {
		if (!template_digest(r->bank, n, md))
			return false;
		got = span_of(md, digest_alg_size(r->pcrs.bank));
	} else {
		got = span_of(bank_digest, digest_alg_size(r->pcrs.bank));
	}
	*right = span_eq(got, n->template_digest);
	return true;
}

int
replay_entry(struct replay *r, const struct ima_entry *n, bool *column_right, struct err *e)
{
	size_t size = digest_alg_size(r->pcrs.bank);
	uint8_t v[LIMIT_DIGEST];
	bool right;

	if (n->pcr >= REPLAY_PCRS)
		return err_set(e, ERR_RANGE, "entry %llu extends PCR %u", (unsigned long long)n->number, n->pcr);
	if (!extended(r, n, v) || !column_fits(r, n, v, &right) ||
	    !hasher_run(r->bank, span_of(r->pcrs.v[n->pcr], size), span_of(v, size), r->pcrs.v[n->pcr]))
		return err_set(e, ERR_CRYPTO, "replaying entry %llu", (unsigned long long)n->number);
	r->pcrs.used |= (uint64_t)1 << n->pcr;
	r->count++;
	*column_right = right;
	return 0;
}

/* How many of the first entries have ${alg}'s digest in their column. */
static int
count_fitting(struct span list, enum digest_alg alg, unsigned *fitting, struct err *e)
{
	struct replay r;
	struct ima_log log;
	struct ima_entry n;
	unsigned hits = 0, tries = 0;
	bool right;
	int rc;

	if ((rc = replay_start(&r, alg, alg, IMA_EXTEND_BANK, e)) != 0)
		return rc;
	if ((rc = ima_log_open(list, &log, e)) == 0) {
		while (tries < 16 && (rc = ima_log_next(&log, &n, e)) > 0 &&
		    (rc = replay_entry(&r, &n, &right, e)) == 0) {
			tries++;
			hits += right && !n.violation;
		}
		ima_log_close(&log);
	}
	replay_end(&r);
	*fitting = hits;
	/* A list that breaks off is the caller's to report, where it matters. */
	return rc == ERR_CRYPTO || rc == ERR_NOMEM ? rc : 0;
}

int
replay_column_alg(struct span list, enum digest_alg *alg, struct err *e)
{
	struct ima_log log;
	enum digest_alg best = DIGEST_NONE;
	unsigned most = 0, fitting;
	int rc;

	if ((rc = ima_log_open(list, &log, e)) != 0)
		return rc;
	ima_log_close(&log);
	for (enum digest_alg a = DIGEST_NONE + 1; a < DIGEST_ALG_COUNT; a++) {
		if (digest_alg_size(a) != log.digest_size || digest_alg_openssl(a) == NULL)
			continue;
		/* An algorithm OpenSSL was built without cannot be the answer. */
		if ((rc = count_fitting(list, a, &fitting, e)) == ERR_UNSUPPORTED)
			continue;
		if (rc != 0)
			return rc;
		if (fitting > most) {
			most = fitting;
			best = a;
		}
	}
	*alg = best;
	return 0;
}
