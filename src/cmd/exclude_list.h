/* exclude_list.h: the excludes of a command line: single ones and lists in files.
 *
 * All match from the start of a path, as Keylime's do.  A list has one regular
 * expression a line; empty lines and lines that begin with '#' are none.  One that
 * does not compile is refused with the file's line and column; one that covers more
 * than it seems to (a shell's glob) is warned about.
 */
#ifndef CMD_EXCLUDE_LIST_H
#define CMD_EXCLUDE_LIST_H

#include "cmd/command.h"
#include "engine/pattern.h"

struct exclude_list {
	struct arena arena;
	struct policy_pattern *patterns;
	size_t n, cap;
	struct pattern_set *set;		/* owned; all of them compiled */
	struct pattern_scratch *scratch;	/* owned */
	const char **warnings;
	size_t n_warnings, cap_warnings;
};

/** exclude_list_load(in, one, file, x, e): From the repeatable options ${one} (a regular
 * expression) and ${file} (a list). */
MUST_CHECK int exclude_list_load(const struct invocation *in, const char *one, const char *file,
    struct exclude_list *x, struct err *e);
void exclude_list_free(struct exclude_list *x);

/** exclude_list_covers(x, path, yes, e): Whether one matches ${path} in the form in which
 * the kernel writes it (spaces as '_'), which is what an appraisal will see. */
MUST_CHECK int exclude_list_covers(struct exclude_list *x, struct span path, bool *yes,
    struct err *e);

#define EXCLUDE_LIST_AUTO __attribute__((cleanup(exclude_list_free)))

#endif
