/* root_change.h: several files changed as one, or none of them.
 *
 * First everything that can fail for lack of room is done beside the files: the new
 * contents and links to (else copies of) the old ones, under names of their own, synced.
 * Then the state that can undo it all is written, then the files get their names, then the
 * state says that it is whole.  What fails in between is taken back; what is killed in
 * between leaves a state from which --undo, or the next setup, goes on.
 *
 * A file that is not as the caller saw it is never written: ERR_CONFLICT.  One that is a
 * link is not replaced.
 */
#ifndef PORT_SYS_ROOT_CHANGE_H
#define PORT_SYS_ROOT_CHANGE_H

#include "port/sys/root_dir.h"

/* One file: what the caller saw, and what is wanted. */
struct root_step {
	const char *path;
	bool seen;			/* it existed, ... */
	struct digest seen_digest;	/* ... with this SHA-256 */
	bool wanted;			/* it shall exist, with: */
	struct span content;
	uint32_t mode, uid, gid;
};

struct root_change {
	const struct root_dir *root;
	const struct root_step *steps;
	size_t n_steps;
	struct setup_state *state;	/* directories are added to it; NULL: there is to be none */
	const char *const *empty;	/* directories to remove afterwards if they are empty ... */
	size_t n_empty;			/* ... parents first */
};

/** root_change_apply(c, e): All of it, or an error and nothing.  Where even taking it back
 * failed, the error says so, and the state is left for --undo. */
MUST_CHECK int root_change_apply(struct root_change *c, struct err *e);

#endif
