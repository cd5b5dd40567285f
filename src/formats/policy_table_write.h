/* policy_table_write.h: what the builder and policy_table_with share when they write a
 * table: the header comes last, when everything behind it is known.  Private to the
 * policy_*.c files. */
#ifndef FORMATS_POLICY_TABLE_WRITE_H
#define FORMATS_POLICY_TABLE_WRITE_H

#include "formats/policy_table.h"

struct table_writer {
	struct buf *out;
	size_t base;		/* where the table starts in ${out}; the rest likewise */
	size_t slots, index, entries, entries_size;
	uint64_t n_paths, n_digests, n_slots, seed;
	uint32_t max_probe, algs;
};

/** table_writer_start(w): Note the base and leave room for the header. */
void table_writer_start(struct table_writer *w);

/** table_writer_finish(w, meta, packages, n, e): After the entries: the other sections
 * and the header. */
MUST_CHECK int table_writer_finish(struct table_writer *w, struct span meta,
    const struct policy_package *packages, size_t n, struct err *e);

static inline void
store_le64(uint8_t *p, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static inline uint64_t
load_le64(const uint8_t *p)
{
	uint64_t v = 0;

	for (unsigned i = 8; i-- > 0; )
		v = v << 8 | p[i];
	return v;
}

#endif
