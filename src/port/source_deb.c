/* deb: one Debian package, or every *.deb below a directory. */
#include <sys/stat.h>

#include "base/arena.h"
#include "base/limits.h"
#include "base/path.h"
#include "port/deb_jobs.h"
#include "port/find_files.h"

int
source_deb(const struct source_run *r, struct err *e)
{
	DEB_JOBS_AUTO struct deb_jobs *j = NULL;
	ARENA_AUTO struct arena a = arena_init(LIMIT_ARCHIVE_ARENA);
	struct found found = { 0 };
	int rc;

	if ((rc = find_files(r, ".deb", &a, &found, e)) != 0 || (rc = deb_jobs_new(r, NULL, &j, e)) != 0)
		return rc;
	deb_jobs_total(j, found.n);
	for (size_t i = 0; i < found.n; i++)
		if ((rc = deb_jobs_add(j, found.paths[i], NULL, 0, e)) != 0)
			return rc;
	return deb_jobs_finish(j, e);
}
