/* setup_state.h: what "assay setup measurement" wrote, so that it can be undone.
 *
 * Owns the file /var/lib/assay/setup-measurement.json below the root that was set up
 * (docs/formats/setup-state.md).  It is written before the first file changes ("writing")
 * and again behind the last ("written"), so that whatever happens between leaves enough
 * to restore each file exactly, or to see that somebody else changed it since.
 *
 * Refuses a newer version, unknown members, and names that are not absolute.
 */
#ifndef FORMATS_SETUP_STATE_H
#define FORMATS_SETUP_STATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest_alg.h"
#include "base/err.h"

#define SETUP_STATE_PATH "/var/lib/assay/setup-measurement.json"

/* One file: what stands there now is one of the three. */
struct setup_change {
	const char *path;
	bool existed;			/* before; else the file is ours alone */
	struct span before;		/* its content then */
	uint32_t mode, uid, gid;	/* then; of a new file 0644, 0, 0 */
	struct digest written;		/* SHA-256 of what was written; none: the file was removed */
	struct digest previous;		/* SHA-256 of what an earlier setup had written; or none */

	struct span after;		/* what is to be written; not kept in the state */
};

struct setup_state {
	struct arena arena;
	bool written;			/* false: it was interrupted */
	const char *source;		/* of the policy: "sample tcb", "policy FILE" */
	const char *policy_path;
	const char *measured_as;	/* its name in the measurement list; NULL: it is not measured */
	struct digest policy;		/* SHA-256 of the policy file */
	const char *init, *boot;	/* what loads the policy, what starts the kernel */
	const char *boot_id;		/* of the boot it was written in; NULL: into an image */
	const char **parameters;	/* that the kernel's command line must have */
	size_t n_parameters;
	const char **commands;		/* that bring it from the files to the boot loader */
	size_t n_commands;
	const char **directories;	/* made for it, parents first */
	size_t n_directories;
	struct setup_change *files;
	size_t n_files;
};

/** setup_state_parse(in, s, e): ${s} owns what it needs. ERR_VERSION for a newer one. */
MUST_CHECK int setup_state_parse(struct span in, struct setup_state *s, struct err *e);
MUST_CHECK int setup_state_write(const struct setup_state *s, struct buf *out, struct err *e);
void setup_state_free(struct setup_state *s);

/** setup_state_find(s, path): The file of that name, or NULL. */
const struct setup_change *setup_state_find(const struct setup_state *s, const char *path);

#define SETUP_STATE_AUTO __attribute__((cleanup(setup_state_free)))

#endif
