/* tar.h: the members of a tar stream (ustar, GNU, pax, sparse), read by libarchive.
 *
 * Only libarchive's tar reader is used, on a stream that was decompressed and is
 * bounded already; its other formats and its extraction are not.  Names come out
 * as the bytes of the archive, in any locale, then absolute and normalised; a
 * member whose name leaves the tree is an error that names it.
 */
#ifndef PORT_TAR_H
#define PORT_TAR_H

#include "port/stream.h"
#include "port/tree.h"

enum tar_kind { TAR_FILE = 1, TAR_DIR, TAR_SYMLINK, TAR_HARDLINK, TAR_SPECIAL };

struct tar_member {
	enum tar_kind kind;
	struct span path;	/* absolute */
	struct span target;	/* of a symbolic link: as it is; of a hard link: absolute */
	uint64_t size;		/* of the data that tar_data gives */
};

struct tar;

/** tar_each(in, fn, cookie, e): ${fn} for each member, until it fails.  It may read the
 * member's data; what it leaves is skipped.  ${in} is read to its end. */
MUST_CHECK int tar_each(struct stream *in,
    int (*fn)(void *cookie, struct tar *t, const struct tar_member *m, struct err *e),
    void *cookie, struct err *e);

/** tar_data(t, p, n, got, e): The next bytes of the member's data; *got 0 at its end. */
MUST_CHECK int tar_data(struct tar *t, uint8_t *p, size_t n, size_t *got, struct err *e);

/** tar_hash(t, h, alg, d, bytes, e): The digest of the member's data. */
MUST_CHECK int tar_hash(struct tar *t, struct hasher *h, enum digest_alg alg, struct digest *d,
    uint64_t *bytes, struct err *e);

/** tar_stream(t, tee, s, e): The member's data as a stream, valid inside ${fn}; bytes read
 * are added to ${tee} if that is not NULL. */
MUST_CHECK int tar_stream(struct tar *t, struct hasher *tee, struct stream **s, struct err *e);

/* A member with its data hashed. */
struct tar_record {
	enum tar_kind kind;
	struct span path, target;
	bool hashed;		/* files, and hard links that carry their content again */
	struct digest digest;
};

/** tar_records(in, h, alg, fn, cookie, bytes, e): ${fn} for each member's record, whose spans
 * are valid during the call. */
MUST_CHECK int tar_records(struct stream *in, struct hasher *h, enum digest_alg alg,
    int (*fn)(void *cookie, const struct tar_record *r, struct err *e), void *cookie,
    uint64_t *bytes, struct err *e);

/** tar_apply(r, whiteouts, tree, e): What the record does to a tree.  ${whiteouts}: names
 * that begin with ".wh." remove, as in a container's layer. */
MUST_CHECK int tar_apply(const struct tar_record *r, bool whiteouts, struct tree *tree,
    struct err *e);

/** tar_into_tree(in, h, alg, whiteouts, tree, bytes, e): All members. */
MUST_CHECK int tar_into_tree(struct stream *in, struct hasher *h, enum digest_alg alg,
    bool whiteouts, struct tree *tree, uint64_t *bytes, struct err *e);

#endif
