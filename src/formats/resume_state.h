/* resume_state.h: where the last appraisal of a host's measurement list stopped.
 *
 * With the count of authenticated entries and the PCR values behind them, a list
 * that the kernel trimmed, or that an agent sent in part, still verifies, and only
 * new entries are worked on.  Bound to one attestation key and one boot (the TPM's
 * signed reset and restart counters).  JSON; docs/formats/resume-state.md.
 */
#ifndef FORMATS_RESUME_STATE_H
#define FORMATS_RESUME_STATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest_alg.h"
#include "base/err.h"
#include "formats/ima_log.h"

struct resume_pcr { uint32_t index; struct digest value; };
struct resume_key { struct span keyring, der; };	/* a key the kernel loaded */

struct resume_ima_policy { struct span path; struct digest digest; };	/* that was measured */

struct resume_state {
	struct arena arena;
	enum digest_alg bank;
	uint64_t count;			/* entries since the boot, all authenticated */
	struct resume_pcr pcrs[64];
	size_t n_pcrs;
	enum ima_extend how;
	struct digest policies;		/* what the entries were judged under; none: under no policy */
	struct digest ak;		/* SHA-256 of the attestation key's SubjectPublicKeyInfo; or none */
	bool has_clock;
	uint32_t reset_count, restart_count;
	uint64_t clock;			/* milliseconds */
	bool safe;
	struct digest last;		/* SHA-256 of the last authenticated record */
	struct digest boot_aggregate;	/* of the boot's first entry, or none */
	struct resume_key *keys;
	size_t n_keys;
	struct resume_ima_policy *ima_policies;
	size_t n_ima_policies;
};

/** resume_state_parse(in, s, e): ERR_VERSION for a newer one. */
MUST_CHECK int resume_state_parse(struct span in, struct resume_state *s, struct err *e);
MUST_CHECK int resume_state_write(const struct resume_state *s, struct buf *out, struct err *e);
void resume_state_free(struct resume_state *s);

#define RESUME_STATE_AUTO __attribute__((cleanup(resume_state_free)))

#endif
