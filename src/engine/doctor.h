/* doctor.h: what a machine can do for attestation and integrity, and what that is worth.
 *
 * Facts in (formats/machine.h), a diagnosis out: items in groups, each with a mark
 * and a sentence, and advice in order of weight.  Pure: a recorded machine gives
 * the same diagnosis as a running one, but for what can only be tried out.
 *
 * Marks tell what a fact means for trust: good (helps), warn (limits what can be
 * proved), bad (leaves a hole or makes proof impossible), info (neither), unknown
 * (could not be found out; never a good sign in disguise).
 *
 * Values and sentences may hold bytes of the machine's own (a mount point, a boot
 * parameter): whoever prints them escapes them.
 *
 * Tables: doctor_options.tbl (kernel options), doctor_filesystems.tbl (what file
 * systems keep), tpm_faults.tbl (published faults by manufacturer and firmware).
 */
#ifndef ENGINE_DOCTOR_H
#define ENGINE_DOCTOR_H

#include "base/arena.h"
#include "formats/machine.h"

enum mark { MARK_UNKNOWN = 0, MARK_INFO, MARK_GOOD, MARK_WARN, MARK_BAD };

enum doctor_group {
	GROUP_BOOT = 0, GROUP_KERNEL, GROUP_IMA, GROUP_EVM, GROUP_KEYS, GROUP_TPM, GROUP_MOUNTS,
	GROUP_COUNT
};

struct doctor_item {
	enum doctor_group group;
	enum mark mark;
	const char *code;	/* stable, for scripts: "ima-appraise", "mount-verity", ... */
	const char *name;	/* for people */
	const char *value;
	const char *text;	/* what it means; "" if the value says it all */
	struct span mount;	/* GROUP_MOUNTS: where; else empty */
};

struct doctor_advice {
	unsigned weight;	/* 1 to 100, the heaviest first */
	const char *code;
	const char *text;	/* plain sentences */
};

struct diagnosis {
	struct doctor_item *items;
	size_t n_items, cap_items;
	struct doctor_advice *advice;
	size_t n_advice, cap_advice;
	bool nothing;		/* not one fact could be read */
};

/** doctor_judge(m, a, d, e): The diagnosis of ${m}, in ${a}; 0 or lack of memory. */
MUST_CHECK int doctor_judge(const struct machine *m, struct arena *a, struct diagnosis *d,
    struct err *e);

const char *mark_token(enum mark mark);			/* "good", ... */
const char *doctor_group_token(enum doctor_group g);	/* "kernel", ... */
const char *doctor_group_title(enum doctor_group g);

#endif
