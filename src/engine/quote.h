/* quote.h: whether a quote is what it must be: signed, by that key, made in a TPM,
 * now, over those PCRs.
 *
 * quote_check makes the checks SIGNATURE, MAGIC, TYPE, NONCE, SELECTION, DIGEST,
 * TRAILING_DATA and, where the key came as a public area, AK_ATTRIBUTES, each with
 * a reason code of its own, and requires them.  It also requires REPLAY, which the
 * replay makes: a quote that no list reproduces proves nothing about files.
 *
 * All checks are made even when an early one fails, so that the result names all
 * that is wrong; but what does not parse far enough to be checked is an error.
 *
 * The digest: PCR values that a tool wrote together with the quote (tpm2-tools' file)
 * must reproduce it, or the check fails.  Values from a text or JSON may be older
 * than the quote, so that not fitting says nothing; like having no values it leaves
 * the check open (not-run) for the values that replay finds: quote_settle.
 *
 * What is refused (reason quote-signature-scheme): hashes other than SHA-256, -384
 * and -512; RSA with the mark of CVE-2017-15361 (shorter than 2048 bits does not
 * even load); curves other than P-256 and P-384; schemes other than RSASSA, RSAPSS
 * and ECDSA; a scheme or hash that is not the one the public area binds the key to.
 */
#ifndef ENGINE_QUOTE_H
#define ENGINE_QUOTE_H

#include "engine/attest_key.h"
#include "engine/result.h"
#include "formats/tpm_attest.h"
#include "formats/tpm_pcrs.h"

struct quote_input {
	struct span attest;		/* TPMS_ATTEST */
	struct span signature;		/* TPMT_SIGNATURE, or plain (tpm_signature.h) */
	const struct attest_key *ak;
	struct span nonce;		/* 1 to LIMIT_TPM_NONCE bytes */
	enum digest_alg bank;		/* whose PCR the list must reproduce */
	unsigned pcr;			/* 10, unless the kernel was built with another */
	const struct tpm_pcrs *pcrs;	/* given values, or NULL */
	const struct tpm_selection *wanted;	/* what was asked for, or NULL: not known */
	uint32_t least;			/* PCRs of the bank that must be selected, a bit each */
	const char *attest_name, *signature_name;	/* for errors; may be NULL */
};

/* What the quote says.  True only as far as quote_authentic() says. */
struct quote_facts {
	struct tpm_clock clock;
	uint64_t firmware_version;
	struct tpm_name qualified_signer;
	struct tpm_selection selection;	/* signed; empty if it is no quote */
	struct digest pcr_digest;	/* alg is the signing hash; DIGEST_NONE: unusable */

	/* The PCR values that the quote's digest covers, none more; n_banks is 0 until
	 * values were found to reproduce it.  PCRs 0 to 9 in it are the boot's. */
	struct tpm_pcrs covered;
};

/** quote_check(in, r, out, e): See above.  An error means that something could not be
 * read; a check that failed is in ${r}.  ${out} is untouched on error. */
MUST_CHECK int quote_check(const struct quote_input *in, struct result *r,
    struct quote_facts *out, struct err *e);

/** quote_authentic(r): Whether the checks that make the facts true have passed:
 * signature, magic, type, nonce, no trailing data. */
bool quote_authentic(const struct result *r);

/** quote_settle(facts, values, r, settled, e): If ${values} reproduce the quote's digest,
 * keep them as facts->covered, let DIGEST pass and set ${*settled}; if not, or if
 * values are missing, change nothing. */
MUST_CHECK int quote_settle(struct quote_facts *facts, const struct tpm_pcrs *values,
    struct result *r, bool *settled, struct err *e);

/** quote_digest_matches(facts, values, matches, e): Whether ${values} hold every selected
 * PCR and reproduce the quote's digest. */
MUST_CHECK int quote_digest_matches(const struct quote_facts *facts,
    const struct tpm_pcrs *values, bool *matches, struct err *e);

/** quote_digest_parts(facts, values, alg, pcr, before, after, complete, e): The selected
 * values as the TPM hashes them, appended to ${before} up to the named PCR and to
 * ${after} behind it, for the search for that PCR's quoted value: it is v with
 * H(before || v || after) == facts->pcr_digest.  ${*complete}: ${values} (may be NULL)
 * hold all others, and the named PCR is selected just once.  Of no use if not. */
MUST_CHECK int quote_digest_parts(const struct quote_facts *facts, const struct tpm_pcrs *values,
    enum digest_alg alg, unsigned pcr, struct buf *before, struct buf *after, bool *complete,
    struct err *e);

#endif
