/* policy_table.h: which digests a path may have, as one flat table.
 *
 * The table is the only store of reference digests in the program: a compiled
 * policy is this table in a file, mapped; a JSON policy is turned into the same
 * bytes in memory.  Opening checks the header and that all sections lie inside
 * the bytes (constant time, whatever the size); every later access is checked
 * against the sections, so that a damaged table gives an error or a miss and
 * never a read outside.  Layout: docs/formats/policy-table.md.
 *
 * A path is stored with its spaces as '_', because that is how the kernel names
 * it (ima_template_lib.c); look-ups take the kernel's form.
 */
#ifndef FORMATS_POLICY_TABLE_H
#define FORMATS_POLICY_TABLE_H

#include "base/buf.h"
#include "base/digest_alg.h"
#include "base/err.h"

#define POLICY_NO_PACKAGE UINT32_MAX

/* One approved digest of a path. */
struct policy_digest {
	enum digest_alg alg;
	struct span bytes;	/* borrowed from the table */
	uint32_t layer;		/* index of the layer it came from */
	uint32_t package;	/* index of the package, or POLICY_NO_PACKAGE */
};

struct policy_table {
	struct span bytes;	/* borrowed: must outlive the table */
	uint64_t n_paths, n_digests, n_packages;
	uint32_t algs;		/* bit i: there is a digest of the kernel's hash_algo i */
	/* The rest is set by policy_table_open and private to policy_table.c. */
	uint64_t n_slots, seed;
	uint32_t max_probe;
	struct span slots, index, entries, packages, meta;
};

/* Where a digest came from, for people.  Spans as in the table they were read from. */
struct policy_package {
	struct span name, version, arch;
	uint32_t layer;		/* index of the layer that lists it */
};

/** policy_table_sniff(bytes): Whether they begin like a table. */
bool policy_table_sniff(struct span bytes);

/** policy_table_open(bytes, t, e): ERR_FORMAT, ERR_VERSION or ERR_TRUNCATED. */
MUST_CHECK int policy_table_open(struct span bytes, struct policy_table *t, struct err *e);

/** policy_table_meta(t): The JSON of everything in the policy but its files. */
struct span policy_table_meta(const struct policy_table *t);

/** policy_table_package(t, i, p): The i-th package; false if out of range or damaged. */
MUST_CHECK bool policy_table_package(const struct policy_table *t, uint64_t i,
    struct policy_package *p);

/** policy_table_check(t, e): Read the whole table: checksum, order, every reference.
 * For tables from elsewhere; look-ups do not need it to be safe. */
MUST_CHECK int policy_table_check(const struct policy_table *t, struct err *e);

/** policy_table_with(t, meta, packages, n, out, e): The files of ${t} with other
 * packages and meta data, appended to ${out}. */
MUST_CHECK int policy_table_with(const struct policy_table *t, struct span meta,
    const struct policy_package *packages, size_t n, struct buf *out, struct err *e);

struct policy_iter {
	const struct policy_table *t;
	uint64_t at;		/* next digest record, private */
	uint32_t left;		/* digests left to hand out */
};

/** policy_table_find(t, path, it): True if ${path} (the kernel's form) is known;
 * ${it} then yields its digests, at least one. */
MUST_CHECK bool policy_table_find(const struct policy_table *t, struct span path,
    struct policy_iter *it);
MUST_CHECK bool policy_iter_next(struct policy_iter *it, struct policy_digest *d);

/** policy_table_expect(t, path, step): ${path} will be asked for soon: begin to fetch from
 * memory the slot that names its entry or, some time later, that entry.  In a large
 * table waiting for memory is most of a look-up.  For speed alone; changes nothing. */
enum policy_table_step { POLICY_TABLE_SLOT = 0, POLICY_TABLE_ENTRY };
void policy_table_expect(const struct policy_table *t, struct span path, enum policy_table_step step);

/** policy_table_at(t, i, path, it): The i-th path (0 to n_paths-1), in byte order of
 * the stored paths, and its digests.  False if out of range or damaged. */
MUST_CHECK bool policy_table_at(const struct policy_table *t, uint64_t i,
    struct span *path, struct policy_iter *it);

/* Building. */
struct policy_builder;
MUST_CHECK int policy_builder_new(struct policy_builder **b, struct err *e);
void policy_builder_free(struct policy_builder *b);

/** policy_builder_add(b, path, digest, layer, package, e): ${path} in its natural form
 * (spaces and all), copied.  The same digest twice for a path is kept once per layer. */
MUST_CHECK int policy_builder_add(struct policy_builder *b, struct span path,
    const struct digest *digest, uint32_t layer, uint32_t package, struct err *e);

/** policy_builder_finish(b, meta, out, e): The table's bytes appended to ${out}.  The
 * output is the same for the same set of additions, whatever their order.  It holds
 * no packages: runtime_policy_take or policy_table_with puts them in. */
MUST_CHECK int policy_builder_finish(struct policy_builder *b, struct span meta,
    struct buf *out, struct err *e);

uint64_t policy_builder_paths(const struct policy_builder *b);

static inline void
policy_builder_freep(struct policy_builder **b)
{
	policy_builder_free(*b);
}
#define POLICY_BUILDER_AUTO __attribute__((cleanup(policy_builder_freep)))

#endif
