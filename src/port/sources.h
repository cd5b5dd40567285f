/* sources.h: the readers behind source_read; for port/source*.c only. */
#ifndef PORT_SOURCES_H
#define PORT_SOURCES_H

#include "port/source.h"

struct source_run {
	const char *where;
	const struct source_options *o;
	const struct source_sink *sink;
	struct source_stats *stats;
};

#define SOURCE(sym, name, fn, text) int fn(const struct source_run *r, struct err *e);
#include "port/sources.tbl"
#undef SOURCE

/** source_tell(r, path, d, package, e): One file to the sink, unless it is excluded. */
MUST_CHECK int source_tell(const struct source_run *r, struct span path, const struct digest *d,
    uint32_t package, struct err *e);

#endif
