#include "port/source.h"

#include "port/sources.h"

static const struct {
	const char *name, *text;
	int (*read)(const struct source_run *r, struct err *e);
} kinds[SOURCE_COUNT] = {
	[SOURCE_NONE] = { "none", "", NULL },
#define SOURCE(sym, name, fn, text) [SOURCE_##sym] = { name, text, fn },
#include "port/sources.tbl"
#undef SOURCE
};

enum source_kind
source_kind_by_name(struct span name)
{
	for (enum source_kind k = SOURCE_NONE + 1; k < SOURCE_COUNT; k++)
		if (span_is(name, kinds[k].name))
			return k;
	return SOURCE_NONE;
}

const char *
source_kind_name(enum source_kind k)
{
	return kinds[k].name;
}

const char *
source_kind_text(enum source_kind k)
{
	return kinds[k].text;
}

int
source_read(enum source_kind kind, const char *where, const struct source_options *o,
    const struct source_sink *sink, struct source_stats *stats, struct err *e)
{
	struct source_run r = { where, o, sink, stats };

	if (kind == SOURCE_NONE || kind >= SOURCE_COUNT)
		return err_set(e, ERR_INTERNAL, "source kind %d", (int)kind);
	return kinds[kind].read(&r, e);
}

int
source_tell(const struct source_run *r, struct span path, const struct digest *d, uint32_t package,
    struct err *e)
{
	bool no;
	int rc;

	if ((rc = r->sink->excluded(r->sink->cookie, path, &no, e)) != 0)
		return rc;
	if (no) {
		r->stats->excluded++;
		return 0;
	}
	r->stats->files++;
	return r->sink->file(r->sink->cookie, path, d, package, e);
}
