/* match.h: how much of a measurement list a quote covers.
 *
 * The quote is taken first and the list read after it, so the list may be longer
 * than what was quoted: the longest prefix that reproduces the quoted PCR is
 * authenticated, the rest is the tail and waits for the next quote.  PCRs are
 * matched one by one, because rules with pcr= spread a list over several.
 *
 * A list that goes on from an earlier, authenticated state (resume_state.h) may be
 * given whole, or only with what is new (after a trim, or from an agent that sends
 * differences); which of the two is told by its first entry.
 *
 * What the outcome means is for the caller: offline, a list that matches nowhere
 * may have been read too early as well as cut or altered.
 */
#ifndef ENGINE_MATCH_H
#define ENGINE_MATCH_H

#include "engine/quote.h"
#include "engine/replay.h"
#include "formats/resume_state.h"

/* What the replay is compared with. */
struct match_target {
	uint64_t covered;		/* PCRs of the bank whose values are known */
	uint8_t v[REPLAY_PCRS][LIMIT_DIGEST];

	/* Else only the quote's digest is known, and a value v of the list's PCR is the quoted one
	 * if H(before || v || after) is the digest (quote_digest_parts). */
	bool by_digest;
	struct digest digest;
	struct span before, after;
};

struct match_input {
	struct span list;
	const struct match_target *target;	/* NULL: nothing to compare with */
	enum digest_alg bank;
	bool allow_padded_sha1;
	unsigned pcr;				/* the list's own; 0: IMA_PCR */
	const struct resume_state *resume;	/* NULL: from the start of the boot */
	bool exact;				/* the list is known to begin right behind the state */
	bool whole;				/* what stands before the state's end is replayed too */
};

enum match_kind {
	MATCH_NONE = 0,		/* no prefix reproduces the value, or there was no value */
	MATCH_PREFIX,		/* a prefix does */
	MATCH_KEXEC,		/* from the resumed value on: another kernel's list, nothing lost between */
	MATCH_TOO_SHORT,	/* fewer entries than were authenticated before */
};

struct match {
	enum match_kind kind;
	enum ima_extend how;		/* how the kernel fills this bank, where something matched */
	bool from_state;		/* the replay began at the state, not at zero */
	bool continuation;		/* the list holds only what follows the resumed state */
	bool passed_state;		/* replayed from zero, the list's PCR had the state's value on its way */
	uint64_t skip;			/* leading entries of the list that the state covers */
	uint64_t shift;			/* add to an entry's number in the list: number since the boot */
	uint64_t total;			/* entries since the boot: resumed and listed */
	uint64_t authenticated[REPLAY_PCRS]; /* number of the last entry each PCR's match covers */
	uint64_t behind[REPLAY_PCRS];	/* number of the first entry behind that; 0: none */
	uint64_t used;			/* PCRs that entries extend */
	struct pcr_values at_match;	/* running values behind the last entry of the list's PCR */
	struct pcr_values at_end;
	uint64_t count_at_match;
	struct digest last;		/* SHA-256 of the record of that entry, for the state */
	bool begins_boot;		/* the list begins with boot_aggregate, or the monitor's first note */
	bool untouched;			/* the list's PCR is quoted as zero: nothing extended it */

	/* Entries whose digest column is wrong; owned. */
	struct match_wrong { uint64_t number; uint32_t pcr; } *wrong;
	size_t n_wrong, cap_wrong;
	uint64_t violations;
};

/** match_list(in, m, e): An error only for a list that does not parse, or our own
 * faults.  End with match_done, on success. */
MUST_CHECK int match_list(const struct match_input *in, struct match *m, struct err *e);
void match_done(struct match *m);

/** match_contradiction(m, covered): A PCR of ${covered} whose quoted value lacks an entry that
 * stands before one that was quoted, or REPLAY_PCRS.  One quote shows all PCRs at one moment, and
 * the kernel extends and lists in one order (ima_extend_list_mutex). */
uint32_t match_contradiction(const struct match *m, uint64_t covered);

/** match_covers(m, n): Whether entry ${n} (its number already since the boot) is covered. */
static inline bool
match_covers(const struct match *m, const struct ima_entry *n)
{
	return n->pcr < REPLAY_PCRS && n->number <= m->authenticated[n->pcr];
}

#endif
