/* source.h: where approved digests come from: one small interface, many kinds.
 *
 * A source reads one thing (a directory, a package, an image, a list) and tells
 * a sink, in the thread that called source_read, each file with its digest.
 * Paths are absolute and normalised, as bytes, in the names of the target
 * system.  Nothing is extracted to disk, nothing of the input is executed, and
 * no socket is opened unless the place is a URL.
 *
 * What cannot be read is told to the sink one by one (unreadable) and reading
 * goes on; the caller decides what that is worth.  What is left out on purpose
 * (special files, excluded ones) is counted.  An archive that is damaged or
 * hostile is an error for the whole source.
 */
#ifndef PORT_SOURCE_H
#define PORT_SOURCE_H

#include "base/digest_alg.h"
#include "base/err.h"

#define SOURCE_NO_PACKAGE UINT32_MAX

struct source_sink {
	void *cookie;

	/** file: ${path} may have ${digest}.  ${package}: from package(), or SOURCE_NO_PACKAGE. */
	int (*file)(void *cookie, struct span path, const struct digest *digest, uint32_t package,
	    struct err *e);
	/** package: A package whose files follow; its index goes to ${*index}. */
	int (*package)(void *cookie, struct span name, struct span version, struct span arch,
	    uint32_t *index, struct err *e);
	/** excluded: Whether ${path} is to be left out, so that it need not be hashed. */
	int (*excluded)(void *cookie, struct span path, bool *yes, struct err *e);
	/** unreadable: ${path} could not be hashed, because of ${why}. */
	int (*unreadable)(void *cookie, struct span path, const struct err *why, struct err *e);
	/** warn: Something a person should know about this source. */
	int (*warn)(void *cookie, struct err *e, const char *fmt, ...) ERR_PRINTF(3, 4);
	/** progress: ${done} of ${total} (0: not known) ${unit}; called often. */
	void (*progress)(void *cookie, uint64_t done, uint64_t total, const char *unit);
};

struct source_options {
	enum digest_alg alg;		/* of what is hashed here */
	bool count_first;		/* somebody watches: find the total before */
	unsigned threads;		/* 0: one for each core */
	/* dir */
	const struct span *strip;	/* prefixes to remove from paths, longest first */
	size_t n_strip;
	bool one_file_system;
	bool root_owned_only;		/* only files of uid 0, as Keylime's script */
	const char *const *prune;	/* paths (after stripping) not to descend into */
	size_t n_prune;
	/* deb-repo */
	const char *cache;		/* directory, or NULL for none */
	const char *keyring;		/* for gpgv, or NULL */
	const char *const *archs;
	size_t n_archs;			/* 0: all that the repository lists */
	const char *const *components;
	size_t n_components;
};

struct source_stats {
	uint64_t files;			/* told to the sink */
	uint64_t bytes;			/* hashed */
	uint64_t excluded;
	uint64_t symlinks, special;	/* left out by type */
	uint64_t hard_links;		/* further names of a file hashed before */
	uint64_t vanished;		/* gone between listing and opening */
	uint64_t archives, cached;	/* packages or layers opened; taken from the cache */
};

enum source_kind {
	SOURCE_NONE = 0,
#define SOURCE(sym, name, fn, text) SOURCE_##sym,
#include "port/sources.tbl"
#undef SOURCE
	SOURCE_COUNT
};

/** source_kind_by_name(name): "dir", "deb-repo", ...; SOURCE_NONE if unknown. */
enum source_kind source_kind_by_name(struct span name);
const char *source_kind_name(enum source_kind k);
const char *source_kind_text(enum source_kind k);

/** source_read(kind, where, o, sink, stats, e): Everything that ${where} holds.
 * ${stats} is added to, also on failure. */
MUST_CHECK int source_read(enum source_kind kind, const char *where,
    const struct source_options *o, const struct source_sink *sink,
    struct source_stats *stats, struct err *e);

#endif
