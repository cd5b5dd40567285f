/* ima_policy_cost.h: what an IMA policy will cost on given files.
 *
 * The bill is an upper bound that can be reasoned about: every file used once in the way
 * its kind is used (a program executed, a library mapped, a module loaded, all else
 * opened for reading, by root and by a user).  A real boot uses a part of that; the
 * ratio between policies is what the numbers are for.
 *
 * Facts about a file that are not known (its label, its file system in a recorded
 * list) leave "depends" where a rule asks for them.
 */
#ifndef ENGINE_IMA_POLICY_COST_H
#define ENGINE_IMA_POLICY_COST_H

#include "engine/ima_policy_match.h"

enum ima_cost_kind {
	IMA_COST_PROGRAM = 0, IMA_COST_LIBRARY, IMA_COST_SCRIPT, IMA_COST_MODULE, IMA_COST_FIRMWARE,
	IMA_COST_DATA, IMA_COST_KINDS
};

const char *ima_cost_kind_name(enum ima_cost_kind k);	/* "programs" */

/** ima_cost_kind_of(path, executable, head): What a file is used for, from its name, its
 * mode and its first bytes (empty if not known). */
enum ima_cost_kind ima_cost_kind_of(struct span path, bool executable, struct span head);

/** ima_cost_changes(path): Whether it lies where files are written all the time. */
bool ima_cost_changes(struct span path);

struct ima_cost_file {
	struct span path;
	enum ima_cost_kind kind;
	uint64_t size;
	struct ima_access place;	/* facts about file system and owner; func and mask are ours */
};

struct ima_cost_model {
	double extend_ms;	/* one TPM extend */
	unsigned banks;		/* PCR banks, each with a digest in kernel memory */
};

#define IMA_COST_EXAMPLES 5

struct ima_cost_line { uint64_t files, measured, depends, appraised, bytes; };

struct ima_cost {
	struct ima_cost_line by[IMA_COST_KINDS];
	uint64_t entries;		/* records added to the list */
	uint64_t root_only;		/* of these, only if root reads them */
	uint64_t memory;		/* kernel memory, bytes */
	uint64_t list_bytes;		/* of the binary list */
	double extend_seconds;
	uint64_t violations;		/* measured when read, and likely to change then */
	struct span unseen[IMA_COST_EXAMPLES];	/* programs, libraries, modules not measured */
	uint64_t n_unseen;		/* all of them */
	struct span violating[IMA_COST_EXAMPLES];
};

/** ima_cost_add(c, p, k, m, f): Charge one file.  Paths kept as examples must outlive ${c}. */
void ima_cost_add(struct ima_cost *c, const struct ima_policy *p, const struct ima_kernel *k,
    const struct ima_cost_model *m, const struct ima_cost_file *f);

/** ima_cost_entry_memory(fmt, path_length, banks): Kernel bytes for one list entry and the
 * inode's state. */
uint64_t ima_cost_entry_memory(struct span fmt, size_t path_length, unsigned banks);

#endif
