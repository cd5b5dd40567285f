/* bundle_file.h: an evidence bundle from a file, its hashes checked. */
#ifndef CMD_BUNDLE_FILE_H
#define CMD_BUNDLE_FILE_H

#include "base/file.h"
#include "formats/evidence_bundle.h"

struct loaded_bundle {
	struct file file;		/* what the bundle points into */
	struct evidence_bundle bundle;
};

/** bundle_load(path, lb, e): Errors name the file and the byte. */
MUST_CHECK int bundle_load(const char *path, struct loaded_bundle *lb, struct err *e);
void bundle_unload(struct loaded_bundle *lb);

#define LOADED_BUNDLE_AUTO __attribute__((cleanup(bundle_unload)))

#endif
