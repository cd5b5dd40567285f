/* spool.h: the part of a measurement list that the kernel has given up, kept on disk.
 *
 * Newer kernels free entries when they are asked to (list.h), and then nobody but the
 * agent can show them to a server.  Two files in a directory of the agent's:
 *
 *   list.bin     the boot's entries from its first on, in the kernel's binary form
 *   list.chain   which bytes of it were written together, and a hash over all before:
 *
 *   OFFSET  SIZE  MEANING
 *   0       8     magic 89 "ASPL" 0d 0a 1a
 *   8       4     version, 1
 *   12      36    boot_id of the kernel that wrote the first entries
 *   48      88*i  blocks, each:
 *             8   entries of list.bin up to the end of this block
 *             8   bytes of it
 *             8   flags: 1: the kernel's list was emptied behind this block
 *            32   SHA-256 of the block's bytes
 *            32   SHA-256 of the link before (of the header's 48 bytes, for the first)
 *                 and the 56 bytes above
 *
 * (little-endian; docs/formats/agent-spool.md)
 *
 * A block counts once both files are on disk, list.bin first.  What a crash left behind
 * the last whole block is cut off.  A block that does not fit its hash ends the spool
 * there: what lies behind is of no use, and spool_open says so.
 */
#ifndef SVC_AGENT_SPOOL_H
#define SVC_AGENT_SPOOL_H

#include "svc/agent/records.h"

#define SPOOL_BOOT_ID 36

struct spool {
	struct records list;		/* list.bin, as far as the chain covers it */
	int chain;			/* descriptor; owned */
	int dir;			/* owned */
	char boot_id[SPOOL_BOOT_ID + 1];
	uint8_t link[32];		/* of the last block */
	uint64_t chain_end;
	bool emptied;			/* flag of the last block */
	bool damaged;			/* blocks were thrown away when it was opened */
	struct buf pending;		/* records of the block being made */
	uint64_t n_pending;
};

/** spool_open(dir, boot_id, s, e): Makes it, empty and of ${boot_id}, if there is none. */
MUST_CHECK int spool_open(const char *dir, const char *boot_id, struct spool *s, struct err *e);
void spool_close(struct spool *s);

/** spool_begin(s, boot_id, e): Throw everything away: another boot's list begins. */
MUST_CHECK int spool_begin(struct spool *s, const char *boot_id, struct err *e);

/** spool_add(s, record, e): One more record; on disk after spool_flush. */
MUST_CHECK int spool_add(struct spool *s, struct span record, struct err *e);

/** spool_flush(s, emptied, e): A block of what was added, on disk when it returns.  With
 * ${emptied} also if nothing was added. */
MUST_CHECK int spool_flush(struct spool *s, bool emptied, struct err *e);

#endif
