/* deb_jobs.h: many packages at once: opened, checked, hashed by all cores. */
#ifndef PORT_DEB_JOBS_H
#define PORT_DEB_JOBS_H

#include "port/deb_read.h"
#include "port/sources.h"

struct deb_jobs;

/** deb_jobs_new(r, base, j, e): ${base} is a directory or URL that names are relative to,
 * or NULL for names that are paths. */
MUST_CHECK int deb_jobs_new(const struct source_run *r, const char *base, struct deb_jobs **j,
    struct err *e);
void deb_jobs_free(struct deb_jobs *j);

/** deb_jobs_total(j, n): How many will come, for the progress bar. */
void deb_jobs_total(struct deb_jobs *j, uint64_t n);

/** deb_jobs_add(j, name, want, size, e): One package; ${want} (or NULL) is the SHA-256 and
 * ${size} the size that an index gives.  Finished packages are told to the sink as they come;
 * one that cannot be read or is not what the index says is told as unreadable. */
MUST_CHECK int deb_jobs_add(struct deb_jobs *j, struct span name, const struct digest *want,
    uint64_t size, struct err *e);

/** deb_jobs_finish(j, e): Wait for the rest. */
MUST_CHECK int deb_jobs_finish(struct deb_jobs *j, struct err *e);

static inline void
deb_jobs_freep(struct deb_jobs **j)
{
	deb_jobs_free(*j);
}
#define DEB_JOBS_AUTO __attribute__((cleanup(deb_jobs_freep)))

#endif
