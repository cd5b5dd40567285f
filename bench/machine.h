/* machine.h: a machine that never was, as large as one asks for: its measurement list,
 * the quote that covers it, its attestation key, and the policy that approves it.
 *
 * Paths look like a distribution's, digests are real ones of the paths, the legacy
 * list's SHA-1 column is right, PCR 10 is what the list replays to, and the quote is
 * a TPMS_ATTEST signed by a P-256 key.
 */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include "base/buf.h"
#include "crypto/pubkey.h"
#include "engine/evidence.h"

struct machine {
	size_t entries;
	size_t distinct;		/* signatures; 0: a list of template ima-ng */
	struct privkey *ak, *signer;	/* borrowed; signer where distinct > 0 */

	struct buf list, quote, signature, table;
	struct tpm_pcrs pcrs;		/* as tpm2_quote writes them beside the quote */
	struct span nonce;
	struct span *data;		/* template data of each entry: points into list */
	size_t *offsets;		/* of each record, and behind the last */
	struct buf *sigs;		/* the distinct signatures, raw ... */
	struct digest *digests;		/* ... of these file digests */
};

/** machine_make(m): entries, distinct and the keys are given. */
void machine_make(struct machine *m);

/** machine_quote(m, entries): Another quote, over the first so many entries. */
void machine_quote(struct machine *m, size_t entries);

/** machine_input(m, policies, n): The whole evidence. */
struct evidence_input machine_input(const struct machine *m,
    const struct runtime_policy *const *policies, size_t n);

#endif
