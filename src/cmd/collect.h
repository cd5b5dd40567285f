/* collect.h: what sources (port/source.h) say, gathered into one policy.
 *
 * Each --from is a layer.  Files, packages, warnings and what could not be read
 * end up here; collect_finish turns them into the policy's table.
 */
#ifndef CMD_COLLECT_H
#define CMD_COLLECT_H

#include "cmd/exclude_list.h"
#include "cmd/term.h"
#include "port/source.h"

struct unreadable {
	struct span path;	/* in the arena */
	const char *why;
};

/* One --from. */
struct collect_layer {
	enum source_kind kind;
	const char *text;	/* as given, behind NAME= */
	const char *where;	/* behind KIND: */
	const char *name;	/* in the policy's arena */
	uint32_t layer;		/* index; several --from may share one by name */
	struct source_stats stats;
	double seconds;
};

struct collect {
	struct runtime_policy *policy;		/* borrowed: layers, packages, arena */
	struct policy_builder *builder;		/* owned */
	struct exclude_list *excludes;		/* borrowed */
	enum digest_alg min_digest;		/* weaker digests are left out; DIGEST_NONE: none */
	struct collect_layer *from;		/* in the policy's arena */
	size_t n_from, at;
	size_t cap_packages;
	uint64_t weak;				/* digests left out as too weak */
	struct unreadable *unreadable;
	size_t n_unreadable, cap_unreadable;
	const char **warnings;
	size_t n_warnings, cap_warnings;
	struct progress progress;
	char progress_name[80];
	bool quiet;				/* no progress */
};

/** collect_init(c, p, x, from, n, e): Understand ${n} texts [NAME=]KIND:PATH and make
 * their layers in ${p}; ERR_USAGE where one is wrong. */
MUST_CHECK int collect_init(struct collect *c, struct runtime_policy *p, struct exclude_list *x,
    const char *const *from, size_t n, struct err *e);
void collect_free(struct collect *c);

/** collect_run(c, o, e): Read every source. */
MUST_CHECK int collect_run(struct collect *c, const struct source_options *o, struct err *e);

/** collect_finish(c, e): The table of the policy. */
MUST_CHECK int collect_finish(struct collect *c, struct err *e);

/** collect_print(c, f): The summary for people: layers, warnings, what was unreadable. */
void collect_print(const struct collect *c, FILE *f);

/** collect_json(c): The same as an object, or NULL for lack of memory. */
json_t *collect_json(const struct collect *c);

#define COLLECT_AUTO __attribute__((cleanup(collect_free)))

#endif
