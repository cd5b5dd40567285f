/* replay.h: from the entries of a measurement list to the PCR values they make.
 *
 * The digest that is extended is always computed here, from the entry's data; the
 * list's own digest column is only compared (ima_crypto.c, ima_queue.c):
 *
 *	PCR := H(PCR || H(template data)), or H(PCR || 0xff...) for a violation
 *
 * One replay follows one bank, in one of the ways the kernel fills banks (enum
 * ima_extend).  Zero-padded SHA-1 is only followed when asked for, because it makes
 * a bank no better than SHA-1.
 */
#ifndef ENGINE_REPLAY_H
#define ENGINE_REPLAY_H

#include "crypto/digest.h"
#include "formats/ima_log.h"

/* PCR indexes one list may use; the kernel's pcr= allows 0 to 63. */
#define REPLAY_PCRS 64

struct pcr_values {
	enum digest_alg bank;
	uint64_t used;				/* bit i: some entry extended PCR i */
	uint8_t v[REPLAY_PCRS][LIMIT_DIGEST];
};

struct replay {
	struct pcr_values pcrs;		/* running values, zero at first */
	uint64_t count;			/* entries followed since the boot, resumed ones included */
	enum ima_extend how;

	/* Private. */
	struct hasher *bank, *column, *sha1; /* column may be the same as bank */
	enum digest_alg column_alg;
};

/** replay_start(r, bank, column, how, e): ${column} is the algorithm of the
 * list's own digests, DIGEST_NONE to leave them alone. */
MUST_CHECK int replay_start(struct replay *r, enum digest_alg bank, enum digest_alg column,
    enum ima_extend how, struct err *e);

/** replay_resume(r, count, pcrs): Go on from values that were authenticated before. */
void replay_resume(struct replay *r, uint64_t count, const struct pcr_values *pcrs);

/** replay_entry(r, n, column_right, e): Follow one entry; say whether the list's digest
 * is that of the data (true for violations and where no column is checked). */
MUST_CHECK int replay_entry(struct replay *r, const struct ima_entry *n, bool *column_right,
    struct err *e);

void replay_end(struct replay *r);

/** replay_column_alg(list, e): Which algorithm the digest column of ${list} has: by its
 * size, and where several fit by trying the first entries.  DIGEST_NONE if no
 * entry fits any (the column is then wrong everywhere, or not of this list). */
MUST_CHECK int replay_column_alg(struct span list, enum digest_alg *alg, struct err *e);

static inline struct span
pcr_value(const struct pcr_values *p, unsigned i)
{
	return span_of(p->v[i], digest_alg_size(p->bank));
}

#endif
