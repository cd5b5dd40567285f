/* policy_table_layout.h: the bytes of a compiled policy, version 1.
 *
 * Shared by the reader (policy_table.c) and the writer (policy_builder.c) and by
 * nobody else.  All integers are little-endian.  Sections follow each other in
 * the order of the table, each padded with zeros to a multiple of 8 bytes.
 *
 *	OFFSET  SIZE  MEANING
 *	     0     8  magic 89 "ATBL" 0d 0a 1a (broken by any text conversion)
 *	     8     4  version, 1
 *	    12     4  size of this header, 168
 *	    16     8  size of the whole table
 *	    24     8  XXH3-64 (seed 0) of all bytes behind the header
 *	    32     8  seed of the path hash
 *	    40     8  number of paths
 *	    48     8  number of digests
 *	    56     8  number of packages
 *	    64     8  number of slots, a power of two (0 if there are no paths)
 *	    72     4  longest distance of a path from its first slot
 *	    76     4  algorithms of the digests: bit i for the kernel's hash_algo i
 *	    80    80  offset and size (8 each) of slots, index, entries, packages, meta
 *	   160     8  XXH3-64 (seed 0) of bytes 0 to 159
 *
 *	slots     8 each: 0, or bits 40-63 of the path's hash << 40 | entry offset + 1
 *	index     8 each: entry offset of the i-th path in byte order
 *	entries   4 path length, 4 number of digests, path, digests:
 *	          1 algorithm (kernel's hash_algo), 1 size, 2 layer, 4 package, bytes
 *	packages  32 each: 3 times (4 offset, 4 length) of name, version, architecture
 *	          in the strings behind the records; 4 layer; 4 zero
 *	meta      JSON of the policy without its files
 *
 * The hash of a path is XXH3-64 with the seed; its first slot is the hash modulo the
 * number of slots, and the search goes on to the next slot, at most as far as the
 * header says, so that a damaged table cannot make a look-up long.
 */
#ifndef FORMATS_POLICY_TABLE_LAYOUT_H
#define FORMATS_POLICY_TABLE_LAYOUT_H

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/span.h"

#define TABLE_MAGIC "\x89" "ATBL\r\n\x1a"
#define TABLE_MAGIC_LEN 8
#define TABLE_VERSION 1
#define TABLE_HEADER 168
#define TABLE_HEADER_HASHED 160
#define TABLE_SECTIONS 5

#define TABLE_DIGEST_HEAD 8	/* before the bytes of each digest */
#define TABLE_ENTRY_HEAD 8
#define TABLE_PACKAGE 32

#define TABLE_OFFSET_BITS 40
#define TABLE_OFFSET_MASK (((uint64_t)1 << TABLE_OFFSET_BITS) - 1)

/* A path this far from its first slot means that names were made to collide: the
 * builder then takes another seed.  By chance it stays below 300. */
#define TABLE_MAX_PROBE 4096

static inline uint64_t
table_hash(struct span path, uint64_t seed)
{
	return XXH3_64bits_withSeed(path.p, path.n, seed);
}

#endif
