/* host_appraise.h: one message of evidence from one host, judged.
 *
 * Stands between the store, which knows what a host showed before, and the engine, which
 * knows nothing but its input.  What it adds:
 *
 *   - the nonce must be the one that was given out; the store sees to it that it counts once;
 *   - the list of a boot crosses the wire once: what the engine needs of the part that was
 *     stored before comes from the store, from where its state stopped or, when the
 *     policies changed or the host was not trusted, from the boot's beginning;
 *   - a boot is named by the TPM's signed resetCount and the kernel's boot_id.  The name is
 *     only a name: a wrong one gives a list that does not replay;
 *   - another boot_id without a reset is a kernel that kexec started.  If it did not carry the
 *     list over, its own begins again while the PCR goes on: that list is stored behind the old
 *     one, as one boot, if together they replay, and is `kexec-without-carry` if not.  If it
 *     carried it over (or a TPM Restart, which counts as no reset, began a boot), the list is
 *     whole, and stored as a boot of its own;
 *   - another attestation key makes no boot younger.  A TPM adds to the counts what is constant for
 *     a key that is in neither the endorsement nor the platform hierarchy, so those of two keys are
 *     not compared: the boot is as old as it was, until this key shows a reset of its own;
 *   - a list that fits nowhere was altered, because the agent reads it after the quote; and what
 *     the TPM did not sign begins no boot;
 *   - evidence that cannot be read is undecided: the host can prove nothing by it.
 *
 * Nothing here writes, and no clock is read.  An error is a fault of ours and says nothing
 * about the host.
 */
#ifndef SVC_SERVER_HOST_APPRAISE_H
#define SVC_SERVER_HOST_APPRAISE_H

#include "engine/evidence.h"
#include "formats/attest_message.h"

#define HOST_BOOT_NAME 128
#define HOST_KERNEL_ID 64	/* most of a boot_id that is kept */

/* PCRs that each quote must cover beside the list's: 0 to 10 (docs/formats/agent-protocol.md).
 * A host that could leave out those of its boot would choose what boot_aggregate is compared with. */
#define HOST_LEAST_PCRS 0x7ffu

/* What a set of policies becomes for judging; made once for each thread and version. */
struct host_policies {
	const struct runtime_policy *const *policies;	/* borrowed */
	size_t n;			/* 0: the verdict is at best undecided */
	struct digest id;		/* stands for them */
	struct appraiser *appraiser;	/* borrowed; NULL if n is 0 */
};

/** Records [first, first + n) of the boot's list, appended to ${out}. */
typedef int host_list_fn(void *ctx, uint64_t first, uint64_t n, struct buf *out, struct err *e);

/* What is known of the host; all borrowed. */
struct host_known {
	const struct attest_key *key;
	struct span nonce;		/* given out and still good; empty: none */
	struct span resume;		/* state of the last trusted appraisal; empty: none */
	bool stale;			/* which was of an earlier boot than the one stored */
	struct span boot;		/* name of the boot whose list is stored; empty: none */
	uint64_t count;			/* entries stored of it */
	uint64_t base;			/* of them stand so many before the list of the kernel ${base_id}, */
	struct span base_id;		/* that kexec started within this boot; empty: none was */
	struct span kernel_boot_id;	/* from the facts that were stored last */
	struct span event_log;		/* of that boot; empty: none yet */
	unsigned list_pcr;		/* the list extends it: 10 the kernel's, another a monitor's */
	uint32_t reset_count;		/* of the TPM, as last signed */
	int64_t reset_seen;		/* seconds: when that was first seen; 0: it is not known */
	bool other_key;			/* and another key than ${key} signed it */
	host_list_fn *read;
	void *ctx;
	const struct host_policies *policies;
	int64_t now;			/* seconds since the epoch */
	const struct sig_mount *mounts;
	size_t n_mounts;
};

enum host_answer {
	HOST_JUDGED = 1,
	HOST_NONCE,		/* not the nonce that was given out: nothing was looked at */
	HOST_GO_ON,		/* the list does not begin where it must: outcome.from says where */
};

/* What came of it; end with host_outcome_free. */
struct host_outcome {
	enum host_answer answer;
	uint64_t from;			/* where the next list must begin, in the kernel's own count */
	uint64_t entries;		/* of the boot, stored by then */
	char boot[HOST_BOOT_NAME];	/* name of the boot this evidence is of */
	bool new_boot;
	uint64_t base;			/* as in host_known, from now on */
	char base_id[HOST_KERNEL_ID + 1];
	struct span event_log;		/* of this boot, as it was judged by; empty: none came */
	struct result result;
	struct evidence_report report;
	uint32_t reset_count;		/* as the quote has it */
	int64_t reset_seen;		/* when it was first seen */
	bool reset_signed;		/* the TPM says so: it may be kept */
	struct err unreadable;		/* code != 0: why the evidence could not be read */
	struct buf list;		/* all that was given to the engine: */
	uint64_t n_again;		/* so many stored entries, then those of the message */
	bool restarted;			/* another boot_id, and no reset */
	bool unsigned_boot;		/* it names another boot, and no quote of this TPM says so */
	bool refused;			/* and its list begins no boot and goes on from none: it is not kept */

	/* New entries that the quote covers: records of the message, to be stored behind
	 * entry ${first} of the boot. */
	uint64_t first, n_new;
	struct span records;		/* borrowed from the message */

	struct buf state;		/* to go on from; empty: keep the old one */
	bool stale;			/* as in host_known, from now on */
};

/** host_wire_from(known): Where the next list must begin, in the count of the host's kernel. */
static inline uint64_t
host_wire_from(const struct host_known *k)
{
	return k->count - k->base;
}

/** host_appraise(m, known, out, e): ${m} is of type ATTEST_EVIDENCE and has a quote. */
MUST_CHECK int host_appraise(const struct attest_message *m, const struct host_known *known,
    struct host_outcome *out, struct err *e);
void host_outcome_free(struct host_outcome *out);

#define HOST_OUTCOME_AUTO __attribute__((cleanup(host_outcome_free)))

#endif
