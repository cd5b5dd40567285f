/* ear.h: an appraisal's result as an EAT Attestation Result, signed.
 *
 * draft-ietf-rats-ear-04 (a profile of EAT, RFC 9711) with the trustworthiness
 * claims of draft-ietf-rats-ar4si, as a JWT.  docs/formats/ear.md tells which check
 * of ours becomes which claim.
 *
 * Promise: a status and a claim are affirming only where the result's verdict is
 * VERDICT_TRUSTED; nothing else is asked.  An untrusted result is contraindicated as
 * a whole, an undecided one makes no claim (none), nor does one that no policy judged.
 * What was not appraised is claim 0, "no assertion", never a guess.
 *
 * Pure: the time is given.  No name of a file leaves with a token: only who was
 * appraised, under which policies, and how it came out.
 */
#ifndef ENGINE_EAR_H
#define ENGINE_EAR_H

#include <jansson.h>

#include "crypto/jws.h"
#include "engine/result.h"

#define EAR_PROFILE "tag:ietf.org,2026:rats/ear#04"

enum ear_tier { EAR_NONE = 0, EAR_AFFIRMING = 2, EAR_WARNING = 32, EAR_CONTRAINDICATED = 96 };

struct ear_facts {
	int64_t issued;			/* seconds since 1970 */
	int64_t expires;		/* the same; 0: the token names no end */
	const char *developer, *build;	/* who appraised */
	const char *label;		/* of what was appraised: the name in "submods" */
	struct span nonce;		/* of whoever asked for this result; empty: none; 8 to 64 bytes */
	struct span evidence_nonce;	/* that the quote answers; written only if that check passed */
	const struct digest *policies;	/* digests of the policies, in the order they were applied */
	size_t n_policies;
	bool instance_known;		/* the attestation key is known to be this machine's */
	bool firmware_approved;		/* the boot policy also fixes the firmware (PCR 0) */
};

/** ear_claims(r, facts, out, e): The claims set; ${*out} is the caller's to json_decref. */
MUST_CHECK int ear_claims(const struct result *r, const struct ear_facts *facts, json_t **out,
    struct err *e);

/** ear_write(r, facts, key, alg, out, e): The claims as a compact JWS. */
MUST_CHECK int ear_write(const struct result *r, const struct ear_facts *facts,
    struct privkey *key, enum jws_alg alg, struct buf *out, struct err *e);

/** ear_verify(key, token, now, nonce, status, claims, e): 0 if ${token} is an EAR signed by
 * ${key} that holds at ${now}, answers ${nonce} (empty: not asked) and does not
 * contradict itself; then ${*status} is that of the whole, the worst of its parts, and
 * ${*claims} is the caller's.  Else ERR_SIGNATURE, ERR_FORMAT, ERR_VERSION (another
 * profile) or ERR_MISMATCH (nonce, time). */
MUST_CHECK int ear_verify(struct pubkey *key, struct span token, int64_t now, struct span nonce,
    enum ear_tier *status, json_t **claims, struct err *e);

/** ear_tier_of(claim): The tier an AR4SI value lies in (section 2.3.2 of the draft). */
enum ear_tier ear_tier_of(int claim);
const char *ear_tier_token(enum ear_tier tier);		/* "affirming", ... */

#endif
