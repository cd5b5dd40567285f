/* repo.h: where a Debian repository lies and which suites it has.
 *
 * A repository is a directory or a URL.  With dists/: each directory below it
 * that holds InRelease or Release is a suite; a URL cannot be listed, so it must
 * name one (".../dists/bookworm").  Without: a flat repository, whose index lies
 * in its root.
 */
#ifndef PORT_REPO_H
#define PORT_REPO_H

#include "base/arena.h"
#include "base/buf.h"
#include "port/fetch.h"
#include "port/sources.h"

struct repo {
	const struct source_run *r;
	struct arena arena;
	const char *root;	/* what Filename fields are relative to; in the arena */
	struct fetch *fetch;	/* for a URL */
	struct span *suites;	/* relative to the root, "" for the root; in the arena */
	size_t n_suites, cap_suites;
};

MUST_CHECK int repo_open(const struct source_run *r, struct repo *repo, struct err *e);
void repo_close(struct repo *repo);

/** repo_get(repo, dir, name, out, present, e): The file ${dir}/${name}, appended to ${out},
 * which bounds it.  One that is not there sets *present to false and is no error. */
MUST_CHECK int repo_get(struct repo *repo, struct span dir, struct span name, struct buf *out,
    bool *present, struct err *e);

/** repo_release(repo, suite, text, present, e): The suite's Release text, the signature
 * checked if a keyring was given.  *present is false if there is none. */
MUST_CHECK int repo_release(struct repo *repo, struct span suite, struct buf *text, bool *present,
    struct err *e);

#define REPO_AUTO __attribute__((cleanup(repo_close)))

#endif
