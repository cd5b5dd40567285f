#include "cmd/bundle_file.h"

#include "base/limits.h"
#include "engine/evidence_bundle_check.h"

int
bundle_load(const char *path, struct loaded_bundle *out, struct err *e)
{
	struct loaded_bundle lb = { 0 };
	int rc;

	if ((rc = file_read(path, LIMIT_EVIDENCE_BUNDLE, &lb.file, e)) != 0)
		return rc;
	if ((rc = evidence_bundle_parse(file_view(&lb.file), &lb.bundle, e)) != 0 ||
	    (rc = evidence_bundle_check(&lb.bundle, e)) != 0) {
		bundle_unload(&lb);
		return err_file(e, rc, path);
	}
	*out = lb;
	return 0;
}

void
bundle_unload(struct loaded_bundle *lb)
{
	evidence_bundle_free(&lb->bundle);
	file_free(&lb->file);
}
